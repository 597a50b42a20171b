// The plain float32 version of every kernel: documentation, judge of the fast ones and fallback for processors without them.
#include "kernels/float_formats.h"
#include "kernels/packed.h"
#include "kernels/tables.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace facet {
namespace {

constexpr std::int64_t kBlock = 32;   // values of a quantised block
constexpr int kSums = 8;              // partial sums of a dot product; value c goes to sum c % 8
constexpr int kTokenTile = 4;

float halfToFloat(std::uint16_t bits) noexcept { return floatFromHalf(bits); }

// 16 bytes to 32 values of a table: by their low halves first.
void lookup16(const std::byte *from, const std::int8_t *table, std::int8_t *to) noexcept {
    for (int j = 0; j < 16; ++j) {
        to[j] = table[static_cast<unsigned>(from[j]) & 15U];
        to[j + 16] = table[static_cast<unsigned>(from[j]) >> 4];
    }
}

}  // namespace
}  // namespace facet

#include "kernels/unpack_plain.inl"
// after its steps
#include "kernels/unpack_blocks.inl"

namespace facet {
namespace {

void dequantise(TensorType type, const std::byte *from, std::int64_t n, float *to) {
    if (type == TensorType::F32) {
        std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(float));
    } else if (type == TensorType::F16) {
        for (std::int64_t i = 0; i < n; ++i) to[i] = floatFromHalf(bits16(from + 2 * i));
    } else if (type == TensorType::BF16) {
        for (std::int64_t i = 0; i < n; ++i) to[i] = floatFromBfloat(bits16(from + 2 * i));
    } else {
        const BlockShape block = blockShape(type);
        const int bias = biasOf(type);
        n -= n % block.values;
        Unpacked piece;
        for (std::int64_t at = 0; at < n; at += kPieceValues) {
            const std::int64_t count = std::min<std::int64_t>(kPieceValues, n - at);
            unpackPiece(type, from + at / block.values * block.bytes, count, piece);
            for (std::int64_t i = 0; i < count; ++i) {
                const float product = piece.scales[i / 16] * static_cast<float>(piece.values[i] - bias);
                to[at + i] = product - piece.mins[i / 16];
            }
        }
    }
}

float total(const float (&sums)[kSums]) noexcept {
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

float dot(const float *x, const float *y, std::int64_t n) {
    float sums[kSums] = {};
    for (std::int64_t i = 0; i < n; ++i) sums[i % kSums] += x[i] * y[i];
    return total(sums);
}

void matmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
            std::int64_t xStride, float *y, std::int64_t yStride) {
    const BlockShape block = blockShape(w.type);
    float piece[kPieceValues];
    for (std::int64_t r = rowBegin; r < rowEnd; ++r) {
        const std::byte *row = w.row(r);
        for (std::int64_t t0 = 0; t0 < tokens; t0 += kTokenTile) {
            const int tile = static_cast<int>(std::min<std::int64_t>(kTokenTile, tokens - t0));
            float sums[kTokenTile][kSums] = {};
            for (std::int64_t c = 0; c < w.cols; c += kPieceValues) {
                const std::int64_t n = std::min<std::int64_t>(kPieceValues, w.cols - c);
                dequantise(w.type, row + c / block.values * block.bytes, n, piece);
                for (int t = 0; t < tile; ++t) {
                    const float *in = x + (t0 + t) * xStride + c;
                    for (std::int64_t i = 0; i < n; ++i) sums[t][i % kSums] += piece[i] * in[i];
                }
            }
            for (int t = 0; t < tile; ++t) y[(t0 + t) * yStride + r - rowBegin] = total(sums[t]);
        }
    }
}

// Integer sums of 16 products are exact; offsets are taken off with the inputs' sums.
void matmulQ8(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
              std::int64_t yStride) {
    const BlockShape block = blockShape(w.type);
    const auto bias = static_cast<float>(biasOf(w.type));
    std::byte stored[kPieceValues / 32 * 34];  // of a packed row
    Unpacked piece;
    for (std::int64_t r = rowBegin; r < rowEnd; ++r) {
        for (std::int64_t t = 0; t < tokens; ++t) y[t * yStride + r - rowBegin] = 0.0F;
        for (std::int64_t c = 0; c < w.cols; c += kPieceValues) {
            const std::int64_t n = std::min<std::int64_t>(kPieceValues, w.cols - c);
            if (w.packed) copyRowPart(w, r, c, n, stored);
            unpackPiece(w.type, w.packed ? stored : w.row(r) + c / block.values * block.bytes, n, piece);
            for (std::int64_t t = 0; t < tokens; ++t) {
                const std::int8_t *values = x.values + t * w.cols + c;
                const float *scales = x.scales + (t * w.cols + c) / 32;
                const float *sums = x.sums + (t * w.cols + c) / 16;
                float sum = y[t * yStride + r - rowBegin];
                for (std::int64_t i = 0; i < n / 16; ++i) {
                    int product = 0;
                    for (int j = 0; j < 16; ++j) product += piece.values[i * 16 + j] * values[i * 16 + j];
                    sum += static_cast<float>(product) * (piece.scales[i] * scales[i / 2]);
                    sum -= (piece.scales[i] * bias + piece.mins[i]) * sums[i];
                }
                y[t * yStride + r - rowBegin] = sum;
            }
        }
    }
}

// scale = max|x| / 127; values = x * (127 / max|x|) rounded to nearest, ties to even (as the vector instructions do).
// A block with NaN or infinity gets scale NaN, so that the damage shows in the product instead of being rounded away.
void quantiseRowQ8(const float *x, std::int64_t n, std::int8_t *values, float *scales, float *sums, std::int32_t *pairs) {
    constexpr float kTiny = 1e-35F;  // below this 127 / max would overflow
    for (std::int64_t b = 0; b < n / kBlock; ++b, x += kBlock, values += kBlock) {
        float largest = 0.0F;
        bool finite = true;
        for (int i = 0; i < kBlock; ++i) {
            finite = finite && std::isfinite(x[i]);
            largest = std::max(largest, std::fabs(x[i]));
        }
        if (!finite || largest < kTiny) {
            std::memset(values, 0, kBlock);
            scales[b] = sums[2 * b] = sums[2 * b + 1] = finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
            pairs[2 * b] = pairs[2 * b + 1] = 0;
            continue;
        }
        const float inverse = 127.0F / largest;
        scales[b] = largest / 127.0F;
        for (int half = 0; half < 2; ++half) {
            int sum[2] = {};  // of the first and the second two of four values
            for (int i = half * 16; i < half * 16 + 16; ++i) {
                values[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
                sum[i / 2 % 2] += values[i];
            }
            pairs[2 * b + half] = static_cast<std::int32_t>((static_cast<std::uint32_t>(sum[0]) & 0xFFFFU) |
                                                            static_cast<std::uint32_t>(sum[1]) << 16);
            sums[2 * b + half] = scales[b] * static_cast<float>(sum[0] + sum[1]);
        }
    }
}

void rmsNorm(const float *x, const float *w, std::int64_t n, float eps, float *out) {
    double squares = 0.0;
    for (std::int64_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const float factor = 1.0F / std::sqrt(static_cast<float>(squares / static_cast<double>(n)) + eps);
    for (std::int64_t i = 0; i < n; ++i) out[i] = w != nullptr ? x[i] * factor * w[i] : x[i] * factor;
}

void rope(float *x, const float *cosines, const float *sines, std::int64_t n) {
    const std::int64_t half = n / 2;
    for (std::int64_t j = 0; j < half; ++j) {
        const float first = x[j];
        const float second = x[j + half];
        x[j] = first * cosines[j] - second * sines[j];
        x[j + half] = second * cosines[j] + first * sines[j];
    }
}

void geluMul(const float *gate, const float *up, std::int64_t n, float *out) {
    constexpr float kRootTwoOverPi = 0.797884560802865F;
    for (std::int64_t i = 0; i < n; ++i) {
        const float g = gate[i];
        const float inner = kRootTwoOverPi * (g + 0.044715F * g * g * g);
        out[i] = 0.5F * g * (1.0F + std::tanh(inner)) * up[i];
    }
}

void silu(const float *x, std::int64_t n, float *out) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] / (1.0F + std::exp(-x[i]));
}

void softmax(float *x, std::int64_t n) {
    const float largest = *std::max_element(x, x + n);
    double sum = 0.0;
    for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i] = std::exp(x[i] - largest));
    const float factor = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

void softcap(float *x, std::int64_t n, float cap) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

void axpy(float a, const float *x, std::int64_t n, float *y) {
    for (std::int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

void clampValues(float *x, std::int64_t n, float low, float high) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = std::min(std::max(x[i], low), high);
}

// Value i of rows of keys or values; blocks never straddle rows.
float cacheValue(CacheType type, const void *from, std::int64_t i) noexcept {
    if (type == CacheType::F32) return static_cast<const float *>(from)[i];
    if (type == CacheType::F16) return floatFromHalf(static_cast<const std::uint16_t *>(from)[i]);
    const BlockShape shape = blockShape(type == CacheType::Q8_0 ? TensorType::Q8_0 : TensorType::Q4_0);
    const auto *block = static_cast<const std::byte *>(from) + i / shape.values * shape.bytes;
    std::uint16_t scale = 0;
    std::memcpy(&scale, block, sizeof scale);
    const std::int64_t at = i % shape.values;
    const std::byte *values = block + sizeof scale;
    if (type == CacheType::Q8_0) return floatFromHalf(scale) * static_cast<float>(std::to_integer<std::int8_t>(values[at]));
    const int nibble = std::to_integer<int>(at < 16 ? values[at] & std::byte{15} : values[at - 16] >> 4);
    return floatFromHalf(scale) * static_cast<float>(nibble - 8);
}

// One query against keys [begin, end) of at most one tile.
void attendTile(CacheType type, const void *k, const void *v, std::int64_t begin, std::int64_t end, std::int64_t headDim,
                const float *q, float &maximum, float &sum, float *out) {
    float scores[kKeyTile];
    float largest = maximum;
    for (std::int64_t j = begin; j < end; ++j) {
        float sums[kSums] = {};
        for (std::int64_t d = 0; d < headDim; ++d) sums[d % kSums] += q[d] * cacheValue(type, k, j * headDim + d);
        const float score = total(sums);
        scores[j - begin] = score;
        largest = std::max(largest, score);
    }
    if (largest == -std::numeric_limits<float>::infinity()) return;
    const float factor = std::exp(maximum - largest);  // 0 for the first tile
    sum *= factor;
    for (std::int64_t d = 0; d < headDim; ++d) out[d] *= factor;
    for (std::int64_t j = begin; j < end; ++j) {
        const float p = std::exp(scores[j - begin] - largest);
        sum += p;
        for (std::int64_t d = 0; d < headDim; ++d) out[d] += p * cacheValue(type, v, j * headDim + d);
    }
    maximum = largest;
}

void attendSpan(CacheType type, const void *k, const void *v, std::int64_t keys, std::int64_t headDim, const float *q,
                std::int64_t queries, std::int64_t qStride, const std::int32_t *visibleFrom, const std::int32_t *visibleTo,
                float *maximum, float *sum, float *out, std::int64_t outStride) {
    for (std::int64_t i = 0; i < queries; ++i) {
        for (std::int64_t tile = 0; tile < keys; tile += kKeyTile) {
            const std::int64_t begin = std::max<std::int64_t>(tile, visibleFrom[i]);
            const std::int64_t end = std::min<std::int64_t>({tile + kKeyTile, visibleTo[i], keys});
            if (begin >= end) continue;
            attendTile(type, k, v, begin, end, headDim, q + i * qStride, maximum[i], sum[i], out + i * outStride);
        }
    }
}

// Values beyond float16 are held at its largest finite number: one infinity would spoil every later sum.
void toCache(CacheType type, const float *x, std::int64_t n, void *out) {
    if (type == CacheType::F32) {
        std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float));
        return;
    }
    constexpr float kLargest = 65504.0F;
    auto *halves = static_cast<std::uint16_t *>(out);
    for (std::int64_t i = 0; i < n; ++i) halves[i] = halfFromFloat(std::min(std::max(x[i], -kLargest), kLargest));
}

}  // namespace

const Kernels kScalarKernels = {
    .name = "scalar",
    .packs = false,
    .dotsBytes = false,
    .bfloat = nullptr,
    .matmul = matmul,
    .tileTokens = 0,
    .packTokens = nullptr,
    .matmulTiles = nullptr,
    .matmulQ8 = matmulQ8,
    .quantiseRowQ8 = quantiseRowQ8,
    .dequantise = dequantise,
    .rmsNorm = rmsNorm,
    .rope = rope,
    .geluMul = geluMul,
    .silu = silu,
    .softmax = softmax,
    .softcap = softcap,
    .axpy = axpy,
    .dot = dot,
    .clamp = clampValues,
    .attendSpan = attendSpan,
    .toCache = toCache,
};

}  // namespace facet
