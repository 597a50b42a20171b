// Long recordings against a model that only counts: which chunks it is given, what becomes of its answers.
#include "tasks/transcription.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace facet;
using namespace facet::tasks;

namespace {

constexpr int kRate = 16000;

// A WAV in memory: seconds > 0 are speech-like bursts, seconds < 0 silence.
media::Source recording(const std::vector<double> &pieces) {
    std::vector<std::int16_t> samples;
    std::uint32_t random = 1;
    for (const double seconds : pieces) {
        const auto count = static_cast<std::size_t>(std::fabs(seconds) * kRate);
        for (std::size_t i = 0; i < count; ++i) {
            random = random * 1664525u + 1013904223u;
            const double noise = static_cast<double>(random >> 16) / 32768.0 - 1.0;
            const double syllables = 0.55 + 0.45 * std::sin(2 * 3.14159265 * 4 * static_cast<double>(i) / kRate);
            samples.push_back(static_cast<std::int16_t>(seconds > 0 ? 8000 * noise * syllables : 3 * noise));
        }
    }
    std::vector<std::uint8_t> bytes;
    const auto put = [&bytes](std::uint32_t value, int width) {
        for (int i = 0; i < width; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    const auto word = [&bytes](const char *text) { bytes.insert(bytes.end(), text, text + 4); };
    const auto size = static_cast<std::uint32_t>(samples.size() * 2);
    word("RIFF"), put(36 + size, 4), word("WAVE"), word("fmt "), put(16, 4), put(1, 2), put(1, 2), put(kRate, 4),
        put(kRate * 2, 4), put(2, 2), put(16, 2);
    word("data"), put(size, 4);
    for (const std::int16_t s : samples) put(static_cast<std::uint16_t>(s), 2);
    return media::Source::memory(std::move(bytes), "test.wav");
}

ModelInfo hearingModel() {
    ModelInfo model;
    model.name = "counting";
    model.hasAudio = true;
    return model;
}

// Answers from a list, then "word N".
struct FakeModel {
    std::vector<std::string> answers;
    std::vector<double> seconds; // length of each sound it was given
    std::vector<Request> requests;
    int failAt = -1;

    AnswerFn fn() {
        return [this](Request request, const EventSink &, const CancelToken &cancel) -> Result<Answer> {
            const std::size_t call = requests.size();
            seconds.push_back(static_cast<double>(request.messages.at(0).parts.at(0).audio->samples) / kRate);
            requests.push_back(std::move(request));
            if (static_cast<int>(call) == failAt) cancel.cancel();
            if (cancel.cancelled()) return Error{.code = ErrorCode::Cancelled, .message = "stopped"};
            Answer answer;
            answer.content = call < answers.size() ? answers[call] : "word " + std::to_string(call) + ".";
            answer.usage.promptTokens = 10;
            answer.usage.completionTokens = 2;
            return answer;
        };
    }
};

struct TemporaryFile {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("facet-journal-" + std::to_string(::getpid()));
    TemporaryFile() { std::filesystem::remove(path); }
    ~TemporaryFile() { std::filesystem::remove(path); }
};

} // namespace

TEST_CASE("a short recording is one request with all of it") {
    FakeModel fake{.answers = {"  Hello there. \n"}};
    const Result<Transcript> transcript = transcribe(fake.fn(), hearingModel(), recording({-0.4, 2.0, -0.6}));
    REQUIRE(transcript);
    CHECK(transcript->text == "Hello there.");
    REQUIRE(fake.requests.size() == 1);
    CHECK(fake.seconds[0] == doctest::Approx(3.0).epsilon(0.001));
    const Request &request = fake.requests[0];
    CHECK(request.sampling.temperature == 0.0F);
    CHECK_FALSE(request.thinking);
    CHECK(request.maxTokens > 75);
    CHECK(request.maxTokens < 200);
    CHECK(request.messages[0].parts[0].kind == PartKind::Audio);
    CHECK(request.messages[0].parts[1].text.find("Transcribe") == 0);
    CHECK(transcript->seconds == doctest::Approx(3.0).epsilon(0.001));
    REQUIRE(transcript->segments.size() == 1);
    CHECK(transcript->promptTokens == 10);
}

TEST_CASE("a long recording is cut at silences and its pieces are its text") {
    FakeModel fake;
    std::string streamed;
    double lastDone = 0, total = 0;
    TranscribeCallbacks callbacks;
    callbacks.text = [&streamed](std::string_view piece) { streamed += piece; };
    callbacks.progress = [&](double done, double all) {
        CHECK(done >= lastDone);
        lastDone = done;
        total = all;
    };
    const Result<Transcript> transcript =
        transcribe(fake.fn(), hearingModel(), recording({15, -1, 15, -1, 15, -1, 15}), {}, callbacks);
    REQUIRE(transcript);
    CHECK(fake.requests.size() >= 3);
    for (const double seconds : fake.seconds) CHECK(seconds <= 30.0);
    CHECK(streamed == transcript->text);
    CHECK(transcript->text.rfind("word 0. word 1.", 0) == 0);
    CHECK(lastDone == doctest::Approx(total));
    CHECK(transcript->segments.size() >= fake.requests.size()); // a cue lasts 7 s at most, a chunk may be longer
    for (std::size_t i = 1; i < transcript->segments.size(); ++i) {
        CHECK(transcript->segments[i].beginSeconds >= transcript->segments[i - 1].endSeconds);
    }
}

TEST_CASE("no speech, no request") {
    FakeModel fake;
    const Result<Transcript> transcript = transcribe(fake.fn(), hearingModel(), recording({-3}));
    REQUIRE(transcript);
    CHECK(transcript->text.empty());
    CHECK(fake.requests.empty());
}

TEST_CASE("a looping answer is asked again in halves") {
    const std::string loop = "we go to the we go to the we go to the we go to the";
    FakeModel fake{.answers = {loop, "First half.", "Second half."}};
    const Result<Transcript> transcript = transcribe(fake.fn(), hearingModel(), recording({5, -0.5, 5}));
    REQUIRE(transcript);
    REQUIRE(fake.requests.size() == 3);
    CHECK(fake.seconds[1] + fake.seconds[2] == doctest::Approx(fake.seconds[0]).epsilon(0.001));
    CHECK(transcript->text == "First half. Second half.");
    CHECK(transcript->doubtfulChunks == 0);

    FakeModel stubborn{.answers = {"", "", ""}};
    const Result<Transcript> empty = transcribe(stubborn.fn(), hearingModel(), recording({5, -0.5, 5}));
    REQUIRE(empty);
    CHECK(empty->doubtfulChunks == 1);
    CHECK(empty->text.empty());
}

TEST_CASE("speech without a pause overlaps, and what is said twice is written once") {
    FakeModel fake{.answers = {"one two three four five six", "five six seven eight nine ten"}};
    std::string streamed;
    TranscribeCallbacks callbacks;
    callbacks.text = [&streamed](std::string_view piece) { streamed += piece; };
    const Result<Transcript> transcript = transcribe(fake.fn(), hearingModel(), recording({40}), {}, callbacks);
    REQUIRE(transcript);
    REQUIRE(fake.requests.size() == 2);
    CHECK(fake.seconds[0] + fake.seconds[1] > 40.5);
    CHECK(transcript->text == "one two three four five six seven eight nine ten");
    CHECK(streamed == transcript->text);
}

TEST_CASE("an interrupted run goes on from its journal") {
    const TemporaryFile journal;
    const media::Source sound = recording({15, -1, 15, -1, 15, -1, 15});
    TranscribeOptions options;
    options.journalPath = journal.path.string();

    FakeModel whole;
    const Result<Transcript> expected = transcribe(whole.fn(), hearingModel(), sound);
    REQUIRE(expected);
    const std::size_t chunks = whole.requests.size();

    FakeModel first{.failAt = 2};
    const CancelToken cancel;
    const Result<Transcript> stopped = transcribe(first.fn(), hearingModel(), sound, options, {}, cancel);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::Cancelled);
    {
        std::ofstream cut(journal.path, std::ios::app);
        cut << R"({"begin":0,"end":12,"te)"; // killed while writing
    }
    FakeModel second{.answers = {"word 2.", "word 3.", "word 4."}};
    const Result<Transcript> resumed = transcribe(second.fn(), hearingModel(), sound, options);
    REQUIRE(resumed);
    CHECK(resumed->resumedChunks == 2);
    CHECK(second.requests.size() == chunks - 2);
    CHECK(resumed->text == expected->text);
    FakeModel third;
    const Result<Transcript> again = transcribe(third.fn(), hearingModel(), sound, options);
    REQUIRE(again);
    CHECK(third.requests.empty());
    CHECK(again->text == expected->text);

    ModelInfo other = hearingModel();
    other.name = "another";
    FakeModel fourth;
    REQUIRE(transcribe(fourth.fn(), other, sound, options));
    CHECK(fourth.requests.size() == chunks); // a journal of its own
}

TEST_CASE("errors say what is wrong") {
    FakeModel fake;
    CHECK(transcribe(fake.fn(), ModelInfo{}, recording({1})).error().code == ErrorCode::MediaUnsupported);
    CHECK(transcribe(fake.fn(), hearingModel(), media::Source::file("/nowhere.wav")).error().code ==
          ErrorCode::FileNotFound);
    TranscribeOptions options;
    options.journalPath = "/nowhere/at/all/journal";
    CHECK(transcribe(fake.fn(), hearingModel(), recording({1}), options).error().code == ErrorCode::FileWriteFailed);
    const AnswerFn broken = [](Request, const EventSink &, const CancelToken &) -> Result<Answer> {
        return Error{.code = ErrorCode::ContextExceeded, .message = "too long"};
    };
    CHECK(transcribe(broken, hearingModel(), recording({1})).error().code == ErrorCode::ContextExceeded);
}

TEST_CASE("formats") {
    Transcript t;
    t.text = "Hello. \"Quoted\"";
    t.seconds = 3;
    t.language = "en";
    t.segments = {{0.5, 2.25, "Hello."}, {2.5, 3.0, "\"Quoted\""}};
    CHECK(formatTranscript(t, TranscriptFormat::Text) == "Hello. \"Quoted\"\n");
    CHECK(formatTranscript(t, TranscriptFormat::Srt).find("00:00:00,500 --> 00:00:02,250\nHello.") !=
          std::string::npos);
    CHECK(formatTranscript(t, TranscriptFormat::Vtt).rfind("WEBVTT", 0) == 0);
    CHECK(nlohmann::json::parse(formatTranscript(t, TranscriptFormat::Json)) == nlohmann::json{{"text", t.text}});
    const nlohmann::json verbose = nlohmann::json::parse(formatTranscript(t, TranscriptFormat::VerboseJson));
    CHECK(verbose["task"] == "transcribe");
    CHECK(verbose["duration"] == 3.0);
    CHECK(verbose["segments"][1]["start"] == 2.5);
    CHECK(verbose["segments"][1]["id"] == 1);
    CHECK(transcriptFormat("srt") == TranscriptFormat::Srt);
    CHECK(transcriptFormat("txt") == TranscriptFormat::Text);
    CHECK_FALSE(transcriptFormat("docx"));
}
