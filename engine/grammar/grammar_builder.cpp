#include "grammar/grammar.h"

#include <algorithm>
#include <utility>

namespace facet::grammar {

namespace {

// Expressions and their children; far beyond any schema that a person writes.
constexpr std::size_t kMaxExprs = 2'000'000;

}  // namespace

ByteSet byteRange(unsigned char low, unsigned char high) {
    ByteSet set;
    for (unsigned b = low; b <= high; ++b) set.set(b);
    return set;
}

GrammarBuilder::GrammarBuilder() {
    m_exprs.push_back({Expr::Kind::Nothing});
    m_exprs.push_back({Expr::Kind::Never});
}

ExprId GrammarBuilder::add(const Expr &expr) {
    if (m_exprs.size() + m_children.size() >= kMaxExprs) {
        m_overfull = true;
        return kNever;
    }
    m_exprs.push_back(expr);
    return static_cast<ExprId>(m_exprs.size() - 1);
}

ExprId GrammarBuilder::addList(Expr::Kind kind, const std::vector<ExprId> &children) {
    if (m_exprs.size() + m_children.size() + children.size() >= kMaxExprs) {
        m_overfull = true;
        return kNever;
    }
    const auto first = static_cast<std::uint32_t>(m_children.size());
    m_children.insert(m_children.end(), children.begin(), children.end());
    return add({kind, first, static_cast<std::uint32_t>(children.size())});
}

ExprId GrammarBuilder::bytes(const ByteSet &set) {
    if (set.none()) return kNever;
    const auto [place, added] = m_setIds.emplace(set, static_cast<std::uint32_t>(m_sets.size()));
    if (added) m_sets.push_back(set);
    return add({Expr::Kind::Bytes, place->second});
}

ExprId GrammarBuilder::literal(std::string_view text) {
    if (text.empty()) return kNothing;
    m_texts.emplace_back(text);
    return add({Expr::Kind::Literal, static_cast<std::uint32_t>(m_texts.size() - 1)});
}

ExprId GrammarBuilder::token(std::int32_t id) {
    const auto place = std::find(m_tokens.begin(), m_tokens.end(), id);
    const auto index = static_cast<std::uint32_t>(place - m_tokens.begin());
    if (place == m_tokens.end()) m_tokens.push_back(id);
    return add({Expr::Kind::Token, index});
}

ExprId GrammarBuilder::rule(RuleId rule) { return add({Expr::Kind::Rule, rule}); }

ExprId GrammarBuilder::sequence(std::vector<ExprId> parts) {
    std::erase(parts, kNothing);
    if (std::find(parts.begin(), parts.end(), kNever) != parts.end()) return kNever;
    if (parts.empty()) return kNothing;
    return parts.size() == 1 ? parts.front() : addList(Expr::Kind::Sequence, parts);
}

ExprId GrammarBuilder::choice(std::vector<ExprId> branches) {
    std::erase(branches, kNever);
    if (branches.empty()) return kNever;
    return branches.size() == 1 ? branches.front() : addList(Expr::Kind::Choice, branches);
}

ExprId GrammarBuilder::repeat(ExprId part, std::uint32_t least, std::uint32_t most) {
    if (least > most) return kNever;
    if (most == 0 || part == kNothing) return kNothing;
    if (part == kNever) return least == 0 ? kNothing : kNever;
    if (least == 1 && most == 1) return part;
    return add({Expr::Kind::Repeat, part, 0, least, most});
}

RuleId GrammarBuilder::declare(std::string name) {
    m_rules.push_back({std::move(name)});
    if (m_rules.size() >= kMaxExprs) m_overfull = true;
    return static_cast<RuleId>(m_rules.size() - 1);
}

void GrammarBuilder::define(RuleId rule, ExprId body) {
    m_rules[rule].body = body;
    m_rules[rule].defined = true;
}

}  // namespace facet::grammar
