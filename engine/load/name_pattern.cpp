// Thompson's construction, all states followed side by side.
#include "load/name_pattern.h"

#include <algorithm>
#include <utility>

namespace facet {
namespace {

constexpr std::size_t kMaxPattern = 1000;
constexpr std::size_t kMaxName = 1000;
constexpr int kMaxDepth = 32;

using Step = NamePattern::Step;
using Steps = std::vector<Step>;
using Set = std::bitset<256>;

void addRange(Set &set, unsigned char low, unsigned char high) {
    for (unsigned c = low; c <= high; ++c) set.set(c);
}

// \d \w \s and their opposites; any other escaped punctuation is itself.
bool escaped(char c, Set &set) {
    Set chosen;
    const char lower = static_cast<char>(c | 0x20);
    if (lower == 'd') {
        addRange(chosen, '0', '9');
    } else if (lower == 'w') {
        addRange(chosen, '0', '9');
        addRange(chosen, 'a', 'z');
        addRange(chosen, 'A', 'Z');
        chosen.set('_');
    } else if (lower == 's') {
        for (const char space : {' ', '\t', '\n', '\r', '\f', '\v'}) chosen.set(static_cast<unsigned char>(space));
    } else {
        const bool alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        set.set(static_cast<unsigned char>(c));
        return !alphanumeric;
    }
    set |= c == lower ? chosen : ~chosen;
    return true;
}

class Parser {
public:
    explicit Parser(std::string_view text) : m_text(text) {}

    // Empty: it cannot be read; `at` says where.
    Steps whole() {
        Steps steps = alternatives(0);
        if (m_good && m_at != m_text.size()) m_good = false;
        if (!m_good) return {};
        steps.push_back({});
        return steps;
    }
    std::size_t at() const { return m_at; }

private:
    bool more() const { return m_good && m_at < m_text.size(); }

    // Jumps are relative to the piece's own beginning until it is appended.
    static void append(Steps &to, Steps piece) {
        for (Step &step : piece) step.to += to.size();
        to.insert(to.end(), std::make_move_iterator(piece.begin()), std::make_move_iterator(piece.end()));
    }
    static Step split(std::size_t to) { return {Step::Kind::Split, {}, to}; }
    static Step jump(std::size_t to) { return {Step::Kind::Jump, {}, to}; }

    Steps alternatives(int depth) {
        Steps left = sequence(depth);
        while (more() && m_text[m_at] == '|') {
            ++m_at;
            Steps right = sequence(depth);
            Steps both{split(left.size() + 2)};
            const std::size_t end = left.size() + right.size() + 2;
            append(both, std::move(left));
            both.push_back(jump(end));
            append(both, std::move(right));
            left = std::move(both);
        }
        return left;
    }

    Steps sequence(int depth) {
        Steps steps;
        while (more() && m_text[m_at] != '|' && m_text[m_at] != ')') append(steps, repeated(depth));
        return steps;
    }

    Steps repeated(int depth) {
        Steps piece = single(depth);
        while (more() && (m_text[m_at] == '*' || m_text[m_at] == '+' || m_text[m_at] == '?')) {
            const char sign = m_text[m_at++];
            Steps out;
            const std::size_t size = piece.size();
            if (sign == '+') {
                out = std::move(piece);
                out.push_back(split(0));
            } else {
                out.push_back(split(size + (sign == '*' ? 2 : 1)));
                append(out, std::move(piece));
                if (sign == '*') out.push_back(jump(0));
            }
            piece = std::move(out);
        }
        if (more() && m_text[m_at] == '{') m_good = false;
        return piece;
    }

    Steps single(int depth) {
        const char c = m_text[m_at];
        if (c == '(') return group(depth);
        if (c == '*' || c == '+' || c == '?' || c == '{') {
            m_good = false;
            return {};
        }
        ++m_at;
        Step step{Step::Kind::Set, {}, 0};
        if (c == '^' || c == '$') {
            step.kind = c == '^' ? Step::Kind::Begin : Step::Kind::End;
        } else if (c == '.') {
            step.set.set();
        } else if (c == '[') {
            bracket(step.set);
        } else if (c == '\\') {
            m_good = m_at < m_text.size() && escaped(m_text[m_at], step.set);
            ++m_at;
        } else {
            step.set.set(static_cast<unsigned char>(c));
        }
        return {step};
    }

    Steps group(int depth) {
        ++m_at;
        if (m_text.substr(m_at).starts_with("?:"))
            m_at += 2;
        else if (more() && m_text[m_at] == '?')
            m_good = false;
        if (depth >= kMaxDepth) m_good = false;
        Steps inner = m_good ? alternatives(depth + 1) : Steps{};
        if (!more() || m_text[m_at] != ')')
            m_good = false;
        else
            ++m_at;
        return inner;
    }

    void bracket(Set &set) {
        const bool negated = more() && m_text[m_at] == '^';
        if (negated) ++m_at;
        bool first = true;
        while (more() && (first || m_text[m_at] != ']')) {
            first = false;
            const auto low = static_cast<unsigned char>(m_text[m_at++]);
            if (low == '\\') {
                m_good = m_at < m_text.size() && escaped(m_text[m_at], set);
                ++m_at;
            } else if (m_at + 1 < m_text.size() && m_text[m_at] == '-' && m_text[m_at + 1] != ']') {
                const auto high = static_cast<unsigned char>(m_text[m_at + 1]);
                m_at += 2;
                m_good = m_good && low <= high && high != '\\';
                if (m_good) addRange(set, low, high);
            } else {
                set.set(low);
            }
        }
        if (!more()) m_good = false;
        ++m_at;
        if (negated) set.flip();
    }

    std::string_view m_text;
    std::size_t m_at = 0;
    bool m_good = true;
};

} // namespace

Result<NamePattern> NamePattern::parse(std::string_view pattern) {
    if (pattern.size() > kMaxPattern) {
        return Error{ErrorCode::LimitExceeded, "A pattern of module names is longer than any real one.",
                     std::to_string(pattern.size()) + " bytes"};
    }
    Parser parser(pattern);
    NamePattern out;
    out.m_steps = parser.whole();
    if (out.m_steps.empty()) {
        return Error{ErrorCode::ModelUnsupported, "A pattern of module names uses something that Facet does not read.",
                     "\"" + std::string(pattern.substr(0, 200)) + "\" near byte " + std::to_string(parser.at())};
    }
    return out;
}

// Adds the byte-consuming steps that are reached from `step` without a byte.
void NamePattern::follow(std::size_t step, std::string_view name, std::size_t at, std::vector<std::size_t> &states,
                         std::vector<bool> &seen) const {
    std::vector<std::size_t> open{step};
    while (!open.empty()) {
        const std::size_t index = open.back();
        open.pop_back();
        if (seen[index]) continue;
        seen[index] = true;
        const Step &here = m_steps[index];
        switch (here.kind) {
        case Step::Kind::Set:
        case Step::Kind::Match: states.push_back(index); break;
        case Step::Kind::Jump: open.push_back(here.to); break;
        case Step::Kind::Split:
            open.push_back(here.to);
            open.push_back(index + 1);
            break;
        case Step::Kind::Begin:
            if (at == 0) open.push_back(index + 1);
            break;
        case Step::Kind::End:
            if (at == name.size()) open.push_back(index + 1);
            break;
        }
    }
}

bool NamePattern::matchesEnd(std::string_view name) const {
    if (name.size() > kMaxName) return false;
    std::vector<std::size_t> states, next;
    std::vector<bool> seen(m_steps.size());
    for (std::size_t at = 0; at <= name.size(); ++at) {
        if (at == 0 || name[at - 1] == '.') follow(0, name, at, states, seen);
        if (at == name.size()) break;
        next.clear();
        std::fill(seen.begin(), seen.end(), false);
        for (const std::size_t state : states) {
            const Step &step = m_steps[state];
            if (step.kind == Step::Kind::Set && step.set.test(static_cast<unsigned char>(name[at])))
                follow(state + 1, name, at + 1, next, seen);
        }
        states.swap(next);
    }
    return std::any_of(states.begin(), states.end(),
                       [this](std::size_t state) { return m_steps[state].kind == Step::Kind::Match; });
}

} // namespace facet
