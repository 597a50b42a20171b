// The JSON Schema Test Suite (draft 2020-12): the files of the keywords that are supported, by grammar and by validator.
#include "grammar/matcher.h"
#include "grammar/numbers.h"
#include "grammar/schema_grammar.h"
#include "grammar/schema_validator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace facet;
using namespace facet::grammar;

namespace {

std::string numberText(const Json &value) {
    const auto d = Decimal::parse(value.dump());
    return d && d->whole.size() <= 18 ? d->text() : value.dump();
}

// The value in every order of its properties: the grammar has one order of its own.
std::vector<std::string> texts(const Json &value) {
    if (value.is_number()) return {numberText(value)};
    if (!value.is_structured()) return {value.dump()};
    const bool object = value.is_object();
    std::vector<std::vector<std::string>> members;
    for (const auto &[key, member] : value.items()) {
        members.emplace_back();
        for (const std::string &text : texts(member)) members.back().push_back(object ? Json(key).dump() + ": " + text : text);
    }
    std::vector<std::size_t> order(members.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::vector<std::string> out;
    do {
        std::vector<std::string> lines{object ? "{" : "["};
        for (std::size_t i = 0; i < order.size(); ++i) {
            std::vector<std::string> next;
            for (const std::string &line : lines)
                for (const std::string &member : members[order[i]]) next.push_back(line + (i > 0 ? ", " : "") + member);
            lines = std::move(next);
        }
        for (const std::string &line : lines) out.push_back(line + (object ? "}" : "]"));
    } while (object && out.size() < 5000 && std::next_permutation(order.begin(), order.end()));
    return out;
}

struct Tally {
    int accepted = 0, rejected = 0, wrong = 0, refused = 0, refusedGroups = 0, groups = 0;
    int judged = 0, misjudged = 0, unjudged = 0;
};

void runGroup(const Json &group, const std::string &file, Tally &tally) {
    ++tally.groups;
    const std::string schema = group.at("schema").dump();
    const std::string title = file + ": " + group.at("description").get<std::string>();
    const auto grammar = grammarFromSchema(schema, {.closeObjects = false});
    // A schema that no value satisfies is one that rejects everything.
    const bool nothing = !grammar && grammar.error().message.find("No text at all") != std::string::npos;
    if (!grammar && !nothing) {
        ++tally.refusedGroups;
        CHECK_MESSAGE(grammar.error().message.find('#') != std::string::npos, title << ": " << grammar.error().message);
        CHECK(grammar.error().code != ErrorCode::Internal);
    }
    for (const Json &test : group.at("tests")) {
        const bool valid = test.at("valid").get<bool>();
        const std::string name = title + " / " + test.at("description").get<std::string>();
        const auto verdict = violationOf(schema, test.at("data").dump());
        if (!verdict) {
            ++tally.unjudged;
            CHECK_MESSAGE(verdict.error().message.find('#') != std::string::npos, name << ": " << verdict.error().message);
        } else {
            ++(verdict->has_value() == valid ? tally.misjudged : tally.judged);
            CHECK_MESSAGE(verdict->has_value() != valid, name);
        }
        if (!grammar && !nothing) {
            ++tally.refused;
            continue;
        }
        bool accepted = false;
        for (const std::string &text : texts(test.at("data"))) accepted = accepted || (grammar && matches(*grammar, text));
        CHECK_MESSAGE(accepted == valid, name);
        ++(accepted != valid ? tally.wrong : valid ? tally.accepted : tally.rejected);
    }
}

}  // namespace

TEST_CASE("JSON Schema Test Suite, draft 2020-12") {
    const char *fixtures = std::getenv("FACET_FIXTURES");
    REQUIRE(fixtures);
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(std::string(fixtures) + "/json-schema-suite"))
        if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() > 30);
    Tally tally;
    for (const auto &path : files) {
        std::ifstream in(path);
        const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        for (const Json &group : Json::parse(text)) runGroup(group, path.stem().string(), tally);
    }
    MESSAGE("grammar: " << tally.accepted << " valid instances accepted, " << tally.rejected << " invalid ones rejected, "
                        << tally.wrong << " wrong; " << tally.refused << " instances of " << tally.refusedGroups << " of "
                        << tally.groups << " schemas refused by path. Validator: " << tally.judged << " right, "
                        << tally.misjudged << " wrong, " << tally.unjudged << " refused by path.");
    CHECK(tally.wrong == 0);
    CHECK(tally.misjudged == 0);
    // What is reached; a change may only raise it.
    CHECK(tally.accepted >= 474);
    CHECK(tally.rejected >= 268);
    CHECK(tally.judged >= 915);
}
