#include "host/media_parts.h"

#include "facet/media/prepare.h"
#include "host/errors.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace facet::host {

namespace {

Error atField(Error error, const std::string &field) {
    if (error.code == ErrorCode::Cancelled) return error;
    return fieldError(field, error.describe(), error.code);
}

Result<MediumKind> kindOf(const MediumRef &medium, MediaLoader &loader) {
    if (medium.kind != MediumKind::Sniffed) return medium.kind;
    switch (loader.sniff(medium.source)) {
    case media::MediaKind::Picture: return MediumKind::Image;
    case media::MediaKind::Sound: return MediumKind::Audio;
    case media::MediaKind::Film: return MediumKind::Video;
    case media::MediaKind::Unknown: break;
    }
    return fieldError(medium.field, "The file is neither a picture nor a sound nor a film that Facet can read.",
                      ErrorCode::MediaUnreadable);
}

int smallestBudget(const VisionInfo &vision) {
    return vision.budgets.empty() ? vision.defaultBudget
                                  : *std::min_element(vision.budgets.begin(), vision.budgets.end());
}

int largestBudget(const VisionInfo &vision) {
    return vision.budgets.empty() ? vision.defaultBudget
                                  : *std::max_element(vision.budgets.begin(), vision.budgets.end());
}

Result<int> knownBudget(int budget, const VisionInfo &vision, const std::string &field) {
    if (std::find(vision.budgets.begin(), vision.budgets.end(), budget) != vision.budgets.end()) return budget;
    std::string list;
    for (const int each : vision.budgets) list += (list.empty() ? "" : ", ") + std::to_string(each);
    return fieldError(field, "The token budget of a picture must be one of " + list + ".");
}

// Film frames are small unless asked otherwise (video.md section 2).
Result<int> frameBudget(const MediumRef &medium, const VisionInfo &vision) {
    if (medium.tokenBudget > 0) return knownBudget(medium.tokenBudget, vision, medium.field);
    return medium.detail == Detail::High ? largestBudget(vision) : smallestBudget(vision);
}

Result<Part> loadImagePart(const MediumRef &medium, const ChatCall &call, const ModelInfo &model, MediaLoader &loader,
                           const CancelToken &cancel) {
    if (!model.hasVision) return Error{ErrorCode::MediaUnsupported, "The loaded model cannot see pictures."};
    FACET_TRY(budget, pictureBudget(medium, call.tokenBudget, model.vision));
    FACET_TRY(image, loader.image(medium.source, budget, model.vision, cancel));
    Part part{.kind = PartKind::Image};
    part.image = std::make_shared<const ImageInput>(std::move(image));
    return part;
}

Result<Part> loadAudioPart(const MediumRef &medium, const ModelInfo &model, MediaLoader &loader,
                           const CancelToken &cancel) {
    if (!model.hasAudio) return Error{ErrorCode::MediaUnsupported, "The loaded model cannot hear."};
    FACET_TRY(audio, loader.audio(medium.source, model.audio, cancel));
    Part part{.kind = PartKind::Audio};
    part.audio = std::make_shared<const AudioInput>(std::move(audio));
    return part;
}

Result<Part> loadVideoPart(const MediumRef &medium, const ChatCall &call, const ModelInfo &model, MediaLoader &loader,
                           const CancelToken &cancel) {
    if (!model.hasVision) return Error{ErrorCode::MediaUnsupported, "The loaded model cannot see films."};
    FACET_TRY(budget, frameBudget(medium, model.vision));
    media::VideoOptions options;
    options.frames = medium.frames > 0 ? medium.frames : call.frames;
    options.tokenBudget = budget;
    options.withSound = call.videoSound;
    const AudioInfo *audio = model.hasAudio && call.videoSound ? &model.audio : nullptr;
    FACET_TRY(video, loader.video(medium.source, options, model.vision, audio, cancel));
    Part part{.kind = PartKind::Video};
    part.video = std::make_shared<const VideoInput>(std::move(video));
    return part;
}

// audio.md section 2: F = floor((n - 1) / 160) frames of 10 ms, N = ceil(ceil(F / 2) / 2) tokens, between two markers.
int audioTokens(double seconds, const AudioInfo &audio) {
    const double most = static_cast<double>(audio.maxSamples);
    const auto samples = static_cast<std::int64_t>(std::clamp(std::floor(seconds * audio.sampleRate), 0.0, most));
    if (samples < 161) return 0;
    const std::int64_t frames = (samples - 1) / 160;
    return static_cast<int>(((frames + 1) / 2 + 1) / 2) + 2;
}

constexpr int kMarkers = 2;     // around a picture (vision.md section 3)
constexpr int kStampTokens = 5; // "00:01 " and its spaces (video.md section 6, less the markers)

Result<MediumCost> filmCost(const MediumRef &medium, const media::MediaDetails &details, bool withSound,
                            const ModelInfo &model) {
    FACET_TRY(budget, frameBudget(medium, model.vision));
    FACET_TRY(size, media::targetSize(details.width, details.height, budget, model.vision));
    MediumCost cost{.width = details.width, .height = details.height, .seconds = details.seconds};
    cost.frames = medium.frames > 0 ? medium.frames : media::defaultFrameCount(details.seconds);
    if (details.frames > 0) cost.frames = static_cast<int>(std::min<std::int64_t>(cost.frames, details.frames));
    cost.tokens = cost.frames * (size.softTokens(model.vision) + kMarkers + kStampTokens);
    if (withSound && details.hasSound && model.hasAudio) cost.tokens += audioTokens(details.seconds, model.audio);
    return cost;
}

} // namespace

Result<int> pictureBudget(const MediumRef &medium, int requestBudget, const VisionInfo &vision) {
    if (medium.tokenBudget > 0) return knownBudget(medium.tokenBudget, vision, medium.field);
    if (medium.detail == Detail::Low) return smallestBudget(vision);
    if (medium.detail == Detail::High) return largestBudget(vision);
    if (requestBudget > 0) return knownBudget(requestBudget, vision, "x_facet.token_budget");
    return vision.defaultBudget;
}

Status loadMedia(ChatCall &call, const ModelInfo &model, MediaLoader &loader, const CancelToken &cancel) {
    for (MediumRef &medium : call.media) {
        if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "The request was stopped."};
        FACET_TRY(kind, kindOf(medium, loader));
        Result<Part> part = kind == MediumKind::Image   ? loadImagePart(medium, call, model, loader, cancel)
                            : kind == MediumKind::Audio ? loadAudioPart(medium, model, loader, cancel)
                                                        : loadVideoPart(medium, call, model, loader, cancel);
        if (!part) {
            // A wrong budget names its own field already.
            if (part.error().code == ErrorCode::InvalidArgument && !part.error().detail.empty())
                return std::move(part).error();
            return atField(std::move(part).error(), medium.field);
        }
        call.request.messages[medium.message].parts[medium.part] = std::move(part).value();
        medium.source = {}; // the bytes are not needed any more
    }
    return ok();
}

Result<MediumCost> mediumCost(const MediumRef &medium, bool withSound, const ModelInfo &model, MediaLoader &loader) {
    FACET_TRY(kind, kindOf(medium, loader));
    FACET_TRY(details, loader.probe(medium.source));
    if (kind == MediumKind::Audio) {
        return MediumCost{.tokens = audioTokens(details.seconds, model.audio), .seconds = details.seconds};
    }
    if (kind == MediumKind::Video) return filmCost(medium, details, withSound, model);
    FACET_TRY(budget, pictureBudget(medium, 0, model.vision));
    FACET_TRY(size, media::targetSize(details.width, details.height, budget, model.vision));
    return MediumCost{
        .tokens = size.softTokens(model.vision) + kMarkers, .width = details.width, .height = details.height};
}

} // namespace facet::host
