// Random inputs, stored matrices and the list of kernel tables of this machine, for the kernel tests.
//
//     for (const Kernels *k : availableKernels()) { Stored w(TensorType::Q4_0, 7, 96, random); k->matmul(w.matrix, ...); }
#pragma once

#include "kernels/kernels.h"
#include "kernels/quant_blocks.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace facet::test {

// The tables of processors that multiply and add four bytes at once, with that instruction made of others.
std::vector<const Kernels *> emulatedKernels();
// Tables with products of bfloat16: this machine's, the plain ones, and those with that instruction made of others.
std::vector<const Kernels *> bfloatKernels();

// All tables that run here, the scalar one first.
inline std::vector<const Kernels *> availableKernels() {
    std::vector<const Kernels *> all;
    using Isa = InstructionSet;
    for (const Isa isa : {Isa::Scalar, Isa::Avx2, Isa::Avx2Vnni, Isa::Avx512, Isa::Avx512Vnni, Isa::Auto}) {
        const Kernels *table = &kernelsFor(isa);
        bool known = false;
        for (const Kernels *seen : all) known = known || seen == table;
        if (!known) all.push_back(table);
    }
    return all;
}

// The same and the emulated ones, for what they do otherwise: int8 products.
inline std::vector<const Kernels *> productKernels() {
    std::vector<const Kernels *> all = availableKernels();
    for (const Kernels *table : emulatedKernels()) all.push_back(table);
    return all;
}

inline const Kernels &scalar() { return kernelsFor(InstructionSet::Scalar); }

// Every type that is stored in blocks.
inline const std::vector<TensorType> &blockTypes() {
    static const std::vector<TensorType> all = {
        TensorType::Q4_0,    TensorType::Q4_1,   TensorType::Q5_0,    TensorType::Q5_1,    TensorType::Q8_0,  TensorType::Q2_K,
        TensorType::Q3_K,    TensorType::Q4_K,   TensorType::Q5_K,    TensorType::Q6_K,    TensorType::IQ4_NL, TensorType::IQ4_XS,
        TensorType::IQ3_XXS, TensorType::IQ3_S,  TensorType::IQ2_XXS, TensorType::IQ2_XS,  TensorType::IQ2_S, TensorType::IQ1_S,
        TensorType::IQ1_M,   TensorType::MXFP4};
    return all;
}

inline std::vector<TensorType> allTypes() {
    std::vector<TensorType> all = blockTypes();
    all.insert(all.end(), {TensorType::F32, TensorType::F16, TensorType::BF16});
    return all;
}

class Random {
public:
    explicit Random(unsigned seed) : m_engine(seed) {}
    float normal(float width = 1.0F) { return width * std::normal_distribution<float>()(m_engine); }
    int within(int low, int high) { return std::uniform_int_distribution<int>(low, high)(m_engine); }
    std::vector<float> values(std::int64_t n, float width = 1.0F) {
        std::vector<float> all(static_cast<std::size_t>(n));
        for (float &x : all) x = normal(width);
        return all;
    }

private:
    std::mt19937 m_engine;
};

// Where a block holds its float16 scales.
inline std::vector<std::size_t> scalePlaces(TensorType type) {
    switch (type) {
    case TensorType::Q4_1:
    case TensorType::Q5_1:
    case TensorType::Q4_K:
    case TensorType::Q5_K: return {0, 2};
    case TensorType::Q2_K: return {80, 82};
    case TensorType::Q3_K: return {108};
    case TensorType::Q6_K: return {208};
    case TensorType::IQ1_M:
    case TensorType::MXFP4: return {};
    default: return {0};
    }
}

// Random bits with scales of ordinary size: every bit pattern of a block is a valid block.
inline void fillWithBlocks(TensorType type, std::byte *out, std::size_t bytes, Random &random) {
    const auto blockBytes = static_cast<std::size_t>(blockShape(type).bytes);
    for (std::size_t at = 0; at + blockBytes <= bytes; at += blockBytes) {
        for (std::size_t i = 0; i < blockBytes; ++i) out[at + i] = static_cast<std::byte>(random.within(0, 255));
        for (const std::size_t place : scalePlaces(type)) {
            const int half = random.within(0x1C00, 0x2BFF) | random.within(0, 1) << 15;  // 2^-8 to 2^-4
            out[at + place] = static_cast<std::byte>(half & 255);
            out[at + place + 1] = static_cast<std::byte>(half >> 8);
        }
        if (type == TensorType::MXFP4) out[at] = static_cast<std::byte>(random.within(118, 124));
        if (type == TensorType::IQ1_M) {
            out[at + 55] = (out[at + 55] & std::byte{0x0F}) | std::byte{0x20};
            out[at + 53] = (out[at + 53] & std::byte{0x0F}) | static_cast<std::byte>(random.within(0, 15) << 4);
        }
    }
}

// A random matrix in a stored type, deliberately at an odd address.
struct Stored {
    Stored(TensorType type, std::int64_t rows, std::int64_t cols, Random &random, std::size_t shift = 1) {
        const std::int64_t stride = rowBytes(type, cols);
        bytes.resize(static_cast<std::size_t>(rows * stride) + shift);
        if (isFloatType(type) || type == TensorType::Q8_0 || type == TensorType::Q4_0) {
            for (std::int64_t r = 0; r < rows; ++r) {
                const std::vector<float> row = random.values(cols);
                quantiseRowToBlocks(type, row.data(), cols, bytes.data() + shift + r * stride);
            }
        } else {
            fillWithBlocks(type, bytes.data() + shift, bytes.size() - shift, random);
        }
        matrix.type = type;
        matrix.rows = rows;
        matrix.cols = cols;
        matrix.data = bytes.data() + shift;
    }
    Stored(const Stored &) = delete;
    Stored &operator=(const Stored &) = delete;

    std::vector<float> row(std::int64_t r) const {
        std::vector<float> values(static_cast<std::size_t>(matrix.cols));
        scalar().dequantise(matrix.type, matrix.row(r), matrix.cols, values.data());
        return values;
    }

    std::vector<std::byte> bytes;
    Matrix matrix;
};

struct QuantisedRows {
    QuantisedRows(const Kernels &k, const std::vector<float> &x, std::int64_t tokens, std::int64_t cols)
        : values(static_cast<std::size_t>(tokens * cols)), scales(values.size() / 32), sums(values.size() / 16),
          pairs(sums.size()) {
        for (std::int64_t t = 0; t < tokens; ++t) {
            k.quantiseRowQ8(x.data() + t * cols, cols, values.data() + t * cols, scales.data() + t * cols / 32,
                            sums.data() + t * cols / 16, pairs.data() + t * cols / 16);
        }
    }
    Q8Rows rows(std::int64_t token, std::int64_t cols) const {
        return {values.data() + token * cols, scales.data() + token * cols / 32, sums.data() + token * cols / 16,
                pairs.data() + token * cols / 16};
    }

    std::vector<std::int8_t> values;
    std::vector<float> scales;
    std::vector<float> sums;
    std::vector<std::int32_t> pairs;
};

}  // namespace facet::test
