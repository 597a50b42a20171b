// Kernels for AVX2 + FMA + F16C. Compiled with those flags: no standard library code here (see simd_math.inl).
#include "kernels/tables.h"

#include <immintrin.h>

namespace facet {
namespace {

using V = __m256;
constexpr int kLanes = 8;
constexpr int kDirectRows = 2;    // rows of a tile of several tokens (16 registers)
constexpr int kPanelRows = 4;     // x 3 tokens
constexpr int kPanelTokens = 3;
constexpr int kScoreQueries = 2;  // x 32 keys
constexpr int kValueQueries = 2;  // x 4 vectors
constexpr int kValueVectors = 4;

alignas(64) constexpr std::int32_t kLaneMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

inline __m256i laneMask(int lanes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(kLaneMasks + 8 - lanes));
}

inline void vkeep(V &) {}  // see avx512.cpp; here there are no registers to spare or no such operands
inline V vzero() { return _mm256_setzero_ps(); }
inline V vset(float x) { return _mm256_set1_ps(x); }
inline V vload(const float *from) { return _mm256_loadu_ps(from); }
inline V vloadPart(const float *from, int lanes) { return _mm256_maskload_ps(from, laneMask(lanes)); }
inline void vstore(float *to, V x) { _mm256_storeu_ps(to, x); }
inline void vstorePart(float *to, V x, int lanes) { _mm256_maskstore_ps(to, laneMask(lanes), x); }
inline V vadd(V a, V b) { return _mm256_add_ps(a, b); }
inline V vsub(V a, V b) { return _mm256_sub_ps(a, b); }
inline V vmul(V a, V b) { return _mm256_mul_ps(a, b); }
inline V vdiv(V a, V b) { return _mm256_div_ps(a, b); }
inline V vfma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }    // a b + c
inline V vfnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a b
inline V vmin(V a, V b) { return _mm256_min_ps(a, b); }              // b if either is NaN
inline V vmax(V a, V b) { return _mm256_max_ps(a, b); }
inline V vabs(V x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x); }
inline V vround(V x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline V vcopySign(V size, V sign) {
    const V bit = _mm256_set1_ps(-0.0F);
    return _mm256_or_ps(_mm256_andnot_ps(bit, size), _mm256_and_ps(bit, sign));
}
inline V vselectLess(V a, V b, V yes, V no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }

// x * 2^n in two steps, so that results beyond the range of one factor (subnormals, infinity) come out right.
inline V vscale(V x, V n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}

inline float vfirst(V x) { return _mm256_cvtss_f32(x); }
inline float vsum(V x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float vmaxLane(V x) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline V vloadHalf(const void *from) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i *>(from))); }
inline V vloadBfloat(const void *from) {
    const __m128i bits = _mm_loadu_si128(static_cast<const __m128i *>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline V vloadInt8(const void *from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i *>(from))));
}
inline void vstoreHalf(std::uint16_t *to, V x) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
inline void vstoreHalfPart(std::uint16_t *to, V x, int lanes) {
    alignas(16) std::uint16_t all[kLanes];
    vstoreHalf(all, x);
    __builtin_memcpy(to, all, static_cast<std::size_t>(lanes) * 2);
}
inline void vstoreInt8(std::int8_t *to, V x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(to), _mm_packs_epi16(words, words));
}
inline float halfToFloat(std::uint16_t bits) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits))); }

// 16 bytes to 32 values 0..15: low nibbles first.
inline __m256i nibbles(const std::byte *from) {
    const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(raw), _mm_srli_epi16(raw, 4), 1);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}
inline void unpackNibbles(const std::byte *from, std::int8_t *to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), nibbles(from));
}

inline void transpose(V (&m)[8]) {
    V a[8];
    V b[8];
    FACET_UNROLL
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
    }
    FACET_UNROLL
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xEE);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xEE);
    }
    FACET_UNROLL
    for (int i = 0; i < 4; ++i) {
        m[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        m[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

}  // namespace
}  // namespace facet

#include "kernels/simd_math.inl"
#include "kernels/simd_matmul.inl"
// after the two above
#include "kernels/simd_attention.inl"

namespace facet {
namespace {

// R rows by T tokens; eight float sums per output, one vector step per block of 32.
template <int R, int T, bool kNibbles>
void int8Tile(const std::byte *w, std::int64_t stride, std::int64_t blocks, const Q8Rows &x, std::int64_t token, float *y,
              std::int64_t yStride) {
    constexpr std::int64_t kBytes = kNibbles ? 18 : 34;
    const __m256i ones = _mm256_set1_epi16(1);
    V sums[R][T];
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) sums[r][t] = vzero();
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
        __m256i in[T];
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            const std::int8_t *from = x.values + ((token + t) * blocks + b) * 32;
            in[t] = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
        }
        FACET_UNROLL
        for (int r = 0; r < R; ++r) {
            const std::byte *block = w + r * stride + b * kBytes;
            const V scale = vset(scaleOf(block));
            const __m256i weights =
                kNibbles ? nibbles(block + 2) : _mm256_loadu_si256(reinterpret_cast<const __m256i *>(block + 2));
            const __m256i sizes = kNibbles ? weights : _mm256_abs_epi8(weights);  // unsigned side of the product
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                const std::int64_t at = (token + t) * blocks + b;
                const __m256i other = kNibbles ? in[t] : _mm256_sign_epi8(in[t], weights);
                const __m256i pairs = _mm256_maddubs_epi16(sizes, other);  // |sum| <= 2 * 128 * 127: no saturation
                const V products = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, ones));
                sums[r][t] = vfma(products, vmul(scale, vset(x.scales[at])), sums[r][t]);
                // The nibbles are 8 too high: 8 * scale * sum of the inputs, spread over the 8 lanes.
                if (kNibbles) sums[r][t] = vfnma(scale, vset(x.sums[at]), sums[r][t]);
            }
        }
    }
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) y[(token + t) * yStride + r] = vsum(sums[r][t]);
    }
}

template <int R, bool kNibbles>
void int8Rows(const std::byte *w, std::int64_t stride, std::int64_t blocks, const Q8Rows &x, std::int64_t tokens, float *y,
              std::int64_t yStride) {
    constexpr int kTile = R == 1 ? 1 : 4;
    std::int64_t t = 0;
    for (; t + kTile <= tokens; t += kTile) int8Tile<R, kTile, kNibbles>(w, stride, blocks, x, t, y, yStride);
    for (; t < tokens; ++t) int8Tile<R, 1, kNibbles>(w, stride, blocks, x, t, y, yStride);
}

template <bool kNibbles>
void int8Matmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                std::int64_t yStride) {
    const std::int64_t blocks = w.cols / 32;
    const std::int64_t stride = blocks * (kNibbles ? 18 : 34);
    std::int64_t r = rowBegin;
    if (tokens == 1) {
        for (; r + 4 <= rowEnd; r += 4) {
            int8Tile<4, 1, kNibbles>(rowOf(w, stride, r), stride, blocks, x, 0, y + r - rowBegin, yStride);
        }
    }
    for (; r + 2 <= rowEnd; r += 2) {
        int8Rows<2, kNibbles>(rowOf(w, stride, r), stride, blocks, x, tokens, y + r - rowBegin, yStride);
    }
    for (; r < rowEnd; ++r) {
        int8Rows<1, kNibbles>(rowOf(w, stride, r), stride, blocks, x, tokens, y + r - rowBegin, yStride);
    }
}

void matmulQ8Kernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                    float *y, std::int64_t yStride) {
    if (w.type == TensorType::Q4_0) int8Matmul<true>(w, rowBegin, rowEnd, x, tokens, y, yStride);
    else int8Matmul<false>(w, rowBegin, rowEnd, x, tokens, y, yStride);
}

}  // namespace

const Kernels kAvx2Kernels = {
    .name = "avx2",
    .matmul = matmulKernel,
    .matmulQ8 = matmulQ8Kernel,
    .quantiseRowQ8 = quantiseRowQ8Kernel,
    .dequantise = dequantiseKernel,
    .rmsNorm = rmsNormKernel,
    .rope = ropeKernel,
    .geluMul = geluMulKernel,
    .silu = siluKernel,
    .softmax = softmaxKernel,
    .softcap = softcapKernel,
    .axpy = axpyKernel,
    .dot = dotKernel,
    .clamp = clampKernel,
    .attendSpan = attendSpanKernel,
    .toCache = toCacheKernel,
};

}  // namespace facet
