#include "host/media_parts.h"

#include <chrono>
#include <semaphore>

namespace facet::host {

namespace {

constexpr int kDecodersAtOnce = 2;

class Loader final : public MediaLoader {
public:
    media::MediaKind sniff(const media::Source &source) override { return media::sniff(source); }
    Result<media::MediaDetails> probe(const media::Source &source) override { return media::probeMedia(source); }

    Result<ImageInput> image(const media::Source &source, int tokenBudget, const VisionInfo &vision,
                             const CancelToken &cancel) override {
        FACET_CHECK(begin(cancel));
        const Turn turn(m_turns);
        return media::loadImage(source, tokenBudget, vision, {}, cancel);
    }
    Result<AudioInput> audio(const media::Source &source, const AudioInfo &audio, const CancelToken &cancel) override {
        FACET_CHECK(begin(cancel));
        const Turn turn(m_turns);
        return media::loadAudio(source, audio, {}, cancel);
    }
    Result<VideoInput> video(const media::Source &source, const media::VideoOptions &options, const VisionInfo &vision,
                             const AudioInfo *audio, const CancelToken &cancel) override {
        FACET_CHECK(begin(cancel));
        const Turn turn(m_turns);
        return media::loadVideo(source, options, vision, audio, {}, cancel);
    }

private:
    using Turns = std::counting_semaphore<kDecodersAtOnce>;
    struct Turn {
        explicit Turn(Turns &t) : turns(t) {}
        ~Turn() { turns.release(); }
        Turn(const Turn &) = delete;
        Turn &operator=(const Turn &) = delete;
        Turns &turns;
    };
    Status begin(const CancelToken &cancel) {
        while (!m_turns.try_acquire_for(std::chrono::milliseconds(50))) {
            if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "The request was stopped."};
        }
        return ok();
    }

    Turns m_turns{kDecodersAtOnce};
};

} // namespace

std::unique_ptr<MediaLoader> makeMediaLoader() { return std::make_unique<Loader>(); }

} // namespace facet::host
