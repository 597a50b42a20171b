// Which frames of a film the model sees and how their times are written: video.md sections 1 and 3.
#include "facet/media/prepare.h"

#include <algorithm>
#include <cmath>

namespace facet::media {

namespace {

constexpr int kFewestFrames = 8;
constexpr int kMostFrames = 32;

}  // namespace

std::vector<std::int64_t> sampleFrames(std::int64_t totalFrames, int wanted) {
    if (totalFrames <= 0 || wanted <= 0) return {};
    const std::int64_t n = std::min<std::int64_t>(wanted, totalFrames);
    const std::int64_t whole = totalFrames / n;
    const std::int64_t rest = totalFrames % n;
    std::vector<std::int64_t> indices(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
        indices[static_cast<std::size_t>(i)] = i * whole + i * rest / n;  // floor(i * total / n) without its overflow
    }
    return indices;
}

std::string timeStamp(double seconds) {
    constexpr double kLongest = 1e9;  // thirty years
    if (!(seconds > 0)) seconds = 0;  // NaN too
    const std::int64_t whole = static_cast<std::int64_t>(std::floor(std::min(seconds, kLongest)));
    const auto twoDigits = [](std::int64_t value) {
        const std::string text = std::to_string(value);
        return text.size() < 2 ? "0" + text : text;
    };
    return twoDigits(whole / 60) + ":" + twoDigits(whole % 60);
}

int defaultFrameCount(double seconds) {
    if (!(seconds > 0)) return kFewestFrames;
    return static_cast<int>(std::clamp(std::round(std::min(seconds, 1e6)), double{kFewestFrames}, double{kMostFrames}));
}

}  // namespace facet::media
