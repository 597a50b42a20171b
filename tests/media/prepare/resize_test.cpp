#include "facet/media/prepare.h"
#include "media/prepare/golden_file.h"
#include "media/prepare/png_reader.h"

#include <doctest/doctest.h>
#include <openssl/sha.h>

#include <array>

using namespace facet;
using namespace facet::media;

namespace {

std::string sha256(const std::vector<std::uint8_t> &bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(bytes.data(), bytes.size(), digest.data());
    std::string hex;
    for (const unsigned char byte : digest) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
    }
    return hex;
}

Picture noise(int width, int height) {
    Picture picture{width, height, {}, {}};
    picture.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    std::uint32_t state = 12345;
    for (std::uint8_t &byte : picture.rgb) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(state >> 24);
    }
    return picture;
}

}  // namespace

TEST_CASE("golden: every picture at every budget is bit-exact") {
    for (const std::string &name : test::goldenCases("image_")) {
        if (name == "image_sizes") continue;
        const test::GoldenCase golden = test::readGolden(name);
        const Picture picture = test::readPng(test::fixturePath(golden.json["decoded_rgb"]));
        REQUIRE(sha256(picture.rgb) == golden.json["decoded_rgb_sha256"].get<std::string>());
        for (const auto &[budget, expected] : golden.json["budgets"].items()) {
            CAPTURE(name);
            CAPTURE(budget);
            const Picture resized = resize(picture, expected["target_hw"][1], expected["target_hw"][0]);
            CHECK(sha256(resized.rgb) == expected["resized_sha256"].get<std::string>());
            if (!golden.has("resized_" + budget)) continue;
            const auto &values = golden["resized_" + budget].values;
            REQUIRE(values.size() == resized.rgb.size());
            CHECK(std::equal(values.begin(), values.end(), resized.rgb.begin()));
        }
    }
}

TEST_CASE("golden: film frames are bit-exact") {
    for (const std::string &name : test::goldenCases("video_")) {
        const test::GoldenCase golden = test::readGolden(name);
        if (!golden.has("frames_rgb")) continue;
        CAPTURE(name);
        const test::GoldenTensor &frames = golden["frames_rgb"];
        Picture frame{static_cast<int>(frames.shape[2]), static_cast<int>(frames.shape[1]), {}, {}};
        const std::size_t bytes = static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height) * 3;
        for (std::size_t i = 0; i < bytes; ++i) frame.rgb.push_back(static_cast<std::uint8_t>(frames.values[i]));
        const Result<PictureSize> size = targetSize(frame.width, frame.height, golden.json["budget_per_frame"], VisionInfo{});
        REQUIRE(size);
        CHECK(size->height == golden.json["target_hw"][0].get<int>());
        CHECK(size->width == golden.json["target_hw"][1].get<int>());
        CHECK(size->softTokens(VisionInfo{}) == golden.json["soft_tokens_per_frame"].get<int>());
        const Picture resized = resize(frame, size->width, size->height);
        const auto &values = golden["resized"].values;
        REQUIRE(values.size() >= resized.rgb.size());
        CHECK(std::equal(resized.rgb.begin(), resized.rgb.end(), values.begin()));
    }
}

TEST_CASE("an even colour stays what it is at any ratio") {
    for (const auto &[w, h, tw, th] : {std::array{1, 1, 48, 96}, std::array{7, 300, 48, 48}, std::array{300, 7, 96, 480},
                                       std::array{50, 50, 50, 96}, std::array{3, 2, 3, 2}}) {
        Picture picture{w, h, std::vector<std::uint8_t>(static_cast<std::size_t>(w * h) * 3, 201), {}};
        const Picture out = resize(picture, tw, th);
        CHECK(out.width == tw);
        CHECK(out.height == th);
        CHECK(out.rgb == std::vector<std::uint8_t>(static_cast<std::size_t>(tw * th) * 3, 201));
    }
}

TEST_CASE("the extreme shapes that a file of a hundred megapixels may have are survived in little memory") {
    // Sums beyond 32 bits and weights that fit no table; the mean is kept.
    for (const auto &[w, h] : {std::array{1'100'000, 1}, std::array{1, 1'100'000}}) {
        Picture picture{w, h, std::vector<std::uint8_t>(3'300'000, 255), {}};
        const Picture out = resize(picture, 4, 4);
        REQUIRE(out.rgb.size() == 4 * 4 * 3);
        for (const std::uint8_t byte : out.rgb) REQUIRE(byte >= 250);
    }
}

TEST_CASE("what cannot be resized gives an empty picture") {
    const Picture good = noise(4, 4);
    CHECK(resize(good, 0, 5).rgb.empty());
    CHECK(resize(good, 5, -1).rgb.empty());
    Picture wrong = good;
    wrong.rgb.pop_back();
    CHECK(resize(wrong, 8, 8).rgb.empty());
    CHECK(resize(good, 4, 4).rgb == good.rgb);
}
