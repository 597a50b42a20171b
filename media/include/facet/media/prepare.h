// Pure functions from pixels and samples to what the engine takes: resize + patches (vision.md section 2), log-mel
// (audio.md section 2), frame choice (video.md section 1), silences and chunks (audio.md section 8). No files, no FFmpeg.
#pragma once

#include "facet/inputs.h"
#include "facet/model_info.h"
#include "facet/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace facet::media {

// Upright 8-bit RGB, rows without gaps.
struct Picture {
    int width = 0, height = 0;
    std::vector<std::uint8_t> rgb;   // [height, width, 3]
    std::string contentHash;         // hex SHA-256 of the file it came from, may be empty
};

struct PictureSize {
    int width = 0, height = 0;
    int softTokens(const VisionInfo &v) const noexcept;
};
// Error: InvalidArgument when no size fits (vision.md 2.2).
Result<PictureSize> targetSize(int width, int height, int tokenBudget, const VisionInfo &vision);
// Bicubic, antialiased, two passes over uint8, bit-exact with the reference (vision.md 2.3).
Picture resize(const Picture &picture, int width, int height);
Result<ImageInput> prepareImage(const Picture &picture, int tokenBudget, const VisionInfo &vision);
// Composite over white, for decoders: out = a*c + (1-a)*255 rounded.
std::uint8_t overWhite(std::uint8_t colour, std::uint8_t alpha) noexcept;

// 16 kHz mono in [-1, 1]. Errors: InvalidArgument (fewer than 161 samples). More than info.maxSamples: cut.
Result<AudioInput> prepareAudio(std::span<const float> samples, const AudioInfo &audio);
// Constants of the front end, for the probe: [257, melBins] and [320].
std::vector<float> melFilters(int melBins);
std::vector<float> hannWindow();

// index_i = floor(i * T / n); n = min(n, total). fps only for the times.
std::vector<std::int64_t> sampleFrames(std::int64_t totalFrames, int wanted);
// "MM:SS", both truncated.
std::string timeStamp(double seconds);
// Frames to take from a film of that length when the user does not say: clamp(round(seconds), 8, 32).
int defaultFrameCount(double seconds);

// Streaming energy analysis: feed samples as they are decoded, then ask for the plan (audio.md section 8).
// Chunks come in order and cover all speech; silent stretches of a second and more are chunks without speech.
struct AudioChunk {
    std::int64_t beginSample = 0, endSample = 0;  // with padding, at 16 kHz
    bool hasSpeech = true;
    bool overlapsPrevious = false;                // no silence was found: text must be merged
    // Speech regions inside, absolute samples: for placing sentences in time.
    std::vector<std::pair<std::int64_t, std::int64_t>> speech;
};
struct ChunkOptions {
    double targetSeconds = 24, hardLimitSeconds = 30, paddingSeconds = 0.15, minSilenceSeconds = 0.3, minSpeechSeconds = 0.15;
};
class ChunkPlanner {
public:
    explicit ChunkPlanner(ChunkOptions options = {});
    void push(std::span<const float> samples);
    // A pure function of the samples pushed and the options, however they were cut into pushes. A recording that fits
    // hardLimitSeconds is one chunk, whole.
    std::vector<AudioChunk> finish() const;
    std::int64_t sampleCount() const noexcept { return m_samples; }

private:
    ChunkOptions m_options;
    std::int64_t m_samples = 0;
    std::vector<float> m_pending;        // less than a frame
    std::vector<float> m_frameRms;       // one per 20 ms
};

}  // namespace facet::media
