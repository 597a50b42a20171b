#include "media_fixtures.h"

#include "media/prepare/golden_file.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace facet::test {

std::string mediaPath(const std::string &name) { return fixturePath("media/" + name); }
media::Source mediaSource(const std::string &name) { return media::Source::file(mediaPath(name)); }

std::vector<std::uint8_t> mediaBytes(const std::string &name) {
    std::ifstream file(mediaPath(name), std::ios::binary);
    if (!file) throw std::runtime_error("missing fixture " + name);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

media::Picture readPpm(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    int top = 0;
    media::Picture picture;
    file >> magic >> picture.width >> picture.height >> top;
    file.get();
    if (!file || magic != "P6" || top != 255) throw std::runtime_error("not a binary PPM: " + path);
    picture.rgb.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (picture.rgb.size() != static_cast<std::size_t>(picture.width * picture.height * 3))
        throw std::runtime_error("short PPM: " + path);
    return picture;
}

media::Picture expectedPixels(const std::string &name) { return readPpm(mediaPath("formats/" + name + ".ppm")); }

PixelDifference compare(const media::Picture &a, const media::Picture &b) {
    PixelDifference difference;
    difference.sameSize = a.width == b.width && a.height == b.height && a.rgb.size() == b.rgb.size();
    if (!difference.sameSize || a.rgb.empty()) return difference;
    double sum = 0;
    int largest = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) {
        const int d = std::abs(int{a.rgb[i]} - int{b.rgb[i]});
        sum += d;
        largest = std::max(largest, d);
    }
    difference.mean = sum / static_cast<double>(a.rgb.size());
    difference.largest = largest;
    return difference;
}

} // namespace facet::test
