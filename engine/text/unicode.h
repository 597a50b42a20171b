// UTF-8 helpers of this folder: reading characters from hostile bytes, Python's idea of white space, simple case mapping.
//
//     for (std::size_t at = 0; at < text.size(); at += c.length) c = utf8::read(text, at);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace facet::utf8 {

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Char {
    enum class State : std::uint8_t { Valid, Incomplete, Invalid };
    State state = State::Invalid;
    char32_t code = 0;
    std::size_t length = 1;  // bytes; Incomplete: what is left of the text; Invalid: 1
};

// The character at byte `at` (< text.size()). Incomplete: the text ends inside a sequence that is right so far.
Char read(std::string_view text, std::size_t at) noexcept;
void append(std::string &out, char32_t code);
bool isValid(std::string_view text) noexcept;
std::size_t countChars(std::string_view text) noexcept;

// White space as Python's str.strip() takes it: the reference renders and trims with it.
bool isSpace(char32_t code) noexcept;
std::string_view trimStart(std::string_view text) noexcept;
std::string_view trimEnd(std::string_view text) noexcept;
std::string_view trim(std::string_view text) noexcept;

// Letters of Latin, Greek and Cyrillic one by one; everything else stays.
char32_t lower(char32_t code) noexcept;
char32_t upper(char32_t code) noexcept;
std::string lower(std::string_view text);
std::string upper(std::string_view text);

// Joins bytes that arrive in pieces to whole characters; bytes that fit no character become U+FFFD each.
class Assembler {
public:
    std::string push(std::string_view bytes);
    std::string finish();  // an unfinished character as U+FFFD per byte

private:
    std::string m_tail;  // at most three bytes
};

}  // namespace facet::utf8
