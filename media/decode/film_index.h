// Which frames a film has and when each is shown, from one pass over its packets without decoding: so that frame number
// i can be found by seeking and has a real time even where the rate varies.
#pragma once

#include "container.h"

#include <cstdint>
#include <vector>

namespace facet::media {

struct FilmIndex {
    std::int64_t frames = 0;
    // Presentation stamps in order, and those of key frames, in units of the stream. Empty when the film has no usable
    // stamps: then frames are counted while decoding.
    std::vector<std::int64_t> stamps;
    std::vector<std::int64_t> keys;
    double secondsPerUnit = 0;
    double framesPerSecond = 0;

    bool hasStamps() const noexcept { return !stamps.empty(); }
    double secondsOf(std::int64_t frame) const noexcept;
    // Last key frame shown at or before the stamp; the stamp of the first frame if there is none.
    std::int64_t keyBefore(std::int64_t stamp) const noexcept;
};

// Errors: LimitExceeded (longer than limits.maxSeconds or beyond any real film), those of reading.
Result<FilmIndex> indexFilm(Container &container, int stream, const DecodeLimits &limits);

} // namespace facet::media
