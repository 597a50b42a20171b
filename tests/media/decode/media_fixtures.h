// Files of tests/fixtures/media, the pixels expected of them, and comparing pictures.
#pragma once

#include "facet/media/decode.h"

#include <string>
#include <vector>

namespace facet::test {

std::string mediaPath(const std::string &name); // below tests/fixtures/media
media::Source mediaSource(const std::string &name);
std::vector<std::uint8_t> mediaBytes(const std::string &name);
media::Picture readPpm(const std::string &path); // binary, 8 bits
// formats/NAME.ppm
media::Picture expectedPixels(const std::string &name);

struct PixelDifference {
    bool sameSize = false;
    double mean = 255; // levels
    int largest = 255;
};
PixelDifference compare(const media::Picture &a, const media::Picture &b);

} // namespace facet::test
