// Bombs, cut files, damaged bytes, wrong things: always one sentence, never a crash, a hang or noise on standard error.
#include "media_fixtures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace facet;
using namespace facet::media;
using namespace facet::test;

namespace {

// Everything that callers do with a file of unknown worth. True: at least one of the decoders took it.
bool tryEverything(std::vector<std::uint8_t> bytes) {
    const Source source = Source::memory(std::move(bytes), "upload");
    DecodeLimits limits;
    limits.maxDecodeSecondsPerPicture = 5;
    sniff(source);
    const Result<MediaDetails> details = probeMedia(source, limits);
    if (!details) CHECK_FALSE(details.error().message.empty());
    const Result<Picture> picture = decodePicture(source, limits);
    if (!picture) CHECK_FALSE(picture.error().message.empty());
    if (picture)
        CHECK(picture->rgb.size() ==
              static_cast<std::size_t>(picture->width) * static_cast<std::size_t>(picture->height) * 3);
    if (picture || (details && details->kind == MediaKind::Picture)) return static_cast<bool>(picture);
    const Result<std::vector<float>> sound = decodeSoundAll(source, 1 << 20, limits);
    const Result<FilmFrames> film = decodeFilm(source, 4, limits);
    if (!sound) CHECK_FALSE(sound.error().message.empty());
    if (!film) CHECK_FALSE(film.error().message.empty());
    return sound || film;
}

std::vector<std::string> formatFiles() {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(mediaPath("formats"))) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".ppm" && extension != ".py") names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool isStill(const std::string &name) {
    const std::string extension = std::filesystem::path(name).extension().string();
    for (const char *still : {".png", ".jpg", ".webp", ".bmp", ".tif", ".gif"}) {
        if (extension == still) return true;
    }
    return false;
}

} // namespace

TEST_CASE("image bombs are refused from the header") {
    for (const char *name : {"bomb.png", "bomb.jpg", "bomb.gif", "bomb.webp", "bomb.tif"}) {
        CAPTURE(std::string(name));
        const Source source = mediaSource(std::string("formats/") + name);
        const Result<Picture> picture = decodePicture(source);
        REQUIRE_FALSE(picture);
        CHECK(picture.error().code == ErrorCode::LimitExceeded);
        CHECK(picture.error().message.find("pixels") != std::string::npos);
        CHECK(probeMedia(source).error().code == ErrorCode::LimitExceeded);
    }
    CHECK_FALSE(decodePicture(mediaSource("formats/bomb.bmp")));
    DecodeLimits small;
    small.maxPixels = 1000;
    CHECK(decodePicture(mediaSource("portrait.jpg"), small).error().code == ErrorCode::LimitExceeded);
    CHECK(decodeFilm(mediaSource("talk.mp4"), 2, small).error().code == ErrorCode::LimitExceeded);
    small = {};
    small.maxPictureBytes = 100;
    CHECK(decodePicture(mediaSource("portrait.jpg"), small).error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("cut stills are errors, not half pictures") {
    for (const std::string &name : formatFiles()) {
        if (!isStill(name) || name.rfind("bomb", 0) == 0) continue;
        CAPTURE(std::string(name));
        const std::vector<std::uint8_t> whole = mediaBytes("formats/" + name);
        // The first frame of an animation ends long before the file does.
        const bool animated = name.rfind("animated", 0) == 0;
        const std::size_t step = std::max<std::size_t>(1, whole.size() / 40);
        for (std::size_t length = 0; length + 2 < whole.size(); length += step) {
            CAPTURE(length);
            const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
            const bool taken = tryEverything(cut);
            if (!animated && length < whole.size() * 9 / 10) CHECK_FALSE(taken);
        }
    }
}

TEST_CASE("cut sounds and films give what they have or an error") {
    for (const std::string &name : formatFiles()) {
        if (isStill(name)) continue;
        CAPTURE(std::string(name));
        const std::vector<std::uint8_t> whole = mediaBytes("formats/" + name);
        const std::size_t step = std::max<std::size_t>(1, whole.size() / 12);
        for (std::size_t length = 0; length < whole.size(); length += step) {
            CAPTURE(length);
            tryEverything({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        }
    }
}

TEST_CASE("damaged bytes are survived") {
    std::mt19937 random(20);
    for (const std::string &name : formatFiles()) {
        CAPTURE(std::string(name));
        const std::vector<std::uint8_t> whole = mediaBytes("formats/" + name);
        for (int round = 0; round < 6; ++round) {
            std::vector<std::uint8_t> bytes = whole;
            for (int i = 0; i < 8; ++i) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
            for (int i = 0; i < 2; ++i)
                bytes[random() % std::min<std::size_t>(bytes.size(), 200)] = 0xFF; // headers count most
            tryEverything(std::move(bytes));
        }
    }
}

TEST_CASE("what is no medium says so") {
    CHECK(decodePicture(Source::file("/nowhere/picture.png")).error().code == ErrorCode::FileNotFound);
    CHECK(decodeSoundAll(Source::file("/nowhere/sound.wav"), 100).error().code == ErrorCode::FileNotFound);
    CHECK(decodePicture(mediaSource("manifest.json")).error().code == ErrorCode::MediaUnsupported);
    CHECK(decodePicture(mediaSource("decoded")).error().code == ErrorCode::FileUnreadable); // a folder
    CHECK(decodePicture(mediaSource("speech_en_16k.wav")).error().code == ErrorCode::MediaUnsupported);
    CHECK(decodePicture(Source{}).error().code == ErrorCode::MediaUnreadable);
    CHECK(decodeFilm(Source::memory({}, "nothing"), 1).error().code == ErrorCode::MediaUnreadable);
    // Addresses and FFmpeg's own protocols are file names here, and no such file exists.
    for (const char *address :
         {"http://127.0.0.1:1/a.mp4", "concat:a.ts|b.ts", "data:audio/wav;base64,AAAA", "pipe:0", "file:talk.mp4"}) {
        CHECK(decodeSoundAll(Source::file(address), 100).error().code == ErrorCode::FileNotFound);
    }
    // Playlists would make a demuxer open other files.
    const std::string playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    CHECK_FALSE(decodeSoundAll(Source::memory({playlist.begin(), playlist.end()}, "list.m3u8"), 100));
    const std::string concat = "ffconcat version 1.0\nfile /etc/passwd\n";
    CHECK_FALSE(decodeFilm(Source::memory({concat.begin(), concat.end()}, "list.txt"), 1));
}

TEST_CASE("a pipe is refused, not waited for") {
    const std::filesystem::path pipe =
        std::filesystem::temp_directory_path() / ("facet-pipe-" + std::to_string(::getpid()));
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(decodePicture(Source::file(pipe.string())).error().code == ErrorCode::FileUnreadable);
    CHECK(decodeSoundAll(Source::file(pipe.string()), 100).error().code == ErrorCode::FileUnreadable);
    std::filesystem::remove(pipe);
}

TEST_CASE("cancel ends pictures and films") {
    const CancelToken cancelled;
    cancelled.cancel();
    CHECK(decodePicture(mediaSource("portrait.jpg"), {}, cancelled).error().code == ErrorCode::Cancelled);
    CHECK(decodeFilm(mediaSource("talk.mp4"), 4, {}, cancelled).error().code == ErrorCode::Cancelled);
    CHECK(loadVideo(mediaSource("talk.mp4"), {}, VisionInfo{}, nullptr, {}, cancelled).error().code ==
          ErrorCode::Cancelled);
}
