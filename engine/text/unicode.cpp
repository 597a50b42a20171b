#include "text/unicode.h"

#include <utility>

namespace facet::utf8 {

Char read(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    if (first < 0x80) return {Char::State::Valid, first, 1};
    if (first < 0xC2 || first > 0xF4) return {};
    const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (at + i >= text.size()) return {Char::State::Incomplete, 0, text.size() - at};
        const unsigned char next = byte(at + i);
        if ((next & 0xC0U) != 0x80) return {};
        // Second bytes that would make overlong forms, surrogates or codes above U+10FFFF.
        if (i == 1 && ((first == 0xE0 && next < 0xA0) || (first == 0xED && next > 0x9F) || (first == 0xF0 && next < 0x90) ||
                       (first == 0xF4 && next > 0x8F)))
            return {};
        code = (code << 6U) | (next & 0x3FU);
    }
    return {Char::State::Valid, code, length};
}

void append(std::string &out, char32_t code) {
    const auto put = [&out](char32_t value) { out.push_back(static_cast<char>(static_cast<unsigned char>(value))); };
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = 0xFFFD;
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | (code >> 6));
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | (code >> 12));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | (code >> 18));
        put(0x80 | ((code >> 12) & 0x3F));
        put(0x80 | ((code >> 6) & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

bool isValid(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const Char c = read(text, at);
        if (c.state != Char::State::Valid) return false;
        at += c.length;
    }
    return true;
}

std::size_t countChars(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) at += read(text, at).length;
    return count;
}

bool isSpace(char32_t c) noexcept {
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::string_view trimStart(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        const Char c = read(text, at);
        if (c.state != Char::State::Valid || !isSpace(c.code)) break;
        at += c.length;
    }
    return text.substr(at);
}

std::string_view trimEnd(std::string_view text) noexcept {
    while (!text.empty()) {
        std::size_t at = text.size() - 1;
        while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
        const Char c = read(text, at);
        if (c.state != Char::State::Valid || at + c.length != text.size() || !isSpace(c.code)) break;
        text.remove_suffix(c.length);
    }
    return text;
}

std::string_view trim(std::string_view text) noexcept {
    return trimEnd(trimStart(text));
}

char32_t lower(char32_t c) noexcept {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3AB && c != 0x3A2) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481))
        return c | 1U;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return (c & 1U) != 0 ? c + 1 : c;
    return c;
}

char32_t upper(char32_t c) noexcept {
    if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
    if ((c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3CB && c != 0x3C2) || (c >= 0x430 && c <= 0x44F))
        return c - 32;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481))
        return c & ~char32_t{1};
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return (c & 1U) == 0 ? c - 1 : c;
    return c;
}

namespace {

using Map = char32_t (*)(char32_t) noexcept;

std::string mapped(std::string_view text, Map map) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Char c = read(text, at);
        if (c.state == Char::State::Valid && c.code == 0xDF && map == static_cast<Map>(upper))
            out += "SS";  // the one letter whose capital form is two
        else if (c.state == Char::State::Valid)
            append(out, map(c.code));
        else
            out.append(text.substr(at, c.length));
        at += c.length;
    }
    return out;
}

}  // namespace

std::string lower(std::string_view text) {
    return mapped(text, static_cast<Map>(lower));
}

std::string upper(std::string_view text) {
    return mapped(text, static_cast<Map>(upper));
}

std::string Assembler::push(std::string_view bytes) {
    std::string joined;
    if (!m_tail.empty()) {
        joined = std::exchange(m_tail, {});
        joined.append(bytes);
        bytes = joined;
    }
    std::string out;
    out.reserve(bytes.size());
    for (std::size_t at = 0; at < bytes.size();) {
        const Char c = read(bytes, at);
        if (c.state == Char::State::Incomplete) {
            m_tail.assign(bytes.substr(at));
            break;
        }
        out.append(c.state == Char::State::Valid ? bytes.substr(at, c.length) : kReplacement);
        at += c.length;
    }
    return out;
}

std::string Assembler::finish() {
    std::string out;
    for (std::size_t i = 0; i < m_tail.size(); ++i) out.append(kReplacement);
    m_tail.clear();
    return out;
}

}  // namespace facet::utf8
