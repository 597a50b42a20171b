// Which type each tensor of a quantised GGUF file gets.
#pragma once

#include "facet/quantize.h"
#include "kernels/tensor.h"
#include "load/gguf_writer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace facet {

// Which input channels of a matrix matter: the mean square of what they were fed with. Matrices that are stacked in one
// tensor (experts) have numbers of their own.
struct Importance {
    std::int64_t rowsEach = 0;             // rows of a part
    std::vector<std::vector<float>> parts; // [rows / rowsEach][cols]; an empty part: nothing is known
};

// A tensor on its way: where its rows come from and what becomes of them.
struct PlannedTensor {
    GgufOutput output;          // named as in GGUF; `type` is what planTypes() decides
    Matrix from;                // rows as they are stored now; empty: `values` holds them
    std::vector<float> values;  // of tensors that are rearranged or have no dimensions
    std::string source;         // the checkpoint's name of it
    std::shared_ptr<const Importance> importance; // null: nothing is known
    std::int64_t cols() const { return output.shape.empty() ? 1 : output.shape.back(); }
    std::int64_t rows() const;
    std::int64_t bytesAs(TensorType type) const { return rows() * rowBytes(type, cols()); }
    const float *importanceOf(std::int64_t row) const; // [cols] or null
    TensorType sourceType() const { return from.empty() ? TensorType::F32 : from.type; }
};

// Decides `output.type` of all tensors of a file. Rows that do not divide into blocks of 256 fall back (Q4_K to Q5_0,
// Q5_K to Q5_1, Q6_K to Q8_0), those that do not divide by 32 become BF16; the number of both is told.
struct PlanResult {
    int fallbacks = 0, plain = 0;
};
PlanResult planTypes(std::vector<PlannedTensor> &tensors, QuantizeType type);

// Whether a tensor may be kept in any type: a matrix of the text model that is no router, and none that other programs
// expect in 16 bits.
bool mayChooseType(const PlannedTensor &tensor);
// The types to choose from, by falling size, the one it is stored in now first (that loses nothing). Source types that
// are larger than bfloat16 count as that.
std::vector<TensorType> typesFor(const PlannedTensor &tensor);
// "blk.3.ffn_down.weight" -> "ffn_down", "token_embd.weight" -> "token_embd".
std::string tensorKind(const std::string &ggufName);
int tensorLayer(const std::string &ggufName); // -1: of no layer

// The number that files state as general.file_type.
std::uint32_t ggufFileType(QuantizeType type) noexcept;
std::uint32_t ggufFileType(TensorType most) noexcept; // of a file that holds mostly that

} // namespace facet
