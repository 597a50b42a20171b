// Sound formats against tones of known loudness, and against the reference's samples.
#include "media_fixtures.h"

#include "media/prepare/golden_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::media;
using namespace facet::test;

namespace {

constexpr double kPi = 3.14159265358979;

// Amplitude of a frequency in the middle of the signal.
double amplitude(const std::vector<float> &x, double hertz) {
    double re = 0, im = 0;
    const std::size_t begin = x.size() / 4, end = x.size() * 3 / 4;
    for (std::size_t i = begin; i < end; ++i) {
        re += x[i] * std::cos(2 * kPi * hertz * static_cast<double>(i) / 16000);
        im += x[i] * std::sin(2 * kPi * hertz * static_cast<double>(i) / 16000);
    }
    return 2 * std::sqrt(re * re + im * im) / static_cast<double>(end - begin);
}

double correlation(const std::vector<float> &a, const std::vector<float> &b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        ab += static_cast<double>(a[i]) * b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    return ab / std::sqrt(aa * bb);
}

} // namespace

TEST_CASE("every sound format gives the average of its channels at 16 kHz") {
    // left 440 Hz at 0.5, right silent: the average is 0.25
    for (const char *name : {"tone_u8.wav", "tone_s24.wav", "tone_f32.wav", "tone.mp3", "tone.flac", "tone.ogg",
                             "tone.opus", "tone_aac.m4a", "tone_alac.m4a", "tone.mkv", "tone.webm", "tone.aac"}) {
        CAPTURE(std::string(name));
        const Result<std::vector<float>> samples = decodeSoundAll(mediaSource(std::string("formats/") + name), 480000);
        REQUIRE_MESSAGE(samples, (samples ? std::string() : samples.error().describe()));
        CHECK(std::abs(static_cast<int>(samples->size()) - 8000) <= 1200); // codecs pad
        CHECK(amplitude(*samples, 440) == doctest::Approx(0.25).epsilon(0.03));
        CHECK(amplitude(*samples, 880) < 0.01);
    }
}

TEST_CASE("sound equals the reference's samples as far as decoders can") {
    struct Clip {
        const char *golden;
        double scale;   // stereo goldens are (L + R) / sqrt(2)
        double meanMel; // audio.md section 1: two correct chains differ by 0.01 to 0.05
    };
    for (const Clip &clip :
         {Clip{"audio_speech_en_16k", 1, 1e-3}, Clip{"audio_speech_es_22k", 1, 0.05},
          Clip{"audio_speech_fr_48k", 1, 0.05}, Clip{"audio_blip", 1, 1e-3}, Clip{"audio_long", 1, 0.05},
          Clip{"audio_speech_de_44k_stereo", 1.41421356, 0.06}, Clip{"audio_talk", 1.41421356, 0.06}}) {
        CAPTURE(std::string(clip.golden));
        const GoldenCase golden = readGolden(clip.golden);
        const std::string file = golden.json.at("file").get<std::string>().substr(std::string("media/").size());
        Result<std::vector<float>> samples = decodeSoundAll(mediaSource(file), 1 << 24);
        REQUIRE_MESSAGE(samples, (samples ? std::string() : samples.error().describe()));
        for (float &v : *samples) v = static_cast<float>(v * clip.scale);
        const std::vector<float> reference = goldenSamples(golden);
        if (golden.json.value("truncated_to_30s", false)) {
            CHECK(samples->size() >= reference.size()); // the golden keeps the first half minute
        } else {
            CHECK(std::abs(static_cast<double>(samples->size()) - static_cast<double>(reference.size())) <= 160);
        }
        CHECK(correlation(*samples, reference) > 0.999);

        const std::size_t n = std::min({samples->size(), reference.size(), std::size_t{480000}});
        const Result<AudioInput> ours = prepareAudio(std::span(*samples).first(n), AudioInfo{});
        const Result<AudioInput> theirs = prepareAudio(std::span(reference).first(n), AudioInfo{});
        REQUIRE(ours);
        REQUIRE(theirs);
        double sum = 0;
        for (std::size_t i = 0; i < ours->mel.size(); ++i)
            sum += std::abs(static_cast<double>(ours->mel[i]) - theirs->mel[i]);
        CHECK(sum / static_cast<double>(ours->mel.size()) <= clip.meanMel);
    }
}

TEST_CASE("streaming gives the same as everything at once, and stops when asked") {
    const Source source = mediaSource("speech_en_16k.wav");
    std::vector<float> streamed;
    const Result<std::int64_t> total = decodeSound(source, [&](std::span<const float> block) {
        streamed.insert(streamed.end(), block.begin(), block.end());
        return true;
    });
    REQUIRE(total);
    const Result<std::vector<float>> whole = decodeSoundAll(source, 1 << 24);
    REQUIRE(whole);
    CHECK(streamed == *whole);
    CHECK(*total == static_cast<std::int64_t>(whole->size()));

    int blocks = 0;
    CHECK(decodeSound(source, [&](std::span<const float>) { return ++blocks < 3; }));
    CHECK(blocks == 3);
    const Result<std::vector<float>> head = decodeSoundAll(source, 1000);
    REQUIRE(head);
    CHECK(head->size() == 1000);
    CHECK(std::equal(head->begin(), head->end(), whole->begin()));
}

TEST_CASE("sound becomes an engine input") {
    const Result<AudioInput> input = loadAudio(mediaSource("long.ogg"), AudioInfo{});
    REQUIRE(input);
    CHECK(input->samples == 480000); // cut at 30 s
    CHECK(input->contentHash.size() == 64);
    const Result<AudioInput> film = loadAudio(mediaSource("talk.mp4"), AudioInfo{});
    REQUIRE(film);
    CHECK(film->samples > 16000);
    CHECK(loadAudio(mediaSource("silent.webm"), AudioInfo{}).error().code == ErrorCode::MediaUnsupported);
}

TEST_CASE("details of sounds come from the header") {
    const Result<MediaDetails> wav = probeMedia(mediaSource("speech_en_16k.wav"));
    REQUIRE(wav);
    CHECK(wav->kind == MediaKind::Sound);
    CHECK(wav->sampleRate == 16000);
    CHECK(wav->channels == 1);
    CHECK(wav->seconds == doctest::Approx(85922 / 16000.0).epsilon(0.001));
    const Result<MediaDetails> m4a = probeMedia(mediaSource("formats/tone_aac.m4a"));
    REQUIRE(m4a);
    CHECK(m4a->kind == MediaKind::Sound);
    CHECK(m4a->channels == 2);
    CHECK(m4a->seconds == doctest::Approx(0.5).epsilon(0.15));
}

TEST_CASE("limits and cancel end a sound") {
    DecodeLimits limits;
    limits.maxSeconds = 2;
    CHECK(decodeSoundAll(mediaSource("long.ogg"), 1 << 24, limits).error().code == ErrorCode::LimitExceeded);
    limits = {};
    limits.maxFileBytes = 1000;
    CHECK(decodeSoundAll(mediaSource("long.ogg"), 1 << 24, limits).error().code == ErrorCode::LimitExceeded);
    const CancelToken cancel;
    int blocks = 0;
    const Result<std::int64_t> stopped = decodeSound(
        mediaSource("long.ogg"),
        [&](std::span<const float>) {
            if (++blocks == 2) cancel.cancel();
            return true;
        },
        {}, cancel);
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::Cancelled);
}
