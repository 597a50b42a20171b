// Samples of the demo model as the tests of this folder read them: one JSON object a line, media beside the file.
#pragma once

#include "chat_messages.h"
#include "facet/engine.h"
#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace facet::demo {

using Json = nlohmann::ordered_json;

// Below this gap between the best and the second-best logit another rounding may choose another token.
inline constexpr double kDecidedMargin = 0.15;

inline std::string environment(const char *name) {
    const char *value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name);
    return value;
}

inline std::unique_ptr<Engine> loadDemoModel(WeightType weights = WeightType::AsStored) {
    Result<std::unique_ptr<Engine>> engine =
        Engine::load({.path = environment("FACET_RESOURCES") + "/demo-model", .weights = weights});
    REQUIRE_MESSAGE(engine, (engine ? std::string() : engine.error().describe()));
    return std::move(*engine);
}

inline std::vector<Json> readSamples(const std::string &path) {
    std::ifstream file(path);
    std::vector<Json> all;
    for (std::string line; std::getline(file, line);) all.push_back(Json::parse(line));
    REQUIRE_MESSAGE(!all.empty(), path);
    return all;
}

// Greedy, at most `maxTokens` long.
inline Request requestOf(const Json &sample, const std::string &folder, const Engine &engine, int maxTokens) {
    const cli::MediaContext context{.model = engine.info()};
    Result<std::vector<Message>> messages =
        cli::messagesFromJson(sample.at("messages"), folder, "samples.jsonl", context);
    REQUIRE_MESSAGE(messages, (messages ? std::string() : messages.error().describe()));
    Result<std::vector<ToolDeclaration>> tools = cli::toolsFromJson(sample.at("tools"), "samples.jsonl");
    REQUIRE(tools);
    Request request;
    request.messages = std::move(*messages);
    request.tools = std::move(*tools);
    request.thinking = sample.at("enable_thinking").get<bool>();
    request.sampling.temperature = 0;
    request.maxTokens = maxTokens;
    return request;
}

inline Json callsOf(const Answer &answer) {
    Json calls = Json::array();
    for (const ToolCall &call : answer.toolCalls)
        calls.push_back({{"name", call.name}, {"arguments", Json::parse(call.argumentsJson)}});
    return calls;
}

// Of probeParse()'s result.
inline Json callsOf(const Json &parsed) {
    Json calls = Json::array();
    for (const Json &call : parsed.at("tool_calls")) {
        const Json &function = call.contains("function") ? call.at("function") : call;
        Json arguments = function.at("arguments");
        if (arguments.is_string()) arguments = Json::parse(arguments.get<std::string>());
        calls.push_back({{"name", function.at("name")}, {"arguments", std::move(arguments)}});
    }
    return calls;
}

// Intersection over union.
inline double overlap(const Detection &a, const Detection &b) {
    const double w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - w * h);
}

}  // namespace facet::demo
