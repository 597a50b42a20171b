// The packed layout of block matrices: 16 rows lie interleaved, so that a kernel loads the same four bytes of 16 rows with
// one instruction. Made once while a model is loaded; products are bit for bit those of the layout of the files.
//
//     std::vector<std::byte> memory(packedBytes(w.type, w.rows, w.cols));
//     for (std::int64_t r = 0; r < w.rows; r += kPackedRows)
//         packRows(w.type, w.row(r), std::min(kPackedRows, w.rows - r), w.cols, memory.data() + packedOffset(w.type, r, w.cols));
//
// A group of 16 rows takes the bytes of 16 stored rows; where rows are missing at the end, the last one fills their places. Spans of 512
// columns follow each other. Of each span: first the two bytes of every block that make its size no multiple of four (the
// float16 scale of Q4_0, Q8_0 and Q6_K), [block][row][2]; then all other bytes of the blocks in their order, as words of
// four: [block][word][row][4].
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace facet {

inline constexpr std::int64_t kPackedRows = 16;
inline constexpr std::int64_t kPackedCols = 512;

// Q4_0, Q8_0, Q4_K, Q5_K, Q6_K.
bool canPack(TensorType type) noexcept;
// Bytes of a packed matrix, and where its group that begins with row `row` (a multiple of 16) begins.
std::int64_t packedBytes(TensorType type, std::int64_t rows, std::int64_t cols) noexcept;
std::int64_t packedOffset(TensorType type, std::int64_t row, std::int64_t cols) noexcept;

// One group: `rows` (1 to 16) stored rows one behind the other. `to` takes packedBytes(type, 16, cols).
void packRows(TensorType type, const std::byte *from, std::int64_t rows, std::int64_t cols, std::byte *to) noexcept;
// The stored bytes of the columns [first, first + count) of one row, both multiples of the block; w may be packed or not.
void copyRowPart(const Matrix &w, std::int64_t row, std::int64_t first, std::int64_t count, std::byte *to) noexcept;
// The stored bytes of a whole row.
void copyRow(const Matrix &w, std::int64_t row, std::byte *to) noexcept;

// The bytes that a matrix takes, packed or not.
std::int64_t matrixBytes(const Matrix &w) noexcept;

}  // namespace facet
