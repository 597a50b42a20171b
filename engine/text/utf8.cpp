#include "text/utf8.h"

namespace facet::utf8 {

int validLength(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const std::size_t left = text.size() - at;
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const int length = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
    if (length == 0) return 0;
    for (int i = 1; i < length; ++i) {
        if (static_cast<std::size_t>(i) >= left) return -1;
        const unsigned char c = byte(static_cast<std::size_t>(i));
        if (c < 0x80 || c > 0xBF) return 0;
        if (i > 1) continue;
        const bool bad = (first == 0xE0 && c < 0xA0) || (first == 0xED && c > 0x9F) || (first == 0xF0 && c < 0x90) ||
                         (first == 0xF4 && c > 0x8F);
        if (bad) return 0;
    }
    return length;
}

std::size_t characterLength(std::string_view text, std::size_t at) noexcept {
    const int length = validLength(text, at);
    return length > 0 ? static_cast<std::size_t>(length) : 1;
}

bool isValid(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const int length = validLength(text, at);
        if (length <= 0) return false;
        at += static_cast<std::size_t>(length);
    }
    return true;
}

bool isIncomplete(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const int length = validLength(text, at);
        if (length == 0) return false;
        if (length < 0) return true;
        at += static_cast<std::size_t>(length);
    }
    return false;
}

}  // namespace facet::utf8
