#include "kernels/packed.h"

#include <algorithm>
#include <cstring>

namespace facet {
namespace {

constexpr std::int64_t kWord = 4;
constexpr std::int64_t kHalf = 2;

// What a block consists of.
struct BlockParts {
    std::int64_t values = 0;
    std::int64_t bytes = 0;
    std::int64_t words = 0;    // of four bytes
    std::int64_t wordsAt = 0;  // where they begin
    std::int64_t halfAt = -1;  // the two bytes beside them; -1: none
};

BlockParts partsOf(TensorType type) noexcept {
    const BlockShape shape = blockShape(type);
    BlockParts parts{shape.values, shape.bytes, shape.bytes / kWord, 0, -1};
    if (shape.bytes % kWord == 0) return parts;
    if (type == TensorType::Q6_K) parts.halfAt = shape.bytes - kHalf;
    else parts.halfAt = 0, parts.wordsAt = kHalf;
    return parts;
}

// One block of 16 rows; blocks of a row lie `from[r]` and on.
template <std::int64_t Words>
void packBlock(const std::byte *const (&from)[kPackedRows], std::int64_t at, std::byte *to) noexcept {
    for (std::int64_t word = 0; word < Words; ++word) {
        for (std::int64_t r = 0; r < kPackedRows; ++r) {
            std::memcpy(to + (word * kPackedRows + r) * kWord, from[r] + at + word * kWord, kWord);
        }
    }
}

void packBlockOf(std::int64_t words, const std::byte *const (&from)[kPackedRows], std::int64_t at, std::byte *to) noexcept {
    switch (words) {
    case 4: return packBlock<4>(from, at, to);
    case 8: return packBlock<8>(from, at, to);
    case 36: return packBlock<36>(from, at, to);
    case 44: return packBlock<44>(from, at, to);
    default: return packBlock<52>(from, at, to);
    }
}

}  // namespace

bool canPack(TensorType type) noexcept {
    return type == TensorType::Q4_0 || type == TensorType::Q8_0 || type == TensorType::Q4_K || type == TensorType::Q5_K ||
           type == TensorType::Q6_K;
}

std::int64_t packedOffset(TensorType type, std::int64_t row, std::int64_t cols) noexcept { return row * rowBytes(type, cols); }

std::int64_t packedBytes(TensorType type, std::int64_t rows, std::int64_t cols) noexcept {
    return packedOffset(type, (rows + kPackedRows - 1) / kPackedRows * kPackedRows, cols);
}

std::int64_t matrixBytes(const Matrix &w) noexcept {
    return w.packed ? packedBytes(w.type, w.rows, w.cols) : rowBytes(w.type, w.cols) * w.rows;
}

void packRows(TensorType type, const std::byte *from, std::int64_t rows, std::int64_t cols, std::byte *to) noexcept {
    const BlockParts parts = partsOf(type);
    const std::int64_t stride = rowBytes(type, cols);
    const std::byte *each[kPackedRows];
    for (std::int64_t r = 0; r < kPackedRows; ++r) each[r] = from + std::min(r, rows - 1) * stride;
    for (std::int64_t c = 0; c < cols; c += kPackedCols) {
        const std::int64_t blocks = std::min(kPackedCols, cols - c) / parts.values;
        if (parts.halfAt >= 0) {
            for (std::int64_t b = 0; b < blocks; ++b) {
                for (const std::byte *row : each) {
                    std::memcpy(to, row + b * parts.bytes + parts.halfAt, kHalf);
                    to += kHalf;
                }
            }
        }
        for (std::int64_t b = 0; b < blocks; ++b) {
            packBlockOf(parts.words, each, b * parts.bytes + parts.wordsAt, to);
            to += parts.words * kPackedRows * kWord;
        }
        for (const std::byte *&row : each) row += blocks * parts.bytes;
    }
}

void copyRowPart(const Matrix &w, std::int64_t row, std::int64_t first, std::int64_t count, std::byte *to) noexcept {
    const BlockParts parts = partsOf(w.type);
    const std::int64_t stride = rowBytes(w.type, w.cols);
    if (!w.packed) {
        std::memcpy(to, w.data + row * stride + first / parts.values * parts.bytes,
                    static_cast<std::size_t>(count / parts.values * parts.bytes));
        return;
    }
    const std::int64_t lane = row % kPackedRows;
    const std::byte *group = w.data + (row - lane) * stride;
    for (std::int64_t c = first; c < first + count; c += parts.values, to += parts.bytes) {
        const std::int64_t begin = c / kPackedCols * kPackedCols;  // of the span
        const std::int64_t blocks = std::min(kPackedCols, w.cols - begin) / parts.values;
        const std::int64_t block = (c - begin) / parts.values;
        const std::byte *span = group + begin / parts.values * parts.bytes * kPackedRows;
        if (parts.halfAt >= 0) {
            std::memcpy(to + parts.halfAt, span + (block * kPackedRows + lane) * kHalf, kHalf);
            span += blocks * kPackedRows * kHalf;
        }
        for (std::int64_t word = 0; word < parts.words; ++word) {
            std::memcpy(to + parts.wordsAt + word * kWord, span + ((block * parts.words + word) * kPackedRows + lane) * kWord, kWord);
        }
    }
}

void copyRow(const Matrix &w, std::int64_t row, std::byte *to) noexcept { copyRowPart(w, row, 0, w.cols, to); }

}  // namespace facet
