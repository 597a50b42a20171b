// The work behind schema_grammar.h. A set of schemas that must all hold becomes one rule: references and allOf are
// unfolded into the set, enumerations are filtered by the validator, anyOf and oneOf become branches, and what is left
// is merged type by type. Internal to this folder.
#pragma once

#include "grammar/code_point_dfa.h"
#include "grammar/numbers.h"
#include "grammar/schema_grammar.h"
#include "grammar/schema_validator.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace facet::grammar {

class SchemaCompiler {
public:
    SchemaCompiler(GrammarBuilder &builder, ValueWriter &writer, const SchemaDocument &document, const SchemaOptions &options)
        : m_b(builder), m_writer(writer), m_document(document), m_options(options) {}

    Result<RuleId> run(const SchemaRef &root);

private:
    // A schema that has to hold, and which of its branchings are dealt with already.
    struct Item {
        SchemaRef ref;
        std::uint8_t done = 0;
    };
    static constexpr std::uint8_t kAnyOf = 1, kOneOf = 2, kUnfolded = 4;
    using Set = std::vector<Item>;

    enum Type : std::uint8_t { Null = 1, Boolean = 2, Integer = 4, Fractional = 8, String = 16, Array = 32, Object = 64, All = 127 };

    struct Lengths {
        std::uint64_t least = 0, most = kUnlimited;
        std::string path;  // of the keyword that set one of them
    };
    static constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

    struct ObjectGroup {  // the object keywords of one schema: `additional` is about its own properties only
        SchemaRef properties, patterns, additional;
    };
    struct ObjectParts {
        std::vector<ObjectGroup> groups;
        std::vector<std::string> required;
        std::vector<SchemaRef> nameSchemas;
        Lengths count;
        std::string path;
    };
    struct ArrayGroup {
        SchemaRef prefix, items;
    };
    struct ArrayParts {
        std::vector<ArrayGroup> groups;
        Lengths count;
        std::string uniquePath;
    };
    struct StringParts {
        std::vector<SchemaRef> patterns;
        Lengths length;
    };
    struct Merged {
        unsigned types = All;
        NumberLimits numbers;
        std::string numberPath;
        StringParts strings;
        ArrayParts arrays;
        ObjectParts objects;
    };

    // schema_compiler.cpp
    Result<RuleId> ruleFor(const Set &schemas);
    Status unfold(const Item &item, Set &out, bool &never, std::vector<const Json *> &path);
    Status checkKeywords(const SchemaRef &ref) const;
    Result<ExprId> body(const Set &set);
    Result<ExprId> enumeration(const Set &set, const Json &values);
    Result<ExprId> branches(const Set &set, std::size_t which, const char *keyword, std::uint8_t mark);
    Status refuseOverlaps() const;
    // schema_merge.cpp
    Result<Merged> merge(const Set &set) const;
    Status mergeKeyword(const std::string &key, const SchemaRef &k, Merged &m) const;
    Status mergeTypes(const SchemaRef &k, unsigned &types) const;
    Status mergeNumber(const std::string &key, const SchemaRef &k, Merged &m) const;
    Result<ExprId> mergedBody(const Set &set);
    Result<ExprId> stringBody(const StringParts &parts);
    Result<std::optional<CodePointDfa>> stringLanguage(const StringParts &parts) const;
    // schema_containers.cpp
    Result<ExprId> arrayBody(const ArrayParts &parts);
    Result<ExprId> objectBody(const ObjectParts &parts);
    struct Member {
        std::string name;
        RuleId value = 0;
        bool required = false;
    };
    struct NameClass {
        CodePointDfa names;
        std::vector<std::pair<std::size_t, std::string>> matched;  // group, pattern
    };
    Result<std::vector<Member>> declaredMembers(const ObjectParts &parts, std::vector<std::string> &declared);
    Result<Set> valueSet(const ObjectParts &parts, const std::string &name);
    Result<bool> nameAllowed(const ObjectParts &parts, const std::string &name) const;
    Result<ExprId> additionalMember(const ObjectParts &parts, const std::vector<std::string> &declared);
    Result<std::optional<CodePointDfa>> nameLanguage(const ObjectParts &parts);
    bool isOpen(const ObjectParts &parts, std::size_t declaredCount) const;
    ExprId memberList(const std::vector<Member> &members, ExprId additional, std::uint64_t least, std::uint64_t most, const std::string &path);

    GrammarBuilder &m_b;
    ValueWriter &m_writer;
    const SchemaDocument &m_document;
    const SchemaOptions m_options;
    std::unordered_map<std::string, RuleId> m_rules;  // by set
    std::deque<std::pair<RuleId, Set>> m_queue;
    std::optional<RuleId> m_never;
    struct Overlap {
        RuleId common = 0;  // what satisfies both branches
        std::string path;
        std::size_t first = 0, second = 0;
    };
    std::vector<Overlap> m_overlaps;
};

}  // namespace facet::grammar
