#include "chat_messages.h"
#include "flags.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace facet;
using namespace facet::cli;
using Json = nlohmann::ordered_json;

namespace {

ModelInfo seeingModel() {
    ModelInfo model;
    model.name = "test";
    model.hasVision = model.hasAudio = true;
    return model;
}

std::string fixtures(const std::string &name) { return std::string(std::getenv("FACET_FIXTURES")) + "/" + name; }

Result<std::vector<Message>> parse(const char *json, const ModelInfo &model, const std::string &folder = "") {
    return messagesFromJson(Json::parse(json), folder, "conversation.json", {.model = model});
}

std::string errorOf(const char *json) {
    const ModelInfo model = seeingModel();
    const Result<std::vector<Message>> messages = parse(json, model);
    REQUIRE_FALSE(messages);
    CHECK(messages.error().code == ErrorCode::InvalidArgument);
    return messages.error().describe();
}

} // namespace

TEST_CASE("roles, texts, calls and results") {
    const ModelInfo model = seeingModel();
    const auto messages = parse(R"([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}},
            {"id": "c2", "name": "add", "arguments": "{\"a\":1}"}]},
        {"role": "tool", "tool_call_id": "c1", "name": "get_weather", "content": "sunny"}])",
                                model);
    REQUIRE(messages);
    REQUIRE(messages->size() == 4);
    CHECK((*messages)[0].role == Role::System);
    CHECK((*messages)[1].parts.at(0).text == "Weather?");
    const Message &assistant = (*messages)[2];
    CHECK(assistant.reasoning == "hm");
    REQUIRE(assistant.toolCalls.size() == 2);
    CHECK(assistant.toolCalls[0].argumentsJson == R"({"city":"Paris"})");
    CHECK(assistant.toolCalls[1].argumentsJson == R"({"a":1})");
    CHECK((*messages)[3].toolCallId == "c1");
    CHECK((*messages)[3].toolName == "get_weather");
}

TEST_CASE("parts name files relative to the conversation") {
    const ModelInfo model = seeingModel();
    const auto messages = parse(R"([{"role": "user", "content": [
        {"type": "image", "file": "shapes.png"},
        {"type": "image_url", "image_url": {"url": "file:tiny.png"}, "token_budget": 70},
        {"type": "audio", "file": "blip.wav"},
        {"type": "video", "file": "talk.mp4", "frames": 2}]}])",
                                model, fixtures("media"));
    REQUIRE_MESSAGE(messages, (messages ? std::string() : messages.error().describe()));
    const std::vector<Part> &parts = messages->at(0).parts;
    REQUIRE(parts.size() == 4);
    CHECK(parts[0].image->tokenBudget == 280);
    CHECK(parts[1].image->tokenBudget == 70);
    CHECK(parts[2].audio->frames == 9);
    CHECK(parts[3].video->frames.size() == 2);
    CHECK(parts[3].video->audio);
}

TEST_CASE("mistakes are named with their place") {
    CHECK(errorOf("{}").find("list of messages") != std::string::npos);
    CHECK(errorOf("[1]").find("Message 1") != std::string::npos);
    CHECK(errorOf(R"([{"role": "user", "content": "a"}, {"role": "boss"}])").find("Message 2") != std::string::npos);
    CHECK(errorOf(R"([{"role": "user", "content": 3}])").find("content") != std::string::npos);
    CHECK(errorOf(R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "smell"}]}])")
              .find("part 2") != std::string::npos);
    CHECK(errorOf(R"([{"role": "user", "content": [{"type": "image"}]}])").find("file") != std::string::npos);
    CHECK(
        errorOf(
            R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}])")
            .find("local") != std::string::npos);
    CHECK(errorOf(R"([{"role": "assistant", "tool_calls": [{"id": "x"}]}])").find("name") != std::string::npos);
    ModelInfo blind = seeingModel();
    blind.hasVision = false;
    const auto refused =
        parse(R"([{"role": "user", "content": [{"type": "image", "file": "shapes.png"}]}])", blind, fixtures("media"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::MediaUnsupported);
}

TEST_CASE("tools in OpenAI's form and bare") {
    const auto tools = toolsFromJson(Json::parse(R"([
        {"type": "function", "function": {"name": "a", "description": "does a", "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "b": {"type": "integer"}}}}},
        {"name": "b"}])"),
                                     "tools.json");
    REQUIRE(tools);
    CHECK(tools->at(0).description == "does a");
    CHECK(tools->at(0).parametersJson ==
          R"({"type":"object","properties":{"z":{"type":"string"},"b":{"type":"integer"}}})"); // order kept
    CHECK(tools->at(1).parametersJson.empty());
    CHECK_FALSE(toolsFromJson(Json::parse("{}"), "tools.json"));
    CHECK_FALSE(toolsFromJson(Json::parse(R"([{"type": "function"}])"), "tools.json"));
    CHECK_FALSE(toolsFromJson(Json::parse(R"([{"name": "a", "parameters": 3}])"), "tools.json"));
}

TEST_CASE("JSON files: missing, broken, too deep") {
    CHECK(readJsonFile("/nowhere.json").error().code == ErrorCode::FileNotFound);
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("facet-json-" + std::to_string(::getpid()));
    std::ofstream(path) << R"({"a": [1, 2,)";
    const auto broken = readJsonFile(path.string());
    REQUIRE_FALSE(broken);
    CHECK(broken.error().offset);
    std::ofstream(path) << std::string(100000, '[');
    CHECK(readJsonFile(path.string()).error().message.find("deep") != std::string::npos);
    std::filesystem::remove(path);
}

TEST_CASE("an answer as JSON") {
    Answer answer;
    answer.thinking = "t";
    answer.content = "c";
    answer.toolCalls = {{"call_1", "f", R"({"n":9007199254740993})"}};
    answer.usage.promptTokens = 3;
    answer.usage.completionTokens = 4;
    const Json json = answerToJson(answer);
    CHECK(json["thinking"] == "t");
    CHECK(json["content"] == "c");
    CHECK(json["tool_calls"][0]["arguments"]["n"] == 9007199254740993);
    CHECK(json["usage"]["total_tokens"] == 7);
    CHECK_FALSE(json.contains("malformed"));
}

TEST_CASE("what an answer took, in one line") {
    Usage usage;
    usage.promptTokens = 120;
    usage.completionTokens = 42;
    usage.prefillMs = 100;
    usage.decodeMs = 2100;
    CHECK(usageLine(usage) == "42 tokens in 2.2 s (20.0 a second); prompt 120");
    usage.cachedTokens = 96;
    usage.draftedTokens = 30;
    usage.acceptedTokens = 22;
    CHECK(usageLine(usage) == "42 tokens in 2.2 s (20.0 a second); prompt 120, 96 of them known; guesses 30, 22 stood "
                              "(73 %), 2.1 tokens a pass");
    CHECK(usageLine({}) == "0 tokens in 0.0 s; prompt 0");
    CHECK(answerToJson({.usage = usage})["usage"]["drafted_tokens"] == 30);
    CHECK(answerToJson({.usage = usage})["usage"]["accepted_tokens"] == 22);
}

TEST_CASE("instruction sets have their names, whether or not a model is there") {
    CHECK(instructionSet("auto") == InstructionSet::Auto);
    CHECK(instructionSet("scalar") == InstructionSet::Scalar);
    CHECK(instructionSet("avx2") == InstructionSet::Avx2);
    CHECK(instructionSet("avx512") == InstructionSet::Avx512);
}
