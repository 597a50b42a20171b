#include "host/openai_chat_request.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

namespace {

Result<ChatCall> parse(const std::string &text, bool files = false) {
    const auto json = parseJson(text);
    REQUIRE(json);
    return parseChatRequest(*json, {.allowFiles = files, .text = text});
}

// A request with further fields besides a plain message.
Result<ChatCall> with(const std::string &fields) {
    return parse(R"({"messages":[{"role":"user","content":"hi"}])" + (fields.empty() ? "" : "," + fields) + "}");
}

std::string wrongField(const Result<ChatCall> &call) {
    REQUIRE_FALSE(call);
    CHECK_FALSE(call.error().message.empty());
    return call.error().detail;
}

std::string message(const std::string &json) { return R"({"messages":[)" + json + "]}"; }

} // namespace

TEST_CASE("defaults") {
    const auto call = with("");
    REQUIRE(call);
    CHECK_FALSE(call->stream);
    CHECK_FALSE(call->request.thinking);
    CHECK(call->request.maxTokens == 0);
    CHECK(call->request.sampling.temperature == 1.0F);
    CHECK(call->request.sampling.topK == 64);
    CHECK(call->videoSound);
    REQUIRE(call->request.messages.size() == 1);
    CHECK(call->request.messages[0].parts[0].text == "hi");
}

TEST_CASE("every field is read") {
    const auto call = with(
        R"("model":"x","stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,
        "temperature":0,"top_p":0.5,"top_k":3,"min_p":0.1,"stop":["a","","b"],"seed":42,"frequency_penalty":0.5,"presence_penalty":-1,
        "repetition_penalty":1.5,"n":1,"tools":[],"reasoning_effort":"high",
        "x_facet":{"progress":true,"token_budget":560,"frames":4,"video_sound":false,"adapters":{"notes":0.5}},
        "logit_bias":{"1":2},"unknown":[1,{"x":2}],"store":false,"response_format":{"type":"text"},"user":"u")");
    REQUIRE(call);
    const Request &request = call->request;
    CHECK(call->stream);
    CHECK(call->includeUsage);
    CHECK(request.maxTokens == 7);
    CHECK(request.sampling.temperature == 0.0F);
    CHECK(request.sampling.topP == 0.5F);
    CHECK(request.sampling.topK == 3);
    CHECK(request.sampling.minP == 0.1F);
    CHECK(request.sampling.seed == 42U);
    CHECK(request.sampling.frequencyPenalty == 0.5F);
    CHECK(request.sampling.presencePenalty == -1.0F);
    CHECK(request.sampling.repetitionPenalty == 1.5F);
    CHECK(request.stop == std::vector<std::string>{"a", "b"});
    CHECK(request.thinking);
    CHECK(call->progress);
    CHECK(call->tokenBudget == 560);
    CHECK(call->frames == 4);
    CHECK_FALSE(call->videoSound);
    REQUIRE(call->request.adapters.size() == 1);
    CHECK(call->request.adapters[0].name == "notes");
    CHECK(call->request.adapters[0].scale == 0.5F);
}

TEST_CASE("bias, log probabilities, choices and form of the answer") {
    const auto call = with(R"("n":3,"seed":5,"logit_bias":{"7":-100,"9":1.5},"logprobs":true,"top_logprobs":2,
        "response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}})");
    REQUIRE(call);
    CHECK(call->choices == 3);
    const auto requests = choicesOf(*call);
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].sampling.seed == 5U);
    CHECK(requests[2].sampling.seed == 7U);
    REQUIRE(call->request.logitBias.size() == 2);
    CHECK(call->request.logitBias[0] == std::pair<std::int32_t, float>{7, -100.0F});
    CHECK(call->request.topLogprobs == 2);
    CHECK(call->request.constraint.kind == OutputConstraint::Kind::JsonSchema);
    CHECK(call->request.constraint.text == R"({"type":"object"})");
    CHECK(with(R"("logprobs":true)")->request.topLogprobs == 0);
    CHECK(with(R"("logprobs":false)")->request.topLogprobs == -1);
    CHECK(with(R"("response_format":{"type":"json_object"})")->request.constraint.kind ==
          OutputConstraint::Kind::JsonObject);
    CHECK(with(R"("grammar":"root ::= x")")->request.constraint.kind == OutputConstraint::Kind::Grammar);
}

TEST_CASE("a prompt that is continued") {
    const auto completion = [](const char *text) { return parseCompletionRequest(*parseJson(text)); };
    const auto call = completion(R"({"prompt":["Once"],"max_tokens":4,"logprobs":2,"stop":"x","temperature":0})");
    REQUIRE(call);
    CHECK(call->request.rawPrompt == "Once");
    CHECK(call->request.messages.empty());
    CHECK(call->request.maxTokens == 4);
    CHECK(call->request.topLogprobs == 2);
    CHECK(completion(R"({"prompt":""})")->request.maxTokens == 16);
    CHECK(wrongField(completion(R"({"prompt":["a","b"]})")) == "prompt");
    CHECK(wrongField(completion(R"({"prompt":[1,2]})")) == "prompt");
    CHECK(wrongField(completion(R"({})")) == "prompt");
    CHECK(wrongField(completion(R"({"prompt":"a","echo":true})")) == "echo");
}

TEST_CASE("null is as good as absent") {
    const auto call =
        with(R"("stream":null,"max_tokens":null,"stop":null,"tools":null,"tool_choice":null,"n":null,"seed":null,
        "stream_options":null,"temperature":null,"reasoning_effort":null,"chat_template_kwargs":null,"x_facet":null)");
    CHECK(call);
}

TEST_CASE("wrong types and values name the field") {
    CHECK(wrongField(with(R"("temperature":"hot")")) == "temperature");
    CHECK(wrongField(with(R"("temperature":-1)")) == "temperature");
    CHECK(wrongField(with(R"("top_p":2)")) == "top_p");
    CHECK(wrongField(with(R"("top_k":1.5)")) == "top_k");
    CHECK(wrongField(with(R"("top_k":-2)")) == "top_k");
    CHECK(wrongField(with(R"("max_tokens":0)")) == "max_tokens");
    CHECK(wrongField(with(R"("max_completion_tokens":0)")) == "max_completion_tokens");
    CHECK(wrongField(with(R"("max_tokens":99999999999)")) == "max_tokens");
    CHECK(wrongField(with(R"("n":0)")) == "n");
    CHECK(wrongField(with(R"("n":17)")) == "n");
    CHECK(wrongField(with(R"("logit_bias":{"x":1})")) == "logit_bias");
    CHECK(wrongField(with(R"("logit_bias":{"5":101})")) == "logit_bias");
    CHECK(wrongField(with(R"("logit_bias":{"-5":1})")) == "logit_bias");
    CHECK(wrongField(with(R"("logit_bias":{"5":"1"})")) == "logit_bias");
    CHECK(wrongField(with(R"("top_logprobs":3)")) == "top_logprobs");
    CHECK(wrongField(with(R"("logprobs":true,"top_logprobs":21)")) == "top_logprobs");
    CHECK(wrongField(with(R"("response_format":{"type":"xml"})")) == "response_format.type");
    CHECK(wrongField(with(R"("response_format":{"type":"json_schema"})")) == "response_format.json_schema");
    CHECK(wrongField(with(R"("response_format":{"type":"json_object"},"grammar":"root ::= x")")) == "grammar");
    CHECK(wrongField(with(R"("n":"1")")) == "n");
    CHECK(wrongField(with(R"("stream":1)")) == "stream");
    CHECK(wrongField(with(R"("stream_options":true)")) == "stream_options");
    CHECK(wrongField(with(R"("stop":5)")) == "stop");
    CHECK(wrongField(with(R"("stop":["a",5])")) == "stop");
    CHECK(wrongField(with(R"("seed":"x")")) == "seed");
    CHECK(wrongField(with(R"("model":5)")) == "model");
    CHECK(wrongField(with(R"("frequency_penalty":3)")) == "frequency_penalty");
    CHECK(wrongField(with(R"("x_facet":{"frames":"many"})")) == "x_facet.frames");
    CHECK(wrongField(with(R"("chat_template_kwargs":{"enable_thinking":"yes"})")) ==
          "chat_template_kwargs.enable_thinking");
    CHECK(wrongField(parse("[]")) == "");
    CHECK(wrongField(parse("{}")) == "messages");
    CHECK(wrongField(parse(R"({"messages":[]})")) == "messages");
    CHECK(wrongField(parse(R"({"messages":"hi"})")) == "messages");
}

TEST_CASE("thinking") {
    CHECK_FALSE(with(R"("reasoning_effort":"none")")->request.thinking);
    CHECK(with(R"("reasoning_effort":"low")")->request.thinking);
    CHECK(with(R"("chat_template_kwargs":{"enable_thinking":true})")->request.thinking);
    CHECK_FALSE(
        with(R"("reasoning_effort":"high","chat_template_kwargs":{"enable_thinking":false})")->request.thinking);
}

TEST_CASE("no limit and any seed, as other servers' clients write them") {
    CHECK(with(R"("max_tokens":-1)")->request.maxTokens == 0);
    CHECK_FALSE(with(R"("seed":-1)")->request.sampling.seed.has_value());
    CHECK(with(R"("top_k":-1)")->request.sampling.topK == 0);
}

TEST_CASE("tools and tool_choice") {
    const std::string tools =
        R"("tools":[{"type":"function","function":{"name":"add","description":"Adds","parameters":{"type":"object"},"strict":true}},
        {"type":"function","function":{"name":"now"}}])";
    const auto call = with(tools);
    REQUIRE(call);
    REQUIRE(call->request.tools.size() == 2);
    CHECK(call->request.tools[0].description == "Adds");
    CHECK(call->request.tools[0].parametersJson == R"({"type":"object"})");
    CHECK(call->request.tools[1].parametersJson.empty());
    CHECK(call->request.toolChoice == ToolChoice::Auto);

    CHECK(with(tools + R"(,"tool_choice":"none")")->request.toolChoice == ToolChoice::None);
    CHECK(with(tools + R"(,"tool_choice":"auto")")->request.toolChoice == ToolChoice::Auto);
    CHECK(with(tools + R"(,"tool_choice":"required")")->request.toolChoice == ToolChoice::Required);
    const auto named = with(tools + R"(,"tool_choice":{"type":"function","function":{"name":"now"}})");
    REQUIRE(named);
    CHECK(named->request.toolChoice == ToolChoice::Required);
    REQUIRE(named->request.tools.size() == 1);
    CHECK(named->request.tools[0].name == "now");

    CHECK(wrongField(with(tools + R"(,"tool_choice":{"type":"function","function":{"name":"gone"}})")) ==
          "tool_choice");
    CHECK(wrongField(with(tools + R"(,"tool_choice":"maybe")")) == "tool_choice");
    CHECK(wrongField(with(R"("tool_choice":"required")")) == "tool_choice");
    CHECK(wrongField(with(R"("tools":{})")) == "tools");
    CHECK(wrongField(with(R"("tools":[5])")) == "tools[0]");
    CHECK(wrongField(with(R"("tools":[{"type":"retrieval"}])")) == "tools[0].type");
    CHECK(wrongField(with(R"("tools":[{"type":"function","function":{"name":""}}])")) == "tools[0].function.name");
    CHECK(wrongField(with(R"("tools":[{"type":"function","function":{"name":"a","parameters":[]}}])")) ==
          "tools[0].function.parameters");
}

TEST_CASE("the form of an answer: response_format, grammar, json_schema, strict tools") {
    using Kind = OutputConstraint::Kind;
    const auto constraint = [](const std::string &fields) {
        const auto call = with(fields);
        REQUIRE(call);
        return call->request.constraint;
    };
    CHECK(constraint("").kind == Kind::None);
    CHECK(constraint(R"("response_format":{"type":"text"})").kind == Kind::None);
    CHECK(constraint(R"("response_format":{"type":"json_object"})").kind == Kind::JsonObject);
    // The order of the properties is that of the answer.
    const std::string schema = R"({ "properties" : {"z":{},"a":{"const":"},\"schema\":1"}} })";
    const OutputConstraint wrapped = constraint(
        R"("response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":)" + schema + "}}");
    CHECK(wrapped.kind == Kind::JsonSchema);
    CHECK(wrapped.text == schema);
    CHECK(constraint(R"("response_format":{"schema":)" + schema + R"(,"type":"json_object"})").text == schema);
    CHECK(constraint(R"("json_schema":)" + schema).text == schema);
    CHECK(constraint(R"s("grammar":"root ::= \"a\"")s").text == "root ::= \"a\"");
    CHECK(wrongField(with(R"("response_format":{"type":"xml"})")) == "response_format.type");
    CHECK(wrongField(with(R"("response_format":{"type":"json_schema"})")) == "response_format.json_schema");
    CHECK(wrongField(with(R"("response_format":5)")) == "response_format");
    CHECK(wrongField(with(R"("grammar":"root ::= [a]","json_schema":{})")) == "grammar");
    CHECK(wrongField(with(R"("json_schema":{},"response_format":{"type":"json_object"})")) == "json_schema");
    CHECK(wrongField(with(R"("grammar":5)")) == "grammar");
    const auto tools = with(R"("tools":[{"type":"function","function":{"name":"a","strict":true}},{"type":"function","function":{"name":"b"}}])");
    REQUIRE(tools);
    CHECK(tools->request.tools[0].strict);
    CHECK_FALSE(tools->request.tools[1].strict);
    CHECK(wrongField(with(R"("tools":[{"type":"function","function":{"name":"a","strict":1}}])")) == "tools[0].function.strict");
}

TEST_CASE("roles and history") {
    const auto call = parse(message(
        R"({"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}]},
        {"role":"tool","tool_call_id":"call_1","content":"2"},{"role":"tool","name":"add","content":[{"type":"text","text":"3"}]},
        {"role":"assistant","content":[{"type":"text","text":"done"}]})"));
    REQUIRE(call);
    const auto &messages = call->request.messages;
    REQUIRE(messages.size() == 6);
    CHECK(messages[0].role == Role::System);
    CHECK(messages[1].parts.size() == 2);
    CHECK(messages[2].parts.empty());
    CHECK(messages[2].reasoning == "hm");
    REQUIRE(messages[2].toolCalls.size() == 1);
    CHECK(messages[2].toolCalls[0].argumentsJson == R"({"a":1})");
    CHECK(messages[3].role == Role::Tool);
    CHECK(messages[3].toolCallId == "call_1");
    CHECK(messages[4].toolName == "add");
    CHECK(messages[5].parts[0].text == "done");
}

TEST_CASE("malformed messages name the place") {
    CHECK(wrongField(parse(message("5"))) == "messages[0]");
    CHECK(wrongField(parse(message(R"({"role":"robot","content":""})"))) == "messages[0].role");
    CHECK(wrongField(parse(message(R"({"content":""})"))) == "messages[0].role");
    CHECK(wrongField(parse(message(R"({"role":"user","content":5})"))) == "messages[0].content");
    CHECK(wrongField(parse(message(R"({"role":"user","content":["x"]})"))) == "messages[0].content[0]");
    CHECK(wrongField(parse(message(R"({"role":"user","content":[{"type":"smell"}]})"))) ==
          "messages[0].content[0].type");
    CHECK(wrongField(parse(message(R"({"role":"user","content":[{"type":"text"}]})"))) ==
          "messages[0].content[0].text");
    CHECK(wrongField(parse(message(R"({"role":"tool","content":"x"})"))) == "messages[0].tool_call_id");
    CHECK(wrongField(
              parse(message(R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{bad"}}]})"))) ==
          "messages[0].tool_calls[0].function.arguments");
    CHECK(wrongField(
              parse(message(R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"[1]"}}]})"))) ==
          "messages[0].tool_calls[0].function.arguments");
    CHECK(wrongField(parse(message(R"({"role":"assistant","tool_calls":[{"id":"x"}]})"))) ==
          "messages[0].tool_calls[0].function");
    CHECK(parse(message(R"({"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":""}}]})"))
              ->request.messages[0]
              .toolCalls[0]
              .argumentsJson == "{}");
}

TEST_CASE("media parts") {
    const auto call = parse(message(R"({"role":"system","content":"s"},{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,UElD","detail":"low"}},
        {"type":"text","text":"what?"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,UElD","detail":"high","token_budget":140}},
        {"type":"image_url","image_url":"data:image/png;base64,UElD"},
        {"type":"input_audio","input_audio":{"data":"U05E","format":"wav"}},
        {"type":"input_audio","input_audio":{"data":"data:audio/mpeg;base64,U05E","format":"mp3"}},
        {"type":"input_video","input_video":{"data":"RkxN","frames":9,"token_budget":70}},
        {"type":"video_url","video_url":{"url":"data:video/mp4;base64,RkxN"}},
        {"type":"file","file":{"filename":"x.pdf","file_data":"data:video/mp4;base64,RkxN"}}]})"));
    REQUIRE(call);
    REQUIRE(call->request.messages[1].parts.size() == 9);
    REQUIRE(call->media.size() == 8);
    CHECK(call->media[0].message == 1);
    CHECK(call->media[0].part == 0);
    CHECK(call->media[0].detail == Detail::Low);
    CHECK(call->media[1].part == 2);
    CHECK(call->media[1].tokenBudget == 140);
    CHECK(call->media[2].detail == Detail::Auto);
    CHECK(call->media[3].kind == MediumKind::Audio);
    CHECK(std::string(call->media[4].source.bytes.begin(), call->media[4].source.bytes.end()) == "SND");
    CHECK(call->media[5].frames == 9);
    CHECK(call->media[6].kind == MediumKind::Video);
    CHECK(call->media[7].kind == MediumKind::Sniffed);
}

TEST_CASE("media that cannot be taken name their field") {
    const auto part = [](const std::string &json) {
        return parse(message(R"({"role":"user","content":[)" + json + "]}"));
    };
    const auto web = part(R"({"type":"image_url","image_url":{"url":"https://example.com/a.png"}})");
    CHECK(wrongField(web) == "messages[0].content[0].image_url");
    CHECK(web.error().code == ErrorCode::InvalidArgument);
    CHECK(wrongField(part(R"({"type":"image_url","image_url":{"url":"file:///dev/zero"}})")) ==
          "messages[0].content[0].image_url");
    CHECK(wrongField(part(R"({"type":"image_url","image_url":{}})")) == "messages[0].content[0].image_url.url");
    CHECK(wrongField(part(R"({"type":"image_url"})")) == "messages[0].content[0].image_url");
    CHECK(wrongField(part(R"({"type":"input_audio","input_audio":{"data":5}})")) ==
          "messages[0].content[0].input_audio.data");
    CHECK(wrongField(part(R"({"type":"input_audio","input_audio":{"data":"*"}})")) ==
          "messages[0].content[0].input_audio");
    CHECK(wrongField(part(R"({"type":"image_url","image_url":{"url":"data:;base64,UElD","token_budget":"big"}})")) ==
          "messages[0].content[0].image_url.token_budget");
    CHECK(wrongField(part(R"({"type":"file","file":{"file_id":"abc"}})")) == "messages[0].content[0].file.file_data");

    std::string many = R"({"type":"image_url","image_url":"data:;base64,UElD"})";
    const std::string one = many;
    for (std::size_t i = 0; i < kMaxMedia; ++i) many += "," + one;
    const auto crowded = part(many);
    REQUIRE_FALSE(crowded);
    CHECK(crowded.error().code == ErrorCode::LimitExceeded);
}
