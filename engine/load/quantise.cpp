#include "load/weights.h"

#include "kernels/quant_blocks.h"

#include <atomic>
#include <new>

namespace facet {

Result<Matrix> quantiseMatrix(const Exec &exec, const Matrix &w, WeightType type) {
    if (type == WeightType::AsStored) return w;
    const bool isFloat = w.type == TensorType::F32 || w.type == TensorType::F16 || w.type == TensorType::BF16;
    if (!isFloat || w.cols % 32 != 0 || w.empty()) return w;

    Matrix out = w;
    out.type = type == WeightType::Q8_0 ? TensorType::Q8_0 : TensorType::Q4_0;
    const std::int64_t outBytes = rowBytes(out.type, w.cols);
    std::shared_ptr<std::byte[]> buffer;
    try {
        buffer = std::make_shared_for_overwrite<std::byte[]>(static_cast<std::size_t>(outBytes * w.rows));
    } catch (const std::bad_alloc &) {
        return Error{
            ErrorCode::OutOfMemory,
            "There is not enough memory for the model's weights; choose a smaller model or close other programs.",
            "tensor " + w.name + ": " + std::to_string(outBytes * w.rows) + " bytes"};
    }
    std::vector<float> scratch(static_cast<std::size_t>(exec.pool->threadCount()) * static_cast<std::size_t>(w.cols));
    exec.pool->parallelFor(w.rows, 16, [&](std::int64_t begin, std::int64_t end, int thread) {
        float *row = scratch.data() + thread * w.cols;
        for (std::int64_t r = begin; r < end && !exec.cancelled(); ++r) {
            exec.kernels->dequantise(w.type, w.row(r), w.cols, row);
            quantiseRowToBlocks(out.type, row, w.cols, buffer.get() + r * outBytes);
        }
    });
    if (exec.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
    out.data = buffer.get();
    out.owner = std::move(buffer);
    return out;
}

} // namespace facet
