// Decoded sound frames as mono float32 at 16 kHz.
#pragma once

#include "ffmpeg_handles.h"

#include <span>
#include <string>
#include <vector>

namespace facet::media {

// The plain average of all channels (audio.md section 1; FFmpeg's own down-mix is 3 dB louder), values in [-1, 1].
// Empty where the sample format is unknown.
std::vector<float> averagedChannels(const AVFrame &frame);

class MonoResampler {
public:
    explicit MonoResampler(std::string name) : m_name(std::move(name)) {}
    // Appends what comes out to `out`. The rate may change between calls.
    Status push(std::span<const float> samples, int sampleRate, std::vector<float> &out);
    // What is still inside.
    Status flush(std::vector<float> &out);

private:
    Status convert(const float *samples, int count, std::vector<float> &out);

    std::string m_name;
    ResamplerPtr m_resampler;
    int m_rate = 0;
};

} // namespace facet::media
