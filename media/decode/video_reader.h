// Chosen frames of a film, one at a time, so that a long film in high resolution needs the memory of one picture.
#pragma once

#include "facet/media/decode.h"

#include <functional>

namespace facet::media {

struct FilmFacts {
    std::int64_t totalFrames = 0;
    double framesPerSecond = 0;
    bool hasSound = false;
};
// Upright picture, its frame number and its time.
using FrameSink = std::function<Status(Picture picture, std::int64_t index, double seconds)>;

// Frames by video.md section 1: n = min(wanted, total), index_i = floor(i * total / n). wanted 0: defaultFrameCount.
Result<FilmFacts> readFilmFrames(const Source &source, int wanted, const FrameSink &sink, const DecodeLimits &limits,
                                 const CancelToken &cancel);

} // namespace facet::media
