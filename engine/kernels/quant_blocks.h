// Rows of float32 to stored weights, for quantising while a model is loaded and for writing GGUF files. Types of 32 values
// follow the reference rules of GGUF (nearest level); K types and IQ4_NL search for their scales (quant_search.h).
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

// Whether rows can be made of a type: the float types (rounded to nearest even), Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K,
// Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL. The other types are only read.
bool canQuantise(TensorType type) noexcept;
// n must be a multiple of the block; `out` takes rowBytes(type, n) bytes. Other types: nothing is written.
// importance: n numbers >= 0, what the squared error of each value counts (quant_search.h); null: as if nothing was known.
void quantiseRowToBlocks(TensorType type, const float *x, std::int64_t n, std::byte *out, const float *importance = nullptr);
// Q4_0 with scales searched for, all values alike: a tenth less error than the reference rule, for five times its work.
void quantiseRowToQ4Searched(const float *x, std::int64_t n, std::byte *out);

}  // namespace facet
