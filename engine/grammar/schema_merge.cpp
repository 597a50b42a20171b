// Schemas without branchings that must all hold: their keywords are merged type by type.
#include "grammar/regex.h"
#include "grammar/schema_compiler.h"

#include <algorithm>
#include <cmath>

namespace facet::grammar {

namespace {

// Lengths that an automaton can count together with a pattern.
constexpr std::uint64_t kMaxCounted = 5'000;

Result<std::uint64_t> countOf(const SchemaRef &k) {
    if (k.schema->is_number_unsigned()) return k.schema->get<std::uint64_t>();
    if (k.schema->is_number()) {
        const auto value = k.schema->get<double>();
        if (value >= 0 && value < 1e15 && std::trunc(value) == value) return static_cast<std::uint64_t>(value);
    }
    return wrongKeyword(k.path, "be a whole number that is not negative");
}

std::uint32_t narrow(std::uint64_t count) { return count >= kUnbounded ? kUnbounded : static_cast<std::uint32_t>(count); }

}  // namespace

Status SchemaCompiler::mergeTypes(const SchemaRef &k, unsigned &types) const {
    const auto bitsOf = [](const std::string &name) -> unsigned {
        if (name == "null") return Null;
        if (name == "boolean") return Boolean;
        if (name == "integer") return Integer;
        if (name == "number") return Integer | Fractional;
        if (name == "string") return String;
        if (name == "array") return Array;
        return name == "object" ? Object : 0;
    };
    Json names = *k.schema;
    if (names.is_string()) names = Json::array({names});
    if (!names.is_array()) return wrongKeyword(k.path, "be the name of a type or a list of them");
    unsigned allowed = 0;
    for (const Json &name : names) {
        const unsigned bits = name.is_string() ? bitsOf(name.get<std::string>()) : 0;
        if (bits == 0) return wrongKeyword(k.path, "name the types null, boolean, integer, number, string, array and object only");
        allowed |= bits;
    }
    types &= allowed;
    return ok();
}

Status SchemaCompiler::mergeNumber(const std::string &key, const SchemaRef &k, Merged &m) const {
    if (!k.schema->is_number()) return wrongKeyword(k.path, "be a number");
    const auto value = Decimal::parse(k.schema->dump());
    if (!value) return unsupportedKeyword(k.path, "the number has too many digits");
    m.numberPath = k.path;
    if (key == "minimum" || key == "exclusiveMinimum") m.numbers.raiseLow(*value, key != "minimum");
    else if (key == "maximum" || key == "exclusiveMaximum") m.numbers.lowerHigh(*value, key != "maximum");
    else if (value->negative || value->isZero()) return wrongKeyword(k.path, "be a number above 0");
    else if (!m.numbers.addMultiple(*value))
        return unsupportedKeyword(k.path, "multiples of such a number cannot be written as a grammar");
    return ok();
}

Status SchemaCompiler::mergeKeyword(const std::string &key, const SchemaRef &k, Merged &m) const {
    const auto least = [&](Lengths &lengths) -> Status {
        FACET_TRY(count, countOf(k));
        lengths.least = std::max(lengths.least, count);
        lengths.path = k.path;
        return ok();
    };
    const auto most = [&](Lengths &lengths) -> Status {
        FACET_TRY(count, countOf(k));
        lengths.most = std::min(lengths.most, count);
        lengths.path = k.path;
        return ok();
    };
    if (key == "type") return mergeTypes(k, m.types);
    if (key == "minimum" || key == "maximum" || key == "exclusiveMinimum" || key == "exclusiveMaximum" || key == "multipleOf")
        return mergeNumber(key, k, m);
    if (key == "minLength") return least(m.strings.length);
    if (key == "maxLength") return most(m.strings.length);
    if (key == "minItems") return least(m.arrays.count);
    if (key == "maxItems") return most(m.arrays.count);
    if (key == "minProperties") return least(m.objects.count);
    if (key == "maxProperties") return most(m.objects.count);
    if (key == "pattern") {
        if (!k.schema->is_string()) return wrongKeyword(k.path, "be a string");
        m.strings.patterns.push_back(k);
    } else if (key == "uniqueItems") {
        if (!k.schema->is_boolean()) return wrongKeyword(k.path, "be true or false");
        if (k.schema->get<bool>()) m.arrays.uniquePath = k.path;
    } else if (key == "propertyNames") {
        m.objects.nameSchemas.push_back(k);
    } else if (key == "required") {
        if (!k.schema->is_array()) return wrongKeyword(k.path, "be a list of names");
        for (const Json &name : *k.schema) {
            if (!name.is_string()) return wrongKeyword(k.path, "be a list of names");
            m.objects.required.push_back(name.get<std::string>());
        }
    }
    return ok();
}

Result<SchemaCompiler::Merged> SchemaCompiler::merge(const Set &set) const {
    Merged m;
    for (const Item &item : set) {
        ObjectGroup object;
        ArrayGroup array;
        if (m.objects.path.empty()) m.objects.path = item.ref.path;
        for (const auto &[key, content] : item.ref.schema->items()) {
            const SchemaRef k{&content, pathBelow(item.ref.path, key)};
            FACET_CHECK(mergeKeyword(key, k, m));
            if (key == "properties" || key == "patternProperties") {
                if (!content.is_object()) return wrongKeyword(k.path, "be an object");
                (key == "properties" ? object.properties : object.patterns) = k;
            } else if (key == "additionalProperties") {
                object.additional = k;
            } else if (key == "prefixItems") {
                if (!content.is_array()) return wrongKeyword(k.path, "be a list of schemas");
                array.prefix = k;
            } else if (key == "items") {
                if (content.is_array()) return unsupportedKeyword(k.path, "a list of schemas is called prefixItems now");
                array.items = k;
            }
        }
        if (object.properties.schema || object.patterns.schema || object.additional.schema) m.objects.groups.push_back(std::move(object));
        if (array.prefix.schema || array.items.schema) m.arrays.groups.push_back(std::move(array));
    }
    return m;
}

Result<std::optional<CodePointDfa>> SchemaCompiler::stringLanguage(const StringParts &parts) const {
    if (parts.patterns.empty() && parts.length.least == 0 && parts.length.most == kUnlimited) return std::optional<CodePointDfa>();
    const bool counted = parts.length.least > 0 || parts.length.most != kUnlimited;
    if (counted && (parts.length.least > kMaxCounted || (parts.length.most != kUnlimited && parts.length.most > kMaxCounted)))
        return unsupportedKeyword(parts.length.path, "together with a pattern, lengths are counted up to 5000 only");
    if (parts.length.least > parts.length.most) return std::optional<CodePointDfa>(CodePointDfa{{{}}, {false}});
    std::optional<CodePointDfa> all;
    if (counted) all = CodePointDfa::lengths(parts.length.least, parts.length.most);
    for (const SchemaRef &pattern : parts.patterns) {
        auto dfa = dfaFromPattern(pattern.schema->get_ref<const std::string &>());
        if (!dfa) return unsupportedKeyword(pattern.path, dfa.error().message);
        if (!all) {
            all = std::move(*dfa);
            continue;
        }
        auto common = both(*all, *dfa);
        if (!common) return unsupportedKeyword(pattern.path, "with the other patterns and lengths it is too complicated");
        all = std::move(*common);
    }
    return all;
}

Result<ExprId> SchemaCompiler::stringBody(const StringParts &parts) {
    if (parts.patterns.empty()) {
        if (parts.length.least > parts.length.most) return m_b.never();
        if (parts.length.least >= kUnbounded) return unsupportedKeyword(parts.length.path, "no answer is that long");
        return m_writer.stringOfLength(narrow(parts.length.least), narrow(parts.length.most));
    }
    FACET_TRY(language, stringLanguage(parts));
    return m_writer.stringOf(*language, parts.patterns.front().path);
}

Result<ExprId> SchemaCompiler::mergedBody(const Set &set) {
    if (set.empty()) return m_writer.anyValue();
    FACET_TRY(m, merge(set));
    std::vector<ExprId> types;
    if ((m.types & Object) != 0) {
        FACET_TRY(object, objectBody(m.objects));
        types.push_back(object);
    }
    if ((m.types & Array) != 0) {
        FACET_TRY(array, arrayBody(m.arrays));
        types.push_back(array);
    }
    if ((m.types & String) != 0) {
        FACET_TRY(string, stringBody(m.strings));
        types.push_back(string);
    }
    if ((m.types & Integer) != 0) {
        m.numbers.integer = (m.types & Fractional) == 0;
        if (m.numbers.integer && m.numbers.step != 0) {
            NumberLimits whole = m.numbers;
            if (!whole.addMultiple(Decimal{false, "1"}))
                return unsupportedKeyword(m.numberPath, "multiples of such a number cannot be written as a grammar");
        }
        types.push_back(numberExpr(m_b, m.numbers));
    }
    if ((m.types & Boolean) != 0) types.push_back(m_b.choice({m_b.literal("true"), m_b.literal("false")}));
    if ((m.types & Null) != 0) types.push_back(m_b.literal("null"));
    return m_b.choice(std::move(types));
}

}  // namespace facet::grammar
