// UTF-8 text as words for comparing: letters folded to one case, punctuation left out. In scripts without spaces every
// character is a word of its own. Invalid bytes count as characters of their own and are never lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet::media {

struct Word {
    std::size_t begin = 0, end = 0;  // bytes in the text, punctuation around it excluded
    std::string folded;
    bool single = false;             // one character of a script without spaces
};
std::vector<Word> splitWords(std::string_view text);

// Next character: its code point (0xFFFD for a bad byte) and its length in bytes (at least 1; at must be < text.size()).
struct CodePoint {
    char32_t value = 0;
    std::size_t bytes = 1;
};
CodePoint decodeAt(std::string_view text, std::size_t at) noexcept;
bool isSpace(char32_t c) noexcept;
bool isUnspaced(char32_t c) noexcept;  // Chinese, Japanese, Thai, Lao, Khmer, Myanmar
std::size_t characterCount(std::string_view text) noexcept;

}  // namespace facet::media
