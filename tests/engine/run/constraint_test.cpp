// Answers of the demo model under constraints: whatever it would have said, they keep their form.
#include "grammar/schema_validator.h"
#include "run/answer_tools.h"
#include "run_support.h"

#include <algorithm>

using namespace facet;
using namespace facet::test;

namespace {

std::string problemOf(const std::string &schema, const std::string &value) {
    const auto verdict = grammar::violationOf(schema, value);
    if (!verdict) return verdict.error().message;
    return verdict->value_or("");
}

constexpr const char *kPerson = R"({"type":"object","properties":{"name":{"type":"string","minLength":2,"maxLength":12},
    "age":{"type":"integer","minimum":0,"maximum":130},"tags":{"type":"array","items":{"enum":["red","green"]},"maxItems":3},
    "when":{"type":"string","pattern":"^\\d{4}-\\d{2}$"}},"required":["name","age","tags","when"],"additionalProperties":false})";

}  // namespace

TEST_CASE("an answer held to a schema parses and validates, greedy and sampled") {
    const auto engine = loadEngine(demoModelPath());
    for (const float temperature : {0.0F, 1.0F, 3.0F}) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            Request request = ask("Tell me about Ada.");
            request.constraint = {OutputConstraint::Kind::JsonSchema, kPerson};
            request.sampling.temperature = temperature;
            request.sampling.seed = seed;
            request.maxTokens = 300;
            const auto answer = engine->generate(request);
            INFO((answer ? answer->content : answer.error().describe()));
            REQUIRE(answer);
            CHECK(answer->finish == FinishReason::Stop);
            CHECK(problemOf(kPerson, answer->content) == "");
            if (temperature == 0) break;
        }
    }
}

TEST_CASE("an answer held to a grammar matches it, and a cut one says so") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("Is the sky blue?");
    request.constraint = {OutputConstraint::Kind::Grammar, "root ::= \"yes\" | \"no, \" [a-z]{3}"};
    const auto answer = engine->generate(request);
    REQUIRE(answer);
    CHECK(answer->finish == FinishReason::Stop);
    CHECK((answer->content == "yes" || (answer->content.starts_with("no, ") && answer->content.size() == 7)));

    request.constraint = {OutputConstraint::Kind::Grammar, "root ::= \"a\"{50,}"};
    request.maxTokens = 5;
    const auto cut = engine->generate(request);
    REQUIRE(cut);
    CHECK(cut->finish == FinishReason::Length);
    CHECK(std::all_of(cut->content.begin(), cut->content.end(), [](char c) { return c == 'a'; }));
}

TEST_CASE("a thought comes first when it was asked for") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("Say yes.");
    request.thinking = true;
    request.maxTokens = 200;
    request.constraint = {OutputConstraint::Kind::Grammar, "root ::= \"yes\""};
    const auto answer = engine->generate(request);
    REQUIRE(answer);
    if (answer->finish == FinishReason::Stop) CHECK(answer->content == "yes");
    else CHECK(answer->content.empty());
}

TEST_CASE("required calls satisfy their schemas; strict ones that cannot are refused before anything is read") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("What is the weather in Paris?");
    request.tools.push_back({"set_alarm", "Set an alarm", R"({"type":"object","properties":{"hour":{"type":"integer","minimum":0,"maximum":23},
        "label":{"type":"string","maxLength":10}},"required":["hour","label"]})"});
    request.tools.push_back({"get_weather", "Get the weather", R"({"type":"object","properties":{"city":{"type":"string","maxLength":15}},"required":["city"]})"});
    request.toolChoice = ToolChoice::Required;
    request.maxTokens = 400;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        request.sampling.temperature = 2.0F;
        request.sampling.seed = seed;
        const auto answer = engine->generate(request);
        REQUIRE(answer);
        CHECK(answer->malformed.size() <= (answer->finish == FinishReason::Length ? 1U : 0U));
        CHECK(answer->content.empty());
        for (const ToolCall &call : answer->toolCalls) {
            const auto tool = std::find_if(request.tools.begin(), request.tools.end(), [&](const ToolDeclaration &t) { return t.name == call.name; });
            REQUIRE(tool != request.tools.end());
            INFO(call.argumentsJson);
            CHECK(problemOf(tool->parametersJson, call.argumentsJson) == "");
        }
    }
    request.tools[1].strict = true;
    request.tools[1].parametersJson = R"({"type":"object","properties":{"city":{"not":{"type":"null"}}}})";
    bool prompted = false;
    const auto refused = engine->generate(request, [&](const Event &e) {
        prompted = prompted || (e.kind == Event::Kind::Progress && e.phase == Phase::ReadingPrompt);
    });
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::InvalidArgument);
    CHECK(refused.error().message.find("#/properties/city/not") != std::string::npos);
    CHECK_FALSE(prompted);
}

TEST_CASE("any JSON object, and schemas that cannot be read") {
    const auto engine = loadEngine(demoModelPath());
    Request request = ask("Describe a cat as JSON.");
    request.constraint.kind = OutputConstraint::Kind::JsonObject;
    request.maxTokens = 200;
    const auto answer = engine->generate(request);
    REQUIRE(answer);
    if (answer->finish == FinishReason::Stop) CHECK(problemOf(R"({"type":"object"})", answer->content) == "");
    CHECK(answer->content.starts_with("{"));
    for (const char *schema : {"", "{", "[]", R"({"type":"cat"})", R"({"unevaluatedItems":false})", "false"}) {
        request.constraint = {OutputConstraint::Kind::JsonSchema, schema};
        const auto refused = engine->generate(request);
        REQUIRE_FALSE(refused);
        CHECK_MESSAGE(refused.error().code == ErrorCode::InvalidArgument, schema);
    }
}

TEST_CASE("a form is compiled once, however often it is judged and asked for") {
    LoadOptions options;
    options.path = demoModelPath();
    options.threads = 2;
    auto model = LoadedModel::load(options, {}, {});
    REQUIRE(model);
    const auto made = [&model](const Request &request) { return makeAnswerTools(**model, request, {}); };
    Request request = ask("Tell me about Ada.");
    request.constraint = {OutputConstraint::Kind::JsonSchema, kPerson};
    for (int i = 0; i < 3; ++i) {
        request.messages[0].parts[0].text += "!"; // only the form counts
        const auto tools = made(request);
        REQUIRE(tools);
        CHECK(tools->mask);
    }
    CHECK((*model)->grammars->compiled() == 1);
    CHECK(made(ask("free"))->mask == nullptr);
    CHECK((*model)->grammars->compiled() == 1);
    // Whatever else changes the form makes it another one.
    request.tools = {{"paint", "", R"({"type":"object","properties":{"a":{"type":"integer"}}})", true}};
    CHECK(made(request));
    request.tools[0].name = "draw";
    CHECK(made(request));
    request.toolChoice = ToolChoice::Required;
    CHECK(made(request));
    CHECK((*model)->grammars->compiled() == 4);
    request.toolChoice = ToolChoice::None;
    CHECK(made(request)); // as without tools
    CHECK((*model)->grammars->compiled() == 4);
    // What cannot be read is refused each time, and old forms go.
    request.constraint.text = R"({"not":{}})";
    CHECK_FALSE(made(request));
    CHECK_FALSE(made(request));
    for (int i = 0; i < 20; ++i) {
        request.constraint.text = R"({"const":)" + std::to_string(i) + "}";
        CHECK(made(request));
    }
    CHECK((*model)->grammars->compiled() == 26);
    request.constraint.text = R"({"const":19})";
    CHECK(made(request));
    CHECK((*model)->grammars->compiled() == 26);
    request.constraint.text = kPerson;
    CHECK(made(request));
    CHECK((*model)->grammars->compiled() == 27);
}
