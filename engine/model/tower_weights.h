// What the two towers load and how they multiply: matrices with optional clamps (vision.md 4.2), tensors checked against
// the shape that the configuration promises, elementwise helpers spread over the threads.
#pragma once

#include "kernels/ops.h"
#include "load/weights.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace facet {

// y = clamp(W clamp(x, inputMin, inputMax), outputMin, outputMax). Bounds that the checkpoint does not have are infinite.
struct ClippedLinear {
    Matrix w;
    float inputMin = -std::numeric_limits<float>::infinity();
    float inputMax = std::numeric_limits<float>::infinity();
    float outputMin = -std::numeric_limits<float>::infinity();
    float outputMax = std::numeric_limits<float>::infinity();

    bool clipsInput() const noexcept;
    bool clipsOutput() const noexcept;
    // x: [tokens, w.cols], y: [tokens, w.rows]. scratch grows to tokens * w.cols when the input is clipped.
    void apply(const Exec &exec, const float *x, std::int64_t tokens, float *y, std::vector<float> &scratch) const;
};

// The linear layers of a tower, turned into packed Q8_0 when it is used first. Their matrices must stay where they are.
class Int8Layers {
public:
    // `source` gives back the pages of the file behind a matrix.
    Int8Layers(std::vector<ClippedLinear *> layers, std::shared_ptr<const WeightSource> source)
        : m_layers(std::move(layers)), m_source(std::move(source)) {}

    // Once; others that come meanwhile wait. Errors: OutOfMemory, Cancelled (what was done stays, the next call goes on).
    Status make(const Exec &exec);

private:
    std::mutex m_mutex;
    std::vector<ClippedLinear *> m_layers;  // those that are left
    std::shared_ptr<const WeightSource> m_source;
};

// Reads a tower's tensors below a common prefix; the message of every failure names the tensor. Sums up their bytes.
class TowerReader {
public:
    TowerReader(const WeightSource &source, std::string prefix) : m_source(source), m_prefix(std::move(prefix)) {}

    // Names are relative to the prefix.
    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols);
    // "stem.linear.weight" with the bounds "stem.input_min" and so on, those that exist.
    Result<ClippedLinear> linear(const std::string &stem, std::int64_t rows, std::int64_t cols);
    // float32 copy of a tensor of exactly this shape.
    Result<std::vector<float>> values(const std::string &name, const std::vector<std::int64_t> &shape);
    const TensorInfo *find(const std::string &name) const { return m_source.find(m_prefix + name); }
    std::string fullName(const std::string &name) const { return m_prefix + name; }
    std::uint64_t bytes() const noexcept { return m_bytes; }

private:
    Status checkShape(const std::string &name, const std::vector<std::int64_t> &shape) const;
    Status bound(const std::string &name, float &value);

    const WeightSource &m_source;
    std::string m_prefix;
    std::uint64_t m_bytes = 0;
};

// A float32 matrix of values made at load time.
Matrix ownedMatrix(std::vector<float> values, std::int64_t rows, std::int64_t cols, std::string name);

// y += a * x over n values.
void addScaled(const Exec &exec, float a, const float *x, std::int64_t n, float *y);

Error towerCancelled();

}  // namespace facet
