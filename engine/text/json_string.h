// JSON strings inside text that is not JSON as a whole: tool arguments and boxes in prose.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace facet {

enum class ScanState { Whole, CutOff, Wrong };

// Reads the JSON string whose opening quote is text[at]; `at` moves behind the closing quote. Escapes are resolved;
// lone surrogates become U+FFFD. CutOff: the text ends before the string does.
ScanState scanJsonString(std::string_view text, std::size_t &at, std::string &out);
// Length of the JSON number at text[at], 0 if there is none ("01", ".5" and "NaN" are none).
std::size_t jsonNumberLength(std::string_view text, std::size_t at) noexcept;
// Quoted and escaped.
std::string jsonQuoted(std::string_view text);

}  // namespace facet
