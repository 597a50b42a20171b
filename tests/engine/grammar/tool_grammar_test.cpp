#include "grammar/schema_validator.h"
#include "grammar/tool_grammar.h"
#include "grammar_support.h"
#include "facet/output_parser.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::grammar;
using namespace facet::grammar::test;

namespace {

constexpr const char *kWeather = R"({"type":"object","properties":{"unit":{"enum":["C","F"]},"City":{"type":"string","maxLength":20},
    "days":{"type":"array","items":{"type":"integer","minimum":1,"maximum":7},"maxItems":3}},"required":["City"]})";

ConstraintOptions constraintOf(const std::vector<ToolDeclaration> &tools) {
    GrammarBuilder b;
    const auto call = callExpr(b, tools, {kCallOpens, kCallCloses, kQuote});
    INFO((call ? std::string() : call.error().message));
    REQUIRE(call);
    const RuleId rule = b.declare("calls");
    b.define(rule, b.repeat(*call, 1));
    const auto grammar = b.finish(rule);
    REQUIRE(grammar);
    return options(*grammar);
}

// What the output parser makes of the ids.
ParsedOutput parsed(const std::vector<std::int32_t> &ids) {
    OutputParser parser;
    for (const std::int32_t id : ids) {
        if (id == kCallOpens) parser.pushMarker("<|tool_call>");
        else if (id == kCallCloses) parser.pushMarker("<tool_call|>");
        else if (id == kQuote) parser.pushMarker("<|\"|>");
        else parser.pushText(smallVocabulary()->bytesOf(id));
    }
    parser.finish();
    return parser.result();
}

std::vector<std::int32_t> idsOf(const std::string &text) {  // [ ] < : open, close; ~ : quote
    std::vector<std::int32_t> ids;
    for (const char c : text)
        ids.push_back(c == '<' ? kCallOpens : c == '>' ? kCallCloses : c == '~' ? kQuote : kFirstByte + static_cast<unsigned char>(c));
    return ids;
}

bool accepts(TokenConstraint constraint, const std::string &text) {
    for (const std::int32_t id : idsOf(text))
        if (!constraint.accept(id)) return false;
    return constraint.mayEnd();
}

}  // namespace

TEST_CASE("arguments come as the template writes them: names sorted, quotes as tokens") {
    const TokenConstraint weather(constraintOf({{"weather", "", kWeather, true}}));
    CHECK(accepts(weather, "<call:weather{City:~Paris~,days:[1,7],unit:~C~}>"));
    CHECK(accepts(weather, "<call:weather{City:~a, \"quoted\" {name}\n~}>"));
    CHECK(accepts(weather, "<call:weather{City:~~}><call:weather{City:~x~}>"));
    CHECK_FALSE(accepts(weather, "<call:weather{unit:~C~,City:~Paris~}>"));
    CHECK_FALSE(accepts(weather, "<call:weather{City:\"Paris\"}>"));
    CHECK_FALSE(accepts(weather, "<call:weather{City:~Paris~,days:[8]}>"));
    CHECK_FALSE(accepts(weather, "<call:weather{}>"));
    CHECK_FALSE(accepts(weather, "<call:other{}>"));
    CHECK_FALSE(accepts(weather, "call:weather{City:~x~}"));
}

TEST_CASE("sampled calls are read by the output parser and satisfy the schema") {
    std::mt19937 random(21);
    const std::vector<ToolDeclaration> tools = {
        {"weather", "", kWeather, true},
        {"note", "", R"({"type":"object","properties":{"text":{"type":"string"},"odd name":{"type":"null"}},"required":["odd name"],"additionalProperties":{"type":"boolean"}})", true},
        {"stop", "", "", true},
        {"loose", "", R"({"type":"object","properties":{"a":{"not":{"type":"string"}}}})", false}};
    int calls = 0;
    for (int i = 0; i < 60; ++i) {
        TokenConstraint constraint(constraintOf(tools));
        const Sample sample = randomAnswer(constraint, random, 50, 3000);
        if (!sample.ended) continue;
        const ParsedOutput out = parsed({sample.ids.begin(), sample.ids.end() - 1});
        CHECK(out.malformed.empty());
        CHECK(out.content.empty());
        for (const ToolCall &call : out.toolCalls) {
            ++calls;
            for (const ToolDeclaration &tool : tools) {
                if (tool.name != call.name || !tool.strict || tool.parametersJson.empty()) continue;
                const auto problem = violationOf(tool.parametersJson, call.argumentsJson);
                INFO(call.argumentsJson);
                REQUIRE(problem);
                CHECK_FALSE(problem->has_value());
            }
        }
    }
    CHECK(calls > 30);
}

TEST_CASE("a strict tool that cannot be kept is named") {
    GrammarBuilder b;
    const CallTokens tokens{kCallOpens, kCallCloses, kQuote};
    const auto call = callExpr(b, {{"lookup", "", R"({"type":"object","properties":{"a":{"not":{}}}})", true}}, tokens);
    REQUIRE_FALSE(call);
    CHECK(call.error().code == ErrorCode::InvalidArgument);
    CHECK(call.error().message.find("lookup") != std::string::npos);
    CHECK(call.error().message.find("#/properties/a/not") != std::string::npos);
    CHECK_FALSE(callExpr(b, {{"f", "", "{", true}}, tokens));
    CHECK_FALSE(callExpr(b, {{"f", "", R"({"type":"string"})", true}}, tokens));
    CHECK_FALSE(callExpr(b, {{"f", "", R"({"type":"object","required":["a"],"properties":{"a":false}})", true}}, tokens));
}
