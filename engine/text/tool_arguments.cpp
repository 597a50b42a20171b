#include "text/tool_arguments.h"

#include "text/json_string.h"

#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include <utility>
#include <vector>

namespace facet {

namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kSpace = " \t\r\n";

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Translates a value to JSON while reading it; numbers are copied as written, so that 64-bit integers stay exact.
class Reader {
public:
    Reader(std::string_view text, std::size_t at) : m_text(text), m_at(at) {}

    bool dict(std::string &out, int depth) {
        if (depth > kMaxDepth || !take('{')) return false;
        std::vector<std::pair<std::string, std::string>> members;
        std::unordered_map<std::string, std::size_t> places;
        skip();
        if (!take('}')) {
            do {
                std::string name, value;
                skip();
                if (!key(name) || !take(':')) return false;
                skip();
                if (!this->value(value, depth + 1)) return false;
                const auto [place, added] = places.emplace(name, members.size());
                if (added) members.emplace_back(std::move(name), std::move(value));
                else members[place->second].second = std::move(value);  // the last one wins
                skip();
            } while (take(','));
            if (!take('}')) return false;
        }
        out += '{';
        for (std::size_t i = 0; i < members.size(); ++i)
            out += (i > 0 ? "," : "") + jsonQuoted(members[i].first) + ":" + members[i].second;
        out += '}';
        return true;
    }

    bool atEnd() {
        skip();
        return m_at == m_text.size();
    }

private:
    void skip() {
        while (m_at < m_text.size() && kSpace.find(m_text[m_at]) != std::string_view::npos) ++m_at;
    }
    char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }
    bool take(char c) {
        if (m_at >= m_text.size() || m_text[m_at] != c) return false;
        ++m_at;
        return true;
    }
    bool word(std::string_view text) {
        if (m_text.compare(m_at, text.size(), text) != 0) return false;
        m_at += text.size();
        return true;
    }

    bool quoted(std::string &out) {
        const std::size_t end = m_text.find(kQuoteToken, m_at + 1);
        if (end == std::string_view::npos) return false;
        out = m_text.substr(m_at + 1, end - m_at - 1);
        m_at = end + 1;
        return true;
    }

    bool key(std::string &out) {
        if (peek() == kQuoteToken || peek() == '"') {
            const bool whole = peek() == '"' ? scanJsonString(m_text, m_at, out) == ScanState::Whole : quoted(out);
            skip();
            return whole && !out.empty();
        }
        const std::size_t end = m_text.find(':', m_at);
        if (end == std::string_view::npos) return false;
        const std::string_view name = trim(m_text.substr(m_at, end - m_at));
        if (name.empty() || name.find(kQuoteToken) != std::string_view::npos) return false;
        out = name;
        m_at = end;
        return true;
    }

    bool array(std::string &out, int depth) {
        if (depth > kMaxDepth || !take('[')) return false;
        out += '[';
        skip();
        if (!take(']')) {
            bool first = true;
            do {
                if (!std::exchange(first, false)) out += ',';
                skip();
                if (!value(out, depth + 1)) return false;
                skip();
            } while (take(','));
            if (!take(']')) return false;
        }
        out += ']';
        return true;
    }

    bool value(std::string &out, int depth) {
        std::string text;
        switch (peek()) {
        case '{': return dict(out, depth);
        case '[': return array(out, depth);
        case kQuoteToken:
            if (!quoted(text)) return false;
            out += jsonQuoted(text);
            return true;
        case '"':
            if (scanJsonString(m_text, m_at, text) != ScanState::Whole) return false;
            out += jsonQuoted(text);
            return true;
        default: break;
        }
        for (const auto &[name, json] : {std::pair<std::string_view, const char *>{"true", "true"}, {"false", "false"},
                                         {"null", "null"}, {"None", "null"}}) {
            if (!word(name)) continue;
            out += json;
            return true;
        }
        const std::size_t length = jsonNumberLength(m_text, m_at);
        const std::string number(m_text.substr(m_at, length));
        if (!std::isfinite(std::strtod(number.c_str(), nullptr))) return false;  // 1e999: no JSON reader takes it
        out += number;
        m_at += length;
        return length > 0;
    }

    std::string_view m_text;
    std::size_t m_at;
};

}  // namespace

std::optional<ParsedCall> parseCall(std::string_view text) {
    text = trim(text);
    constexpr std::string_view kStart = "call:";
    if (!text.starts_with(kStart)) return std::nullopt;
    const std::size_t brace = text.find('{');
    if (brace == std::string_view::npos) return std::nullopt;
    ParsedCall call;
    call.name = trim(text.substr(kStart.size(), brace - kStart.size()));
    if (call.name.empty() || call.name.find(kQuoteToken) != std::string::npos) return std::nullopt;
    Reader reader(text, brace);
    if (!reader.dict(call.argumentsJson, 0) || !reader.atEnd()) return std::nullopt;
    return call;
}

}  // namespace facet
