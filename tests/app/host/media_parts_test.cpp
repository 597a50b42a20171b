#include "host/media_parts.h"

#include "support/fake_media.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

namespace {

media::Source bytes(const std::string &text) { return media::Source::memory({text.begin(), text.end()}, "test"); }

ModelInfo model() {
    ModelInfo info;
    info.hasVision = info.hasAudio = true;
    return info;
}

ChatCall callWith(MediumKind kind, const std::string &text) {
    ChatCall call;
    call.request.messages.resize(1);
    call.request.messages[0].parts.resize(2);
    MediumRef medium;
    medium.part = 1;
    medium.kind = kind;
    medium.source = bytes(text);
    medium.field = "messages[0].content[1].x";
    call.media.push_back(medium);
    return call;
}

} // namespace

TEST_CASE("media land in their parts, their bytes are let go") {
    FakeMedia loader;
    ChatCall call = callWith(MediumKind::Image, "PIC");
    REQUIRE(loadMedia(call, model(), loader, {}));
    const Part &part = call.request.messages[0].parts[1];
    CHECK(part.kind == PartKind::Image);
    CHECK(part.image->tokenBudget == 280);
    CHECK(call.media[0].source.bytes.empty());

    ChatCall sound = callWith(MediumKind::Sniffed, "SND");
    REQUIRE(loadMedia(sound, model(), loader, {}));
    CHECK(sound.request.messages[0].parts[1].audio->frames == 7);

    ChatCall film = callWith(MediumKind::Video, "FLM");
    film.frames = 5;
    REQUIRE(loadMedia(film, model(), loader, {}));
    const VideoInput &video = *film.request.messages[0].parts[1].video;
    CHECK(video.frames.size() == 5);
    CHECK(video.frames[0]->tokenBudget == 70);
    CHECK(video.audio != nullptr);

    ChatCall silent = callWith(MediumKind::Video, "FLM");
    silent.videoSound = false;
    silent.media[0].frames = 3;
    silent.media[0].tokenBudget = 140;
    REQUIRE(loadMedia(silent, model(), loader, {}));
    CHECK(silent.request.messages[0].parts[1].video->audio == nullptr);
    CHECK(silent.request.messages[0].parts[1].video->frames.size() == 3);
    CHECK(silent.request.messages[0].parts[1].video->frames[0]->tokenBudget == 140);
}

TEST_CASE("errors name the part") {
    FakeMedia loader;
    const auto fails = [&](MediumKind kind, const std::string &text, const ModelInfo &info) {
        ChatCall call = callWith(kind, text);
        const Status status = loadMedia(call, info, loader, {});
        REQUIRE_FALSE(status);
        CHECK(status.error().detail == "messages[0].content[1].x");
        return status.error().code;
    };
    CHECK(fails(MediumKind::Image, "junk", model()) == ErrorCode::MediaUnreadable);
    CHECK(fails(MediumKind::Sniffed, "junk", model()) == ErrorCode::MediaUnreadable);
    ModelInfo blind = model();
    blind.hasVision = blind.hasAudio = false;
    CHECK(fails(MediumKind::Image, "PIC", blind) == ErrorCode::MediaUnsupported);
    CHECK(fails(MediumKind::Audio, "SND", blind) == ErrorCode::MediaUnsupported);
    CHECK(fails(MediumKind::Video, "FLM", blind) == ErrorCode::MediaUnsupported);
}

TEST_CASE("a cancelled request decodes nothing") {
    FakeMedia loader;
    ChatCall call = callWith(MediumKind::Image, "PIC");
    const CancelToken cancel;
    cancel.cancel();
    const Status status = loadMedia(call, model(), loader, cancel);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::Cancelled);
}

TEST_CASE("the budget of a picture") {
    const VisionInfo vision;
    MediumRef medium;
    medium.field = "f";
    CHECK(*pictureBudget(medium, 0, vision) == 280);
    CHECK(*pictureBudget(medium, 560, vision) == 560);
    medium.detail = Detail::Low;
    CHECK(*pictureBudget(medium, 560, vision) == 70);
    medium.detail = Detail::High;
    CHECK(*pictureBudget(medium, 560, vision) == 1120);
    medium.tokenBudget = 140;
    CHECK(*pictureBudget(medium, 560, vision) == 140);
    medium.tokenBudget = 100;
    const auto wrong = pictureBudget(medium, 0, vision);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().detail == "f");
    medium = {};
    CHECK(pictureBudget(medium, 99, vision).error().detail == "x_facet.token_budget");
}

TEST_CASE("costs from the header") {
    FakeMedia loader;
    MediumRef medium;
    medium.source = bytes("PIC");
    const auto picture = mediumCost(medium, true, model(), loader);
    REQUIRE(picture);
    const auto size = media::targetSize(640, 480, 280, VisionInfo());
    REQUIRE(size);
    CHECK(picture->tokens == size->softTokens(VisionInfo()) + 2);
    CHECK(picture->width == 640);

    medium.kind = MediumKind::Audio;
    medium.source = bytes("SND");
    CHECK(mediumCost(medium, true, model(), loader)->tokens == 250 + 2); // 10 s: 999 frames, 250 tokens

    medium.kind = MediumKind::Sniffed;
    medium.source = bytes("FLM");
    medium.frames = 4;
    const auto small = media::targetSize(640, 480, 70, VisionInfo());
    const int frames = 4 * (small->softTokens(VisionInfo()) + 7);
    CHECK(mediumCost(medium, false, model(), loader)->tokens == frames);
    CHECK(mediumCost(medium, true, model(), loader)->tokens == frames + 252);
    medium.frames = 0;
    CHECK(mediumCost(medium, true, model(), loader)->frames == 10);
    medium.source = bytes("???");
    CHECK_FALSE(mediumCost(medium, true, model(), loader));
}
