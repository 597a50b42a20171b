// Films whose frames tell their own number by their grey level, and the reference's frames.
#include "media_fixtures.h"

#include "media/prepare/golden_file.h"
#include "media/prepare/png_reader.h"

#include <doctest/doctest.h>

#include <cstdio>

using namespace facet;
using namespace facet::media;
using namespace facet::test;

namespace {

double meanLevel(const Picture &picture) {
    double sum = 0;
    for (const std::uint8_t v : picture.rgb) sum += v;
    return sum / static_cast<double>(picture.rgb.size());
}

} // namespace

TEST_CASE("every codec gives the asked frames") {
    for (const char *name : {"levels_h264.mp4", "levels_hevc.mkv", "levels_vp9.webm", "levels_vp8.webm",
                             "levels_av1.mp4", "levels_mpeg4.mp4", "levels_mjpeg.mkv"}) {
        CAPTURE(std::string(name));
        const Result<FilmFrames> film = decodeFilm(mediaSource(std::string("formats/") + name), 6);
        REQUIRE_MESSAGE(film, (film ? std::string() : film.error().describe()));
        CHECK(film->totalFrames == 20);
        CHECK(film->framesPerSecond == doctest::Approx(10.0));
        const std::vector<std::int64_t> wanted = {0, 3, 6, 10, 13, 16};
        CHECK(film->indices == wanted);
        REQUIRE(film->frames.size() == 6);
        for (std::size_t i = 0; i < 6; ++i) {
            CAPTURE(i);
            CHECK(film->frames[i].width == 64);
            CHECK(film->frames[i].height == 48);
            CHECK(std::abs(meanLevel(film->frames[i]) - static_cast<double>(20 + 10 * wanted[i])) <
                  4.5); // levels are 10 apart
            CHECK(film->seconds[i] == doctest::Approx(static_cast<double>(wanted[i]) / 10).epsilon(0.02));
        }
    }
}

TEST_CASE("seeking over many key frames hits the exact frames") {
    const Result<FilmFrames> few = decodeFilm(mediaSource("formats/seek.mp4"), 5);
    const Result<FilmFrames> all = decodeFilm(mediaSource("formats/seek.mp4"), 120);
    REQUIRE(few);
    REQUIRE(all);
    REQUIRE(few->frames.size() == 5);
    REQUIRE(all->frames.size() == 120);
    for (std::size_t i = 0; i < 5; ++i) {
        const auto index = static_cast<std::size_t>(few->indices[i]);
        CHECK(index == i * 24);
        CHECK(few->frames[i].rgb == all->frames[index].rgb);
        CHECK(std::abs(meanLevel(few->frames[i]) - static_cast<double>(10 + 2 * index)) < 1.9);
    }
    // more than there are: all of them
    const Result<FilmFrames> more = decodeFilm(mediaSource("formats/seek.mp4"), 500);
    REQUIRE(more);
    CHECK(more->frames.size() == 120);
    CHECK(decodeFilm(mediaSource("formats/seek.mp4"), -1).error().code == ErrorCode::InvalidArgument);
    CHECK(decodeFilm(mediaSource("formats/seek.mp4"), 100000).error().code == ErrorCode::InvalidArgument);
}

TEST_CASE("the display matrix turns frames") {
    const Result<FilmFrames> film = decodeFilm(mediaSource("formats/rotated.mp4"), 1);
    REQUIRE(film);
    const Picture &frame = film->frames.front();
    CHECK(frame.width == 48);
    CHECK(frame.height == 64);
    const auto red = [&](int y) { return frame.rgb[static_cast<std::size_t>((y * 48 + 24) * 3)]; };
    CHECK(red(8) < 40);   // blue, the right half as stored
    CHECK(red(56) > 160); // red, the left half
    const Result<MediaDetails> details = probeMedia(mediaSource("formats/rotated.mp4"));
    REQUIRE(details);
    CHECK(details->width == 48);
    CHECK(details->height == 64);
}

TEST_CASE("variable rate: times are the real ones") {
    const Result<FilmFrames> film = decodeFilm(mediaSource("formats/variable.mkv"), 5);
    REQUIRE(film);
    REQUIRE(film->seconds.size() == 5);
    const double expected[] = {0, 0.1, 0.2, 1.0, 2.0};
    for (std::size_t i = 0; i < 5; ++i) CHECK(film->seconds[i] == doctest::Approx(expected[i]).epsilon(0.01));
}

TEST_CASE("films of the golden set: numbers, times and pixels") {
    for (const std::string &name : goldenCases("video_")) {
        const GoldenCase golden = readGolden(name);
        if (!golden.json.contains("frame_indices")) continue;
        CAPTURE(std::string(name));
        const std::string file = golden.json.at("file").get<std::string>().substr(std::string("media/").size());
        const Result<FilmFrames> film = decodeFilm(mediaSource(file), golden.json.at("num_frames").get<int>());
        REQUIRE(film);
        CHECK(film->totalFrames == golden.json.at("total_num_frames").get<std::int64_t>());
        CHECK(film->framesPerSecond == doctest::Approx(golden.json.at("fps").get<double>()));
        CHECK(film->indices == golden.json.at("frame_indices").get<std::vector<std::int64_t>>());
        const auto stamps = golden.json.at("timestamp_text").get<std::vector<std::string>>();
        REQUIRE(film->seconds.size() == stamps.size());
        for (std::size_t i = 0; i < stamps.size(); ++i) CHECK(timeStamp(film->seconds[i]) == stamps[i]);
        for (std::size_t i = 0; i < film->frames.size(); ++i) {
            char suffix[32];
            std::snprintf(suffix, sizeof suffix, "_%04d.png", static_cast<int>(film->indices[i]));
            const std::string path = mediaPath("decoded/" + file.substr(0, file.find('.')) + suffix);
            if (std::FILE *there = std::fopen(path.c_str(), "rb")) {
                std::fclose(there);
            } else {
                continue;
            }
            const PixelDifference d = compare(film->frames[i], readPng(path));
            CHECK(d.sameSize);
            CHECK(d.mean <= 0.1);
        }
    }
}

TEST_CASE("a film becomes an engine input with its sound") {
    const VisionInfo vision;
    const AudioInfo audio;
    const Result<VideoInput> talk = loadVideo(mediaSource("talk.mp4"), {.frames = 6}, vision, &audio);
    REQUIRE(talk);
    CHECK(talk->frames.size() == 6);
    CHECK(talk->seconds.size() == 6);
    REQUIRE(talk->audio);
    CHECK(talk->audio->frames > 100);
    CHECK(talk->frames[0]->contentHash.size() == 64);
    CHECK(talk->frames[0]->contentHash != talk->frames[1]->contentHash);
    CHECK(talk->frames[0]->columns * 16 == 432);
    CHECK(talk->frames[0]->rows * 16 == 336);
    const Result<VideoInput> mute =
        loadVideo(mediaSource("talk.mp4"), {.frames = 2, .withSound = false}, vision, &audio);
    REQUIRE(mute);
    CHECK_FALSE(mute->audio);
    const Result<VideoInput> deaf = loadVideo(mediaSource("talk.mp4"), {}, vision, nullptr);
    REQUIRE(deaf);
    CHECK(deaf->frames.size() == 8); // five seconds: the least number
    CHECK_FALSE(deaf->audio);
    const Result<VideoInput> silent = loadVideo(mediaSource("silent.webm"), {.frames = 2}, vision, &audio);
    REQUIRE(silent);
    CHECK_FALSE(silent->audio);
    CHECK(loadVideo(mediaSource("speech_en_16k.wav"), {}, vision, &audio).error().code == ErrorCode::MediaUnsupported);
}

TEST_CASE("details of films come from the header") {
    const Result<MediaDetails> details = probeMedia(mediaSource("talk.mp4"));
    REQUIRE(details);
    CHECK(details->kind == MediaKind::Film);
    CHECK(details->width == 320);
    CHECK(details->height == 240);
    CHECK(details->frames == 50);
    CHECK(details->hasSound);
    CHECK(details->framesPerSecond == doctest::Approx(10));
    CHECK(details->seconds == doctest::Approx(5).epsilon(0.05));
}
