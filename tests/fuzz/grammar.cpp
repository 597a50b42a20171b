// A GBNF grammar and a pattern from nowhere: read or refused with a sentence; what was read is walked with the input.
#include "grammar/gbnf.h"
#include "grammar/matcher.h"
#include "grammar/regex.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet::grammar;
    if (size > 4096) return 0;  // long ones only cost time
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    if (const auto dfa = dfaFromPattern(text.substr(0, 200))) dfa->matches(text);
    else if (dfa.error().message.empty()) std::abort();
    const auto grammar = grammarFromGbnf(text);
    if (!grammar) {
        if (grammar.error().message.empty()) std::abort();
        return 0;
    }
    Matcher matcher(*grammar);
    Matcher::State state = matcher.start();
    for (const std::uint8_t byte : text) {
        const Matcher::State next = matcher.step(state, byte);
        if (next != Matcher::kDead) state = next;
        if (matcher.step(matcher.horizon(state, 8), byte) != Matcher::kDead && matcher.step(state, byte) == Matcher::kDead) std::abort();
        if (matcher.memoryBytes() > (8U << 20U)) matcher.compact({&state, 1});
    }
    return 0;
}
