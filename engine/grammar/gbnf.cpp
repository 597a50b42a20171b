#include "grammar/gbnf.h"

#include "grammar/code_points.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxText = 1U << 20U;
constexpr int kMaxNesting = 100;
constexpr std::uint32_t kMaxRounds = 100'000;

bool isNameChar(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Parser {
public:
    Parser(GrammarBuilder &builder, std::string_view text, const TokenLookup &tokens)
        : m_b(builder), m_text(text), m_tokens(tokens) {}

    Result<RuleId> run() {
        skip(true);
        while (!atEnd()) FACET_CHECK(ruleDefinition());
        for (const auto &[name, rule] : m_rules)
            if (!m_b.isDefined(rule))
                return Error{ErrorCode::InvalidArgument, "The grammar uses the rule \"" + name + "\" but does not define it."};
        const auto root = m_rules.find("root");
        if (root == m_rules.end())
            return Error{ErrorCode::InvalidArgument, "The grammar has no rule named root, where it would begin."};
        return root->second;
    }

private:
    bool atEnd() const { return m_at >= m_text.size(); }
    char peek() const { return atEnd() ? '\0' : m_text[m_at]; }
    bool take(char c) {
        if (atEnd() || m_text[m_at] != c) return false;
        ++m_at;
        return true;
    }

    Error wrong(const std::string &what) const {
        const std::string_view before = m_text.substr(0, std::min(m_at, m_text.size()));
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t lineStart = before.rfind('\n');
        const std::size_t column = before.size() - (lineStart == std::string_view::npos ? 0 : lineStart + 1) + 1;
        return Error{ErrorCode::InvalidArgument, "The grammar cannot be read at line " + std::to_string(line) +
                                                     ", column " + std::to_string(column) + ": " + what + "."};
    }

    // White space and comments; line breaks only where a rule cannot end.
    void skip(bool lineBreaks) {
        while (!atEnd()) {
            const char c = peek();
            if (c == '#') {
                while (!atEnd() && peek() != '\n') ++m_at;
            } else if (c == ' ' || c == '\t' || (lineBreaks && (c == '\n' || c == '\r'))) {
                ++m_at;
            } else {
                return;
            }
        }
    }

    std::string name() {
        const std::size_t begin = m_at;
        while (!atEnd() && isNameChar(peek())) ++m_at;
        return std::string(m_text.substr(begin, m_at - begin));
    }

    RuleId ruleOf(const std::string &name) {
        const auto known = m_rules.find(name);
        return known != m_rules.end() ? known->second : m_rules.emplace(name, m_b.declare("\"" + name + "\"")).first->second;
    }

    Status ruleDefinition() {
        const std::string ruleName = name();
        if (ruleName.empty()) return wrong("a rule begins with its name");
        skip(false);
        if (m_text.substr(m_at, 3) != "::=") return wrong("::= is missing after \"" + ruleName + "\"");
        m_at += 3;
        const RuleId rule = ruleOf(ruleName);
        if (m_b.isDefined(rule)) return wrong("the rule \"" + ruleName + "\" is defined twice");
        m_b.define(rule, m_b.never());  // taken; the body follows
        FACET_TRY(body, alternatives(0));
        m_b.define(rule, body);
        if (!atEnd() && peek() != '\n' && peek() != '\r') return wrong("something unexpected stands here");
        skip(true);
        return ok();
    }

    // Does the next line go on with another alternative?
    bool barFollows(bool nested) {
        skip(nested);
        if (peek() == '|') return true;
        const std::size_t here = m_at;
        skip(true);
        if (peek() == '|') return true;
        m_at = here;
        return false;
    }

    Result<ExprId> alternatives(int depth) {
        if (depth > kMaxNesting) return wrong("groups are nested too deeply");
        std::vector<ExprId> branches;
        do {
            skip(true);
            FACET_TRY(branch, sequence(depth));
            branches.push_back(branch);
        } while (barFollows(depth > 0) && take('|'));
        return m_b.choice(std::move(branches));
    }

    Result<ExprId> sequence(int depth) {
        std::vector<ExprId> parts;
        while (true) {
            skip(depth > 0);
            const char c = peek();
            if (atEnd() || c == '|' || c == ')' || c == '\n' || c == '\r') break;
            FACET_TRY(part, element(depth));
            FACET_TRY(repeated, suffixes(part));
            parts.push_back(repeated);
        }
        return m_b.sequence(std::move(parts));
    }

    Result<ExprId> element(int depth) {
        const char c = peek();
        if (c == '"') return literal();
        if (c == '[') return characterClass();
        if (c == '<') return token();
        if (take('.')) return spell(m_b, anyCodePoint(), Spelling::Plain);
        if (take('(')) {
            FACET_TRY(inner, alternatives(depth + 1));
            skip(true);
            if (!take(')')) return wrong("a closing parenthesis is missing");
            return inner;
        }
        const std::string used = name();
        if (used.empty()) return wrong("a literal, a class, a group or a rule's name was expected");
        return m_b.rule(ruleOf(used));
    }

    Result<ExprId> suffixes(ExprId part) {
        for (int i = 0; i < 8; ++i) {  // (x*)* written without parentheses
            if (take('*')) part = m_b.repeat(part, 0);
            else if (take('+')) part = m_b.repeat(part, 1);
            else if (take('?')) part = m_b.optional(part);
            else if (peek() == '{') {
                FACET_TRY(counted, braces(part));
                part = counted;
            } else return part;
            skip(false);
        }
        return wrong("too many repetition signs follow each other");
    }

    Result<std::uint32_t> number() {
        std::uint32_t value = 0;
        const char *begin = m_text.data() + m_at;
        const auto [end, problem] = std::from_chars(begin, m_text.data() + m_text.size(), value);
        if (problem != std::errc() || value > kMaxRounds)
            return wrong("a number of at most " + std::to_string(kMaxRounds) + " was expected");
        m_at += static_cast<std::size_t>(end - begin);
        return value;
    }

    Result<ExprId> braces(ExprId part) {
        take('{');
        skip(false);
        std::uint32_t least = 0;
        if (peek() != ',') {
            FACET_TRY(value, number());
            least = value;
        }
        std::uint32_t most = least;
        skip(false);
        if (take(',')) {
            skip(false);
            most = kUnbounded;
            if (peek() != '}') {
                FACET_TRY(value, number());
                most = value;
            }
            skip(false);
        }
        if (!take('}')) return wrong("a closing brace is missing");
        if (least > most) return wrong("the least number of repetitions is larger than the most");
        return m_b.repeat(part, least, most);
    }

    Result<std::uint32_t> hex(std::size_t digits) {
        std::uint32_t value = 0;
        if (m_at + digits > m_text.size()) return wrong("hexadecimal digits are missing");
        const char *begin = m_text.data() + m_at;
        const auto [end, problem] = std::from_chars(begin, begin + digits, value, 16);
        if (problem != std::errc() || end != begin + digits) return wrong("hexadecimal digits are missing");
        if (value > kLastCodePoint) return wrong("this is no Unicode character");
        m_at += digits;
        return value;
    }

    Result<std::uint32_t> character() {
        if (!take('\\')) return readCodePoint(m_text, m_at);
        if (atEnd()) return wrong("the text ends within an escape");
        const char c = m_text[m_at++];
        switch (c) {
        case 'n': return std::uint32_t{'\n'};
        case 't': return std::uint32_t{'\t'};
        case 'r': return std::uint32_t{'\r'};
        case 'x': return hex(2);
        case 'u': return hex(4);
        case 'U': return hex(8);
        case '"': case '\\': case '[': case ']': case '-': case '^': case '/':
            return static_cast<std::uint32_t>(static_cast<unsigned char>(c));
        default: return wrong(std::string("the escape \\") + c + " is unknown");
        }
    }

    Result<ExprId> literal() {
        take('"');
        std::string bytes;
        while (!take('"')) {
            if (atEnd() || peek() == '\n') return wrong("the literal is not closed");
            FACET_TRY(c, character());
            appendUtf8(bytes, c);
        }
        return m_b.literal(bytes);
    }

    Result<ExprId> characterClass() {
        take('[');
        const bool negated = take('^');
        CodePointSet set;
        while (!take(']')) {
            if (atEnd() || peek() == '\n') return wrong("the class is not closed");
            FACET_TRY(low, character());
            std::uint32_t high = low;
            if (peek() == '-' && m_at + 1 < m_text.size() && m_text[m_at + 1] != ']') {
                ++m_at;
                FACET_TRY(upper, character());
                high = upper;
            }
            if (high < low) return wrong("the range ends before it begins");
            set.push_back({low, high});
        }
        set = normalised(std::move(set));
        return spell(m_b, negated ? complementOf(set) : set, Spelling::Plain);
    }

    Result<ExprId> token() {
        const std::size_t end = m_text.find('>', m_at + 1);
        if (end == std::string_view::npos) return wrong("the token is not closed with >");
        const std::string_view whole = m_text.substr(m_at, end + 1 - m_at);
        if (whole.size() > 4 && whole[1] == '[' && whole[whole.size() - 2] == ']') {
            std::int32_t id = -1;
            const char *begin = whole.data() + 2, *stop = whole.data() + whole.size() - 2;
            const auto [read, problem] = std::from_chars(begin, stop, id);
            if (problem != std::errc() || read != stop || id < 0) return wrong("a token's number was expected");
            m_at = end + 1;
            return m_b.token(id);
        }
        const auto id = m_tokens ? m_tokens(whole) : std::nullopt;
        if (!id) return wrong("this model has no token " + std::string(whole.substr(0, 40)));
        m_at = end + 1;
        return m_b.token(*id);
    }

    GrammarBuilder &m_b;
    std::string_view m_text;
    const TokenLookup &m_tokens;
    std::size_t m_at = 0;
    std::unordered_map<std::string, RuleId> m_rules;
};

}  // namespace

Result<RuleId> parseGbnf(GrammarBuilder &builder, std::string_view text, const TokenLookup &tokens) {
    if (text.size() > kMaxText) return Error{ErrorCode::LimitExceeded, "The grammar is longer than 1 MiB."};
    return Parser(builder, text, tokens).run();
}

Result<std::shared_ptr<const Grammar>> grammarFromGbnf(std::string_view text, const TokenLookup &tokens) {
    GrammarBuilder builder;
    FACET_TRY(root, parseGbnf(builder, text, tokens));
    return builder.finish(root);
}

}  // namespace facet::grammar
