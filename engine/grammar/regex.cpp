#include "grammar/regex.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxPattern = 10'000;
constexpr int kMaxNesting = 60;
constexpr std::uint32_t kMaxRounds = 1000;
constexpr std::size_t kMaxNfaStates = 40'000;
// The borders of the text, read like characters: ^ is the first, $ the second.
constexpr std::uint32_t kBegin = kLastCodePoint + 1, kEnd = kLastCodePoint + 2;

struct Node {
    enum class Kind : std::uint8_t { Set, Sequence, Choice, Repeat };
    Kind kind = Kind::Sequence;
    CodePointSet set;
    std::vector<std::uint32_t> children;
    std::uint32_t least = 0, most = 0;
};

const CodePointSet &digits() {
    static const CodePointSet set = {{'0', '9'}};
    return set;
}
const CodePointSet &wordCharacters() {
    static const CodePointSet set = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    return set;
}
const CodePointSet &spaces() {
    static const CodePointSet set = {{0x09, 0x0D}, {0x20, 0x20}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
                                     {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    return set;
}

class Parser {
public:
    explicit Parser(std::string_view text) : m_text(text) {}

    Result<std::uint32_t> run() {
        FACET_TRY(root, alternatives(0));
        if (!atEnd()) return wrong("a closing parenthesis has no opening one");
        return root;
    }
    const std::vector<Node> &nodes() const { return m_nodes; }

private:
    bool atEnd() const { return m_at >= m_text.size(); }
    char peek(std::size_t ahead = 0) const { return m_at + ahead < m_text.size() ? m_text[m_at + ahead] : '\0'; }
    bool take(char c) {
        if (atEnd() || m_text[m_at] != c) return false;
        ++m_at;
        return true;
    }
    Error wrong(const std::string &what) const {
        return Error{ErrorCode::InvalidArgument, what + " (character " + std::to_string(m_at) + " of the pattern)"};
    }
    std::uint32_t add(Node node) {
        m_nodes.push_back(std::move(node));
        return static_cast<std::uint32_t>(m_nodes.size() - 1);
    }
    std::uint32_t addSet(CodePointSet set) { return add({Node::Kind::Set, std::move(set), {}}); }

    Result<std::uint32_t> alternatives(int depth) {
        if (depth > kMaxNesting) return wrong("groups are nested too deeply");
        Node node{Node::Kind::Choice, {}, {}};
        do {
            FACET_TRY(branch, sequence(depth));
            node.children.push_back(branch);
        } while (take('|'));
        return add(std::move(node));
    }

    Result<std::uint32_t> sequence(int depth) {
        Node node{Node::Kind::Sequence, {}, {}};
        while (!atEnd() && peek() != '|' && peek() != ')') {
            if (peek() == '^' || peek() == '$') {
                const char anchor = peek();
                while (take(anchor)) {}
                if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{')
                    return wrong("a repeated ^ or $ is not supported");
                const std::uint32_t mark = anchor == '^' ? kBegin : kEnd;
                node.children.push_back(addSet({{mark, mark}}));
                continue;
            }
            FACET_TRY(atom, this->atom(depth));
            FACET_TRY(repeated, quantified(atom));
            node.children.push_back(repeated);
        }
        return add(std::move(node));
    }

    Result<std::uint32_t> atom(int depth) {
        if (take('(')) {
            if (take('?')) {
                if (take(':')) {
                } else if (peek() == '<' && peek(1) != '=' && peek(1) != '!') {
                    while (!atEnd() && !take('>')) ++m_at;
                } else {
                    return wrong("look-around and group options (?...) are not supported");
                }
            }
            FACET_TRY(inner, alternatives(depth + 1));
            if (!take(')')) return wrong("a closing parenthesis is missing");
            return inner;
        }
        if (take('[')) return characterClass();
        if (take('.')) return addSet(complementOf(CodePointSet{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
        if (take('\\')) {
            FACET_TRY(set, escape(false));
            return addSet(std::move(set));
        }
        if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("there is nothing to repeat");
        const std::uint32_t c = readCodePoint(m_text, m_at);
        return addSet({{c, c}});
    }

    bool number(std::uint32_t &value) {
        const char *begin = m_text.data() + m_at;
        const auto [end, problem] = std::from_chars(begin, m_text.data() + m_text.size(), value);
        if (problem != std::errc()) return false;
        m_at += static_cast<std::size_t>(end - begin);
        return true;
    }

    Result<std::uint32_t> quantified(std::uint32_t atom) {
        std::uint32_t least = 0, most = kUnbounded;
        const std::size_t start = m_at;
        if (take('*')) {
        } else if (take('+')) {
            least = 1;
        } else if (take('?')) {
            most = 1;
        } else if (take('{')) {
            if (!number(least)) {
                m_at = start + 1;  // a brace that counts nothing stands for itself
                return literalBrace(atom, start);
            }
            most = least;
            if (take(',')) {
                most = kUnbounded;
                if (peek() != '}' && !number(most)) return literalBrace(atom, start);
            }
            if (!take('}')) return literalBrace(atom, start);
            if (least > kMaxRounds || (most != kUnbounded && most > kMaxRounds))
                return Error{ErrorCode::LimitExceeded, "a repetition of more than 1000 times is not supported in a pattern"};
            if (least > most) return wrong("the numbers of a repetition are out of order");
        } else {
            return atom;
        }
        take('?');  // lazy: the same texts
        if (peek() == '*' || peek() == '+') return wrong("there is nothing to repeat");
        return add({Node::Kind::Repeat, {}, {atom}, least, most});
    }

    Result<std::uint32_t> literalBrace(std::uint32_t atom, std::size_t start) {
        m_at = start + 1;
        const std::uint32_t brace = addSet({{'{', '{'}});
        return add({Node::Kind::Sequence, {}, {atom, brace}});
    }

    Result<std::uint32_t> hex(std::size_t digitCount) {
        std::uint32_t value = 0;
        if (m_at + digitCount > m_text.size()) return wrong("hexadecimal digits are missing");
        const char *begin = m_text.data() + m_at;
        const auto [end, problem] = std::from_chars(begin, begin + digitCount, value, 16);
        if (problem != std::errc() || end != begin + digitCount || value > kLastCodePoint)
            return wrong("hexadecimal digits are missing");
        m_at += digitCount;
        return value;
    }

    Result<std::uint32_t> unicodeEscape() {
        if (take('{')) {
            const std::size_t close = m_text.find('}', m_at);
            if (close == std::string_view::npos || close == m_at || close - m_at > 6) return wrong("\\u{} is not closed");
            FACET_TRY(value, hex(close - m_at));
            ++m_at;
            return value;
        }
        FACET_TRY(high, hex(4));
        if (high >= 0xD800 && high < 0xDC00 && peek() == '\\' && peek(1) == 'u') {
            m_at += 2;
            FACET_TRY(low, hex(4));
            return 0x10000 + ((high - 0xD800) << 10U) + ((low - 0xDC00) & 0x3FFU);
        }
        return high;
    }

    // Behind the backslash.
    Result<CodePointSet> escape(bool inClass) {
        if (atEnd()) return wrong("the pattern ends with a backslash");
        const auto one = [](std::uint32_t c) { return CodePointSet{{c, c}}; };
        const char c = peek();
        if (static_cast<unsigned char>(c) >= 0x80) return one(readCodePoint(m_text, m_at));
        ++m_at;
        switch (c) {
        case 'd': return digits();
        case 'D': return complementOf(digits());
        case 'w': return wordCharacters();
        case 'W': return complementOf(wordCharacters());
        case 's': return spaces();
        case 'S': return complementOf(spaces());
        case 't': return one('\t');
        case 'n': return one('\n');
        case 'r': return one('\r');
        case 'f': return one('\f');
        case 'v': return one('\v');
        case '0':
            if (peek() >= '0' && peek() <= '9') return wrong("octal escapes are not supported");
            return one(0);
        case 'x': {
            FACET_TRY(value, hex(2));
            return one(value);
        }
        case 'u': {
            FACET_TRY(value, unicodeEscape());
            return one(value);
        }
        case 'c': {
            const char letter = peek();
            if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) return wrong("\\c needs a letter");
            ++m_at;
            return one(static_cast<std::uint32_t>(letter) % 32U);
        }
        case 'b':
            if (inClass) return one('\b');
            return wrong("the word border \\b is not supported");
        case 'B': return wrong("the word border \\B is not supported");
        case 'p': case 'P': return wrong("Unicode properties \\p are not supported");
        case 'k': return wrong("back references are not supported");
        default: break;
        }
        if (c >= '1' && c <= '9') return wrong("back references are not supported");
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            return wrong(std::string("the escape \\") + c + " is unknown");
        return one(static_cast<std::uint32_t>(c));
    }

    Result<std::uint32_t> characterClass() {
        const bool negated = take('^');
        CodePointSet set;
        while (!take(']')) {
            if (atEnd()) return wrong("the class [ is not closed");
            FACET_TRY(low, classAtom());
            const bool single = low.size() == 1 && low[0].low == low[0].high;
            if (single && peek() == '-' && peek(1) != ']' && m_at + 1 < m_text.size()) {
                ++m_at;
                FACET_TRY(high, classAtom());
                if (high.size() != 1 || high[0].low != high[0].high || high[0].low < low[0].low)
                    return wrong("a range of the class is out of order");
                low[0].high = high[0].low;
            }
            set.insert(set.end(), low.begin(), low.end());
        }
        set = normalised(std::move(set));
        return addSet(negated ? complementOf(set) : set);
    }

    Result<CodePointSet> classAtom() {
        if (take('\\')) return escape(true);
        const std::uint32_t c = readCodePoint(m_text, m_at);
        return CodePointSet{{c, c}};
    }

    std::string_view m_text;
    std::size_t m_at = 0;
    std::vector<Node> m_nodes;
};

// Thompson's construction, then subsets.
class Automaton {
public:
    explicit Automaton(const std::vector<Node> &nodes) : m_nodes(nodes) {}

    Result<CodePointDfa> run(std::uint32_t root) {
        // Search: anything, the borders included, may stand around the pattern.
        const std::uint32_t accept = state();
        m_states[accept].edges.push_back({0, kEnd, accept});
        const std::uint32_t pattern = build(root, accept);
        const std::uint32_t start = state();
        m_states[start].edges.push_back({0, kEnd, start});
        m_states[start].empty.push_back(pattern);
        if (m_states.size() >= kMaxNfaStates) return tooLarge();
        return determinise(start, accept);
    }

private:
    struct State {
        std::vector<CodePointDfa::Edge> edges;
        std::vector<std::uint32_t> empty;
    };
    using Subset = std::vector<std::uint32_t>;

    static Error tooLarge() { return Error{ErrorCode::LimitExceeded, "the pattern is too complicated"}; }

    std::uint32_t state() {
        if (m_states.size() < kMaxNfaStates) m_states.emplace_back();
        return static_cast<std::uint32_t>(m_states.size() - 1);
    }

    // State from which the node and then `next` are read.
    std::uint32_t build(std::uint32_t id, std::uint32_t next) {
        if (m_states.size() >= kMaxNfaStates) return next;
        const Node &node = m_nodes[id];
        switch (node.kind) {
        case Node::Kind::Set: {
            const std::uint32_t s = state();
            for (const CodePointRange &r : node.set) m_states[s].edges.push_back({r.low, r.high, next});
            return s;
        }
        case Node::Kind::Sequence:
            for (std::size_t i = node.children.size(); i-- > 0;) next = build(node.children[i], next);
            return next;
        case Node::Kind::Choice: {
            std::vector<std::uint32_t> branches;
            for (const std::uint32_t child : node.children) branches.push_back(build(child, next));
            if (branches.size() == 1) return branches[0];
            const std::uint32_t s = state();
            m_states[s].empty = std::move(branches);
            return s;
        }
        case Node::Kind::Repeat: {
            std::uint32_t after = next;
            if (node.most == kUnbounded) {
                const std::uint32_t loop = state();
                const std::uint32_t body = build(node.children[0], loop);
                m_states[loop].empty = {body, next};
                after = loop;
            } else {
                for (std::uint32_t i = node.least; i < node.most; ++i) {
                    const std::uint32_t body = build(node.children[0], after);
                    const std::uint32_t choice = state();
                    m_states[choice].empty = {body, next};
                    after = choice;
                }
            }
            for (std::uint32_t i = 0; i < node.least; ++i) after = build(node.children[0], after);
            return after;
        }
        }
        return next;
    }

    void close(Subset &set) {
        Subset work = set;
        std::vector<bool> &seen = m_seen;
        seen.assign(m_states.size(), false);
        for (const std::uint32_t s : set) seen[s] = true;
        while (!work.empty()) {
            const std::uint32_t s = work.back();
            work.pop_back();
            for (const std::uint32_t t : m_states[s].empty) {
                if (seen[t]) continue;
                seen[t] = true;
                set.push_back(t);
                work.push_back(t);
            }
        }
        std::sort(set.begin(), set.end());
    }

    Result<CodePointDfa> determinise(std::uint32_t start, std::uint32_t accept) {
        CodePointDfa dfa;
        std::map<Subset, std::uint32_t> ids;
        std::vector<Subset> subsets;
        std::size_t work = 0;
        const auto idOf = [&](Subset set) {
            close(set);
            const auto [place, added] = ids.emplace(set, static_cast<std::uint32_t>(subsets.size()));
            if (added) subsets.push_back(std::move(set));
            return place->second;
        };
        const auto follow = [&](const Subset &set, std::uint32_t c) {
            Subset out;
            for (const std::uint32_t s : set)
                for (const CodePointDfa::Edge &e : m_states[s].edges)
                    if (c >= e.low && c <= e.high) out.push_back(e.target);
            std::sort(out.begin(), out.end());
            out.erase(std::unique(out.begin(), out.end()), out.end());
            return out;
        };
        Subset first{start};
        close(first);
        idOf(follow(first, kBegin));
        for (std::uint32_t i = 0; i < subsets.size(); ++i) {
            const Subset set = subsets[i];
            std::vector<std::uint32_t> cuts{0};
            for (const std::uint32_t s : set) {
                for (const CodePointDfa::Edge &e : m_states[s].edges) {
                    cuts.push_back(e.low);
                    cuts.push_back(e.high + 1);
                }
            }
            std::sort(cuts.begin(), cuts.end());
            cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
            Subset ending = follow(set, kEnd);
            close(ending);
            dfa.accepts.push_back(std::binary_search(ending.begin(), ending.end(), accept));
            dfa.edges.emplace_back();
            for (std::size_t c = 0; c < cuts.size() && cuts[c] <= kLastCodePoint; ++c) {
                Subset next = follow(set, cuts[c]);
                work += set.size() + m_states.size() / 64;
                if (next.empty()) continue;
                const std::uint32_t high = c + 1 < cuts.size() ? std::min(cuts[c + 1] - 1, kLastCodePoint) : kLastCodePoint;
                const std::uint32_t target = idOf(std::move(next));
                auto &edges = dfa.edges.back();
                if (!edges.empty() && edges.back().target == target && edges.back().high + 1 == cuts[c]) edges.back().high = high;
                else edges.push_back({cuts[c], high, target});
            }
            if (subsets.size() > kMaxDfaStates || work > 50'000'000) return tooLarge();
        }
        return dfa;
    }

    const std::vector<Node> &m_nodes;
    std::vector<State> m_states;
    std::vector<bool> m_seen;
};

}  // namespace

Result<CodePointDfa> dfaFromPattern(std::string_view pattern) {
    if (pattern.size() > kMaxPattern) return Error{ErrorCode::LimitExceeded, "the pattern is longer than 10000 bytes"};
    Parser parser(pattern);
    FACET_TRY(root, parser.run());
    return Automaton(parser.nodes()).run(root);
}

}  // namespace facet::grammar
