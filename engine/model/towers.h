// Encoders of pictures (vision.md section 4) and sound (audio.md sections 3 and 4): input in, soft tokens out, nothing kept.
#pragma once

#include "facet/inputs.h"
#include "kernels/ops.h"
#include "load/weights.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace facet {

class LoraSet;

// Same shape as TextModel's: named stages for probe and golden tests (names as in golden/media: "patch_embed", "layer_00",
// "pooled_scaled", "tower_output", "soft_tokens"; audio: "conv1", "subsample_out", "layer_00.ffn1", ...).
using TowerTap = std::function<void(const std::string &name, const float *data, std::int64_t rows, std::int64_t width)>;

// How a tower multiplies. Float: weights as stored, float32 factors and sums. Bfloat: factors rounded to bfloat16, float32 sums,
// where the processor makes two such products at once (else as Float). Int8, pictures only: the matrices of its linear
// layers as Q8_0 against int8 activations, made before the first input, all else as Bfloat; at the shape of E2B each soft
// token keeps a cosine above 0.9994 to Float's.
enum class TowerArithmetic : std::uint8_t { Float, Bfloat, Int8 };

class VisionTower {
public:
    // Errors: ModelFileCorrupt with the tensor's name.
    static Result<VisionTower> load(const Checkpoint &checkpoint, const Exec &exec, TowerArithmetic arithmetic = TowerArithmetic::Float);
    VisionTower(VisionTower &&) noexcept;
    VisionTower &operator=(VisionTower &&) noexcept;
    ~VisionTower();

    // Soft tokens one picture becomes: (rows / k) * (columns / k).
    int softTokenCount(const ImageInput &image) const noexcept;
    // [softTokenCount, text hidden]. Errors: InvalidArgument (sizes do not fit the model), Cancelled, OutOfMemory.
    // adapterScales: strength of each attached adapter; empty: none.
    Result<std::vector<float>> encode(const Exec &exec, const ImageInput &image, const TowerTap &tap = {},
                                      std::span<const float> adapterScales = {}) const;
    // As TextModel::attach.
    Status attach(LoraSet &adapters);
    std::uint64_t residentBytes() const noexcept;

    struct Impl;

private:
    explicit VisionTower(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

class AudioTower {
public:
    static Result<AudioTower> load(const Checkpoint &checkpoint, const Exec &exec, TowerArithmetic arithmetic = TowerArithmetic::Float);
    AudioTower(AudioTower &&) noexcept;
    AudioTower &operator=(AudioTower &&) noexcept;
    ~AudioTower();

    // ceil(ceil(frames / 2) / 2)
    static int softTokenCount(const AudioInput &audio) noexcept;
    Result<std::vector<float>> encode(const Exec &exec, const AudioInput &audio, const TowerTap &tap = {},
                                      std::span<const float> adapterScales = {}) const;
    Status attach(LoraSet &adapters);
    std::uint64_t residentBytes() const noexcept;

    struct Impl;

private:
    explicit AudioTower(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
