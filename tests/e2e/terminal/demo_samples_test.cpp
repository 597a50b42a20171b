// The demo model's held-out samples: prompts byte for byte, answers as the reference's wherever the smallest gap
// between the best and the second-best logit is not a rounding matter, and the reference's accuracy.
#include "chat_messages.h"
#include "facet/engine.h"
#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

using namespace facet;
using Json = nlohmann::ordered_json;

namespace {

// Below this another rounding may choose another token.
constexpr double kDecidedMargin = 0.15;

std::string environment(const char *name) {
    const char *value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name);
    return value;
}

std::vector<Json> samples() {
    std::ifstream file(environment("FACET_FIXTURES") + "/demo-model/expected.jsonl");
    std::vector<Json> all;
    for (std::string line; std::getline(file, line);) all.push_back(Json::parse(line));
    return all;
}

Request requestOf(const Json &sample, const Engine &engine) {
    const cli::MediaContext context{.model = engine.info()};
    Result<std::vector<Message>> messages = cli::messagesFromJson(
        sample.at("messages"), environment("FACET_FIXTURES") + "/demo-model", "expected.jsonl", context);
    REQUIRE_MESSAGE(messages, (messages ? std::string() : messages.error().describe()));
    Result<std::vector<ToolDeclaration>> tools = cli::toolsFromJson(sample.at("tools"), "expected.jsonl");
    REQUIRE(tools);
    Request request;
    request.messages = std::move(*messages);
    request.tools = std::move(*tools);
    request.thinking = sample.at("enable_thinking").get<bool>();
    request.sampling.temperature = 0;
    request.maxTokens = static_cast<int>(sample.at("expected_ids").size()) + 64;
    return request;
}

Json callsOf(const Answer &answer) {
    Json calls = Json::array();
    for (const ToolCall &call : answer.toolCalls)
        calls.push_back({{"name", call.name}, {"arguments", Json::parse(call.argumentsJson)}});
    return calls;
}

Json callsOf(const Json &parsed) {
    Json calls = Json::array();
    for (const Json &call : parsed.at("tool_calls")) {
        const Json &function = call.contains("function") ? call.at("function") : call;
        Json arguments = function.at("arguments");
        if (arguments.is_string()) arguments = Json::parse(arguments.get<std::string>());
        calls.push_back({{"name", function.at("name")}, {"arguments", std::move(arguments)}});
    }
    return calls;
}

double overlap(const Detection &a, const Detection &b) {
    const double w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - w * h);
}

// How many of the true boxes are found with their label at IoU 0.5.
int found(const std::string &answer, const std::string &truth) {
    const std::vector<Detection> ours = parseDetections(answer, 1000, 1000),
                                 theirs = parseDetections(truth, 1000, 1000);
    return static_cast<int>(std::count_if(theirs.begin(), theirs.end(), [&ours](const Detection &t) {
        return std::any_of(ours.begin(), ours.end(),
                           [&t](const Detection &o) { return o.label == t.label && overlap(o, t) >= 0.5; });
    }));
}

struct Tally {
    int samples = 0, reference = 0, ours = 0;
};

} // namespace

TEST_CASE("demo_samples") {
    Result<std::unique_ptr<Engine>> engine = Engine::load({.path = environment("FACET_RESOURCES") + "/demo-model"});
    REQUIRE_MESSAGE(engine, (engine ? std::string() : engine.error().describe()));
    std::map<std::string, Tally> exact, boxes;
    int compared = 0;
    for (const Json &sample : samples()) {
        const std::string id = sample.at("id").get<std::string>(), task = sample.at("task").get<std::string>();
        CAPTURE(id);
        Request request = requestOf(sample, **engine);
        const Result<PromptInfo> prompt = (*engine)->prompt(request);
        REQUIRE_MESSAGE(prompt, (prompt ? std::string() : prompt.error().describe()));
        CHECK(prompt->text == sample.at("prompt").get<std::string>());
        CHECK(prompt->ids == sample.at("prompt_ids").get<std::vector<std::int32_t>>());

        const Result<Answer> answer = (*engine)->generate(std::move(request));
        REQUIRE_MESSAGE(answer, (answer ? std::string() : answer.error().describe()));
        const Json expected = Json::parse(
            probeParse(sample.at("prompt").get<std::string>(), {sample.at("expected_raw").get<std::string>()}));
        const bool same = answer->content == expected.at("content").get<std::string>() &&
                          answer->thinking == expected.at("thinking").get<std::string>() &&
                          callsOf(*answer) == callsOf(expected);
        if (sample.at("smallest_margin").get<double>() >= kDecidedMargin) {
            ++compared;
            CHECK(answer->content == expected.at("content").get<std::string>());
            CHECK(answer->thinking == expected.at("thinking").get<std::string>());
            CHECK(callsOf(*answer) == callsOf(expected));
        }
        const std::string truth = sample.at("truth").is_string() ? sample.at("truth").get<std::string>() : "";
        Tally &words = exact[task];
        ++words.samples;
        words.reference += sample.at("correct").get<bool>() ? 1 : 0;
        words.ours += (same ? sample.at("correct").get<bool>() : answer->content == truth) ? 1 : 0;
        if (task != "detect" && task != "find") continue;
        Tally &places = boxes[task];
        places.samples += static_cast<int>(parseDetections(truth, 1000, 1000).size());
        places.reference += found(sample.at("expected").get<std::string>(), truth);
        places.ours += found(answer->content, truth);
        CHECK_FALSE(parseDetections(answer->content, 1000, 1000).empty());
    }
    CHECK(compared >= 25);
    // The accuracy of the reference, task by task; one sample more or less is rounding.
    for (const auto &[task, tally] : exact) {
        MESSAGE(task << ": " << tally.ours << " of " << tally.samples << " exact, the reference " << tally.reference);
        CHECK(std::abs(tally.ours - tally.reference) <= 1);
    }
    for (const auto &[task, tally] : boxes) {
        MESSAGE(task << ": " << tally.ours << " of " << tally.samples << " boxes at IoU 0.5, the reference "
                     << tally.reference);
        CHECK(tally.ours >= tally.reference - 1);
    }
}
