#include "grammar/schema_validator.h"

#include "grammar/numbers.h"
#include "grammar/regex.h"

#include <cmath>
#include <map>
#include <utility>

namespace facet::grammar {

namespace {

constexpr int kMaxDepth = 300;           // of schemas within schemas
constexpr std::size_t kMaxSteps = 2'000'000;

// Equality of JSON Schema: 1 and 1.0 are the same number, the order of keys does not matter.
bool sameValue(const Json &a, const Json &b) {
    if (a.is_number() && b.is_number()) {
        const auto x = Decimal::parse(a.dump()), y = Decimal::parse(b.dump());
        return x && y ? compare(*x, *y) == 0 : a == b;
    }
    if (a.type() != b.type()) return false;
    if (a.is_array()) {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i)
            if (!sameValue(a[i], b[i])) return false;
        return true;
    }
    if (a.is_object()) {
        if (a.size() != b.size()) return false;
        for (const auto &[key, value] : a.items()) {
            const auto other = b.find(key);
            if (other == b.end() || !sameValue(value, *other)) return false;
        }
        return true;
    }
    return a == b;
}

bool isIntegerValue(const Json &value) {
    if (value.is_number_integer()) return true;
    return value.is_number_float() && std::isfinite(value.get<double>()) && std::trunc(value.get<double>()) == value.get<double>();
}

bool hasType(const Json &value, const std::string &type) {
    if (type == "integer") return isIntegerValue(value);
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "boolean") return value.is_boolean();
    return type == "null" && value.is_null();
}

std::size_t codePointCount(const std::string &text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) readCodePoint(text, at);
    return count;
}

bool isMultiple(const Json &value, const Json &of) {
    const auto v = Decimal::parse(value.dump()), m = Decimal::parse(of.dump());
    if (!v || !m || m->isZero()) return false;
    // Both as integers of the same scale, then the remainder digit by digit.
    const std::size_t scale = std::max(v->fraction.size(), m->fraction.size());
    std::string divisor = m->whole + m->fraction + std::string(scale - m->fraction.size(), '0');
    const std::string dividend = v->whole + v->fraction + std::string(scale - v->fraction.size(), '0');
    divisor.erase(0, divisor.find_first_not_of('0'));
    if (divisor.size() > 17) return std::fmod(value.get<double>(), of.get<double>()) == 0;
    const std::uint64_t d = std::stoull(divisor);
    std::uint64_t rest = 0;
    for (const char c : dividend) rest = (rest * 10 + static_cast<std::uint64_t>(c - '0')) % d;
    return rest == 0;
}

class Validator {
public:
    explicit Validator(const SchemaDocument &document) : m_document(document) {}

    // The first violation found, with its place.
    Result<std::optional<std::string>> check(const SchemaRef &ref, const Json &value, const std::string &at, int depth) {
        if (depth > kMaxDepth || ++m_steps > kMaxSteps)
            return Error{ErrorCode::LimitExceeded, "The schema takes too many steps at " + ref.path + ": does it refer to itself?"};
        const Json &schema = *ref.schema;
        if (schema.is_boolean()) {
            if (schema.get<bool>()) return none();
            return fails(at, ref.path);
        }
        if (!schema.is_object()) return wrongKeyword(ref.path, "be an object, or true or false");
        if (ref.path != "#" && schema.contains("$id"))
            return unsupportedKeyword(pathBelow(ref.path, "$id"), "only the outermost schema may have an $id");
        for (const auto &[key, content] : schema.items()) {
            const SchemaRef keyword{&content, pathBelow(ref.path, key)};
            FACET_TRY(problem, checkKeyword(key, keyword, schema, value, at, depth));
            if (problem) return problem;
        }
        return none();
    }

private:
    using Verdict = Result<std::optional<std::string>>;
    static std::optional<std::string> none() { return std::nullopt; }
    static std::optional<std::string> fails(const std::string &at, const std::string &path) {
        return "The value at " + (at.empty() ? "the top" : at) + " breaks the schema's " + path + ".";
    }
    static std::optional<std::string> verdict(bool good, const std::string &at, const std::string &path) {
        return good ? none() : fails(at, path);
    }

    Verdict checkKeyword(const std::string &key, const SchemaRef &k, const Json &schema, const Json &value,
                         const std::string &at, int depth) {
        const Json &content = *k.schema;
        if (key == "$ref") {
            if (!content.is_string()) return wrongKeyword(k.path, "be a string");
            FACET_TRY(target, m_document.resolve(content.get<std::string>(), k.path));
            return check(target, value, at, depth + 1);
        }
        if (key == "type") {
            if (content.is_string()) return verdict(hasType(value, content.get<std::string>()), at, k.path);
            if (!content.is_array()) return wrongKeyword(k.path, "be a string or a list of strings");
            for (const Json &type : content)
                if (type.is_string() && hasType(value, type.get<std::string>())) return none();
            return fails(at, k.path);
        }
        if (key == "const") return verdict(sameValue(value, content), at, k.path);
        if (key == "enum") {
            if (!content.is_array()) return wrongKeyword(k.path, "be a list");
            for (const Json &entry : content)
                if (sameValue(value, entry)) return none();
            return fails(at, k.path);
        }
        if (key == "allOf" || key == "anyOf" || key == "oneOf" || key == "not" || key == "if")
            return logic(key, k, schema, value, at, depth);
        if (value.is_number()) return number(key, k, value, at);
        if (value.is_string()) return string(key, k, value, at);
        if (value.is_array()) return array(key, k, schema, value, at, depth);
        if (value.is_object()) return object(key, k, schema, value, at, depth);
        return refuseUnknown(key, k);
    }

    static Verdict refuseUnknown(const std::string &key, const SchemaRef &k) {
        constexpr std::string_view kNever[] = {"unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"};
        for (const std::string_view name : kNever)
            if (key == name) return unsupportedKeyword(k.path);
        return none();
    }

    Verdict logic(const std::string &key, const SchemaRef &k, const Json &schema, const Json &value, const std::string &at, int depth) {
        if (key == "not") {
            FACET_TRY(inner, check(k, value, at, depth + 1));
            return verdict(inner.has_value(), at, k.path);
        }
        if (key == "if") {
            FACET_TRY(condition, check(k, value, at, depth + 1));
            const char *branch = condition ? "else" : "then";
            const auto found = schema.find(branch);
            if (found == schema.end()) return none();
            return check({&*found, k.path.substr(0, k.path.size() - 2) + branch}, value, at, depth + 1);
        }
        if (!k.schema->is_array() || k.schema->empty()) return wrongKeyword(k.path, "be a list of schemas");
        std::size_t good = 0;
        for (std::size_t i = 0; i < k.schema->size(); ++i) {
            FACET_TRY(problem, check({&(*k.schema)[i], pathBelow(k.path, i)}, value, at, depth + 1));
            if (!problem) ++good;
            else if (key == "allOf") return problem;
        }
        if (key == "allOf") return none();
        return verdict(key == "anyOf" ? good > 0 : good == 1, at, k.path);
    }

    Verdict number(const std::string &key, const SchemaRef &k, const Json &value, const std::string &at) const {
        const bool low = key == "minimum" || key == "exclusiveMinimum", high = key == "maximum" || key == "exclusiveMaximum";
        if (!low && !high && key != "multipleOf") return refuseUnknown(key, k);
        if (!k.schema->is_number()) return wrongKeyword(k.path, "be a number");
        if (key == "multipleOf") return verdict(isMultiple(value, *k.schema), at, k.path);
        const auto v = Decimal::parse(value.dump()), bound = Decimal::parse(k.schema->dump());
        const int order = v && bound ? compare(*v, *bound)
                                     : (value.get<double>() < k.schema->get<double>() ? -1 : value.get<double>() > k.schema->get<double>());
        const bool excluded = key.starts_with("exclusive");
        return verdict(low ? order > 0 || (order == 0 && !excluded) : order < 0 || (order == 0 && !excluded), at, k.path);
    }

    static Result<double> count(const SchemaRef &k) {
        if (!k.schema->is_number() || k.schema->get<double>() < 0) return wrongKeyword(k.path, "be a number that is not negative");
        return k.schema->get<double>();
    }

    Result<const CodePointDfa *> pattern(const std::string &text, const std::string &path) {
        const auto known = m_patterns.find(text);
        if (known != m_patterns.end()) return &known->second;
        auto dfa = dfaFromPattern(text);
        if (!dfa) return unsupportedKeyword(path, dfa.error().message);
        return &m_patterns.emplace(text, std::move(*dfa)).first->second;
    }

    Verdict string(const std::string &key, const SchemaRef &k, const Json &value, const std::string &at) {
        const auto &text = value.get_ref<const std::string &>();
        if (key == "minLength" || key == "maxLength") {
            FACET_TRY(bound, count(k));
            const auto length = static_cast<double>(codePointCount(text));
            return verdict(key == "minLength" ? length >= bound : length <= bound, at, k.path);
        }
        if (key != "pattern") return refuseUnknown(key, k);
        if (!k.schema->is_string()) return wrongKeyword(k.path, "be a string");
        FACET_TRY(dfa, pattern(k.schema->get<std::string>(), k.path));
        return verdict(dfa->matches(text), at, k.path);
    }

    Verdict array(const std::string &key, const SchemaRef &k, const Json &schema, const Json &value, const std::string &at, int depth) {
        if (key == "minItems" || key == "maxItems") {
            FACET_TRY(bound, count(k));
            const auto length = static_cast<double>(value.size());
            return verdict(key == "minItems" ? length >= bound : length <= bound, at, k.path);
        }
        if (key == "prefixItems" || key == "items") {
            const auto prefix = schema.find("prefixItems");
            const std::size_t fixed = prefix == schema.end() ? 0 : prefix->size();
            const bool rest = key == "items";
            if (!rest && !k.schema->is_array()) return wrongKeyword(k.path, "be a list of schemas");
            for (std::size_t i = rest ? fixed : 0; i < (rest ? value.size() : std::min(fixed, value.size())); ++i) {
                const SchemaRef item = rest ? k : SchemaRef{&(*k.schema)[i], pathBelow(k.path, i)};
                FACET_TRY(problem, check(item, value[i], pathBelow(at, i), depth + 1));
                if (problem) return problem;
            }
            return none();
        }
        if (key == "uniqueItems") {
            if (!k.schema->is_boolean() || !k.schema->get<bool>()) return none();
            for (std::size_t i = 0; i < value.size(); ++i) {
                if ((m_steps += i) > kMaxSteps) return Error{ErrorCode::LimitExceeded, "The list is too long to be compared: " + k.path};
                for (std::size_t j = 0; j < i; ++j)
                    if (sameValue(value[i], value[j])) return fails(pathBelow(at, i), k.path);
            }
            return none();
        }
        if (key == "contains") {
            std::size_t found = 0;
            for (const Json &item : value) {
                FACET_TRY(problem, check(k, item, at, depth + 1));
                found += problem ? 0 : 1;
            }
            const auto bound = [&](const char *name, double fallback) {
                const auto given = schema.find(name);
                return given != schema.end() && given->is_number() ? given->get<double>() : fallback;
            };
            const auto n = static_cast<double>(found);
            return verdict(n >= bound("minContains", 1) && n <= bound("maxContains", HUGE_VAL), at, k.path);
        }
        return refuseUnknown(key, k);
    }

    Verdict object(const std::string &key, const SchemaRef &k, const Json &schema, const Json &value, const std::string &at, int depth) {
        if (key == "minProperties" || key == "maxProperties") {
            FACET_TRY(bound, count(k));
            const auto length = static_cast<double>(value.size());
            return verdict(key == "minProperties" ? length >= bound : length <= bound, at, k.path);
        }
        if (key == "required") return required(*k.schema, k.path, value, at);
        if (key == "properties" || key == "dependentSchemas" || key == "dependentRequired") {
            if (!k.schema->is_object()) return wrongKeyword(k.path, "be an object");
            for (const auto &[name, inner] : k.schema->items()) {
                const auto member = value.find(name);
                if (member == value.end()) continue;
                const std::string path = pathBelow(k.path, name);
                FACET_TRY(problem, key == "dependentRequired" ? required(inner, path, value, at)
                                   : key == "properties"      ? check({&inner, path}, *member, pathBelow(at, name), depth + 1)
                                                              : check({&inner, path}, value, at, depth + 1));
                if (problem) return problem;
            }
            return none();
        }
        if (key == "patternProperties" || key == "additionalProperties" || key == "propertyNames") {
            for (const auto &[name, member] : value.items()) {
                FACET_TRY(problem, key == "propertyNames" ? check(k, Json(name), pathBelow(at, name), depth + 1)
                                                          : otherProperty(key, k, schema, name, member, at, depth));
                if (problem) return problem;
            }
            return none();
        }
        return refuseUnknown(key, k);
    }

    Verdict otherProperty(const std::string &key, const SchemaRef &k, const Json &schema, const std::string &name,
                          const Json &member, const std::string &at, int depth) {
        const auto patterns = schema.find("patternProperties");
        const auto properties = schema.find("properties");
        bool named = properties != schema.end() && properties->contains(name);
        if (patterns != schema.end() && patterns->is_object()) {
            for (const auto &[text, inner] : patterns->items()) {
                const std::string path = pathBelow(k.path, text);
                FACET_TRY(dfa, pattern(text, path));
                if (!dfa->matches(name)) continue;
                named = true;
                if (key != "patternProperties") continue;
                FACET_TRY(problem, check({&inner, path}, member, pathBelow(at, name), depth + 1));
                if (problem) return problem;
            }
        }
        if (named || key == "patternProperties") return none();
        return check(k, member, pathBelow(at, name), depth + 1);
    }

    static Verdict required(const Json &names, const std::string &path, const Json &value, const std::string &at) {
        if (!names.is_array()) return wrongKeyword(path, "be a list of strings");
        for (const Json &name : names)
            if (name.is_string() && !value.contains(name.get<std::string>())) return fails(at, path + " (\"" + name.get<std::string>() + "\" is missing)");
        return none();
    }

    const SchemaDocument &m_document;
    std::map<std::string, CodePointDfa> m_patterns;
    std::size_t m_steps = 0;
};

}  // namespace

Result<std::optional<std::string>> violation(const SchemaDocument &document, const SchemaRef &schema, const Json &value) {
    return Validator(document).check(schema, value, "", 0);
}

Result<std::optional<std::string>> violationOf(std::string_view schemaText, std::string_view valueText) {
    FACET_TRY(document, SchemaDocument::parse(schemaText));
    FACET_TRY(value, parseJsonText(valueText, "The value"));
    return violation(*document, document->root(), value);
}

}  // namespace facet::grammar
