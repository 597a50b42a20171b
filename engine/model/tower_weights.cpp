#include "model/tower_weights.h"

#include "kernels/packed.h"
#include "kernels/profile.h"
#include "load/packed_weights.h"

#include <algorithm>
#include <cmath>

namespace facet {

namespace {

constexpr std::int64_t kPieceValues = 1 << 14;  // less is not worth waking a thread

std::string shapeText(const std::vector<std::int64_t> &shape) {
    std::string text = "[";
    for (const std::int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
    return text + "]";
}

void clampCopy(const Exec &exec, const float *x, std::int64_t n, float low, float high, float *out) {
    const ProfileScope scope(exec.profile, "clamp");
    exec.pool->parallelFor(n, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
        if (out != x) std::copy(x + begin, x + end, out + begin);
        exec.kernels->clamp(out + begin, end - begin, low, high);
    });
}

}  // namespace

bool ClippedLinear::clipsInput() const noexcept { return std::isfinite(inputMin) || std::isfinite(inputMax); }
bool ClippedLinear::clipsOutput() const noexcept { return std::isfinite(outputMin) || std::isfinite(outputMax); }

void ClippedLinear::apply(const Exec &exec, const float *x, std::int64_t tokens, float *y, std::vector<float> &scratch) const {
    if (clipsInput()) {
        const std::int64_t n = tokens * w.cols;
        if (static_cast<std::int64_t>(scratch.size()) < n) scratch.resize(static_cast<std::size_t>(n));
        clampCopy(exec, x, n, inputMin, inputMax, scratch.data());
        x = scratch.data();
    }
    facet::linear(exec, w, x, tokens, y);
    if (clipsOutput()) clampCopy(exec, y, tokens * w.rows, outputMin, outputMax, y);
}

Status Int8Layers::make(const Exec &exec) {
    const std::lock_guard lock(m_mutex);
    std::uint64_t bytes = 0;
    for (const ClippedLinear *layer : m_layers) {
        bytes += static_cast<std::uint64_t>(packedBytes(TensorType::Q8_0, layer->w.rows, layer->w.cols));
    }
    PackedMemory memory(bytes);
    while (!m_layers.empty()) {
        Matrix &w = m_layers.back()->w;
        if (isFloatType(w.type) && w.cols % 32 == 0) {
            FACET_TRY(packed, packMatrix(exec, w, TensorType::Q8_0, memory, m_source->fileOf(w.name)));
            w = std::move(packed);
        }
        m_layers.pop_back();
    }
    return ok();
}

Status TowerReader::checkShape(const std::string &name, const std::vector<std::int64_t> &shape) const {
    const TensorInfo *info = find(name);
    if (!info) {
        return Error{ErrorCode::ModelFileCorrupt, "The model's files lack a part of an encoder; download the model again.",
                     "tensor " + fullName(name) + " is missing"};
    }
    if (info->shape != shape) {
        return Error{ErrorCode::ModelFileCorrupt, "The model's weights do not fit its configuration; download the model again.",
                     "tensor " + fullName(name) + " is " + shapeText(info->shape) + ", the configuration wants " + shapeText(shape)};
    }
    return ok();
}

Result<Matrix> TowerReader::matrix(const std::string &name, std::int64_t rows, std::int64_t cols) {
    FACET_CHECK(checkShape(name, {rows, cols}));
    FACET_TRY(w, m_source.matrix(fullName(name), rows, cols));
    m_bytes += static_cast<std::uint64_t>(rowBytes(w.type, cols) * rows);
    return w;
}

Result<std::vector<float>> TowerReader::values(const std::string &name, const std::vector<std::int64_t> &shape) {
    FACET_CHECK(checkShape(name, shape));
    std::int64_t count = 1;  // cannot overflow: the tensor of this shape lies in the file
    for (const std::int64_t side : shape) count *= side;
    FACET_TRY(values, m_source.vector(fullName(name), count));
    m_bytes += values.size() * sizeof(float);
    return values;
}

Status TowerReader::bound(const std::string &name, float &value) {
    if (!find(name)) return ok();
    FACET_TRY(values, m_source.vector(fullName(name), 1));
    if (std::isnan(values[0])) {
        return Error{ErrorCode::ModelFileCorrupt, "The model's files hold a limit that is no number; download the model again.",
                     "tensor " + fullName(name) + " is NaN"};
    }
    value = values[0];
    return ok();
}

Result<ClippedLinear> TowerReader::linear(const std::string &stem, std::int64_t rows, std::int64_t cols) {
    ClippedLinear out;
    FACET_TRY(w, matrix(stem + ".linear.weight", rows, cols));
    out.w = std::move(w);
    FACET_CHECK(bound(stem + ".input_min", out.inputMin));
    FACET_CHECK(bound(stem + ".input_max", out.inputMax));
    FACET_CHECK(bound(stem + ".output_min", out.outputMin));
    FACET_CHECK(bound(stem + ".output_max", out.outputMax));
    if (out.inputMin > out.inputMax || out.outputMin > out.outputMax) {
        return Error{ErrorCode::ModelFileCorrupt, "The model's files hold limits that exclude each other; download the model again.",
                     "bounds of " + fullName(stem)};
    }
    return out;
}

Matrix ownedMatrix(std::vector<float> values, std::int64_t rows, std::int64_t cols, std::string name) {
    auto owner = std::make_shared<std::vector<float>>(std::move(values));
    Matrix matrix;
    matrix.type = TensorType::F32;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.data = std::as_bytes(std::span<const float>(*owner)).data();
    matrix.owner = std::move(owner);
    matrix.name = std::move(name);
    return matrix;
}

void addScaled(const Exec &exec, float a, const float *x, std::int64_t n, float *y) {
    const ProfileScope scope(exec.profile, "add");
    exec.pool->parallelFor(n, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
        exec.kernels->axpy(a, x + begin, end - begin, y + begin);
    });
}

Error towerCancelled() { return {ErrorCode::Cancelled, "Stopped."}; }

}  // namespace facet
