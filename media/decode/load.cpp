// Decode + prepare: the whole way from a file to what the engine takes.
#include "content_hash.h"
#include "facet/media/decode.h"
#include "input_stream.h"
#include "video_reader.h"

namespace facet::media {

Result<ImageInput> loadImage(const Source &source, int tokenBudget, const VisionInfo &vision,
                             const DecodeLimits &limits, const CancelToken &cancel) {
    FACET_TRY(picture, decodePicture(source, limits, cancel));
    return prepareImage(picture, tokenBudget, vision);
}

Result<AudioInput> loadAudio(const Source &source, const AudioInfo &audio, const DecodeLimits &limits,
                             const CancelToken &cancel) {
    FACET_TRY(samples, decodeSoundAll(source, audio.maxSamples, limits, cancel));
    Result<AudioInput> input = prepareAudio(samples, audio);
    if (!input) {
        input.error().file = nameOf(source);
        return input;
    }
    FACET_TRY(hash, contentHashOf(source, cancel));
    input->contentHash = std::move(hash);
    return input;
}

Result<VideoInput> loadVideo(const Source &source, const VideoOptions &options, const VisionInfo &vision,
                             const AudioInfo *audio, const DecodeLimits &limits, const CancelToken &cancel) {
    FACET_TRY(hash, contentHashOf(source, cancel));
    VideoInput film;
    const auto take = [&](Picture picture, std::int64_t index, double seconds) -> Status {
        // Frames are cached one by one: another choice of frames of the same film finds those it shares.
        picture.contentHash = sha256Hex(hash + "#frame" + std::to_string(index));
        FACET_TRY(frame, prepareImage(picture, options.tokenBudget, vision));
        film.frames.push_back(std::make_shared<const ImageInput>(std::move(frame)));
        film.seconds.push_back(seconds);
        return ok();
    };
    FACET_TRY(facts, readFilmFrames(source, options.frames, take, limits, cancel));
    if (options.withSound && audio != nullptr && facts.hasSound) {
        FACET_TRY(samples, decodeSoundAll(source, audio->maxSamples, limits, cancel));
        // A track too short for a single frame of sound is as good as none.
        if (Result<AudioInput> sound = prepareAudio(samples, *audio); sound) {
            sound->contentHash = sha256Hex(hash + "#sound");
            film.audio = std::make_shared<const AudioInput>(std::move(sound).value());
        }
    }
    return film;
}

} // namespace facet::media
