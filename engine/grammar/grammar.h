// Grammars over bytes and tokens: what an answer may look like. Built from expressions, then frozen into positions that
// the matcher walks.
//
//     GrammarBuilder b;
//     const RuleId list = b.declare("list");
//     b.define(list, b.choice({b.literal("."), b.sequence({b.literal("x"), b.rule(list)})}));
//     FACET_TRY(grammar, b.finish(list));
//
// Nothing here fails before finish(): a builder that was given too much remembers it and says so there.
#pragma once

#include "facet/result.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace facet::grammar {

using ByteSet = std::bitset<256>;
using ExprId = std::uint32_t;
using RuleId = std::uint32_t;
inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

ByteSet byteRange(unsigned char low, unsigned char high);

// Immutable; shared by all requests that use it.
struct Grammar {
    enum class Op : std::uint8_t {
        Bytes,   // one byte of sets[operand], then next
        Token,   // the token tokens[operand], then next
        Call,    // the rule that starts at operand, then next
        Choice,  // any of branches[operand .. operand + next)
        Repeat,  // what starts at operand, least..most times, then next
        Return,  // end of a rule or of a repeated part
    };
    struct Position {
        Op op = Op::Return;
        std::uint32_t operand = 0, next = 0;
        std::uint32_t least = 0, most = 0;  // Repeat
    };
    std::vector<Position> positions;
    std::vector<std::uint32_t> branches;
    std::vector<ByteSet> sets;
    std::vector<std::int32_t> tokens;
    std::uint32_t start = 0;
    // Bytes that no set tells apart share a class.
    std::array<std::uint8_t, 256> classOf{};
    std::vector<unsigned char> classByte;  // one byte of each class
};

class GrammarBuilder {
public:
    GrammarBuilder();

    ExprId nothing() const { return kNothing; }  // the empty text
    ExprId never() const { return kNever; }      // no text at all
    ExprId bytes(const ByteSet &set);
    ExprId literal(std::string_view text);
    ExprId token(std::int32_t id);
    ExprId rule(RuleId rule);
    ExprId sequence(std::vector<ExprId> parts);
    ExprId choice(std::vector<ExprId> branches);
    ExprId repeat(ExprId part, std::uint32_t least, std::uint32_t most = kUnbounded);
    ExprId optional(ExprId part) { return repeat(part, 0, 1); }

    // The name is for messages.
    RuleId declare(std::string name);
    void define(RuleId rule, ExprId body);
    bool isDefined(RuleId rule) const { return m_rules[rule].defined; }
    std::size_t ruleCount() const { return m_rules.size(); }
    const std::string &nameOf(RuleId rule) const { return m_rules[rule].name; }
    bool overfull() const { return m_overfull; }

    // By rule: does any text match it?
    std::vector<bool> productive() const;

    // A rule that was never defined matches nothing.
    // Errors: InvalidArgument (no text matches, a rule begins with itself), LimitExceeded.
    Result<std::shared_ptr<const Grammar>> finish(RuleId start) const;

private:
    friend class GrammarCompiler;
    static constexpr ExprId kNothing = 0, kNever = 1;

    struct Expr {
        enum class Kind : std::uint8_t { Nothing, Never, Bytes, Literal, Token, Rule, Sequence, Choice, Repeat };
        Kind kind = Kind::Nothing;
        std::uint32_t first = 0, count = 0;  // operand: set, rule, token or text index; or a range of m_children
        std::uint32_t least = 0, most = 0;
    };
    struct Rule {
        std::string name;
        ExprId body = kNever;
        bool defined = false;
    };
    ExprId add(const Expr &expr);
    ExprId addList(Expr::Kind kind, const std::vector<ExprId> &children);

    std::vector<Expr> m_exprs;
    std::vector<ExprId> m_children;
    std::vector<ByteSet> m_sets;
    std::unordered_map<ByteSet, std::uint32_t> m_setIds;
    std::vector<std::string> m_texts;
    std::vector<std::int32_t> m_tokens;
    std::vector<Rule> m_rules;
    bool m_overfull = false;
};

}  // namespace facet::grammar
