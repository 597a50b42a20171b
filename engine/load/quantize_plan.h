// Which type each tensor of a quantised GGUF file gets.
#pragma once

#include "facet/quantize.h"
#include "kernels/tensor.h"
#include "load/gguf_writer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

// A tensor on its way: where its rows come from and what becomes of them.
struct PlannedTensor {
    GgufOutput output;          // named as in GGUF; `type` is what planTypes() decides
    Matrix from;                // rows as they are stored now; empty: `values` holds them
    std::vector<float> values;  // of tensors that are rearranged or have no dimensions
    std::int64_t cols() const { return output.shape.empty() ? 1 : output.shape.back(); }
    std::int64_t rows() const;
    TensorType sourceType() const { return from.empty() ? TensorType::F32 : from.type; }
};

// Decides `output.type` of all tensors of a file. Rows that do not divide into blocks of 256 fall back (Q4_K to Q5_0,
// Q5_K to Q5_1, Q6_K to Q8_0), those that do not divide by 32 become BF16; the number of both is told.
struct PlanResult {
    int fallbacks = 0, plain = 0;
};
PlanResult planTypes(std::vector<PlannedTensor> &tensors, QuantizeType type);

// The number that files state as general.file_type.
std::uint32_t ggufFileType(QuantizeType type) noexcept;

} // namespace facet
