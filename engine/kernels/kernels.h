// Every arithmetic primitive of the engine, one function table per instruction set (scalar.cpp is the plain float32
// documentation and judge of the others; avx2.cpp, avx512.cpp; neon.cpp where built). Single-threaded: callers split work.
// All vectors are float32, contiguous, aligned as float only. Callers above this layer use ops.h, not this table.
#pragma once

#include "facet/engine.h"
#include "kernels/tensor.h"

#include <cstdint>

namespace facet {

// Activations quantised like Q8_0 rows for int8 dot products: per 32 values a float scale and 32 int8.
struct Q8Rows {
    const std::int8_t *values = nullptr;  // [rows, cols]
    const float *scales = nullptr;        // [rows, cols / 32]
    const float *sums = nullptr;          // [rows, cols / 16] scale * sum of 16 int8 values (offset correction)
    // [rows, cols / 16] two int16 in one word: the sum of the values 0, 1, 4, 5, 8, 9, 12, 13 of 16 (lower half) and of the
    // others, as products of bytes are added in pairs.
    const std::int32_t *pairs = nullptr;
};

// Key/value element type of a cache; Q8_0, Q4_0 and Q4_R need heads of a multiple of 32 values. Q4_R is Q4_0 behind a fixed
// rotation of each head (rotation.h): kernels never see it, ops.h turns queries and results. Written with storeCacheRow()
// of ops.h.
enum class CacheType : std::uint8_t { F32, F16, Q8_0, Q4_0, Q4_R };

// Products of float32 whose factors are rounded to bfloat16 first (to nearest, ties to even), with float32 sums, where a
// processor makes two at once: for encoders, whose networks were trained in that type. Arguments as in Kernels below.
inline constexpr std::int64_t kMostBfloatHead = 128;
struct BfloatKernels {
    // Tiles as those of Kernels; a word of four bytes holds two columns: [tiles][(cols + 1) / 2][tileTokens].
    std::int64_t tileTokens;
    void (*packTokens)(const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols, float *tiles);
    // W of type F32, F16 or BF16.
    void (*matmulTiles)(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *tiles, std::int64_t tokens,
                        float *y, std::int64_t yStride);
    // Keys and values of float32, headDim <= kMostBfloatHead.
    void (*attendSpan)(const float *k, const float *v, std::int64_t keys, std::int64_t headDim, const float *q,
                       std::int64_t queries, std::int64_t qStride, const std::int32_t *visibleFrom, const std::int32_t *visibleTo,
                       float *maximum, float *sum, float *out, std::int64_t outStride);
};

struct Kernels {
    const char *name;  // "scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "neon"
    // Whether packed matrices (packed.h) are multiplied, and faster than those in the layout of the files.
    bool packs;
    // Whether products of int8 take one instruction for four bytes (VNNI), several times as fast as those of floats.
    bool dotsBytes;
    const BfloatKernels *bfloat;  // null: none

    // y[t * yStride + r - rowBegin] = sum_c W[r, c] * x[t * xStride + c], r in [rowBegin, rowEnd), t in [0, tokens).
    // F32, F16, BF16: weights widened exactly, float32 sums. Block types: dequantised exactly (reference path).
    void (*matmul)(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                   std::int64_t xStride, float *y, std::int64_t yStride);
    // The same for many tokens, whose inputs were put into tiles: [tokens / tileTokens, rounded up][cols][tileTokens], so that
    // those of a column lie together. The same bits as `matmul`. Null (and tileTokens 0) where that gains nothing.
    std::int64_t tileTokens;
    void (*packTokens)(const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols, float *tiles);
    void (*matmulTiles)(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *tiles, std::int64_t tokens,
                        float *y, std::int64_t yStride);
    // The same for W of any block type against int8 activations (product path). W may be packed, if `packs`: rowBegin then
    // is a multiple of kPackedRows.
    void (*matmulQ8)(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                     float *y, std::int64_t yStride);
    // Quantises one row of n (multiple of 32) values: scale = max|x| / 127, values rounded to nearest, ties to even; the
    // same bits from every table. A block with NaN or infinity gets scale NaN.
    void (*quantiseRowQ8)(const float *x, std::int64_t n, std::int8_t *values, float *scales, float *sums, std::int32_t *pairs);
    // Any stored type to float32: n values starting at a block border.
    void (*dequantise)(TensorType type, const std::byte *from, std::int64_t n, float *to);

    // out = x * (mean(x^2) + eps)^-0.5 * w; w may be null (norms without weight). In place allowed.
    void (*rmsNorm)(const float *x, const float *w, std::int64_t n, float eps, float *out);
    // Half-split rotation of one head: pairs (j, j + n/2) by (cos[j], sin[j]), j < n/2.
    void (*rope)(float *x, const float *cosines, const float *sines, std::int64_t n);
    // out[i] = gelu_tanh(gate[i]) * up[i] (exact float32 tanh form) and silu(x).
    void (*geluMul)(const float *gate, const float *up, std::int64_t n, float *out);
    void (*silu)(const float *x, std::int64_t n, float *out);
    // x = softmax(x) over n values, in place. Returns nothing; n >= 1.
    void (*softmax)(float *x, std::int64_t n);
    // logits: x = cap * tanh(x / cap).
    void (*softcap)(float *x, std::int64_t n, float cap);
    // y += a * x;  y = y + x;  y = y * a
    void (*axpy)(float a, const float *x, std::int64_t n, float *y);
    float (*dot)(const float *x, const float *y, std::int64_t n);
    void (*clamp)(float *x, std::int64_t n, float low, float high);

    // Attention of `queries` rows (heads of one group or tokens; any mix) over the same keys of one KV head:
    // scores = q . k (no scale), softmax over the keys, out = p . v. Keys and values: `keys` rows of headDim, contiguous,
    // of type `type`. Online (running maximum and sum), so that it may be called span by span:
    // state per query: maximum, sum and the unnormalised out; begin with maximum = -inf, sum = 0, out = 0;
    // after the last span divide out by sum. Query i sees key j (0-based in this span) iff visibleFrom[i] <= j < visibleTo[i].
    // Keys are taken in tiles of kKeyTile from the first key of the span; those that no query sees are not read.
    void (*attendSpan)(CacheType type, const void *k, const void *v, std::int64_t keys, std::int64_t headDim,
                       const float *q, std::int64_t queries, std::int64_t qStride, const std::int32_t *visibleFrom,
                       const std::int32_t *visibleTo, float *maximum, float *sum, float *out, std::int64_t outStride);
    // float32 to F32 or F16; F16 holds what is beyond its range at +-65504.
    void (*toCache)(CacheType type, const float *x, std::int64_t n, void *out);
};

// Table for an instruction set. Auto: FACET_ISA (scalar|avx2|avx2_vnni|avx512|avx512_vnni|auto) if set, else the best this processor has.
// A set that the processor or the build lacks falls to the next lower one.
const Kernels &kernelsFor(InstructionSet isa) noexcept;
bool instructionSetAvailable(InstructionSet isa) noexcept;

}  // namespace facet
