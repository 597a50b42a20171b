// Media without FFmpeg: the first bytes say what it is ("PIC", "SND", "FLM", anything else is unreadable).
#pragma once

#include "host/media_parts.h"

#include <chrono>
#include <string>
#include <thread>

namespace facet::host {

class FakeMedia final : public MediaLoader {
public:
    media::MediaKind sniff(const media::Source &source) override {
        const std::string head(source.bytes.begin(),
                               source.bytes.begin() + static_cast<long>(std::min<std::size_t>(3, source.bytes.size())));
        if (head == "PIC") return media::MediaKind::Picture;
        if (head == "SND") return media::MediaKind::Sound;
        if (head == "FLM") return media::MediaKind::Film;
        return media::MediaKind::Unknown;
    }
    Result<media::MediaDetails> probe(const media::Source &source) override {
        media::MediaDetails details;
        details.kind = sniff(source);
        if (details.kind == media::MediaKind::Unknown) return unreadable();
        details.width = 640;
        details.height = 480;
        details.seconds = 10;
        details.frames = 250;
        details.hasSound = true;
        return details;
    }
    Result<ImageInput> image(const media::Source &source, int tokenBudget, const VisionInfo &,
                             const CancelToken &cancel) override {
        if (source.bytes.size() > 3 && source.bytes[3] == '~') { // "PIC~": decodes until cancelled
            while (!cancel.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return Error{ErrorCode::Cancelled, "Decoding was stopped."};
        }
        if (sniff(source) != media::MediaKind::Picture) return unreadable();
        ImageInput image;
        image.tokenBudget = tokenBudget;
        return image;
    }
    Result<AudioInput> audio(const media::Source &source, const AudioInfo &, const CancelToken &) override {
        if (sniff(source) != media::MediaKind::Sound) return unreadable();
        AudioInput audio;
        audio.frames = 7;
        return audio;
    }
    Result<VideoInput> video(const media::Source &source, const media::VideoOptions &options, const VisionInfo &,
                             const AudioInfo *audio, const CancelToken &) override {
        if (sniff(source) != media::MediaKind::Film) return unreadable();
        VideoInput video;
        video.seconds.assign(static_cast<std::size_t>(options.frames), 0.0);
        ImageInput frame;
        frame.tokenBudget = options.tokenBudget;
        video.frames.assign(static_cast<std::size_t>(options.frames), std::make_shared<const ImageInput>(frame));
        if (audio) video.audio = std::make_shared<const AudioInput>();
        return video;
    }

private:
    static Error unreadable() { return {ErrorCode::MediaUnreadable, "The medium cannot be decoded."}; }
};

} // namespace facet::host
