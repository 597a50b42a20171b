#include "grammar/schema_compiler.h"

#include <algorithm>
#include <cstring>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxUnfolded = 1000;  // schemas in one set
constexpr std::size_t kMaxChain = 200;      // references behind references
constexpr std::size_t kMaxSets = 20'000;
constexpr std::size_t kMaxOverlapTests = 5'000;

}  // namespace

Result<RuleId> SchemaCompiler::run(const SchemaRef &root) {
    FACET_TRY(rule, ruleFor({{root}}));
    while (!m_queue.empty()) {
        const auto [next, set] = std::move(m_queue.front());
        m_queue.pop_front();
        FACET_TRY(expr, body(set));
        m_b.define(next, expr);
        if (m_b.overfull() || m_rules.size() > kMaxSets)
            return Error{ErrorCode::LimitExceeded, "The schema is too large to be turned into a grammar."};
    }
    FACET_CHECK(refuseOverlaps());
    return rule;
}

Status SchemaCompiler::checkKeywords(const SchemaRef &ref) const {
    // An enumeration is decided value by value, whatever else is asked of them.
    if (ref.schema->contains("enum") || ref.schema->contains("const")) return ok();
    for (const auto &[key, content] : ref.schema->items()) {
        if (keywordOf(key) == Keyword::Unsupported) {
            if (key == "then" || key == "else" || key == "minContains" || key == "maxContains") {
                // Without if and contains they mean nothing.
                if (!ref.schema->contains(key == "then" || key == "else" ? "if" : "contains")) continue;
            }
            return unsupportedKeyword(pathBelow(ref.path, key));
        }
        if (key == "$id" && ref.path != "#")
            return unsupportedKeyword(pathBelow(ref.path, key), "only the outermost schema may have an $id");
    }
    return ok();
}

// Adds a schema and everything that it refers to or lists in allOf.
Status SchemaCompiler::unfold(const Item &item, Set &out, bool &never, std::vector<const Json *> &path) {
    const Json &schema = *item.ref.schema;
    if (schema.is_boolean()) {
        never = never || !schema.get<bool>();
        return ok();
    }
    if (!schema.is_object()) return wrongKeyword(item.ref.path, "be a schema: an object, or true or false");
    if (std::find(path.begin(), path.end(), &schema) != path.end() || path.size() > kMaxChain)
        return unsupportedKeyword(item.ref.path, "the schema refers to itself without anything in between");
    const auto same = std::find_if(out.begin(), out.end(), [&](const Item &i) { return i.ref.schema == &schema; });
    if (same != out.end()) {
        if ((same->done & (kAnyOf | kOneOf)) != 0 && (item.done & kUnfolded) == 0)
            return unsupportedKeyword(item.ref.path, "the schema refers to itself without anything in between");
        return ok();
    }
    if (out.size() >= kMaxUnfolded) return Error{ErrorCode::LimitExceeded, "Too many schemas must hold together at " + item.ref.path + "."};
    out.push_back({item.ref, static_cast<std::uint8_t>(item.done | kUnfolded)});
    if ((item.done & kUnfolded) != 0) return ok();
    FACET_CHECK(checkKeywords(item.ref));
    path.push_back(&schema);
    if (const auto ref = schema.find("$ref"); ref != schema.end()) {
        const std::string at = pathBelow(item.ref.path, "$ref");
        if (!ref->is_string()) return wrongKeyword(at, "be a string");
        FACET_TRY(target, m_document.resolve(ref->get<std::string>(), at));
        FACET_CHECK(unfold({target}, out, never, path));
    }
    if (const auto all = schema.find("allOf"); all != schema.end()) {
        const std::string at = pathBelow(item.ref.path, "allOf");
        if (!all->is_array() || all->empty()) return wrongKeyword(at, "be a list of schemas");
        for (std::size_t i = 0; i < all->size(); ++i) FACET_CHECK(unfold({{&(*all)[i], pathBelow(at, i)}}, out, never, path));
    }
    path.pop_back();
    return ok();
}

Result<RuleId> SchemaCompiler::ruleFor(const Set &schemas) {
    Set set;
    bool never = false;
    std::vector<const Json *> path;
    for (const Item &item : schemas) FACET_CHECK(unfold(item, set, never, path));
    if (never) {
        if (!m_never) {
            m_never = m_b.declare("false");
            m_b.define(*m_never, m_b.never());
        }
        return *m_never;
    }
    std::string key;
    for (const Item &item : set) {
        const auto address = reinterpret_cast<std::uintptr_t>(item.ref.schema);
        key.append(reinterpret_cast<const char *>(&address), sizeof address);
        key += static_cast<char>(item.done);
    }
    const auto known = m_rules.find(key);
    if (known != m_rules.end()) return known->second;
    const RuleId rule = m_b.declare(set.empty() ? "true" : set.front().ref.path);
    m_rules.emplace(std::move(key), rule);
    m_queue.emplace_back(rule, std::move(set));
    return rule;
}

Result<ExprId> SchemaCompiler::body(const Set &set) {
    for (const Item &item : set) {
        const Json &schema = *item.ref.schema;
        if (const auto value = schema.find("const"); value != schema.end()) return enumeration(set, Json::array({*value}));
        if (const auto values = schema.find("enum"); values != schema.end()) {
            if (!values->is_array()) return wrongKeyword(pathBelow(item.ref.path, "enum"), "be a list");
            return enumeration(set, *values);
        }
    }
    for (std::size_t i = 0; i < set.size(); ++i) {
        const Json &schema = *set[i].ref.schema;
        if ((set[i].done & kAnyOf) == 0 && schema.contains("anyOf")) return branches(set, i, "anyOf", kAnyOf);
        if ((set[i].done & kOneOf) == 0 && schema.contains("oneOf")) return branches(set, i, "oneOf", kOneOf);
    }
    return mergedBody(set);
}

Result<ExprId> SchemaCompiler::enumeration(const Set &set, const Json &values) {
    std::vector<ExprId> literals;
    for (const Json &value : values) {
        bool good = true;
        for (const Item &item : set) {
            FACET_TRY(problem, violation(m_document, item.ref, value));
            good = good && !problem;
        }
        if (good) literals.push_back(m_writer.literal(value));
    }
    return m_b.choice(std::move(literals));
}

Result<ExprId> SchemaCompiler::branches(const Set &set, std::size_t which, const char *keyword, std::uint8_t mark) {
    const std::string path = pathBelow(set[which].ref.path, keyword);
    const Json &list = set[which].ref.schema->at(keyword);
    if (!list.is_array() || list.empty()) return wrongKeyword(path, "be a list of schemas");
    Set rest = set;
    rest[which].done |= mark;
    const auto branch = [&](std::size_t i) { return Item{{&list[i], pathBelow(path, i)}}; };
    std::vector<ExprId> exprs;
    for (std::size_t i = 0; i < list.size(); ++i) {
        Set with = rest;
        with.push_back(branch(i));
        FACET_TRY(rule, ruleFor(with));
        exprs.push_back(m_b.rule(rule));
    }
    for (std::size_t i = 0; mark == kOneOf && i < list.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (m_overlaps.size() >= kMaxOverlapTests) return Error{ErrorCode::LimitExceeded, "The schema has too many branches at " + path + "."};
            Set with = rest;
            with.push_back(branch(j));
            with.push_back(branch(i));
            FACET_TRY(common, ruleFor(with));
            m_overlaps.push_back({common, path, j, i});
        }
    }
    return m_b.choice(std::move(exprs));
}

// oneOf is written as anyOf, which is the same if no value satisfies two branches.
Status SchemaCompiler::refuseOverlaps() const {
    if (m_overlaps.empty()) return ok();
    const std::vector<bool> productive = m_b.productive();
    for (const Overlap &o : m_overlaps)
        if (productive[o.common])
            return unsupportedKeyword(o.path, "a value may satisfy both branch " + std::to_string(o.first) + " and branch " +
                                                  std::to_string(o.second) +
                                                  "; use anyOf, or let the branches exclude each other");
    return ok();
}

Result<RuleId> addSchema(GrammarBuilder &builder, ValueWriter &writer, const SchemaDocument &document, const SchemaOptions &options) {
    FACET_TRY(rule, SchemaCompiler(builder, writer, document, options).run(document.root()));
    return rule;
}

Result<std::shared_ptr<const Grammar>> grammarFromSchema(std::string_view schemaText, const SchemaOptions &options) {
    FACET_TRY(document, SchemaDocument::parse(schemaText));
    GrammarBuilder builder;
    ValueWriter writer(builder, std::nullopt);
    FACET_TRY(rule, addSchema(builder, writer, *document, options));
    return builder.finish(rule);
}

Result<std::shared_ptr<const Grammar>> grammarOfJsonObject() {
    GrammarBuilder builder;
    ValueWriter writer(builder, std::nullopt);
    const RuleId root = builder.declare("JSON object");
    builder.define(root, writer.anyObject());
    return builder.finish(root);
}

}  // namespace facet::grammar
