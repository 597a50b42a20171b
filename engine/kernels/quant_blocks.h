// Rows of float32 to stored weights, by the reference rules of GGUF, for quantising while a model is loaded.
//
//     std::vector<std::byte> row(rowBytes(TensorType::Q4_0, cols));
//     quantiseRowToBlocks(TensorType::Q4_0, values, cols, row.data());
//
// Block layouts: Q8_0 = float16 scale, 32 int8; Q4_0 = float16 scale, 16 bytes whose low nibbles are values 0..15 and
// whose high nibbles are values 16..31, value = (nibble - 8) * scale.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace facet {

// Any type that has kernels (F32, F16 and BF16 are rounded to nearest even). n must be a multiple of the block; `out`
// takes rowBytes(type, n) bytes. Types without kernels: nothing is written.
void quantiseRowToBlocks(TensorType type, const float *x, std::int64_t n, std::byte *out);

}  // namespace facet
