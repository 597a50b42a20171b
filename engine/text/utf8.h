// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace facet::utf8 {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the valid character at `at` in bytes; 0: not valid; -1: cut off but so far valid.
int validLength(std::string_view text, std::size_t at) noexcept;
// As above, but an invalid byte counts as a character of its own.
std::size_t characterLength(std::string_view text, std::size_t at) noexcept;
bool isValid(std::string_view text) noexcept;
// A non-empty text that ends in the middle of a character and is valid before.
bool isIncomplete(std::string_view text) noexcept;

}  // namespace facet::utf8
