// Arrays and objects of a schema.
#include "grammar/regex.h"
#include "grammar/schema_compiler.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace facet::grammar {

namespace {

constexpr std::uint64_t kMaxCountedStates = 50'000;  // members times counts
constexpr std::size_t kMaxPatterns = 4;              // of patternProperties: every combination is a class of names
constexpr std::size_t kMaxPrefix = 10'000;

std::uint32_t narrow(std::uint64_t count) { return count >= kUnbounded ? kUnbounded : static_cast<std::uint32_t>(count); }

bool lessIgnoringCase(const std::string &a, const std::string &b) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&](char x, char y) { return lower(x) < lower(y); });
}

}  // namespace

Result<ExprId> SchemaCompiler::arrayBody(const ArrayParts &parts) {
    const std::uint64_t least = parts.count.least, most = parts.count.most;
    if (least > most) return m_b.never();
    if (!parts.uniquePath.empty() && most > 1)
        return unsupportedKeyword(parts.uniquePath, "whether elements repeat cannot be written as a grammar");
    if (least >= kUnbounded) return unsupportedKeyword(parts.count.path, "no answer is that long");
    std::size_t fixed = 0;
    for (const ArrayGroup &group : parts.groups)
        if (group.prefix.schema) fixed = std::max(fixed, group.prefix.schema->size());
    if (fixed > kMaxPrefix) return Error{ErrorCode::LimitExceeded, "The schema lists too many elements at " + parts.groups.front().prefix.path + "."};
    const auto elementRule = [&](std::size_t index) {
        Set set;
        for (const ArrayGroup &group : parts.groups) {
            const std::size_t own = group.prefix.schema ? group.prefix.schema->size() : 0;
            if (index < own) set.push_back({{&(*group.prefix.schema)[index], pathBelow(group.prefix.path, index)}});
            else if (group.items.schema) set.push_back({group.items});
        }
        return ruleFor(set);
    };
    const ExprId open = m_b.sequence({m_b.literal("["), m_writer.space()});
    const ExprId close = m_b.sequence({m_writer.space(), m_b.literal("]")});
    // From the back: what may follow after `fixed` elements, then after one less, ...
    FACET_TRY(restRule, elementRule(fixed));
    const ExprId next = m_b.sequence({m_writer.separator(), m_b.rule(restRule)});
    const std::uint64_t restLeast = least > fixed ? least - fixed : 0;
    const std::uint64_t restMost = most == kUnlimited ? kUnlimited : most > fixed ? most - fixed : 0;
    ExprId tail = m_b.nothing();
    if (fixed > 0) {
        tail = m_b.sequence({m_b.repeat(next, narrow(restLeast), narrow(restMost)), close});
        for (std::size_t i = fixed; i-- > 0;) {
            FACET_TRY(element, elementRule(i));
            std::vector<ExprId> branches;
            const ExprId end = i == 0 ? m_b.literal("]") : close;
            const ExprId separator = i == 0 ? m_b.nothing() : m_writer.separator();
            if (i >= least) branches.push_back(end);
            if (i < most) branches.push_back(m_b.sequence({separator, m_b.rule(element), tail}));
            const RuleId rule = m_b.declare(parts.groups.front().prefix.path);
            m_b.define(rule, m_b.choice(std::move(branches)));
            tail = m_b.rule(rule);
        }
        return m_b.sequence({open, tail});
    }
    std::vector<ExprId> branches;
    if (restLeast == 0) branches.push_back(m_b.literal("]"));
    if (restMost > 0) {
        const std::uint64_t moreMost = restMost == kUnlimited ? kUnlimited : restMost - 1;
        branches.push_back(m_b.sequence({m_b.rule(restRule), m_b.repeat(next, narrow(restLeast == 0 ? 0 : restLeast - 1), narrow(moreMost)), close}));
    }
    return m_b.sequence({open, m_b.choice(std::move(branches))});
}

// Everything that the value of this property must satisfy.
Result<SchemaCompiler::Set> SchemaCompiler::valueSet(const ObjectParts &parts, const std::string &name) {
    Set set;
    for (const ObjectGroup &group : parts.groups) {
        bool own = false;
        if (group.properties.schema) {
            const auto found = group.properties.schema->find(name);
            if (found != group.properties.schema->end()) {
                set.push_back({{&*found, pathBelow(group.properties.path, name)}});
                own = true;
            }
        }
        if (group.patterns.schema) {
            for (const auto &[pattern, schema] : group.patterns.schema->items()) {
                const std::string path = pathBelow(group.patterns.path, pattern);
                const auto dfa = dfaFromPattern(pattern);
                if (!dfa) return unsupportedKeyword(path, dfa.error().message);
                if (!dfa->matches(name)) continue;
                set.push_back({{&schema, path}});
                own = true;
            }
        }
        if (!own && group.additional.schema) set.push_back({group.additional});
    }
    return set;
}

Result<bool> SchemaCompiler::nameAllowed(const ObjectParts &parts, const std::string &name) const {
    for (const SchemaRef &schema : parts.nameSchemas) {
        FACET_TRY(problem, violation(m_document, schema, Json(name)));
        if (problem) return false;
    }
    return true;
}

Result<std::vector<SchemaCompiler::Member>> SchemaCompiler::declaredMembers(const ObjectParts &parts, std::vector<std::string> &declared) {
    std::set<std::string> seen;
    const auto declare = [&](const std::string &name) {
        if (seen.insert(name).second) declared.push_back(name);
    };
    for (const ObjectGroup &group : parts.groups)
        if (group.properties.schema)
            for (const auto &[name, schema] : group.properties.schema->items()) declare(name);
    for (const std::string &name : parts.required) declare(name);
    if (m_options.sortedKeys) std::stable_sort(declared.begin(), declared.end(), lessIgnoringCase);
    const std::set<std::string> required(parts.required.begin(), parts.required.end());
    std::vector<Member> members;
    for (const std::string &name : declared) {
        FACET_TRY(set, valueSet(parts, name));
        FACET_TRY(value, ruleFor(set));
        FACET_TRY(allowed, nameAllowed(parts, name));
        Member member{name, value, required.contains(name)};
        if (!allowed || (m_never && value == *m_never)) {
            if (!member.required) continue;
            member.value = value;
            if (!allowed) {
                const RuleId never = m_b.declare("forbidden name");
                m_b.define(never, m_b.never());
                member.value = never;
            }
        }
        members.push_back(std::move(member));
    }
    return members;
}

// What propertyNames asks of names that are not declared; nothing: any name.
Result<std::optional<CodePointDfa>> SchemaCompiler::nameLanguage(const ObjectParts &parts) {
    if (parts.nameSchemas.empty()) return std::optional<CodePointDfa>();
    Set set, items;
    bool never = false;
    std::vector<const Json *> path;
    for (const SchemaRef &schema : parts.nameSchemas) FACET_CHECK(unfold({schema}, set, never, path));
    if (never) return std::optional<CodePointDfa>(CodePointDfa{{{}}, {false}});
    for (const Item &item : set) {
        for (const char *keyword : {"anyOf", "oneOf"})
            if (item.ref.schema->contains(keyword)) return unsupportedKeyword(pathBelow(item.ref.path, keyword), "not for the names of properties");
        Json values = item.ref.schema->contains("const") ? Json::array({item.ref.schema->at("const")}) : Json();
        if (item.ref.schema->contains("enum")) values = item.ref.schema->at("enum");
        if (!values.is_array()) continue;
        std::vector<std::string> names;
        for (const Json &value : values) {
            if (!value.is_string()) continue;
            FACET_TRY(allowed, nameAllowed(parts, value.get<std::string>()));
            if (allowed) names.push_back(value.get<std::string>());
        }
        return std::optional<CodePointDfa>(CodePointDfa::oneOf(names));
    }
    FACET_TRY(m, merge(set));
    if ((m.types & String) == 0) return std::optional<CodePointDfa>(CodePointDfa{{{}}, {false}});
    return stringLanguage(m.strings);
}

// A member whose name is not declared: one branch for each class of names that the patterns tell apart.
Result<ExprId> SchemaCompiler::additionalMember(const ObjectParts &parts, const std::vector<std::string> &declared) {
    std::vector<SchemaRef> patterns;
    for (const ObjectGroup &group : parts.groups)
        if (group.patterns.schema)
            for (const auto &[text, schema] : group.patterns.schema->items()) patterns.push_back({&schema, pathBelow(group.patterns.path, text)});
    FACET_TRY(language, nameLanguage(parts));
    if (patterns.empty() && declared.empty() && !language) {
        FACET_TRY(set, valueSet(parts, ""));
        FACET_TRY(value, ruleFor(set));
        return m_b.sequence({m_writer.anyKey(), m_b.rule(value)});
    }
    if (patterns.size() > kMaxPatterns) return unsupportedKeyword(patterns.back().path, "more than 4 patterns for names");
    const auto tooMany = [&] { return unsupportedKeyword(parts.path, "the names of its properties are too complicated"); };
    CodePointDfa base = complementOf(CodePointDfa::oneOf(declared));
    if (language) {
        auto common = both(base, *language);
        if (!common) return tooMany();
        base = std::move(*common);
    }
    std::vector<NameClass> classes;
    classes.push_back({std::move(base), {}});
    for (std::size_t g = 0; g < parts.groups.size(); ++g) {
        if (!parts.groups[g].patterns.schema) continue;
        for (const auto &[text, schema] : parts.groups[g].patterns.schema->items()) {
            const auto dfa = dfaFromPattern(text);
            if (!dfa) return unsupportedKeyword(pathBelow(parts.groups[g].patterns.path, text), dfa.error().message);
            std::vector<NameClass> next;
            for (NameClass &c : classes) {
                auto inside = both(c.names, *dfa), outside = both(c.names, complementOf(*dfa));
                if (!inside || !outside) return tooMany();
                next.push_back({std::move(*inside), c.matched});
                next.back().matched.emplace_back(g, text);
                next.push_back({std::move(*outside), std::move(c.matched)});
            }
            classes = std::move(next);
        }
    }
    std::vector<ExprId> branches;
    for (const NameClass &c : classes) {
        Set set;
        for (std::size_t g = 0; g < parts.groups.size(); ++g) {
            const ObjectGroup &group = parts.groups[g];
            bool own = false;
            for (const auto &[matchedGroup, text] : c.matched) {
                if (matchedGroup != g) continue;
                set.push_back({{&group.patterns.schema->at(text), pathBelow(group.patterns.path, text)}});
                own = true;
            }
            if (!own && group.additional.schema) set.push_back({group.additional});
        }
        FACET_TRY(value, ruleFor(set));
        if (m_never && value == *m_never) continue;
        branches.push_back(m_b.sequence({m_writer.keyOf(c.names, parts.path), m_b.rule(value)}));
    }
    return m_b.choice(std::move(branches));
}

bool SchemaCompiler::isOpen(const ObjectParts &parts, std::size_t declaredCount) const {
    const bool names = declaredCount > 0 || std::any_of(parts.groups.begin(), parts.groups.end(),
                                                        [](const ObjectGroup &g) { return g.properties.schema != nullptr; });
    if (!m_options.closeObjects || !names || parts.count.least > declaredCount) return true;
    return std::any_of(parts.groups.begin(), parts.groups.end(),
                       [](const ObjectGroup &g) { return g.additional.schema || g.patterns.schema; });
}

ExprId SchemaCompiler::memberList(const std::vector<Member> &members, ExprId additional, std::uint64_t least, std::uint64_t most, const std::string &path) {
    // after[i][n]: members i.. are still possible and n are written, counted as far as it matters.
    const std::uint64_t cap = std::max<std::uint64_t>({1, least, most == kUnlimited ? 0 : most});
    const auto close = [&](std::uint64_t n) {
        return n == 0 ? m_b.literal("}") : m_b.sequence({m_writer.space(), m_b.literal("}")});
    };
    const auto comma = [&](std::uint64_t n) { return n == 0 ? m_b.nothing() : m_writer.separator(); };
    const std::size_t counts = std::min<std::uint64_t>(cap, members.size()) + 1;
    std::vector<ExprId> after(counts, m_b.never());
    const ExprId more = m_b.sequence({m_writer.separator(), additional});
    for (std::uint64_t n = 0; n < counts; ++n) {
        std::vector<ExprId> branches;
        if (n >= least && n <= most) branches.push_back(close(n));
        // One further member counts for certain; two might be the same name twice.
        if (n + 1 >= least && n + 1 <= most) {
            const std::uint32_t others = most == kUnlimited ? kUnbounded : narrow(most - n - 1);
            branches.push_back(m_b.sequence({comma(n), additional, m_b.repeat(more, 0, others), close(1)}));
        }
        const RuleId rule = m_b.declare(path);
        m_b.define(rule, m_b.choice(std::move(branches)));
        after[n] = m_b.rule(rule);
    }
    for (std::size_t i = members.size(); i-- > 0;) {
        std::vector<ExprId> before(counts, m_b.never());
        const ExprId entry = m_b.sequence({m_writer.key(members[i].name), m_b.rule(members[i].value)});
        for (std::uint64_t n = 0; n < std::min<std::uint64_t>(counts, i + 1); ++n) {
            std::vector<ExprId> branches;
            if (n < most) branches.push_back(m_b.sequence({comma(n), entry, after[std::min<std::uint64_t>(n + 1, counts - 1)]}));
            if (!members[i].required) branches.push_back(after[n]);
            const RuleId rule = m_b.declare(path);
            m_b.define(rule, m_b.choice(std::move(branches)));
            before[n] = m_b.rule(rule);
        }
        after = std::move(before);
    }
    return after[0];
}

Result<ExprId> SchemaCompiler::objectBody(const ObjectParts &parts) {
    std::vector<std::string> declared;
    FACET_TRY(members, declaredMembers(parts, declared));
    const std::uint64_t least = parts.count.least, most = parts.count.most;
    if (least > most) return m_b.never();
    ExprId additional = m_b.never();
    if (isOpen(parts, declared.size())) {
        FACET_TRY(member, additionalMember(parts, declared));
        additional = member;
    }
    const auto requiredCount = static_cast<std::uint64_t>(std::count_if(members.begin(), members.end(), [](const Member &m) { return m.required; }));
    if (additional != m_b.never() && least > requiredCount + 1)
        return unsupportedKeyword(parts.count.path, "how many different names there are cannot be written as a grammar, unless additionalProperties is false");
    const std::uint64_t cap = std::max<std::uint64_t>({1, least, most == kUnlimited ? 0 : most});
    if (std::min<std::uint64_t>(cap, members.size()) * members.size() > kMaxCountedStates)
        return unsupportedKeyword(parts.count.path.empty() ? parts.path : parts.count.path, "there are too many properties to be counted");
    return m_b.sequence({m_b.literal("{"), m_writer.space(), memberList(members, additional, least, most, parts.path)});
}

}  // namespace facet::grammar
