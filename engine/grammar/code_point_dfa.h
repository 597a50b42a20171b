// Deterministic automata over Unicode code points: the languages of `pattern`, of lengths and of key names, with the
// set operations that JSON Schema needs (both patterns, this length, none of these names).
#pragma once

#include "facet/result.h"
#include "grammar/code_points.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet::grammar {

struct CodePointDfa {
    struct Edge {
        std::uint32_t low = 0, high = 0, target = 0;
    };
    // By state; edges sorted and disjoint, code points without an edge lead nowhere. State 0 is the start.
    std::vector<std::vector<Edge>> edges;
    std::vector<bool> accepts;

    bool matches(std::string_view utf8) const;

    static CodePointDfa everything();
    static CodePointDfa oneOf(const std::vector<std::string> &texts);
    static CodePointDfa lengths(std::uint64_t least, std::uint64_t most);
};

inline constexpr std::size_t kMaxDfaStates = 20'000;

// Error: LimitExceeded.
Result<CodePointDfa> both(const CodePointDfa &a, const CodePointDfa &b);
CodePointDfa complementOf(const CodePointDfa &dfa);
// The texts of the language.
ExprId spell(GrammarBuilder &builder, const CodePointDfa &dfa, Spelling spelling, const std::string &nameForMessages);

}  // namespace facet::grammar
