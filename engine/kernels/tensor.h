// Element types and a non-owning view of a weight matrix as it lies in memory or in a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace facet {

// Numbers are those of GGUF's tensor types, so that files can be read without a table.
enum class TensorType : std::uint8_t {
    F32 = 0, F16 = 1, Q4_0 = 2, Q4_1 = 3, Q5_0 = 6, Q5_1 = 7, Q8_0 = 8,
    Q2_K = 10, Q3_K = 11, Q4_K = 12, Q5_K = 13, Q6_K = 14,
    IQ2_XXS = 16, IQ2_XS = 17, IQ3_XXS = 18, IQ1_S = 19, IQ4_NL = 20, IQ3_S = 21, IQ2_S = 22, IQ4_XS = 23,
    IQ1_M = 29, BF16 = 30, MXFP4 = 39,
};

// Whether a number from a file names one of the types above.
bool isTensorType(std::uint32_t number) noexcept;

const char *tensorTypeName(TensorType type) noexcept;
// F32, F16 and BF16; all others are stored as blocks of small integers with scales.
bool isFloatType(TensorType type) noexcept;
// Values per block and bytes per block: F32 {1, 4}, F16 and BF16 {1, 2}, Q8_0 {32, 34}, Q4_K {256, 144}, ...
struct BlockShape {
    std::int64_t values = 0;
    std::int64_t bytes = 0;
};
BlockShape blockShape(TensorType type) noexcept;
// Bytes of one row of `cols` values; 0 if cols is no multiple of the block.
std::int64_t rowBytes(TensorType type, std::int64_t cols) noexcept;

// A weight matrix [rows, cols] (y = W x, rows = outputs). Rows follow each other without gaps, unless they are packed:
// then 16 of them lie interleaved (packed.h), and row() must not be used. `owner` keeps the memory alive (mapped file or
// buffer).
struct Matrix {
    TensorType type = TensorType::F32;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    const std::byte *data = nullptr;
    std::shared_ptr<const void> owner;
    std::string name;  // for messages
    bool packed = false;

    bool empty() const noexcept { return data == nullptr; }
    const std::byte *row(std::int64_t r) const noexcept { return data + r * rowBytes(type, cols); }
    // Rows [begin, begin + count) as a matrix of its own (experts are stacked in one tensor); of a packed matrix, begin is a
    // multiple of 16.
    Matrix slice(std::int64_t begin, std::int64_t count) const;
};

}  // namespace facet
