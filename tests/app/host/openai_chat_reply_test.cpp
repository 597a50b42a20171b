#include "host/openai_chat_reply.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

namespace {

Answer answer() {
    Answer a;
    a.content = "Hi";
    a.usage = {.promptTokens = 100,
               .cachedTokens = 40,
               .completionTokens = 20,
               .reasoningTokens = 5,
               .encodeMs = 3,
               .prefillMs = 600,
               .decodeMs = 1000};
    return a;
}

} // namespace

TEST_CASE("a whole answer") {
    const Json json = Json::parse(ChatReply("chatcmpl-1", 7, "m").whole(answer()));
    CHECK(json["id"] == "chatcmpl-1");
    CHECK(json["object"] == "chat.completion");
    CHECK(json["created"] == 7);
    CHECK(json["model"] == "m");
    const Json &choice = json["choices"][0];
    CHECK(choice["index"] == 0);
    CHECK(choice["finish_reason"] == "stop");
    CHECK(choice["message"]["role"] == "assistant");
    CHECK(choice["message"]["content"] == "Hi");
    CHECK_FALSE(choice["message"].contains("tool_calls"));
    CHECK_FALSE(choice["message"].contains("reasoning_content"));
    CHECK(json["usage"]["prompt_tokens"] == 100);
    CHECK(json["usage"]["total_tokens"] == 120);
    CHECK(json["usage"]["prompt_tokens_details"]["cached_tokens"] == 40);
    CHECK(json["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5);
    CHECK(json["timings"]["prompt_n"] == 60);
    CHECK(json["timings"]["prompt_per_second"] == doctest::Approx(100));
    CHECK(json["timings"]["predicted_per_second"] == doctest::Approx(20));
    CHECK_FALSE(json.contains("x_facet"));
}

TEST_CASE("tool calls, thoughts and what could not be read") {
    Answer a = answer();
    a.content.clear();
    a.thinking = "hm";
    a.toolCalls = {{"call_1", "add", R"({"a":1})"}};
    a.malformed = {"<broken"};
    a.finish = FinishReason::ToolCalls;
    const Json json = Json::parse(ChatReply("x", 0, "m").whole(a));
    const Json &message = json["choices"][0]["message"];
    CHECK(message["content"].is_null());
    CHECK(message["reasoning_content"] == "hm");
    CHECK(message["tool_calls"] ==
          Json::parse(R"([{"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}])"));
    CHECK(json["choices"][0]["finish_reason"] == "tool_calls");
    CHECK(json["x_facet"]["malformed"][0] == "<broken");
}

TEST_CASE("chunks") {
    const ChatReply reply("id", 7, "m");
    const Json role = Json::parse(reply.role());
    CHECK(role["object"] == "chat.completion.chunk");
    CHECK(role["choices"][0]["delta"]["role"] == "assistant");
    CHECK(role["choices"][0]["finish_reason"].is_null());
    CHECK_FALSE(role.contains("usage"));
    CHECK(Json::parse(reply.text("a\nb"))["choices"][0]["delta"] == Json{{"content", "a\nb"}});
    CHECK(Json::parse(reply.thought("t"))["choices"][0]["delta"] == Json{{"reasoning_content", "t"}});
    const Json call = Json::parse(reply.toolCall(2, {"call_1", "add", "{}"}))["choices"][0]["delta"]["tool_calls"][0];
    CHECK(call ==
          Json::parse(R"({"index":2,"id":"call_1","type":"function","function":{"name":"add","arguments":"{}"}})"));

    Answer a = answer();
    a.finish = FinishReason::Length;
    const Json last = Json::parse(reply.finish(a));
    CHECK(last["choices"][0]["finish_reason"] == "length");
    CHECK(last["choices"][0]["delta"].empty());
    CHECK(last["timings"]["cache_n"] == 40);
}

TEST_CASE("with include_usage the last chunk has it, the others null") {
    const ChatReply reply("id", 7, "m", true);
    CHECK(Json::parse(reply.text("x"))["usage"].is_null());
    const Json finish = Json::parse(reply.finish(answer()));
    CHECK(finish["usage"].is_null());
    CHECK_FALSE(finish.contains("timings"));
    const Json usage = Json::parse(reply.usage(answer().usage));
    CHECK(usage["choices"].empty());
    CHECK(usage["usage"]["completion_tokens"] == 20);
    CHECK(usage["timings"]["predicted_n"] == 20);
}

TEST_CASE("progress and malformed calls are chunks without choices") {
    const ChatReply reply("id", 7, "m");
    Event event;
    event.phase = Phase::ReadingPrompt;
    event.done = 3;
    event.total = 9;
    const Json progress = Json::parse(reply.progress(event));
    CHECK(progress["choices"].is_array());
    CHECK(progress["choices"].empty());
    CHECK(progress["x_facet"] == Json::parse(R"({"phase":"reading_prompt","done":3,"total":9})"));
    CHECK(Json::parse(reply.malformed("raw"))["x_facet"]["malformed"] == "raw");
}

TEST_CASE("log probabilities and notices") {
    Answer a = answer();
    a.logprobs = {{5, "H\xc3", -0.5F, {{5, "H\xc3", -0.5F, {}}, {6, "x", -2.0F, {}}}}};
    a.contextFull = true;
    a.finish = FinishReason::Length;
    const Json json = Json::parse(ChatReply("chatcmpl-1", 7, "m").whole(a));
    const Json &token = json["choices"][0]["logprobs"]["content"][0];
    CHECK(token["logprob"] == -0.5F);
    CHECK(token["bytes"] == Json({72, 0xc3}));
    CHECK(token["top_logprobs"].size() == 2);
    CHECK(json["x_facet"]["notice"]["code"] == "context_full");
    const ChatReply reply("chatcmpl-1", 7, "m");
    CHECK(Json::parse(reply.finish(a))["x_facet"]["notice"]["code"] == "context_full");
    CHECK(Json::parse(reply.text("H", 1, a.logprobs))["choices"][0]["logprobs"]["content"].size() == 1);
    CHECK(Json::parse(reply.text("H"))["choices"][0]["logprobs"] == nullptr);
    CHECK_FALSE(Json::parse(reply.finish(answer())).contains("x_facet"));
}
