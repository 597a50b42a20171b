// Chat, models and health over real sockets, with a scripted engine.
#include "support/host_fixture.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace facet;
using namespace facet::host;
using Json = nlohmann::json;

namespace {

std::string chat(const std::string &content, const std::string &fields = "") {
    return R"({"messages":[{"role":"user","content":)" + content + "}]" + (fields.empty() ? "" : "," + fields) + "}";
}
const std::string kChat = "/v1/chat/completions";

} // namespace

TEST_CASE("health") {
    HostFixture f(false, false);
    CHECK(ask(f.port(), httpGet("/health", "")).body == R"({"status":"no_model"})");
    CHECK(f.post(kChat, chat("\"hi\"")).status == 503);
    std::thread loading([&] { (void)f.slot.load({.path = "/slow"}, {}, {}); });
    REQUIRE(eventually([&] { return f.control->loads == 1; }));
    const HttpAnswer busy = ask(f.port(), httpGet("/v1/health", ""));
    CHECK(busy.status == 503);
    CHECK(busy.body == R"({"status":"loading"})");
    const HttpAnswer early = f.post(kChat, chat("\"hi\""));
    CHECK(early.status == 503);
    CHECK(early.headers.count("retry-after") == 1);
    f.slot.unload();
    loading.join();
    REQUIRE(f.slot.load({.path = "/a"}, {}, {}));
    CHECK(ask(f.port(), httpGet("/health", "")).body == R"({"status":"ok"})");
}

TEST_CASE("models") {
    HostFixture f;
    for (const char *path : {"/v1/models", "/models"}) {
        const Json json = parsed(f.get(path).body);
        CHECK(json["object"] == "list");
        REQUIRE(json["data"].size() == 1);
        CHECK(json["data"][0] ==
              Json::parse(R"({"id":"fake-model","object":"model","created":1700000000,"owned_by":"facet",
            "context_length":8192,"max_model_len":8192,"meta":{"n_ctx":8192,"n_ctx_train":131072,"n_params":1234,"size":5678}})"));
    }
    CHECK(ask(f.port(), httpGet("/v1/models", "")).status == 401);
    f.slot.unload();
    CHECK(parsed(f.get("/v1/models").body)["data"].empty());
}

TEST_CASE("a whole answer") {
    HostFixture f;
    const HttpAnswer answer = f.post(kChat, chat("\"hi\"", R"("model":"anything","unknown":1)"));
    CHECK(answer.status == 200);
    const Json json = parsed(answer.body);
    CHECK(json["choices"][0]["message"]["content"] == "Hello there");
    CHECK(json["model"] == "fake-model");
    CHECK(json["id"].get<std::string>().starts_with("chatcmpl-"));
    CHECK(f.post("/chat/completions", chat("\"hi\"")).status == 200);
}

TEST_CASE("a stream, byte by byte what OpenAI's clients expect") {
    HostFixture f;
    f.control->script = [](const Request &request, FakeRun &run) {
        CHECK(request.thinking);
        run.progress(Phase::ReadingPrompt, 5, 10);
        run.thought("hm");
        run.text("a\n\xC3\xA4");
        run.toolCall({"call_1", "add", R"({"a":1})"});
        run.toolCall({"call_2", "now", "{}"});
        run.malformed("<bad");
        run.usage({.promptTokens = 3, .completionTokens = 4});
        run.done();
    };
    const std::string fields = R"("stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"high")";
    const HttpAnswer answer = f.post(kChat, chat("\"hi\"", fields));
    CHECK(answer.status == 200);
    CHECK(answer.headers.at("content-type") == "text/event-stream");
    const std::vector<std::string> lines = dataLines(answer.body);
    REQUIRE(lines.size() == 8);
    CHECK(lines.back() == "[DONE]");
    std::vector<Json> chunks;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) chunks.push_back(parsed(lines[i]));
    for (const Json &chunk : chunks) {
        CHECK(chunk["object"] == "chat.completion.chunk");
        CHECK(chunk["id"] == chunks[0]["id"]);
        CHECK(chunk.contains("usage"));
    }
    CHECK(chunks[0]["choices"][0]["delta"]["role"] == "assistant");
    CHECK(chunks[1]["choices"][0]["delta"]["reasoning_content"] == "hm");
    CHECK(chunks[2]["choices"][0]["delta"]["content"] == "a\n\xC3\xA4");
    CHECK(chunks[3]["choices"][0]["delta"]["tool_calls"][0]["index"] == 0);
    CHECK(chunks[4]["choices"][0]["delta"]["tool_calls"][0]["index"] == 1);
    CHECK(chunks[4]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] == "{}");
    CHECK(chunks[5]["choices"][0]["finish_reason"] == "tool_calls");
    CHECK(chunks[6]["choices"].empty());
    CHECK(chunks[6]["usage"]["total_tokens"] == 7);
    CHECK(chunks[6].contains("timings"));
}

TEST_CASE("progress and malformed calls only for those who ask") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) {
        run.progress(Phase::ReadingPicture, 1, 2);
        run.malformed("<bad");
        run.done();
    };
    const std::vector<std::string> lines =
        dataLines(f.post(kChat, chat("\"hi\"", R"("stream":true,"x_facet":{"progress":true})")).body);
    REQUIRE(lines.size() == 5);
    CHECK(parsed(lines[1])["x_facet"]["phase"] == "reading_picture");
    CHECK(parsed(lines[2])["x_facet"]["malformed"] == "<bad");
    CHECK_FALSE(parsed(lines[3]).contains("usage"));
    CHECK(parsed(lines[3]).contains("timings"));
}

TEST_CASE("media are decoded and handed over") {
    HostFixture f;
    const std::string parts = R"([{"type":"image_url","image_url":{"url":"data:image/png;base64,UElD","detail":"high"}},
        {"type":"input_audio","input_audio":{"data":"U05E","format":"wav"}},{"type":"text","text":"?"}])";
    CHECK(f.post(kChat, chat(parts)).status == 200);
    {
        const std::lock_guard lock(f.control->mutex);
        REQUIRE(f.control->seen.size() == 1);
        const Message &message = f.control->seen[0].messages[0];
        CHECK(message.parts[0].image->tokenBudget == 1120);
        CHECK(message.parts[1].audio->frames == 7);
        CHECK(message.parts[2].text == "?");
    }
    const HttpAnswer broken =
        f.post(kChat, chat(R"([{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}])"));
    CHECK(broken.status == 400);
    CHECK(parsed(broken.body)["error"]["code"] == "media_unreadable");
    CHECK(parsed(broken.body)["error"]["param"] == "messages[0].content[0].image_url");
}

TEST_CASE("file: URLs on the private link only") {
    const std::string body = chat(R"([{"type":"image_url","image_url":{"url":"file:///proc/self/status"}}])");
    HostFixture open(false);
    const HttpAnswer refused = open.post(kChat, body);
    CHECK(refused.status == 400);
    CHECK(parsed(refused.body)["error"]["message"].get<std::string>().find("window") != std::string::npos);
    HostFixture priv(true);
    CHECK(parsed(priv.post(kChat, body).body)["error"]["code"] == "media_unreadable"); // found, but no picture
}

TEST_CASE("bad requests are 400 with the field") {
    HostFixture f;
    const auto param = [&](const std::string &body) {
        const HttpAnswer answer = f.post(kChat, body);
        CHECK(answer.status == 400);
        CHECK(parsed(answer.body)["error"]["type"] == "invalid_request_error");
        return parsed(answer.body)["error"]["param"];
    };
    CHECK(param("{") == nullptr);
    CHECK(param("") == nullptr);
    CHECK(param(chat("\"hi\"", R"("n":99)")) == "n");
    CHECK(param(chat("5")) == "messages[0].content");
    CHECK(f.post(kChat, std::string(500, '[')).status == 413);
    CHECK(f.control->submitted == 0);
}

TEST_CASE("several answers, log probabilities and notices, whole and streamed") {
    HostFixture f;
    f.control->script = [](const Request &request, FakeRun &run) {
        const auto seed = static_cast<int>(request.sampling.seed.value_or(0));
        run.text("answer " + std::to_string(seed));
        run.usage({.promptTokens = 3, .completionTokens = 4});
        run.done();
    };
    const auto whole = parsed(f.post(kChat, chat("\"hi\"", R"("n":2,"seed":10)")).body);
    REQUIRE(whole["choices"].size() == 2);
    CHECK(whole["choices"][0]["message"]["content"] == "answer 10");
    CHECK(whole["choices"][1]["message"]["content"] == "answer 11");
    CHECK(whole["choices"][1]["index"] == 1);
    CHECK(whole["usage"]["prompt_tokens"] == 3);
    CHECK(whole["usage"]["completion_tokens"] == 8);

    std::string texts[2];
    int finished = 0;
    for (const std::string &line : dataLines(f.post(kChat, chat("\"hi\"", R"("n":2,"seed":10,"stream":true)")).body)) {
        if (line == "[DONE]") continue;
        const auto chunk = parsed(line);
        for (const auto &choice : chunk["choices"]) {
            const int index = choice["index"];
            REQUIRE(index < 2);
            texts[index] += choice["delta"].value("content", "");
            finished += choice["finish_reason"].is_null() ? 0 : 1;
        }
    }
    CHECK(texts[0] == "answer 10");
    CHECK(texts[1] == "answer 11");
    CHECK(finished == 2);

    f.control->script = [](const Request &, FakeRun &run) { run.fail({ErrorCode::OutOfMemory, "Too much."}); };
    CHECK(f.post(kChat, chat("\"hi\"", R"("n":2)")).status >= 400);
}

TEST_CASE("a prompt is continued as it is") {
    HostFixture f;
    f.control->script = [](const Request &request, FakeRun &run) {
        run.text(request.rawPrompt.value_or("?") + " upon");
        run.finish(FinishReason::Length);
        run.done();
    };
    const auto whole = parsed(f.post("/v1/completions", R"({"prompt":"Once"})").body);
    CHECK(whole["object"] == "text_completion");
    CHECK(whole["choices"][0]["text"] == "Once upon");
    CHECK(whole["choices"][0]["finish_reason"] == "length");
    std::string text;
    for (const std::string &line : dataLines(f.post("/v1/completions", R"({"prompt":"Once","stream":true})").body)) {
        if (line != "[DONE]") text += parsed(line)["choices"][0]["text"].get<std::string>();
    }
    CHECK(text == "Once upon");
    CHECK(f.post("/v1/completions", "{}").status == 400);
}

TEST_CASE("a prompt that does not fit is a 400 even for a stream") {
    HostFixture f;
    f.control->check = [](const Request &) -> Status {
        return Error{ErrorCode::ContextExceeded, "The prompt is too long."};
    };
    const HttpAnswer answer = f.post(kChat, chat("\"hi\"", R"("stream":true)"));
    CHECK(answer.status == 400);
    CHECK(parsed(answer.body)["error"]["code"] == "context_length_exceeded");
}

TEST_CASE("failures of the engine: a status, or an event in a stream") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) {
        run.text("a");
        run.fail({ErrorCode::OutOfMemory, "Not enough memory."});
    };
    CHECK(f.post(kChat, chat("\"hi\"")).status == 503);
    const auto lines = dataLines(f.post(kChat, chat("\"hi\"", R"("stream":true)")).body);
    REQUIRE(lines.size() == 4);
    CHECK(parsed(lines[2])["error"]["code"] == "out_of_memory");
    CHECK(lines[3] == "[DONE]");
}

TEST_CASE("a peer that hangs up cancels: streaming, waiting for the whole, queueing, decoding") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) {
        run.text("a");
        run.untilCancelled();
        run.done();
    };
    HttpPeer stream(f.port());
    stream.send(httpPost(kChat, chat("\"hi\"", R"("stream":true)")));
    REQUIRE(stream.waitFor("\"a\""));
    HttpPeer queued(f.port());
    queued.send(httpPost(kChat, chat("\"queued\"")));
    REQUIRE(eventually([&] { return f.control->submitted == 2; }));
    queued.hangUp();
    REQUIRE(eventually([&] { return f.control->cancels == 1; }));
    stream.hangUp();
    REQUIRE(eventually([&] { return f.control->ended == 2; }));
    HttpPeer whole(f.port());
    whole.send(httpPost(kChat, chat("\"hi\"")));
    REQUIRE(eventually([&] { return f.control->running == 1; }));
    whole.hangUp();
    REQUIRE(eventually([&] { return f.control->ended == 3; }));
    HttpPeer decoding(f.port());
    decoding.send(httpPost(kChat, chat(R"([{"type":"image_url","image_url":{"url":"data:;base64,UElDfg=="}}])")));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    decoding.hangUp();
    f.server->stop(); // waits for every request's thread
    CHECK(f.control->submitted == 3);
}

TEST_CASE("requests run one after the other in the order they came") {
    HostFixture f;
    std::atomic<bool> go{false};
    f.control->script = [&](const Request &request, FakeRun &run) {
        while (!go && !run.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        run.text(request.messages[0].parts[0].text);
        run.done();
    };
    std::vector<std::unique_ptr<HttpPeer>> peers;
    for (int i = 0; i < 8; ++i) {
        peers.push_back(std::make_unique<HttpPeer>(f.port()));
        peers.back()->send(httpPost(kChat, chat("\"" + std::to_string(i) + "\"")));
        REQUIRE(eventually([&] { return f.control->submitted == i + 1; }));
    }
    go = true;
    for (int i = 0; i < 8; ++i) {
        CHECK(parsed(peers[static_cast<std::size_t>(i)]->answer().body)["choices"][0]["message"]["content"] ==
              std::to_string(i));
    }
    const std::lock_guard lock(f.control->mutex);
    for (std::size_t i = 0; i < 8; ++i) CHECK(f.control->seen[i].messages[0].parts[0].text == std::to_string(i));
}

TEST_CASE("beyond sixty-four waiting requests: 429 with Retry-After, health still answers") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) { run.untilCancelled(); };
    std::vector<std::unique_ptr<HttpPeer>> peers;
    for (int i = 0; i <= ModelSlot::kMaxWaiting; ++i) {
        peers.push_back(std::make_unique<HttpPeer>(f.port()));
        peers.back()->send(httpPost(kChat, chat("\"hi\"", i % 2 ? R"("stream":true)" : "")));
    }
    REQUIRE(eventually([&] { return f.control->submitted == ModelSlot::kMaxWaiting + 1; }));
    const HttpAnswer refused = f.post(kChat, chat("\"hi\""));
    CHECK(refused.status == 429);
    CHECK(refused.headers.count("retry-after") == 1);
    CHECK(parsed(refused.body)["error"]["type"] == "overloaded_error");
    CHECK(ask(f.port(), httpGet("/health", "")).status == 200);
    peers.clear();
    CHECK(eventually([&] { return f.control->ended == ModelSlot::kMaxWaiting + 1; }));
}

TEST_CASE("a silent stream is kept alive with comments") {
    HostFixture f(false, true, std::chrono::milliseconds(20));
    f.control->script = [](const Request &, FakeRun &run) { run.untilCancelled(); };
    HttpPeer peer(f.port());
    peer.send(httpPost(kChat, chat("\"hi\"", R"("stream":true)")));
    CHECK(peer.waitFor(": ping\n\n"));
}

TEST_CASE("unloading ends running streams with an error") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) {
        run.text("a");
        run.untilCancelled();
        run.done();
    };
    HttpPeer peer(f.port());
    peer.send(httpPost(kChat, chat("\"hi\"", R"("stream":true)")));
    REQUIRE(peer.waitFor("\"a\""));
    CHECK(f.post("/x_facet/unload", "").body == R"({"loaded":false})");
    const auto lines = dataLines(peer.answer().body);
    REQUIRE(lines.size() == 4);
    CHECK(parsed(lines[2])["error"]["code"] == "cancelled");
    CHECK(f.control->alive == 0);
}

TEST_CASE("stopping the server while an answer streams ends it properly") {
    HostFixture f;
    f.control->script = [](const Request &, FakeRun &run) {
        run.text("a");
        run.untilCancelled();
        run.done();
    };
    HttpPeer peer(f.port());
    peer.send(httpPost(kChat, chat("\"hi\"", R"("stream":true)")));
    REQUIRE(peer.waitFor("\"a\""));
    f.server->stop();
    CHECK(dataLines(peer.answer().body).back() == "[DONE]");
    CHECK(eventually([&] { return f.control->running == 0; })); // counted down behind its last event
}
