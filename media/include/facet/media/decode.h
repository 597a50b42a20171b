// Files or bytes -> pixels and samples, through FFmpeg with white lists of formats and protocols and limits on pixels,
// streams, duration and time. Hostile input gives one sentence, never a crash or unbounded memory.
#pragma once

#include "facet/engine.h"
#include "facet/media/prepare.h"
#include "facet/result.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace facet::media {

enum class MediaKind : std::uint8_t { Unknown, Picture, Sound, Film };

// Where a medium comes from: a local file, or bytes in memory (HTTP bodies). Never a URL.
struct Source {
    std::string path;                        // used when bytes is empty
    std::vector<std::uint8_t> bytes;
    std::string name;                        // for messages; path if empty
    static Source file(std::string path) { return {path, {}, path}; }
    static Source memory(std::vector<std::uint8_t> bytes, std::string name) { return {{}, std::move(bytes), std::move(name)}; }
};

struct DecodeLimits {
    std::int64_t maxPixels = 100'000'000;         // refused from the header
    std::uint64_t maxFileBytes = 4ULL << 30;      // sound and film
    std::uint64_t maxPictureBytes = 256ULL << 20;
    double maxSeconds = 12 * 3600.0;
    int maxStreams = 32;
    double maxDecodeSecondsPerPicture = 30;       // wall clock
};

// By content, not by name.
MediaKind sniff(const Source &source);

struct MediaDetails {
    MediaKind kind = MediaKind::Unknown;
    std::string format;          // "png", "wav", "matroska,webm"
    int width = 0, height = 0;   // upright
    double seconds = 0;
    double framesPerSecond = 0;
    std::int64_t frames = 0;
    bool hasSound = false;
    int sampleRate = 0, channels = 0;
    std::uint64_t bytes = 0;
};
// Header only.
Result<MediaDetails> probeMedia(const Source &source, const DecodeLimits &limits = {});

// SHA-256 of the contents, hex.
Result<std::string> contentHashOf(const Source &source, const CancelToken &cancel = {});

// First frame, upright (all eight EXIF orientations), alpha over white, 8-bit RGB (vision.md 2.1).
Result<Picture> decodePicture(const Source &source, const DecodeLimits &limits = {}, const CancelToken &cancel = {});
// The same pixels as a PNG or, with boxes already drawn into it, an overlay.
Result<std::vector<std::uint8_t>> encodePng(const Picture &picture);

// Streams 16 kHz mono float32 (channels averaged) in blocks; returning false from the sink stops early.
using SampleSink = std::function<bool(std::span<const float> samples)>;
Result<std::int64_t> decodeSound(const Source &source, const SampleSink &sink, const DecodeLimits &limits = {},
                                 const CancelToken &cancel = {});
// Whole clip, at most maxSamples.
Result<std::vector<float>> decodeSoundAll(const Source &source, std::int64_t maxSamples, const DecodeLimits &limits = {},
                                          const CancelToken &cancel = {});

struct FilmFrames {
    std::vector<Picture> frames;
    std::vector<std::int64_t> indices;
    std::vector<double> seconds;
    double framesPerSecond = 0;
    std::int64_t totalFrames = 0;
};
// frames = 0: defaultFrameCount. Frames are scaled down so that the longer side is at most maxSide (0: as they are).
Result<FilmFrames> decodeFilm(const Source &source, int frames, const DecodeLimits &limits = {}, const CancelToken &cancel = {});

// Whole paths that callers use: decode + prepare.
Result<ImageInput> loadImage(const Source &source, int tokenBudget, const VisionInfo &vision, const DecodeLimits &limits = {},
                             const CancelToken &cancel = {});
Result<AudioInput> loadAudio(const Source &source, const AudioInfo &audio, const DecodeLimits &limits = {},
                             const CancelToken &cancel = {});
struct VideoOptions {
    int frames = 0;              // 0: by duration
    int tokenBudget = 70;        // per frame
    bool withSound = true;       // if the model hears and the film has a sound track
};
Result<VideoInput> loadVideo(const Source &source, const VideoOptions &options, const VisionInfo &vision,
                             const AudioInfo *audio, const DecodeLimits &limits = {}, const CancelToken &cancel = {});

}  // namespace facet::media
