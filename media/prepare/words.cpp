#include "words.h"

#include <algorithm>
#include <array>

namespace facet::media {

namespace {

struct Range {
    char32_t first, last;
};

// Punctuation and symbols that are no part of a word, beyond ASCII.
constexpr std::array kPunctuation = {
    Range{0x00A1, 0x00A9}, Range{0x00AB, 0x00B4}, Range{0x00B6, 0x00B9}, Range{0x00BB, 0x00BF}, Range{0x2010, 0x2027},
    Range{0x2030, 0x205E}, Range{0x3001, 0x3003}, Range{0x3008, 0x3011}, Range{0x3014, 0x301F}, Range{0x30FB, 0x30FB},
    Range{0xFF01, 0xFF0F}, Range{0xFF1A, 0xFF20}, Range{0xFF3B, 0xFF40}, Range{0xFF5B, 0xFF65}, Range{0x060C, 0x060C},
    Range{0x061B, 0x061F}, Range{0x0964, 0x0965}, Range{0x1360, 0x1368}};

constexpr std::array kUnspaced = {Range{0x0E00, 0x0EFF}, Range{0x1000, 0x109F}, Range{0x1780, 0x17FF}, Range{0x3040, 0x30FF},
                                  Range{0x3400, 0x4DBF}, Range{0x4E00, 0x9FFF}, Range{0xF900, 0xFAFF}, Range{0xFF66, 0xFF9F},
                                  Range{0x20000, 0x323AF}};

template <std::size_t N>
bool within(const std::array<Range, N> &ranges, char32_t c) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [c](const Range &r) { return c >= r.first && c <= r.last; });
}

bool isPunctuation(char32_t c) noexcept {
    if (c < 0x80) return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    return within(kPunctuation, c);
}

// Lower case of the alphabets with a simple rule: Latin (1 and Extended-A), Greek, Cyrillic.
char32_t lower(char32_t c) noexcept {
    if (c >= 'A' && c <= 'Z') return c + 32;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return (c & 1) ? c + 1 : c;
    if (c >= 0x391 && c <= 0x3A9) return c + 32;
    if (c >= 0x410 && c <= 0x42F) return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    return c;
}

void append(std::string &out, char32_t c) {
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3F))); };
    if (c < 0x80) {
        out.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
        out.push_back(static_cast<char>(0xC0 | (c >> 6)));
        tail(0);
    } else if (c < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | (c >> 12)));
        tail(6);
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xF0 | (c >> 18)));
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace

CodePoint decodeAt(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 && lead < 0xE0 ? 2 : 0;
    if (length == 0 || at + length > text.size()) return {0xFFFD, 1};
    char32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) return {0xFFFD, 1};
        value = (value << 6) | (byte(at + i) & 0x3FU);
    }
    return {value, length};
}

bool isSpace(char32_t c) noexcept {
    return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || c == 0x85 || (c >= 0x2000 && c <= 0x200B) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x3000;
}

bool isUnspaced(char32_t c) noexcept { return within(kUnspaced, c); }

std::size_t characterCount(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); at += decodeAt(text, at).bytes) ++count;
    return count;
}

std::vector<Word> splitWords(std::string_view text) {
    std::vector<Word> words;
    bool open = false;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = decodeAt(text, at);
        const std::size_t end = at + c.bytes;
        if (isSpace(c.value)) {
            open = false;
        } else if (isPunctuation(c.value)) {
            // "don't", "3.5" and "well-known" stay one word; other punctuation ends it.
            open = open && (c.value == '\'' || c.value == '.' || c.value == ',' || c.value == '-' || c.value == 0x2019);
        } else if (isUnspaced(c.value)) {
            words.push_back({at, end, std::string(text.substr(at, c.bytes)), true});
            open = false;
        } else {
            if (!open) words.push_back({at, at, {}, false});
            open = true;
            words.back().end = end;
            append(words.back().folded, lower(c.value));
        }
        at = end;
    }
    return words;
}

}  // namespace facet::media
