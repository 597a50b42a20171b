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
constexpr int kInt8Rows = 2;      // x 4 tokens
constexpr int kInt8Tokens = 4;
constexpr int kQ8PanelFrom = 8;   // tokens from which Q8_0 is unpacked; same steps in the same order, same bits

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
#include "kernels/unpack_x86.inl"
// after its steps
#include "kernels/unpack_blocks.inl"
// after the two above
#include "kernels/simd_matmul.inl"
// after the three above
#include "kernels/simd_attention.inl"

namespace facet {
namespace {

inline __m256i load32(const void *from) { return _mm256_loadu_si256(static_cast<const __m256i *>(from)); }
inline __m256i joined(const void *low, const void *high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i *>(low))),
                                   _mm_loadu_si128(static_cast<const __m128i *>(high)), 1);
}

// Two scales into four lanes each.
inline V spread2(__m128 scales) {
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(scales), _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1));
}
inline V loadPair(const float *from) {
    return spread2(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(from))));
}

inline __m256i sumPairs(__m256i words) { return _mm256_madd_epi16(words, _mm256_set1_epi16(1)); }

// One block; a sum of four products in each lane.
struct FormatQ8 {
    static constexpr std::int64_t kBytes = 34;
    static constexpr std::int64_t kGroup = 1;
    struct Weights {
        __m256i values;
        V scale;
    };
    struct Input {
        __m256i values;
        V scale;
    };
    static Weights weights(const std::byte *block) { return {load32(block + 2), vset(scaleOf(block))}; }
    static Input input(const std::int8_t *values, const float *scales, const float *) {
        return {load32(values), vset(*scales)};
    }
    static V add(V total, const Weights &w, const Input &in) {
        // |w| * (x with the sign of w): at most 2 * 128 * 127 in a word, no saturation
        const __m256i words = _mm256_maddubs_epi16(_mm256_abs_epi8(w.values), _mm256_sign_epi8(in.values, w.values));
        return vfma(_mm256_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
    }
};

// Two blocks, their low nibbles in one register and their high ones in another; four lanes for each block.
struct FormatQ4 {
    static constexpr std::int64_t kBytes = 18;
    static constexpr std::int64_t kGroup = 2;
    struct Weights {
        __m256i low, high;  // 0..15
        V scale;
    };
    struct Input {
        __m256i low, high;  // values 0..15 and 16..31 of both blocks
        V scale;
        V offset;
    };
    static Weights weights(const std::byte *group) {
        const __m256i raw = joined(group + 2, group + kBytes + 2);
        const __m256i mask = _mm256_set1_epi8(15);
        std::uint16_t scales[2];
        __builtin_memcpy(scales, group, 2);
        __builtin_memcpy(scales + 1, group + kBytes, 2);
        const auto both = static_cast<int>(scales[0] | static_cast<unsigned>(scales[1]) << 16);
        return {_mm256_and_si256(raw, mask), _mm256_and_si256(_mm256_srli_epi16(raw, 4), mask),
                spread2(_mm_cvtph_ps(_mm_cvtsi32_si128(both)))};
    }
    static Input input(const std::int8_t *values, const float *scales, const float *sums) {
        // The nibbles are 8 too high: 8 * scale * sum of the inputs, spread over the four lanes of a block.
        const V four = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(sums)),
                                                _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
        return {joined(values, values + 32), joined(values + 16, values + 48), loadPair(scales), vmul(vset(4.0F), four)};
    }
    static V add(V total, const Weights &w, const Input &in) {
        // at most 4 * 15 * 127 in a word: no saturation
        const __m256i words = _mm256_add_epi16(_mm256_maddubs_epi16(w.low, in.low), _mm256_maddubs_epi16(w.high, in.high));
        const V products = vfma(_mm256_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
        return vfnma(w.scale, in.offset, products);
    }
};

// 32 unpacked values; a sum of four products in each lane, four lanes for each scale.
constexpr int kStep = 32;
template <bool Signed>
struct Step {
    struct Weights {
        __m256i values;
        V scale;
    };
    struct Input {
        __m256i values;
        V scale;
    };
    static Weights weights(const std::int8_t *from, const float *scales) { return {load32(from), loadPair(scales)}; }
    static Input input(const std::int8_t *values, const float *scales) { return {load32(values), vset(*scales)}; }
    static V add(V total, const Weights &w, const Input &in) {
        // at most 2 * 128 * 127 in a word: no saturation
        __m256i words;
        if constexpr (Signed) words = _mm256_maddubs_epi16(_mm256_abs_epi8(w.values), _mm256_sign_epi8(in.values, w.values));
        else words = _mm256_maddubs_epi16(w.values, in.values);
        return vfma(_mm256_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
    }
};

}  // namespace
}  // namespace facet

#include "kernels/simd_int8.inl"
// after the formats
#include "kernels/simd_panel8.inl"

namespace facet {

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
