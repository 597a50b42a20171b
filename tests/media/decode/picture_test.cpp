// Every still format against pixels made by another decoder.
#include "media_fixtures.h"

#include "media/prepare/golden_file.h"
#include "media/prepare/png_reader.h"

#include <doctest/doctest.h>

using namespace facet;
using namespace facet::media;
using namespace facet::test;

namespace {

struct Case {
    const char *file;
    const char *expected; // formats/EXPECTED.ppm
    double mean;          // levels allowed; 0: exact
    int largest;
};

constexpr Case kExact[] = {
    {"alpha.png", "alpha", 0, 0},
    {"alpha.webp", "alpha", 0, 0},
    {"lossless.webp", "base", 0, 0},
    {"animated.webp", "base", 0, 0},
    {"animated.png", "base", 0, 0},
    {"rgb24.bmp", "base", 0, 0},
    {"palette.bmp", "palette", 0, 0},
    {"palette.png", "palette", 0, 0},
    {"palette.gif", "palette", 0, 0},
    {"palette.tif", "palette", 0, 0},
    {"transparent.png", "transparent.png", 0, 0},
    {"transparent.gif", "transparent.gif", 0, 0},
    {"grey.png", "grey", 0, 0},
    {"grey.tif", "grey", 0, 0},
    {"onebit.png", "onebit", 0, 0},
    {"onebit.tif", "onebit", 0, 0},
    {"onebit.bmp", "onebit", 0, 0},
    {"grey_alpha.png", "grey_alpha", 0, 0},
    {"lzw.tif", "base", 0, 0},
    {"deflate.tif", "base", 0, 0},
    {"raw.tif", "base", 0, 0},
    {"packbits.tif", "base", 0, 0},
    {"rgb16.png", "rgb16.png", 0, 0},
    {"orientation_8.png", "base", 0, 0},
    {"orientation_6.webp", "base", 0, 0},
    {"orientation_5.tif", "base", 0, 0},
};

// Lossy formats: another inverse transform and another rounding of the colour matrix.
constexpr Case kLossy[] = {
    {"lossy.webp", "lossy.webp", 0.6, 12},
    {"grey.jpg", "grey.jpg", 0.3, 2},
    {"progressive.jpg", "progressive.jpg", 0.6, 8},
    {"sub422.jpg", "sub422.jpg", 0.6, 8},
    {"cmyk.jpg", "cmyk.jpg", 1.0, 8},
};

} // namespace

TEST_CASE("lossless stills are decoded exactly") {
    for (const Case &c : kExact) {
        CAPTURE(std::string(c.file));
        const Result<Picture> picture = decodePicture(mediaSource(std::string("formats/") + c.file));
        REQUIRE_MESSAGE(picture, (picture ? std::string() : picture.error().describe()));
        const PixelDifference d = compare(*picture, expectedPixels(c.expected));
        CHECK(d.sameSize);
        CHECK(d.largest == 0);
        CHECK(picture->contentHash.size() == 64);
    }
}

TEST_CASE("lossy stills are close to another decoder") {
    for (const Case &c : kLossy) {
        CAPTURE(std::string(c.file));
        const Result<Picture> picture = decodePicture(mediaSource(std::string("formats/") + c.file));
        REQUIRE_MESSAGE(picture, (picture ? std::string() : picture.error().describe()));
        const PixelDifference d = compare(*picture, expectedPixels(c.expected));
        CHECK(d.sameSize);
        CHECK(d.mean <= c.mean);
        CHECK(d.largest <= c.largest);
    }
}

TEST_CASE("all eight orientations come out upright") {
    const Picture upright = expectedPixels("base");
    for (int orientation = 1; orientation <= 8; ++orientation) {
        CAPTURE(orientation);
        const Source source = mediaSource("formats/orientation_" + std::to_string(orientation) + ".jpg");
        const Result<Picture> picture = decodePicture(source);
        REQUIRE(picture);
        const PixelDifference d = compare(*picture, upright);
        CHECK(d.sameSize);
        CHECK(d.mean < 4.0); // JPEG at quality 95; a wrong turn gives 50 and more
        const Result<MediaDetails> details = probeMedia(source);
        REQUIRE(details);
        CHECK(details->width == upright.width);
        CHECK(details->height == upright.height);
    }
}

TEST_CASE("pictures of the golden set equal the reference's decoding") {
    for (const char *name : {"portrait.jpg", "exif_rotated.jpg"}) {
        CAPTURE(std::string(name));
        const Result<Picture> picture = decodePicture(mediaSource(name));
        REQUIRE(picture);
        const std::string stem = std::string(name).substr(0, std::string(name).find('.'));
        const PixelDifference d = compare(*picture, readPng(mediaPath("decoded/" + stem + ".png")));
        CHECK(d.sameSize);
        CHECK(d.mean <= 0.5);
        CHECK(d.largest <= 8);
    }
    for (const char *name : {"rgba.png", "gray16.png"}) {
        CAPTURE(std::string(name));
        const Result<Picture> picture = decodePicture(mediaSource(name));
        REQUIRE(picture);
        CHECK(compare(*picture, readPng(mediaPath(std::string("decoded/") + name))).largest == 0);
    }
    for (const char *name : {"landscape.png", "shapes.png", "sliver.png", "tiny.png", "wide.png", "text_page.png"}) {
        CAPTURE(std::string(name));
        const Result<Picture> picture = decodePicture(mediaSource(name));
        REQUIRE(picture);
        CHECK(compare(*picture, readPng(mediaPath(name))).largest == 0);
    }
}

TEST_CASE("what FFmpeg cannot decode is called unsupported, not damaged") {
    CHECK(decodePicture(mediaSource("formats/jpeg.tif")).error().code == ErrorCode::MediaUnsupported);
    std::vector<std::uint8_t> heic = {0, 0, 0, 24, 'f', 't', 'y', 'p', 'h', 'e', 'i', 'c'};
    CHECK(decodePicture(Source::memory(heic, "a.heic")).error().message.find("HEIC") != std::string::npos);
    CHECK(probeMedia(Source::memory(heic, "a.heic")).error().code == ErrorCode::MediaUnsupported);
}

TEST_CASE("bytes in memory give the same as the file") {
    const Result<Picture> fromFile = decodePicture(mediaSource("portrait.jpg"));
    const Result<Picture> fromMemory = decodePicture(Source::memory(mediaBytes("portrait.jpg"), "upload"));
    REQUIRE(fromFile);
    REQUIRE(fromMemory);
    CHECK(fromFile->rgb == fromMemory->rgb);
    CHECK(fromFile->contentHash == fromMemory->contentHash);
}

TEST_CASE("a picture becomes an engine input of the asked budget") {
    const VisionInfo vision;
    const Result<ImageInput> input = loadImage(mediaSource("exif_rotated.jpg"), 70, vision);
    REQUIRE(input);
    CHECK(input->sourceWidth == 200);
    CHECK(input->sourceHeight == 300);
    CHECK(input->columns * input->rows <= 70 * 9);
    CHECK(input->patches.size() == static_cast<std::size_t>(input->columns * input->rows * 768));
    CHECK(input->contentHash.size() == 64);
}

TEST_CASE("PNG encoding gives back the same pixels") {
    const Picture picture = expectedPixels("base");
    const Result<std::vector<std::uint8_t>> png = encodePng(picture);
    REQUIRE(png);
    const Result<Picture> again = decodePicture(Source::memory(*png, "again"));
    REQUIRE(again);
    CHECK(again->rgb == picture.rgb);
    CHECK_FALSE(encodePng(Picture{}));
}

TEST_CASE("kinds are told by content") {
    for (const Case &c : kExact) CHECK(sniff(mediaSource(std::string("formats/") + c.file)) == MediaKind::Picture);
    for (const char *name :
         {"tone.mp3", "tone.aac", "tone.flac", "tone.ogg", "tone.opus", "tone_aac.m4a", "tone.mkv", "tone_u8.wav"}) {
        CAPTURE(std::string(name));
        CHECK(sniff(mediaSource(std::string("formats/") + name)) == MediaKind::Sound);
    }
    for (const char *name : {"levels_h264.mp4", "levels_vp9.webm", "levels_hevc.mkv"}) {
        CHECK(sniff(mediaSource(std::string("formats/") + name)) == MediaKind::Film);
    }
    CHECK(sniff(Source::memory({'h', 'e', 'l', 'l', 'o'}, "text")) == MediaKind::Unknown);
    CHECK(sniff(Source::file("/nowhere/at/all")) == MediaKind::Unknown);
    CHECK(sniff(mediaSource("manifest.json")) == MediaKind::Unknown);
}
