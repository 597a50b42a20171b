#include "text/json_string.h"

#include <nlohmann/json.hpp>

namespace facet {

namespace {

int hexDigit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void appendUtf8(std::uint32_t code, std::string &out) {
    if (code >= 0xD800 && code <= 0xDFFF) code = 0xFFFD;
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0U | (code >> 6U));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0U | (code >> 12U));
        out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    } else {
        out += static_cast<char>(0xF0U | (code >> 18U));
        out += static_cast<char>(0x80U | ((code >> 12U) & 0x3FU));
        out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
        out += static_cast<char>(0x80U | (code & 0x3FU));
    }
}

// Four hex digits behind "\u"; `at` moves behind them.
ScanState scanUnit(std::string_view text, std::size_t &at, std::uint32_t &unit) {
    unit = 0;
    for (int i = 0; i < 4; ++i, ++at) {
        if (at >= text.size()) return ScanState::CutOff;
        const int digit = hexDigit(text[at]);
        if (digit < 0) return ScanState::Wrong;
        unit = unit * 16 + static_cast<std::uint32_t>(digit);
    }
    return ScanState::Whole;
}

ScanState scanEscape(std::string_view text, std::size_t &at, std::string &out) {
    if (at >= text.size()) return ScanState::CutOff;
    const char c = text[at++];
    switch (c) {
    case '"': case '\\': case '/': out += c; return ScanState::Whole;
    case 'b': out += '\b'; return ScanState::Whole;
    case 'f': out += '\f'; return ScanState::Whole;
    case 'n': out += '\n'; return ScanState::Whole;
    case 'r': out += '\r'; return ScanState::Whole;
    case 't': out += '\t'; return ScanState::Whole;
    case 'u': break;
    default: return ScanState::Wrong;
    }
    std::uint32_t unit = 0;
    if (const ScanState s = scanUnit(text, at, unit); s != ScanState::Whole) return s;
    if (unit >= 0xD800 && unit < 0xDC00 && text.substr(at, 2) == "\\u") {
        std::size_t behind = at + 2;
        std::uint32_t low = 0;
        if (const ScanState s = scanUnit(text, behind, low); s != ScanState::Whole) return s;
        if (low >= 0xDC00 && low <= 0xDFFF) {
            unit = 0x10000 + ((unit - 0xD800) << 10U) + (low - 0xDC00);
            at = behind;
        }
    }
    appendUtf8(unit, out);
    return ScanState::Whole;
}

bool isDigit(std::string_view text, std::size_t at) noexcept { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

}  // namespace

ScanState scanJsonString(std::string_view text, std::size_t &at, std::string &out) {
    out.clear();
    for (++at; at < text.size();) {
        const char c = text[at++];
        if (c == '"') return ScanState::Whole;
        if (c != '\\') {
            out += c;
            continue;
        }
        if (const ScanState s = scanEscape(text, at, out); s != ScanState::Whole) return s;
    }
    return ScanState::CutOff;
}

std::size_t jsonNumberLength(std::string_view text, std::size_t at) noexcept {
    std::size_t i = at;
    if (i < text.size() && text[i] == '-') ++i;
    if (!isDigit(text, i)) return 0;
    if (text[i] == '0') ++i;
    else while (isDigit(text, i)) ++i;
    if (isDigit(text, i)) return 0;  // 01
    if (i < text.size() && text[i] == '.') {
        if (!isDigit(text, i + 1)) return 0;
        for (++i; isDigit(text, i);) ++i;
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        std::size_t j = i + 1;
        if (j < text.size() && (text[j] == '+' || text[j] == '-')) ++j;
        if (!isDigit(text, j)) return 0;
        while (isDigit(text, j)) ++j;
        i = j;
    }
    return i - at;
}

std::string jsonQuoted(std::string_view text) {
    return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace facet
