// Media of a request: decoded and prepared on the request's own thread, a few at a time over all requests, and what
// they would cost in tokens. The seam MediaLoader lets tests run without FFmpeg.
//
//     FACET_CHECK(loadMedia(call, engine.info(), loader, gone));   // fills the parts of call.request
#pragma once

#include "facet/engine.h"
#include "facet/media/decode.h"
#include "host/openai_chat_request.h"

#include <memory>
#include <string>

namespace facet::host {

class MediaLoader {
public:
    virtual ~MediaLoader() = default;
    virtual media::MediaKind sniff(const media::Source &source) = 0;
    virtual Result<media::MediaDetails> probe(const media::Source &source) = 0;
    virtual Result<ImageInput> image(const media::Source &source, int tokenBudget, const VisionInfo &vision,
                                     const CancelToken &cancel) = 0;
    virtual Result<AudioInput> audio(const media::Source &source, const AudioInfo &audio,
                                     const CancelToken &cancel) = 0;
    // audio: null when the sound is not wanted or the model does not hear.
    virtual Result<VideoInput> video(const media::Source &source, const media::VideoOptions &options,
                                     const VisionInfo &vision, const AudioInfo *audio, const CancelToken &cancel) = 0;
};

// facet::media; at most two decode at a time, since a decoder may need hundreds of megabytes.
std::unique_ptr<MediaLoader> makeMediaLoader();

// Decodes call.media into call.request. Every error is made by fieldError, but for Cancelled.
Status loadMedia(ChatCall &call, const ModelInfo &model, MediaLoader &loader, const CancelToken &cancel);

// Budget of a picture: its own, else by detail, else the request's, else the model's. Error: InvalidArgument, made by
// fieldError, for a budget that the model does not have.
Result<int> pictureBudget(const MediumRef &medium, int requestBudget, const VisionInfo &vision);

struct MediumCost {
    int tokens = 0; // as they enter the prompt, markers included; a film's time stamps are estimated
    int width = 0, height = 0;
    double seconds = 0;
    int frames = 0;
};
// From the header alone. medium.kind decides; Sniffed is resolved first.
Result<MediumCost> mediumCost(const MediumRef &medium, bool withSound, const ModelInfo &model, MediaLoader &loader);

} // namespace facet::host
