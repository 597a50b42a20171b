// First frame of an animated WebP: FFmpeg's decoder takes still pictures only, so the frame is cut out and wrapped as
// one.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace facet::media {

struct WebPFrame {
    std::vector<std::uint8_t> still; // a WebP file of its own
    int x = 0, y = 0;                // place on the canvas
    int width = 0, height = 0;
};
Result<WebPFrame> firstWebPFrame(std::span<const std::uint8_t> bytes, const std::string &name);

} // namespace facet::media
