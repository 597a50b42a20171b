// Kernels for AVX-512 F, BW, VL and DQ (no VNNI needed). Compiled with those flags: no standard library code here (see
// simd_math.inl).
#include "kernels/tables.h"

#include <immintrin.h>

namespace facet {
namespace {

using V = __m512;
constexpr int kLanes = 16;
constexpr int kDirectRows = 4;    // rows of a tile of several tokens (32 registers)
constexpr int kPanelRows = 8;     // x 3 tokens
constexpr int kPanelTokens = 3;
constexpr int kScoreQueries = 8;  // x 32 keys
constexpr int kValueQueries = 4;  // x 4 vectors
constexpr int kValueVectors = 4;

inline __mmask16 laneMask(int lanes) { return static_cast<__mmask16>((1U << lanes) - 1U); }

// Holds a value in a register: gcc would rather load it again as an operand of every product that uses it.
inline void vkeep(V &x) { __asm__("" : "+v"(x)); }
inline V vzero() { return _mm512_setzero_ps(); }
inline V vset(float x) { return _mm512_set1_ps(x); }
inline V vload(const float *from) { return _mm512_loadu_ps(from); }
inline V vloadPart(const float *from, int lanes) { return _mm512_maskz_loadu_ps(laneMask(lanes), from); }
inline void vstore(float *to, V x) { _mm512_storeu_ps(to, x); }
inline void vstorePart(float *to, V x, int lanes) { _mm512_mask_storeu_ps(to, laneMask(lanes), x); }
inline V vadd(V a, V b) { return _mm512_add_ps(a, b); }
inline V vsub(V a, V b) { return _mm512_sub_ps(a, b); }
inline V vmul(V a, V b) { return _mm512_mul_ps(a, b); }
inline V vdiv(V a, V b) { return _mm512_div_ps(a, b); }
inline V vfma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }    // a b + c
inline V vfnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a b
inline V vmin(V a, V b) { return _mm512_min_ps(a, b); }              // b if either is NaN
inline V vmax(V a, V b) { return _mm512_max_ps(a, b); }
inline V vabs(V x) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0F), x); }
inline V vround(V x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline V vcopySign(V size, V sign) {
    const V bit = _mm512_set1_ps(-0.0F);
    return _mm512_or_ps(_mm512_andnot_ps(bit, size), _mm512_and_ps(bit, sign));
}
inline V vselectLess(V a, V b, V yes, V no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
inline V vscale(V x, V n) { return _mm512_scalef_ps(x, n); }  // x * 2^n

inline __m256 upperHalf(V x) { return _mm512_extractf32x8_ps(x, 1); }
inline float vfirst(V x) { return _mm512_cvtss_f32(x); }
inline float vsum(V x) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), upperHalf(x));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float vmaxLane(V x) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), upperHalf(x));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline V vloadHalf(const void *from) { return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i *>(from))); }
inline V vloadBfloat(const void *from) {
    const __m256i bits = _mm256_loadu_si256(static_cast<const __m256i *>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline V vloadInt8(const void *from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i *>(from))));
}
inline void vstoreHalf(std::uint16_t *to, V x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
inline void vstoreHalfPart(std::uint16_t *to, V x, int lanes) {
    _mm256_mask_storeu_epi16(to, laneMask(lanes), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
inline void vstoreInt8(std::int8_t *to, V x) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
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

inline void transpose(V (&m)[16]) {
    V a[16];
    V b[16];
    FACET_UNROLL
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(m[i], m[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(m[i], m[i + 1]);
    }
    FACET_UNROLL
    for (int i = 0; i < 16; i += 4) {  // b[i + k]: column k of each quarter for rows i..i+3
        b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xEE);
        b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xEE);
    }
    FACET_UNROLL
    for (int k = 0; k < 4; ++k) {
        const V low = _mm512_shuffle_f32x4(b[k], b[k + 4], 0x88);
        const V lowOdd = _mm512_shuffle_f32x4(b[k], b[k + 4], 0xDD);
        const V high = _mm512_shuffle_f32x4(b[k + 8], b[k + 12], 0x88);
        const V highOdd = _mm512_shuffle_f32x4(b[k + 8], b[k + 12], 0xDD);
        m[k] = _mm512_shuffle_f32x4(low, high, 0x88);
        m[k + 8] = _mm512_shuffle_f32x4(low, high, 0xDD);
        m[k + 4] = _mm512_shuffle_f32x4(lowOdd, highOdd, 0x88);
        m[k + 12] = _mm512_shuffle_f32x4(lowOdd, highOdd, 0xDD);
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

// Two blocks of 32 side by side: block 0 in the lower 8 lanes of four bytes, block 1 in the upper 8.
inline __m512i joined(__m256i low, __m256i high) { return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1); }

inline __m256i load32(const void *from) { return _mm256_loadu_si256(static_cast<const __m256i *>(from)); }

template <bool kNibbles>
inline __m512i blockPair(const std::byte *block, bool both) {
    constexpr std::int64_t kBytes = kNibbles ? 18 : 34;
    if (kNibbles) return joined(nibbles(block + 2), both ? nibbles(block + kBytes + 2) : _mm256_setzero_si256());
    return joined(load32(block + 2), both ? load32(block + kBytes + 2) : _mm256_setzero_si256());
}

// first in the lower 8 lanes, second in the upper 8.
inline V spread(__m128 pair) {
    const __m512i order = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    return _mm512_permutexvar_ps(order, _mm512_castps128_ps512(pair));
}

inline V weightScales(const std::byte *block, std::int64_t bytes, bool both) {
    std::uint16_t pair[2] = {0, 0};
    __builtin_memcpy(pair, block, 2);
    if (both) __builtin_memcpy(pair + 1, block + bytes, 2);
    return spread(_mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(pair[0] | static_cast<unsigned>(pair[1]) << 16))));
}

inline V inputScales(const float *from, bool both) {
    return spread(both ? _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(from))) : _mm_load_ss(from));
}

// One step of two blocks (or of the last odd one) for R rows by T tokens.
template <int R, int T, bool kNibbles>
inline void int8Step(const std::byte *w, std::int64_t stride, std::int64_t blocks, std::int64_t b, bool both,
                     const Q8Rows &x, std::int64_t token, V (&sums)[R][T]) {
    constexpr std::int64_t kBytes = kNibbles ? 18 : 34;
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i in[T];
    V scales[T];
    V offsets[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        const std::int64_t at = (token + t) * blocks + b;
        const std::int8_t *from = x.values + at * 32;
        in[t] = both ? _mm512_loadu_si512(from) : joined(load32(from), _mm256_setzero_si256());
        scales[t] = inputScales(x.scales + at, both);
        if (kNibbles) offsets[t] = inputScales(x.sums + at, both);
    }
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        const std::byte *block = w + r * stride + b * kBytes;
        const V scale = weightScales(block, kBytes, both);
        const __m512i weights = blockPair<kNibbles>(block, both);
        const __m512i sizes = kNibbles ? weights : _mm512_abs_epi8(weights);  // unsigned side of the product
        const __mmask64 negative = kNibbles ? 0 : _mm512_movepi8_mask(weights);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            const __m512i other =
                kNibbles ? in[t] : _mm512_mask_sub_epi8(in[t], negative, _mm512_setzero_si512(), in[t]);
            const __m512i pairs = _mm512_maddubs_epi16(sizes, other);  // |sum| <= 2 * 128 * 127: no saturation
            const V products = _mm512_cvtepi32_ps(_mm512_madd_epi16(pairs, ones));
            sums[r][t] = vfma(products, vmul(scale, scales[t]), sums[r][t]);
            // The nibbles are 8 too high: 8 * scale * sum of the inputs, spread over the 8 lanes of the block.
            if (kNibbles) sums[r][t] = vfnma(scale, offsets[t], sums[r][t]);
        }
    }
}

template <int R, int T, bool kNibbles>
void int8Tile(const std::byte *w, std::int64_t stride, std::int64_t blocks, const Q8Rows &x, std::int64_t token, float *y,
              std::int64_t yStride) {
    V sums[R][T];
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) sums[r][t] = vzero();
    }
    std::int64_t b = 0;
    for (; b + 2 <= blocks; b += 2) int8Step<R, T, kNibbles>(w, stride, blocks, b, true, x, token, sums);
    if (b < blocks) int8Step<R, T, kNibbles>(w, stride, blocks, b, false, x, token, sums);
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
    for (; r + 4 <= rowEnd; r += 4) {
        int8Rows<4, kNibbles>(rowOf(w, stride, r), stride, blocks, x, tokens, y + r - rowBegin, yStride);
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

const Kernels kAvx512Kernels = {
    .name = "avx512",
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
