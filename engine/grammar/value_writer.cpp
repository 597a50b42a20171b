#include "grammar/value_writer.h"

#include "grammar/numbers.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace facet::grammar {

namespace {

constexpr std::uint32_t kMaxIndent = 40;  // white space is bounded: nobody may indent for ever
constexpr std::uint32_t kMaxBareKey = 64;

bool isBareKey(const std::string &name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    };
    return !name.empty() && std::all_of(name.begin(), name.end(), good);
}

// Free keys of calls: names as programs write them.
CodePointDfa bareKeys() {
    CodePointDfa dfa;
    for (std::uint32_t n = 0; n <= kMaxBareKey; ++n) {
        dfa.accepts.push_back(n > 0);
        dfa.edges.emplace_back();
        if (n == kMaxBareKey) break;
        if (n > 0) dfa.edges.back().push_back({'0', '9', n + 1});
        dfa.edges.back().push_back({'A', 'Z', n + 1});
        dfa.edges.back().push_back({'_', '_', n + 1});
        dfa.edges.back().push_back({'a', 'z', n + 1});
    }
    return dfa;
}

}  // namespace

template <typename Build> ExprId ValueWriter::shared(std::optional<RuleId> &rule, const char *name, Build build) {
    if (!rule) {
        rule = m_b.declare(name);
        m_b.define(*rule, build());
    }
    return m_b.rule(*rule);
}

ExprId ValueWriter::space() {
    if (writesCalls()) return m_b.nothing();
    return shared(m_space, "white space", [&] {
        ByteSet blank;
        blank.set(' ').set('\t');
        return m_b.optional(m_b.choice(
            {m_b.literal(" "), m_b.sequence({m_b.literal("\n"), m_b.repeat(m_b.bytes(blank), 0, kMaxIndent)})}));
    });
}

ExprId ValueWriter::separator() { return m_b.sequence({m_b.literal(","), space()}); }
ExprId ValueWriter::colon() { return m_b.sequence({m_b.literal(":"), space()}); }

ExprId ValueWriter::quoted(ExprId text) {
    const ExprId quote = m_quote ? m_b.token(*m_quote) : m_b.literal("\"");
    return m_b.sequence({quote, text, quote});
}

ExprId ValueWriter::character() {
    return shared(m_character, "character", [&] {
        return writesCalls() ? spell(m_b, anyCodePoint(), Spelling::Plain) : anyJsonCharacter(m_b);
    });
}

ExprId ValueWriter::stringOfLength(std::uint32_t least, std::uint32_t most) {
    if (least == 0 && most == kUnbounded)
        return shared(m_string, "string", [&] { return quoted(m_b.repeat(character(), 0)); });
    return quoted(m_b.repeat(character(), least, most));
}

ExprId ValueWriter::stringOf(const CodePointDfa &texts, const std::string &nameForMessages) {
    return quoted(spell(m_b, texts, writesCalls() ? Spelling::Plain : Spelling::JsonString, nameForMessages));
}

ExprId ValueWriter::key(const std::string &name) {
    if (!writesCalls()) return m_b.sequence({quoted(spellText(m_b, name, Spelling::JsonString)), colon()});
    const ExprId text = m_b.literal(name);
    return m_b.sequence({isBareKey(name) ? text : quoted(text), colon()});
}

ExprId ValueWriter::anyKey() {
    return shared(m_key, "key", [&] {
        if (!writesCalls()) return m_b.sequence({anyString(), colon()});
        return m_b.sequence({spell(m_b, bareKeys(), Spelling::Plain, "key"), colon()});
    });
}

ExprId ValueWriter::keyOf(const CodePointDfa &names, const std::string &nameForMessages) {
    if (!writesCalls()) return m_b.sequence({stringOf(names, nameForMessages), colon()});
    const auto bare = both(names, bareKeys());
    if (!bare) return m_b.never();
    return m_b.sequence({spell(m_b, *bare, Spelling::Plain, nameForMessages), colon()});
}

ExprId ValueWriter::anyObject() {
    return shared(m_object, "object", [&] {
        const ExprId member = m_b.sequence({anyKey(), anyValue()});
        const ExprId members = m_b.sequence({member, m_b.repeat(m_b.sequence({separator(), member}), 0), space()});
        return m_b.sequence({m_b.literal("{"), space(), m_b.optional(members), m_b.literal("}")});
    });
}

ExprId ValueWriter::anyValue() {
    if (m_value) return m_b.rule(*m_value);
    m_value = m_b.declare("value");
    const ExprId self = m_b.rule(*m_value);
    const ExprId elements = m_b.sequence({self, m_b.repeat(m_b.sequence({separator(), self}), 0), space()});
    const ExprId array = m_b.sequence({m_b.literal("["), space(), m_b.optional(elements), m_b.literal("]")});
    const ExprId number = shared(m_number, "number", [&] { return numberExpr(m_b, {}); });
    m_b.define(*m_value, m_b.choice({anyObject(), array, anyString(), number, m_b.literal("true"), m_b.literal("false"),
                                     m_b.literal("null")}));
    return self;
}

ExprId ValueWriter::literal(const Json &value) {
    if (value.is_string()) {
        const auto &text = value.get_ref<const std::string &>();
        return quoted(spellText(m_b, text, writesCalls() ? Spelling::Plain : Spelling::JsonString));
    }
    if (value.is_array()) {
        std::vector<ExprId> parts{m_b.literal("["), space()};
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (i > 0) parts.push_back(separator());
            parts.push_back(literal(value[i]));
        }
        if (!value.empty()) parts.push_back(space());
        parts.push_back(m_b.literal("]"));
        return m_b.sequence(std::move(parts));
    }
    if (value.is_object()) {
        std::vector<ExprId> parts{m_b.literal("{"), space()};
        bool first = true;
        for (const auto &[name, member] : value.items()) {
            if (!first) parts.push_back(separator());
            first = false;
            parts.push_back(key(name));
            parts.push_back(literal(member));
        }
        if (!first) parts.push_back(space());
        parts.push_back(m_b.literal("}"));
        return m_b.sequence(std::move(parts));
    }
    if (value.is_number_float()) {
        const auto decimal = Decimal::parse(value.dump());  // 1.0 is written as 1
        if (decimal && decimal->whole.size() <= 18) return m_b.literal(decimal->text());
    }
    return m_b.literal(value.dump());
}

}  // namespace facet::grammar
