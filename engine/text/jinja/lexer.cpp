#include "text/jinja/lexer.h"

#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace facet::jinja {

namespace {

constexpr std::string_view kSpaces = " \t\n\r\f\v";
constexpr std::size_t kMaxTokens = 1'000'000;

bool isNameStart(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

// "\r\n" and "\r" become "\n", and one newline at the very end goes, as the reference reads its source.
std::string normalised(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] != '\r') {
            out += source[i];
            continue;
        }
        out += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
}

class Lexer {
public:
    explicit Lexer(std::string_view source) : m_source(normalised(source)) {}

    Result<std::vector<Token>> run() {
        while (m_at < m_source.size() && !m_error) step();
        if (m_error) return *std::move(m_error);
        push(Token::Type::End, {});
        return std::move(m_tokens);
    }

private:
    void fail(const std::string &what, ErrorCode code = ErrorCode::ModelUnsupported) {
        if (!m_error) m_error = templateError(code, m_line, what);
        m_at = m_source.size();
    }
    void push(Token::Type type, std::string text) {
        if (m_tokens.size() >= kMaxTokens) return fail("it has more than 1000000 tokens", ErrorCode::LimitExceeded);
        Token token;
        token.type = type;
        token.text = std::move(text);
        token.line = m_line;
        m_tokens.push_back(std::move(token));
    }
    // Moves on to `to`, counting lines.
    void advance(std::size_t to) {
        m_line += static_cast<int>(std::count(m_source.begin() + static_cast<std::ptrdiff_t>(m_at),
                                              m_source.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
        m_at = to;
    }
    std::string_view rest(std::size_t from) const { return std::string_view(m_source).substr(from); }

    // Text up to the next tag, then the tag.
    void step() {
        std::size_t tag = m_source.find('{', m_at);
        while (tag != std::string::npos && (tag + 1 >= m_source.size() || std::string_view("{%#").find(m_source[tag + 1]) == std::string_view::npos))
            tag = m_source.find('{', tag + 1);
        std::string_view text = rest(m_at).substr(0, (tag == std::string::npos ? m_source.size() : tag) - m_at);
        if (tag == std::string::npos) {
            if (!text.empty()) push(Token::Type::Data, std::string(text));
            return advance(m_source.size());
        }
        const char kind = m_source[tag + 1];
        const char sign = tag + 2 < m_source.size() ? m_source[tag + 2] : '\0';
        if (sign == '-') {
            const std::size_t last = text.find_last_not_of(kSpaces);
            text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
        } else if (sign != '+' && kind != '{') {
            text = withoutIndent(text);
        }
        if (!text.empty()) push(Token::Type::Data, std::string(text));
        advance(tag + (sign == '-' || sign == '+' ? 3 : 2));
        if (kind == '#') return comment();
        push(kind == '%' ? Token::Type::BlockBegin : Token::Type::OutputBegin, {});
        inside(kind);
    }

    // lstrip_blocks: blanks between the start of the line and the tag go.
    std::string_view withoutIndent(std::string_view text) const {
        const std::size_t newline = text.rfind('\n');
        const bool lineStart = newline != std::string_view::npos || m_at == 0 || m_source[m_at - 1] == '\n';
        const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
        if (lineStart && text.find_first_not_of(kSpaces, begin) == std::string_view::npos) return text.substr(0, begin);
        return text;
    }

    void comment() {
        const std::size_t end = m_source.find("#}", m_at);
        if (end == std::string::npos) return fail("a comment is not closed");
        const char sign = end > m_at ? m_source[end - 1] : '\0';
        advance(end + 2);
        afterTag(sign, true);
    }

    void afterTag(char sign, bool dropsNewline) {
        if (sign == '-') {
            const std::size_t next = m_source.find_first_not_of(kSpaces, m_at);
            advance(next == std::string::npos ? m_source.size() : next);
        } else if (sign != '+' && dropsNewline && m_at < m_source.size() && m_source[m_at] == '\n') {
            advance(m_at + 1);
        }
    }

    // Tokens up to the end of the tag. Brackets are counted, so that "}}" may close two dictionaries.
    void inside(char kind) {
        const std::string_view end = kind == '%' ? "%}" : "}}";
        int open = 0;
        while (m_at < m_source.size()) {
            const char c = m_source[m_at];
            if (kSpaces.find(c) != std::string_view::npos) {
                advance(m_at + 1);
                continue;
            }
            const bool signedEnd = (c == '-' || c == '+') && rest(m_at + 1).starts_with(end);
            if (open == 0 && (signedEnd || rest(m_at).starts_with(end))) {
                push(kind == '%' ? Token::Type::BlockEnd : Token::Type::OutputEnd, {});
                advance(m_at + end.size() + (signedEnd ? 1 : 0));
                return afterTag(signedEnd ? c : '\0', kind == '%');
            }
            if (isNameStart(c)) {
                name();
            } else if (isDigit(c)) {
                number();
            } else if (c == '"' || c == '\'') {
                text(c);
            } else {
                if (c == '(' || c == '[' || c == '{') ++open;
                if (c == ')' || c == ']' || c == '}') --open;
                if (open < 0) return fail("a bracket is closed that was not opened");
                symbol();
            }
        }
        fail("a tag is not closed");
    }

    void name() {
        std::size_t end = m_at;
        while (end < m_source.size() && (isNameStart(m_source[end]) || isDigit(m_source[end]))) ++end;
        push(Token::Type::Name, m_source.substr(m_at, end - m_at));
        advance(end);
    }

    void number() {
        std::size_t end = m_at;
        const auto digits = [this, &end] {
            while (end < m_source.size() && isDigit(m_source[end])) ++end;
        };
        digits();
        bool whole = true;
        if (end + 1 < m_source.size() && m_source[end] == '.' && isDigit(m_source[end + 1])) {
            whole = false;
            ++end;
            digits();
        }
        if (end < m_source.size() && (m_source[end] == 'e' || m_source[end] == 'E')) {
            std::size_t power = end + 1;
            if (power < m_source.size() && (m_source[power] == '+' || m_source[power] == '-')) ++power;
            if (power < m_source.size() && isDigit(m_source[power])) {
                whole = false;
                end = power;
                digits();
            }
        }
        push(whole ? Token::Type::Integer : Token::Type::Float, m_source.substr(m_at, end - m_at));
        if (m_error) return;
        Token &token = m_tokens.back();
        const char *first = token.text.data(), *last = first + token.text.size();
        const auto result = whole ? std::from_chars(first, last, token.integer) : std::from_chars(first, last, token.number);
        if (result.ec != std::errc()) return fail("the number " + token.text.substr(0, 40) + " is too large");
        advance(end);
    }

    void text(char quote) {
        std::string out;
        std::size_t at = m_at + 1;
        while (at < m_source.size() && m_source[at] != quote) {
            if (m_source[at] != '\\' || at + 1 >= m_source.size()) {
                out += m_source[at++];
                continue;
            }
            at = escape(at + 1, out);
        }
        if (at >= m_source.size()) return fail("a text is not closed");
        push(Token::Type::Text, std::move(out));
        advance(at + 1);
    }

    // Python's escapes; an unknown one stays as it is. Gives where to go on.
    std::size_t escape(std::size_t at, std::string &out) {
        const char c = m_source[at];
        static constexpr std::string_view kFrom = "nrtbfav\\'\"0", kTo("\n\r\t\b\f\a\v\\'\"\0", 11);
        if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
            out += kTo[known];
            return at + 1;
        }
        const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        std::uint32_t code = 0;
        if (digits > 0 && at + digits < m_source.size()) {
            const char *first = m_source.data() + at + 1;
            const auto result = std::from_chars(first, first + digits, code, 16);
            if (result.ec == std::errc() && result.ptr == first + digits) {
                utf8::append(out, code);
                return at + 1 + digits;
            }
        }
        if (c != '\n') (out += '\\') += c;  // a backslash before a newline joins the lines
        return at + 1;
    }

    void symbol() {
        static constexpr std::array<std::string_view, 6> kPairs{"**", "//", "==", "!=", "<=", ">="};
        const std::string_view here = rest(m_at);
        const bool pair = std::any_of(kPairs.begin(), kPairs.end(), [here](std::string_view p) { return here.starts_with(p); });
        if (!pair && std::string_view("+-*/%~|.,:;()[]{}<>=").find(here[0]) == std::string_view::npos)
            return fail("unexpected character \"" + std::string(here.substr(0, utf8::read(here, 0).length)) + "\"");
        push(Token::Type::Operator, std::string(here.substr(0, pair ? 2 : 1)));
        advance(std::min(m_source.size(), m_at + (pair ? 2 : 1)));
    }

    std::string m_source;
    std::size_t m_at = 0;
    int m_line = 1;
    std::vector<Token> m_tokens;
    std::optional<Error> m_error;
};

}  // namespace

Error templateError(ErrorCode code, int line, const std::string &what) {
    return {code, "The model's chat template cannot be used: line " + std::to_string(line) + ": " + what + "."};
}

Result<std::vector<Token>> tokenise(std::string_view source) {
    return Lexer(source).run();
}

}  // namespace facet::jinja
