// Sets of Unicode code points, and their spellings as bytes.
#pragma once

#include "grammar/grammar.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace facet::grammar {

struct CodePointRange {
    std::uint32_t low = 0, high = 0;  // both included
    bool operator==(const CodePointRange &) const = default;
};
using CodePointSet = std::vector<CodePointRange>;  // sorted, disjoint

inline constexpr std::uint32_t kLastCodePoint = 0x10FFFF;

CodePointSet normalised(CodePointSet ranges);
CodePointSet complementOf(const CodePointSet &set);  // within 0..kLastCodePoint
CodePointSet anyCodePoint();

enum class Spelling : std::uint8_t {
    Plain,  // UTF-8
    JsonString,  // inside a JSON string: quotes, backslashes and control characters are escaped, nothing else is
};
// One code point of the set. Surrogates are never spelled.
ExprId spell(GrammarBuilder &builder, const CodePointSet &set, Spelling spelling);
// The text as a whole.
ExprId spellText(GrammarBuilder &builder, std::string_view utf8, Spelling spelling);
// One character of a JSON string in any spelling that JSON allows, \u escapes included.
ExprId anyJsonCharacter(GrammarBuilder &builder);

// Reads one code point of UTF-8; invalid bytes count as one code point each. Moves `at`.
std::uint32_t readCodePoint(std::string_view text, std::size_t &at) noexcept;
void appendUtf8(std::string &out, std::uint32_t codePoint);

}  // namespace facet::grammar
