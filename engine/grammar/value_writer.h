// How values are written: as JSON, or as the arguments of a tool call (bare keys, strings between quote tokens; the
// response grammar of engine/text). Everything that a schema's grammar is made of.
#pragma once

#include "grammar/code_point_dfa.h"
#include "grammar/grammar.h"
#include "grammar/schema_document.h"

#include <cstdint>
#include <optional>
#include <string>

namespace facet::grammar {

class ValueWriter {
public:
    // Without a quote token: JSON, with bounded white space between its parts.
    ValueWriter(GrammarBuilder &builder, std::optional<std::int32_t> quoteToken) : m_b(builder), m_quote(quoteToken) {}

    bool writesCalls() const { return m_quote.has_value(); }
    ExprId space();       // white space where JSON allows it; nothing in calls
    ExprId separator();   // between members and elements
    ExprId anyValue();    // any value
    ExprId anyObject();
    ExprId anyString() { return stringOfLength(0, kUnbounded); }
    ExprId stringOfLength(std::uint32_t least, std::uint32_t most);  // in code points
    ExprId stringOf(const CodePointDfa &texts, const std::string &nameForMessages);
    ExprId key(const std::string &name);   // with the colon
    ExprId anyKey();
    ExprId keyOf(const CodePointDfa &names, const std::string &nameForMessages);
    ExprId literal(const Json &value);

private:
    ExprId quoted(ExprId text);
    ExprId character();
    ExprId colon();
    template <typename Build> ExprId shared(std::optional<RuleId> &rule, const char *name, Build build);

    GrammarBuilder &m_b;
    std::optional<std::int32_t> m_quote;
    std::optional<RuleId> m_space, m_value, m_object, m_character, m_string, m_key, m_number;
};

}  // namespace facet::grammar
