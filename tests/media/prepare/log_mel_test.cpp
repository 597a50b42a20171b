#include "facet/media/prepare.h"
#include "media/prepare/golden_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace facet;
using namespace facet::media;

TEST_CASE("window and mel matrix are those of the reference") {
    const test::GoldenCase golden = test::readGolden("audio_frontend");
    const std::vector<float> window = hannWindow();
    const auto &windowValues = golden["window"].values;
    REQUIRE(window.size() == windowValues.size());
    for (std::size_t i = 0; i < window.size(); ++i) CHECK(static_cast<double>(window[i]) == windowValues[i]);
    const std::vector<float> filters = melFilters(128);
    const auto &filterValues = golden["mel_filters"].values;
    REQUIRE(filters.size() == filterValues.size());
    double worst = 0;
    for (std::size_t i = 0; i < filters.size(); ++i) {
        worst = std::max(worst, std::fabs(static_cast<double>(filters[i]) - static_cast<double>(static_cast<float>(filterValues[i]))));
    }
    CHECK(worst <= 1e-7);
    CHECK(melFilters(0).empty());
    CHECK(melFilters(-5).empty());
}

TEST_CASE("golden: log-mel of every clip") {
    for (const std::string &name : test::goldenCases("audio_")) {
        const test::GoldenCase golden = test::readGolden(name);
        if (!golden.json.contains("samples_16k") || !golden.has("mask")) continue;
        CAPTURE(name);
        const AudioInfo info;
        const Result<AudioInput> audio = prepareAudio(test::goldenSamples(golden), info);
        REQUIRE(audio);
        CHECK(audio->frames == golden.json["valid_frames"].get<int>());
        CHECK(audio->samples == golden.json["samples_used"].get<std::int64_t>());
        const bool whole = golden.has("mel");
        const test::GoldenTensor &mel = golden[whole ? "mel" : "mel_rows.value"];
        double worst = 0;
        for (std::int64_t row = 0; row < mel.rows(); ++row) {
            const std::int64_t frame = whole ? row : static_cast<std::int64_t>(golden["mel_rows.index"].values[static_cast<std::size_t>(row)]);
            if (frame >= audio->frames) continue;  // the reference keeps invalid frames as zeros
            for (std::int64_t m = 0; m < 128; ++m) {
                const double ours = static_cast<double>(audio->mel[static_cast<std::size_t>(frame * 128 + m)]);
                worst = std::max(worst, std::fabs(ours - mel.values[static_cast<std::size_t>(row * 128 + m)]));
            }
        }
        CHECK(worst <= 1e-3);
    }
}

TEST_CASE("frames for every length of the table") {
    const nlohmann::json table = test::readJson(test::fixturePath("golden/media/audio_lengths.json"));
    for (const auto &row : table["rows"]) {
        CAPTURE(row.dump());
        const std::vector<float> samples(row[0].get<std::size_t>(), 0.0F);
        const Result<AudioInput> audio = prepareAudio(samples, AudioInfo{});
        if (row[2] == 0) {
            REQUIRE_FALSE(audio);
            CHECK(audio.error().code == ErrorCode::InvalidArgument);
            continue;
        }
        REQUIRE(audio);
        CHECK(audio->frames == row[2].get<int>());
        CHECK((audio->frames + 1) / 2 == ((audio->frames + 1) / 2));
        CHECK(((audio->frames + 1) / 2 + 1) / 2 == row[3].get<int>());
        CHECK(std::fabs(audio->mel.front() - std::log(0.001F)) < 1e-5F);
    }
}

TEST_CASE("broken samples are silence, not NaN") {
    std::vector<float> samples(1000, 0.0F);
    samples[500] = std::numeric_limits<float>::quiet_NaN();
    samples[600] = std::numeric_limits<float>::infinity();
    samples[700] = 3e38F;
    const Result<AudioInput> audio = prepareAudio(samples, AudioInfo{});
    REQUIRE(audio);
    for (const float value : audio->mel) REQUIRE(std::isfinite(value));
    AudioInfo odd;
    odd.melBins = 0;
    CHECK_FALSE(prepareAudio(samples, odd));
    odd.melBins = 80;
    REQUIRE(prepareAudio(samples, odd));
    CHECK(prepareAudio(samples, odd)->mel.size() == 6 * 80);
    odd.sampleRate = 8000;
    CHECK_FALSE(prepareAudio(samples, odd));
}
