// `facet-cli serve` as the window and agents use it: the real program with the demo model.
#include "support/child_process.h"
#include "support/http_peer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace facet::host;
using Json = nlohmann::json;

namespace {

std::string environment(const char *name) {
    const char *value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name);
    return value;
}

std::string program() { return environment("FACET_BIN") + "/facet-cli"; }
std::string demoModel() { return environment("FACET_RESOURCES") + "/demo-model"; }
std::string sample(const std::string &name) { return environment("FACET_FIXTURES") + "/demo-model/" + name; }

// What the reference answers to the samples; the first of a task where rounding cannot change the answer.
Json expectation(const std::string &task) {
    std::ifstream file(sample("expected.jsonl"));
    for (std::string line; std::getline(file, line);) {
        Json entry = Json::parse(line);
        if (entry["task"] == task && entry["smallest_margin"].get<double>() > 0.1) return entry;
    }
    FAIL("no sample for ", task);
    return {};
}

std::string base64Of(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    REQUIRE_FALSE(bytes.empty());
    constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j) out += i + j > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * j) & 63];
    }
    return out;
}

std::vector<std::string> command(const std::vector<std::string> &more) {
    std::vector<std::string> all = {program(), "serve", "--private", "--port", "0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "facet-host-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string path(const std::string &name) const { return (m_path / name).string(); }

private:
    std::filesystem::path m_path;
};

struct Host {
    explicit Host(const std::vector<std::string> &more = {}) : child(command(more)) {
        REQUIRE(child.write("secret\n"));
        const Json line = Json::parse(child.readLine(), nullptr, false);
        REQUIRE(line.is_object());
        CHECK(line["pid"].is_number());
        port = line["port"];
    }
    HttpAnswer post(const std::string &path, const Json &body) const { return ask(port, httpPost(path, body.dump())); }
    Json chat(Json body) const {
        body["temperature"] = 0;
        const HttpAnswer answer = post("/v1/chat/completions", body);
        CHECK_MESSAGE(answer.status == 200, answer.body);
        return Json::parse(answer.body)["choices"][0];
    }
    void load(const std::string &path) const {
        const std::string loaded = post("/x_facet/load", {{"path", path}}).body;
        CHECK_MESSAGE(loaded.find(R"("loaded":true)") != std::string::npos, loaded);
    }
    ChildProcess child;
    int port = 0;
};

Json user(Json content) { return Json::array({{{"role", "user"}, {"content", std::move(content)}}}); }

} // namespace

TEST_CASE("the private host: loads, answers, sees, hears, calls, transcribes, and ends with its input") {
    Host host;
    CHECK(ask(host.port, httpGet("/health", "")).body == R"({"status":"no_model"})");
    const std::string loaded = host.post("/x_facet/load", {{"path", demoModel()}}).body;
    CHECK(loaded.find(R"("loaded":true)") != std::string::npos);
    CHECK(ask(host.port, httpGet("/health", "")).body == R"({"status":"ok"})");

    SUBCASE("a conversation, whole and as a stream") {
        const Json talk = expectation("talk");
        Json body = {{"messages", talk["messages"]},
                     {"chat_template_kwargs", {{"enable_thinking", talk["enable_thinking"]}}}};
        const Json choice = host.chat(body);
        CHECK(choice["message"]["content"] == talk["expected"]);
        CHECK(choice["message"].value("reasoning_content", "") == talk["expected_thought"].get<std::string>());
        CHECK(choice["finish_reason"] == "stop");
        body["stream"] = true;
        body["temperature"] = 0;
        body["stream_options"] = {{"include_usage", true}};
        std::string content;
        Json usage;
        std::string events = host.post("/v1/chat/completions", body).body;
        CHECK(events.ends_with("data: [DONE]\n\n"));
        for (std::size_t at = 0; (at = events.find("data: {", at)) != std::string::npos; ++at) {
            const Json chunk = Json::parse(events.substr(at + 6, events.find('\n', at) - at - 6));
            if (chunk["choices"].empty()) {
                usage = chunk["usage"];
            } else {
                content += chunk["choices"][0]["delta"].value("content", "");
            }
        }
        CHECK(content == talk["expected"].get<std::string>());
        CHECK(usage["completion_tokens"].get<int>() > 0);
    }
    SUBCASE("a picture, as data and as a file") {
        const Json ocr = expectation("ocr");
        const std::string file = sample(ocr["image"]);
        const Json text = ocr["messages"][0]["content"][1];
        for (const std::string &url : {"data:image/png;base64," + base64Of(file), "file://" + file}) {
            const Json picture = {{"type", "image_url"}, {"image_url", {{"url", url}}}};
            CHECK(host.chat({{"messages", user({picture, text})}})["message"]["content"] == ocr["expected"]);
        }
        const Json cost = Json::parse(host.post("/x_facet/cost", {{"kind", "image"}, {"url", "file://" + file}}).body);
        CHECK(cost["tokens"].get<int>() > 0);
        CHECK(cost["width"].get<int>() > 0);
    }
    SUBCASE("a sound in a message, and a recording to transcribe") {
        const Json speech = expectation("speech");
        const std::string file = sample(speech["audio"]);
        const Json sound = {{"type", "input_audio"}, {"input_audio", {{"data", base64Of(file)}, {"format", "wav"}}}};
        const Json choice = host.chat({{"messages", user({sound, speech["messages"][0]["content"][1]})},
                                       {"chat_template_kwargs", {{"enable_thinking", speech["enable_thinking"]}}}});
        CHECK(choice["message"]["content"] == speech["expected"]);
        const std::string form =
            "--X\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\nfile://" + file + "\r\n--X--\r\n";
        const HttpAnswer transcript =
            ask(host.port, httpPost("/v1/audio/transcriptions", form,
                                    "x-api-key: secret\r\nContent-Type: multipart/form-data; boundary=X\r\n"));
        CHECK(transcript.status == 200);
        CHECK(Json::parse(transcript.body)["text"].get<std::string>().size() > 3);
    }
    SUBCASE("a tool call") {
        const Json tool = expectation("tool");
        const Json choice = host.chat({{"messages", tool["messages"]}, {"tools", tool["tools"]}});
        CHECK(choice["finish_reason"] == "tool_calls");
        const Json &call = choice["message"]["tool_calls"][0];
        CHECK(call["function"]["name"] == tool["tools"][0]["function"]["name"]);
        CHECK(Json::parse(call["function"]["arguments"].get<std::string>()).is_object());
        CHECK(tool["expected"].get<std::string>().find(call["function"]["name"].get<std::string>()) !=
              std::string::npos);
    }
    SUBCASE("answers in the form that was asked for, and forms that cannot be kept") {
        const Json schema = {{"type", "object"},
                             {"properties", {{"colour", {{"enum", {"red", "blue"}}}}, {"count", {{"type", "integer"}, {"minimum", 1}, {"maximum", 99}}}}},
                             {"required", {"colour", "count"}},
                             {"additionalProperties", false}};
        const Json format = {{"type", "json_schema"}, {"json_schema", {{"name", "n"}, {"strict", true}, {"schema", schema}}}};
        const Json choice = host.chat({{"messages", user("What do you see?")}, {"response_format", format}});
        CHECK(choice["finish_reason"] == "stop");
        const Json value = Json::parse(choice["message"]["content"].get<std::string>());
        CHECK(value.size() == 2);
        CHECK((value["colour"] == "red" || value["colour"] == "blue"));
        CHECK(value["count"].get<int>() >= 1);
        CHECK(value["count"].get<int>() <= 99);
        const Json worded = host.chat({{"messages", user("Yes or no?")}, {"grammar", "root ::= \"yes\" | \"no\""}});
        CHECK((worded["message"]["content"] == "yes" || worded["message"]["content"] == "no"));

        const Json tool = {{"type", "function"},
                           {"function", {{"name", "paint"}, {"strict", true}, {"parameters", schema}}}};
        const Json named = {{"type", "function"}, {"function", {{"name", "paint"}}}};
        const Json called = host.chat({{"messages", user("Hello")}, {"tools", Json::array({tool})}, {"tool_choice", named}, {"max_tokens", 200}});
        const Json &function = called["message"]["tool_calls"][0]["function"];
        CHECK(function["name"] == "paint");
        const Json arguments = Json::parse(function["arguments"].get<std::string>());
        CHECK((arguments["colour"] == "red" || arguments["colour"] == "blue"));
        CHECK(arguments["count"].get<int>() >= 1);

        const Json bad = {{"type", "json_schema"}, {"json_schema", {{"name", "n"}, {"schema", {{"properties", {{"a", {{"not", {{"type", "null"}}}}}}}}}}}};
        for (const bool stream : {false, true}) {
            const HttpAnswer refused = host.post("/v1/chat/completions", {{"messages", user("x")}, {"response_format", bad}, {"stream", stream}});
            CHECK(refused.status == 400);
            CHECK(refused.body.find("#/properties/a/not") != std::string::npos);
        }
    }
    SUBCASE("too long, and a broken picture") {
        const HttpAnswer answer =
            host.post("/v1/chat/completions", {{"messages", user(std::string(200'000, 'x'))}, {"stream", true}});
        CHECK(answer.status == 400);
        CHECK(Json::parse(answer.body)["error"]["code"] == "context_length_exceeded");
        const Json picture = {{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,iVBORw0KGgo="}}}};
        const HttpAnswer broken = host.post("/v1/chat/completions", {{"messages", user(Json::array({picture}))}});
        CHECK(broken.status == 400);
        CHECK(Json::parse(broken.body)["error"]["param"] == "messages[0].content[0].image_url");
    }
    SUBCASE("a peer that hangs up leaves the engine free for the next; ending while an answer streams") {
        // Long enough that it is still being read when the peer leaves.
        const Json body = {
            {"messages", user(std::string(6000, 'y'))}, {"stream", true}, {"x_facet", {{"progress", true}}}};
        for (int i = 0; i < 3; ++i) {
            HttpPeer peer(host.port);
            peer.send(httpPost("/v1/chat/completions", body.dump()));
            CHECK(peer.waitFor("data: "));
        }
        CHECK(host.chat({{"messages", user("Hello")}, {"max_tokens", 3}})["finish_reason"] == "length");
        HttpPeer last(host.port);
        last.send(httpPost("/v1/chat/completions", body.dump()));
        CHECK(last.waitFor("data: "));
        host.child.closeInput();
        CHECK(last.closes());
    }
    host.child.closeInput();
    CHECK(host.child.wait() == 0);
}

TEST_CASE("a model file that is cut short while an answer streams costs the answer, not the host") {
    const Folder folder;
    std::filesystem::copy(demoModel(), folder.path("model"));
    Host host;
    host.load(folder.path("model"));
    HttpPeer peer(host.port);
    peer.send(httpPost("/v1/chat/completions",
                       Json{{"messages", user("Tell me everything.")}, {"stream", true},
                            {"grammar", "root ::= [a-z ]{2000}"}, {"max_tokens", 1900}}
                           .dump()));
    REQUIRE(peer.waitFor("\"content\":\""));
    std::filesystem::resize_file(folder.path("model") + "/model.safetensors", 8192);
    CHECK(peer.waitFor("[DONE]", 60'000));
    CHECK(peer.received().find("model_file_corrupt") != std::string::npos);
    CHECK(peer.received().find("model.safetensors") != std::string::npos);
    CHECK(peer.received().find("load the model again") != std::string::npos);
    // It is there, says why it cannot answer, and takes another model.
    CHECK(ask(host.port, httpGet("/health", "")).status == 200);
    const HttpAnswer refused = host.post("/v1/chat/completions", {{"messages", user("Hello")}});
    CHECK(refused.status == 400);
    CHECK(refused.body.find("load the model again") != std::string::npos);
    host.load(demoModel());
    CHECK(host.chat({{"messages", user("Hello")}, {"max_tokens", 3}})["finish_reason"] == "length");
    host.child.closeInput();
    CHECK(host.child.wait() == 0);
}

TEST_CASE("what was said is saved when the host is told to end, and the next host need not read it again") {
    const Folder folder;
    const std::vector<std::string> options = {"--model", demoModel(), "--cache-folder", folder.path("cache")};
    const std::string text = "Please remember these words: one two three four five six seven eight nine ten.";
    const auto ask2 = [&](const Host &host, const Json &messages) {
        const HttpAnswer answer = host.post("/v1/chat/completions",
                                            {{"messages", messages}, {"temperature", 0}, {"max_tokens", 24}});
        CHECK_MESSAGE(answer.status == 200, answer.body);
        return Json::parse(answer.body);
    };
    const auto ready = [](const Host &host) {
        while (ask(host.port, httpGet("/health", "")).body != R"({"status":"ok"})") ::usleep(10'000);
    };
    const auto cached = [](const Json &answer) { return answer["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>(); };
    const auto said = [](const Json &answer) {  // without the ids of calls, which are new every time
        Json choices = answer["choices"];
        for (Json &choice : choices) {
            if (!choice["message"].contains("tool_calls")) continue;
            for (Json &call : choice["message"]["tool_calls"]) call.erase("id");
        }
        return choices;
    };
    const auto next = [&](const Json &first) {
        Json messages = user(text);
        messages.push_back(first["choices"][0]["message"]);
        messages.push_back({{"role", "user"}, {"content", "And now?"}});
        return messages;
    };
    Json first, unbroken;
    {
        Host host(options);
        ready(host);
        first = ask2(host, user(text));
        CHECK(cached(first) == 0);
        host.child.signal(SIGTERM); // at once: nothing was saved while it was quiet
        CHECK(host.child.wait() == 0);
    }
    {
        // What a host that was never stopped takes from its memory.
        Host host({"--model", demoModel()});
        ready(host);
        CHECK(said(ask2(host, user(text))) == said(first));
        unbroken = ask2(host, next(first));
        CHECK(cached(unbroken) > 0);
    }
    {
        Host host(options);
        ready(host);
        const Json after = ask2(host, next(first));
        CHECK(cached(after) == cached(unbroken));
        CHECK(said(after) == said(unbroken));
    }
    Host host(options);
    ready(host);
    const Json again = ask2(host, user(text));
    CHECK(cached(again) == again["usage"]["prompt_tokens"].get<int>() - 1); // all but the last one, whose logits are wanted
    CHECK(said(again) == said(first));
    host.child.closeInput();
    CHECK(host.child.wait() == 0);
}

TEST_CASE("stopped by a signal") {
    Host host;
    host.child.signal(SIGTERM);
    CHECK(host.child.wait() == 0);
}

TEST_CASE("without a key on the input it does not start") {
    ChildProcess child({program(), "serve", "--private", "--port", "0"});
    child.closeInput();
    CHECK(child.wait() == 1);
    CHECK(child.readErrorLine().find("key") != std::string::npos);
}

TEST_CASE("for agents: says where it listens, makes a key, ends when the model cannot be loaded") {
    ChildProcess child({program(), "serve", "--port", "0"});
    const std::string where = child.readErrorLine();
    CHECK(where.find("http://127.0.0.1:") != std::string::npos);
    const std::string key = child.readErrorLine();
    REQUIRE(key.find("key: ") != std::string::npos);
    const int port = std::atoi(where.substr(where.rfind(':', where.rfind('/')) + 1).c_str());
    const std::string secret = key.substr(key.find("key: ") + 5);
    CHECK(ask(port, httpGet("/v1/models", "Authorization: Bearer " + secret + "\r\n")).status == 200);
    CHECK(ask(port, httpGet("/v1/models", "Authorization: Bearer other\r\n")).status == 401);
    child.signal(SIGINT);
    CHECK(child.wait() == 0);

    ChildProcess bad({program(), "serve", "--port", "0", "--key", "k", "--model", "/nowhere/at/all"});
    CHECK(bad.wait() == 1);
    bad.readErrorLine();
    CHECK(bad.readErrorLine().find("/nowhere/at/all") != std::string::npos);
    ChildProcess open({program(), "serve", "--host", "0.0.0.0"});
    CHECK(open.wait() == 1);
}
