// A JSON Schema from nowhere, and a value behind the first zero byte: what the grammar takes, the validator takes.
#include "grammar/matcher.h"
#include "grammar/schema_grammar.h"
#include "grammar/schema_validator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace facet::grammar;
    if (size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const std::size_t zero = std::min(text.find('\0'), text.size());
    const std::string_view schema = text.substr(0, zero), value = text.substr(std::min(zero + 1, text.size()));
    const auto grammar = grammarFromSchema(schema, {.closeObjects = size % 2 == 0});
    const auto verdict = violationOf(schema, value);
    if (!grammar) {
        if (grammar.error().message.empty()) std::abort();
        return 0;
    }
    if (matches(*grammar, value) && verdict && verdict->has_value()) std::abort();
    return 0;
}
