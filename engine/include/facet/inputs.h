// What the engine takes besides text: pictures cut into patches, log-mel frames, films as timed pictures.
// Made by facet::media (media/prepare); plain values, safe to share between threads once built.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace facet {

// A picture after the resize of vision.md section 2: exactly columns x rows patches, raster order.
struct ImageInput {
    int columns = 0;        // patches per row, W
    int rows = 0;           // patch rows, H
    int patchSize = 16;     // pixels per patch side
    int sourceWidth = 0;    // upright picture before the resize, pixels: boxes are mapped onto it
    int sourceHeight = 0;
    int tokenBudget = 280;  // the budget it was resized for
    // [rows * columns, patchSize * patchSize * 3] 8-bit RGB, channel fastest: (py * patchSize + px) * 3 + c.
    // The engine scales by 1/255 itself.
    std::vector<std::uint8_t> patches;
    std::string contentHash;  // hex SHA-256 of the file (empty: not cacheable)
};

// A sound after the front end of audio.md section 2: one row every 10 ms, valid frames only.
struct AudioInput {
    int frames = 0;       // F = floor((samples - 1) / 160)
    int melBins = 128;
    std::vector<float> mel;   // [frames, melBins] natural logarithms
    std::int64_t samples = 0;  // 16 kHz samples it was made from
    std::string contentHash;
};

// A film as video.md section 3 wants it: frames of one size, the time of each, and optionally its sound.
struct VideoInput {
    std::vector<std::shared_ptr<const ImageInput>> frames;
    std::vector<double> seconds;                 // time of each frame, same length
    std::shared_ptr<const AudioInput> audio;     // null: silent or not wanted
};

}  // namespace facet
