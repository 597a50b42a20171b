// GrammarBuilder::finish(): which rules match anything, which match the empty text, which begin with themselves; then
// expressions become positions.
#include "grammar/grammar.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxPositions = 2'000'000;
constexpr int kMaxNesting = 400;             // of expressions inside one rule
constexpr std::uint32_t kUnrolled = 4;       // repetitions up to here are written out
constexpr std::uint32_t kMaxEmptyRounds = 64;  // bounded repetitions of what may be empty

}  // namespace

class GrammarCompiler {
public:
    using Builder = GrammarBuilder;
    using Expr = Builder::Expr;
    using Kind = Expr::Kind;
    using Op = Grammar::Op;

    explicit GrammarCompiler(const Builder &builder) : m_b(builder) {}

    // Both properties of all expressions and rules: what becomes true wakes what it is part of.
    void analyse() {
        listParents();
        spread(m_matches, m_ruleMatches, [this](const Expr &e) { return matches(e); });
        spread(m_empty, m_ruleEmpty, [this](const Expr &e) { return empty(e); });
    }
    const std::vector<bool> &ruleMatches() const { return m_ruleMatches; }

    Result<std::shared_ptr<const Grammar>> run(RuleId start) {
        if (m_b.m_overfull) return tooLarge();
        analyse();
        if (!m_ruleMatches[start])
            return Error{ErrorCode::InvalidArgument, "No text at all matches the rule " + m_b.m_rules[start].name + "."};
        FACET_CHECK(refuseLeftRecursion(start));
        m_ruleStart.assign(m_b.m_rules.size(), kUnset);
        m_grammar.positions.push_back({Op::Return});
        request(start);
        while (!m_wanted.empty() && !m_error) {
            const RuleId rule = m_wanted.back();
            m_wanted.pop_back();
            m_rulePosition[rule] = emit(m_b.m_rules[rule].body, 0, 0);
        }
        if (m_error) return *m_error;
        for (Grammar::Position &p : m_grammar.positions)
            if (p.op == Op::Call) p.operand = m_rulePosition.at(p.operand);
        m_grammar.start = m_rulePosition.at(start);
        m_grammar.sets = m_b.m_sets;
        m_grammar.tokens = m_b.m_tokens;
        makeClasses();
        return std::shared_ptr<const Grammar>(std::make_shared<Grammar>(std::move(m_grammar)));
    }

private:
    static constexpr std::uint32_t kUnset = kUnbounded;

    static Error tooLarge() {
        return Error{ErrorCode::LimitExceeded, "The grammar is too large: use shorter lists, lengths and patterns."};
    }

    void listParents() {
        m_parents.assign(m_b.m_exprs.size(), {});
        m_uses.assign(m_b.m_rules.size(), {});
        m_bodyOf.assign(m_b.m_exprs.size(), {});
        for (std::uint32_t i = 0; i < m_b.m_exprs.size(); ++i) {
            const Expr &e = m_b.m_exprs[i];
            if (e.kind == Kind::Rule) m_uses[e.first].push_back(i);
            if (e.kind == Kind::Repeat) m_parents[e.first].push_back(i);
            if (e.kind == Kind::Sequence || e.kind == Kind::Choice)
                for (std::uint32_t c = 0; c < e.count; ++c) m_parents[m_b.m_children[e.first + c]].push_back(i);
        }
        for (RuleId r = 0; r < m_b.m_rules.size(); ++r) m_bodyOf[m_b.m_rules[r].body].push_back(r);
    }

    template <typename Fn> void spread(std::vector<bool> &value, std::vector<bool> &ruleValue, Fn holds) {
        value.assign(m_b.m_exprs.size(), false);
        ruleValue.assign(m_b.m_rules.size(), false);
        std::vector<ExprId> work(m_b.m_exprs.size());
        for (ExprId i = 0; i < work.size(); ++i) work[i] = static_cast<ExprId>(work.size() - 1 - i);
        while (!work.empty()) {
            const ExprId id = work.back();
            work.pop_back();
            if (value[id] || !holds(m_b.m_exprs[id])) continue;
            value[id] = true;
            for (const ExprId parent : m_parents[id])
                if (!value[parent]) work.push_back(parent);
            for (const RuleId rule : m_bodyOf[id]) {
                if (ruleValue[rule]) continue;
                ruleValue[rule] = true;
                work.insert(work.end(), m_uses[rule].begin(), m_uses[rule].end());
            }
        }
    }

    template <typename Fn> bool anyChild(const Expr &e, Fn fn) const {
        const auto first = m_b.m_children.begin() + e.first;
        return std::any_of(first, first + e.count, fn);
    }
    template <typename Fn> bool allChildren(const Expr &e, Fn fn) const {
        const auto first = m_b.m_children.begin() + e.first;
        return std::all_of(first, first + e.count, fn);
    }

    bool matches(const Expr &e) const {
        const auto known = [this](ExprId c) { return m_matches[c]; };
        switch (e.kind) {
        case Kind::Never: return false;
        case Kind::Rule: return m_ruleMatches[e.first];
        case Kind::Sequence: return allChildren(e, known);
        case Kind::Choice: return anyChild(e, known);
        case Kind::Repeat: return e.least == 0 || m_matches[e.first];
        default: return true;
        }
    }
    bool empty(const Expr &e) const {
        const auto known = [this](ExprId c) { return m_empty[c]; };
        switch (e.kind) {
        case Kind::Nothing: return true;
        case Kind::Rule: return m_ruleEmpty[e.first];
        case Kind::Sequence: return allChildren(e, known);
        case Kind::Choice: return anyChild(e, known);
        case Kind::Repeat: return e.least == 0 || m_empty[e.first];
        default: return false;
        }
    }

    // Rules that an expression can begin with, before any byte.
    void beginnings(ExprId root, std::vector<RuleId> &out) const {
        std::vector<ExprId> work{root};
        while (!work.empty()) {
            const ExprId id = work.back();
            work.pop_back();
            const Expr &e = m_b.m_exprs[id];
            if (!m_matches[id] && e.kind != Kind::Repeat) continue;
            switch (e.kind) {
            case Kind::Rule: out.push_back(e.first); break;
            case Kind::Repeat: work.push_back(e.first); break;
            case Kind::Choice:
                for (std::uint32_t i = 0; i < e.count; ++i) work.push_back(m_b.m_children[e.first + i]);
                break;
            case Kind::Sequence:
                for (std::uint32_t i = 0; i < e.count; ++i) {
                    work.push_back(m_b.m_children[e.first + i]);
                    if (!m_empty[m_b.m_children[e.first + i]]) break;
                }
                break;
            default: break;
            }
        }
    }

    // Depth-first over "begins with", without recursion: chains of rules may be long.
    Status refuseLeftRecursion(RuleId start) const {
        enum : std::uint8_t { New, Open, Closed };
        std::vector<std::uint8_t> state(m_b.m_rules.size(), New);
        for (RuleId root = 0; root < m_b.m_rules.size(); ++root) {
            if (state[root] != New || (root != start && !m_ruleMatches[root])) continue;
            std::vector<std::pair<RuleId, std::vector<RuleId>>> path;
            const auto open = [&](RuleId rule) {
                state[rule] = Open;
                std::vector<RuleId> next;
                beginnings(m_b.m_rules[rule].body, next);
                path.emplace_back(rule, std::move(next));
            };
            open(root);
            while (!path.empty()) {
                auto &[rule, next] = path.back();
                if (next.empty()) {
                    state[rule] = Closed;
                    path.pop_back();
                    continue;
                }
                const RuleId follower = next.back();
                next.pop_back();
                if (state[follower] == Open)
                    return Error{ErrorCode::InvalidArgument, "The rule " + m_b.m_rules[follower].name +
                                                                 " begins with itself (left recursion): write it so "
                                                                 "that something comes first."};
                if (state[follower] == New) open(follower);
            }
        }
        return ok();
    }

    void request(RuleId rule) {
        if (m_ruleStart[rule] != kUnset) return;
        m_ruleStart[rule] = 0;
        m_wanted.push_back(rule);
    }

    std::uint32_t place(const Grammar::Position &position) {
        if (m_grammar.positions.size() >= kMaxPositions) {
            if (!m_error) m_error = tooLarge();
            return 0;
        }
        m_grammar.positions.push_back(position);
        return static_cast<std::uint32_t>(m_grammar.positions.size() - 1);
    }

    std::uint32_t placeChoice(const std::vector<std::uint32_t> &branches) {
        const auto first = static_cast<std::uint32_t>(m_grammar.branches.size());
        m_grammar.branches.insert(m_grammar.branches.end(), branches.begin(), branches.end());
        return place({Op::Choice, first, static_cast<std::uint32_t>(branches.size())});
    }

    // The position from which `id` and then `next` match. From the back to the front.
    std::uint32_t emit(ExprId id, std::uint32_t next, int depth) {
        if (m_error) return 0;
        if (depth > kMaxNesting) {
            m_error = Error{ErrorCode::LimitExceeded, "The grammar is nested too deeply."};
            return 0;
        }
        const Expr &e = m_b.m_exprs[id];
        switch (e.kind) {
        case Kind::Nothing: return next;
        case Kind::Never: return placeChoice({});
        case Kind::Bytes: return place({Op::Bytes, e.first, next});
        case Kind::Token: return place({Op::Token, e.first, next});
        case Kind::Literal: {
            const std::string &text = m_b.m_texts[e.first];
            for (std::size_t i = text.size(); i-- > 0;) next = place({Op::Bytes, singleByte(text[i]), next});
            return next;
        }
        case Kind::Rule:
            if (!m_ruleMatches[e.first]) return placeChoice({});
            request(e.first);
            return place({Op::Call, e.first, next});
        case Kind::Sequence:
            for (std::uint32_t i = e.count; i-- > 0;) next = emit(m_b.m_children[e.first + i], next, depth + 1);
            return next;
        case Kind::Choice: {
            std::vector<std::uint32_t> branches;
            for (std::uint32_t i = 0; i < e.count; ++i) {
                const ExprId child = m_b.m_children[e.first + i];
                if (m_matches[child]) branches.push_back(emit(child, next, depth + 1));
            }
            return placeChoice(branches);
        }
        case Kind::Repeat: return emitRepeat(e, next, depth);
        }
        return next;
    }

    std::uint32_t emitRepeat(const Expr &e, std::uint32_t next, int depth) {
        const ExprId part = e.first;
        if (!m_matches[part]) return e.least == 0 ? next : placeChoice({});
        const bool endless = e.most == kUnbounded;
        const std::uint32_t least = m_empty[part] ? 0 : e.least;
        if (m_empty[part] && !endless && e.most > kMaxEmptyRounds) {
            m_error = Error{ErrorCode::LimitExceeded,
                            "The grammar repeats something that may be empty more than 64 times."};
            return 0;
        }
        if (endless && least <= 1) {
            const std::uint32_t loop = placeChoice({0, next});
            const std::uint32_t slot = m_grammar.positions[loop].operand;
            const std::uint32_t body = emit(part, loop, depth + 1);
            m_grammar.branches[slot] = body;
            return least == 0 ? loop : body;
        }
        if (!endless && e.most <= kUnrolled) {
            const std::uint32_t end = next;
            for (std::uint32_t i = e.most; i-- > 0;) {
                next = emit(part, next, depth + 1);
                if (i >= least) next = placeChoice({next, end});
            }
            return next;
        }
        const std::uint32_t body = emit(part, 0, depth + 1);
        return place({Op::Repeat, body, next, least, e.most});
    }

    std::uint32_t singleByte(char c) {
        const auto byte = static_cast<unsigned char>(c);
        const auto [spot, added] = m_singles.emplace(byte, static_cast<std::uint32_t>(m_b.m_sets.size() + m_singles.size()));
        return spot->second;
    }

    void makeClasses() {
        std::vector<unsigned char> order(m_singles.size());
        for (const auto &[byte, index] : m_singles) order[index - m_b.m_sets.size()] = byte;
        for (const unsigned char byte : order) m_grammar.sets.push_back(byteRange(byte, byte));
        // Refine the partition set by set.
        std::array<std::uint32_t, 256> part{};
        for (const ByteSet &set : m_grammar.sets) {
            std::map<std::pair<std::uint32_t, bool>, std::uint32_t> ids;
            for (std::size_t b = 0; b < 256; ++b)
                part[b] = ids.emplace(std::pair(part[b], set[b]), static_cast<std::uint32_t>(ids.size())).first->second;
        }
        std::map<std::uint32_t, std::uint8_t> classes;
        for (std::size_t b = 0; b < 256; ++b) {
            const auto [spot, added] = classes.emplace(part[b], static_cast<std::uint8_t>(classes.size()));
            if (added) m_grammar.classByte.push_back(static_cast<unsigned char>(b));
            m_grammar.classOf[b] = spot->second;
        }
    }

    const Builder &m_b;
    std::vector<bool> m_matches, m_empty, m_ruleMatches, m_ruleEmpty;
    std::vector<std::vector<ExprId>> m_parents;  // by expression: those that it is a part of
    std::vector<std::vector<ExprId>> m_uses;     // by rule
    std::vector<std::vector<RuleId>> m_bodyOf;   // by expression
    std::vector<std::uint32_t> m_ruleStart;
    std::unordered_map<RuleId, std::uint32_t> m_rulePosition;
    std::vector<RuleId> m_wanted;
    std::map<unsigned char, std::uint32_t> m_singles;
    std::optional<Error> m_error;
    Grammar m_grammar;
};

std::vector<bool> GrammarBuilder::productive() const {
    GrammarCompiler compiler(*this);
    compiler.analyse();
    return compiler.ruleMatches();
}

Result<std::shared_ptr<const Grammar>> GrammarBuilder::finish(RuleId start) const {
    return GrammarCompiler(*this).run(start);
}

}  // namespace facet::grammar
