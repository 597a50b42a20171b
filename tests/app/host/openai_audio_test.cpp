#include "support/host_fixture.h"

#include <string>

using namespace facet;
using namespace facet::host;
using Json = nlohmann::json;

namespace {

const std::string kPath = "/v1/audio/transcriptions";

std::string part(const std::string &name, const std::string &value, const std::string &extra = "") {
    return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"" + extra + "\r\n\r\n" + value + "\r\n";
}

std::string upload(const std::string &parts, const std::string &sound = "SND") {
    const std::string body = part("file", sound, "; filename=\"a.wav\"") + parts + "--XX--\r\n";
    return httpPost(kPath, body, "Authorization: Bearer secret\r\nContent-Type: multipart/form-data; boundary=XX\r\n");
}

// Asks the engine once and makes two cues of its answer.
struct Fixture : HostFixture {
    explicit Fixture(bool privateLink = false) : HostFixture(privateLink) {
        services.transcribe = [this](const tasks::AnswerFn &answer, const ModelInfo &, const media::Source &source,
                                     const tasks::TranscribeOptions &options,
                                     const tasks::TranscribeCallbacks &callbacks,
                                     const CancelToken &cancel) -> Result<tasks::Transcript> {
            lastOptions = options;
            lastSource = source;
            if (source.path.empty() && std::string(source.bytes.begin(), source.bytes.end()) != "SND") {
                return Error{ErrorCode::MediaUnreadable, "The recording cannot be decoded."};
            }
            if (callbacks.progress) callbacks.progress(0, 2);
            FACET_TRY(text, answer({}, {}, cancel));
            tasks::Transcript transcript;
            transcript.text = text.content;
            transcript.seconds = 2;
            transcript.promptTokens = 50;
            transcript.completionTokens = 5;
            transcript.segments = {{0, 1, "Hello"}, {1, 2, "there"}};
            if (callbacks.text) {
                callbacks.text("Hello");
                callbacks.text(" there");
            }
            if (callbacks.segments) callbacks.segments(transcript.segments);
            return transcript;
        };
    }
    tasks::TranscribeOptions lastOptions;
    media::Source lastSource;
};

} // namespace

TEST_CASE("the formats") {
    Fixture f;
    const HttpAnswer json = ask(f.port(), upload(part("model", "whatever") + part("language", "de")));
    CHECK(json.status == 200);
    CHECK(parsed(json.body)["text"] == "Hello there");
    CHECK(f.lastOptions.language == "de");
    CHECK(f.lastOptions.sampling.temperature == 0.0F);
    CHECK(f.lastOptions.prompt.empty());
    const HttpAnswer text = ask(f.port(), upload(part("response_format", "text")));
    CHECK(text.headers.at("content-type").starts_with("text/plain"));
    CHECK(text.body.starts_with("Hello there"));
    CHECK(ask(f.port(), upload(part("response_format", "srt"))).body.find("-->") != std::string::npos);
    CHECK(ask(f.port(), upload(part("response_format", "vtt"))).body.starts_with("WEBVTT"));
    CHECK(parsed(ask(f.port(), upload(part("response_format", "verbose_json"))).body)["segments"].size() == 2);
}

TEST_CASE("a hint is added to the instruction, a temperature is taken") {
    Fixture f;
    CHECK(ask(f.port(), upload(part("prompt", "Facet, Gemma") + part("temperature", "0.5"))).status == 200);
    CHECK(f.lastOptions.prompt.find("Transcribe") != std::string::npos);
    CHECK(f.lastOptions.prompt.find("Facet, Gemma") != std::string::npos);
    CHECK(f.lastOptions.sampling.temperature == 0.5F);
}

TEST_CASE("as a stream") {
    Fixture f;
    const HttpAnswer answer = ask(f.port(), upload(part("stream", "true")));
    CHECK(answer.headers.at("content-type") == "text/event-stream");
    const auto lines = dataLines(answer.body);
    REQUIRE(lines.size() == 4);
    CHECK(parsed(lines[0]) == Json::parse(R"({"type":"transcript.text.delta","delta":"Hello"})"));
    CHECK(parsed(lines[1])["delta"] == " there");
    CHECK(parsed(lines[2])["type"] == "transcript.text.done");
    CHECK(parsed(lines[2])["text"] == "Hello there");
    CHECK(parsed(lines[2])["usage"]["total_tokens"] == 55);
    CHECK(lines[3] == "[DONE]");
    const auto more =
        dataLines(ask(f.port(), upload(part("stream", "true") + part("x_facet", R"({"progress":true})"))).body);
    REQUIRE(more.size() == 6);
    CHECK(parsed(more[0]) == Json::parse(R"({"type":"x_facet.progress","done":0.0,"total":2.0})"));
    CHECK(parsed(more[3])["segments"][1]["text"] == "there");
}

TEST_CASE("what is wrong with the form is said with the field") {
    Fixture f;
    const auto param = [&](const std::string &request) {
        const HttpAnswer answer = ask(f.port(), request);
        CHECK(answer.status == 400);
        return parsed(answer.body)["error"]["param"];
    };
    CHECK(param(upload(part("response_format", "docx"))) == "response_format");
    CHECK(param(upload(part("temperature", "hot"))) == "temperature");
    CHECK(param(upload(part("temperature", "nan"))) == "temperature");
    CHECK(param(upload(part("stream", "perhaps"))) == "stream");
    CHECK(param(upload(part("x_facet", "{"))) == "x_facet");
    CHECK(param(upload("", "")) == "file");
    CHECK(param(upload(part("language", std::string(5000, 'x')))) == "language");
    CHECK(param(httpPost(kPath, "{}")) == nullptr);
    const HttpAnswer noise = ask(f.port(), upload("", "noise"));
    CHECK(noise.status == 400);
    CHECK(parsed(noise.body)["error"]["code"] == "media_unreadable");
}

TEST_CASE("a file by its path, on the private link only") {
    const std::string body = part("url", "file:///proc/self/status") + "--XX--\r\n";
    const std::string request =
        httpPost(kPath, body, "Authorization: Bearer secret\r\nContent-Type: multipart/form-data; boundary=XX\r\n");
    Fixture open;
    CHECK(ask(open.port(), request).status == 400);
    Fixture priv(true);
    CHECK(ask(priv.port(), request).status == 200);
    CHECK(priv.lastSource.path == "/proc/self/status");
}

TEST_CASE("a model that does not hear, and a peer that hangs up") {
    Fixture f;
    f.control->script = [](const Request &, FakeRun &run) { run.untilCancelled(); };
    for (const char *stream : {"true", "false"}) {
        const int before = f.control->ended;
        HttpPeer peer(f.port());
        peer.send(upload(part("stream", stream)));
        REQUIRE(eventually([&] { return f.control->running == 1; }));
        peer.hangUp();
        CHECK(eventually([&] { return f.control->ended == before + 1; }));
    }
    f.control->info.hasAudio = false;
    const HttpAnswer deaf = ask(f.port(), upload(""));
    CHECK(deaf.status == 400);
    CHECK(parsed(deaf.body)["error"]["code"] == "media_unsupported");
}
