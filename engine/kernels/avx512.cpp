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
constexpr int kInt8Rows = 4;      // x 4 tokens
constexpr int kInt8Tokens = 4;
constexpr int kQ8PanelFrom = 8;   // tokens from which Q8_0 is unpacked; same steps in the same order, same bits

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
#include "kernels/unpack_x86.inl"
// after its steps
#include "kernels/unpack_blocks.inl"
// after the two above
#include "kernels/simd_matmul.inl"
// after the three above
#include "kernels/simd_attention.inl"

namespace facet {
namespace {

inline __m128i load16(const void *from) { return _mm_loadu_si128(static_cast<const __m128i *>(from)); }
inline __m256i load32(const void *from) { return _mm256_loadu_si256(static_cast<const __m256i *>(from)); }

// Two scales into eight lanes each, four scales into four lanes each.
inline V spread2(__m128 scales) {
    const __m512i order = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    return _mm512_permutexvar_ps(order, _mm512_castps128_ps512(scales));
}
inline V spread4(__m128 scales) {
    const __m512i order = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    return _mm512_permutexvar_ps(order, _mm512_castps128_ps512(scales));
}

// Eight sums into two lanes each.
inline V spread8(__m256 sums) {
    const __m512i order = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(order, _mm512_castps256_ps512(sums));
}
inline V loadPair(const float *from) {
    return spread2(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(from))));
}

inline std::uint64_t scaleBits(const std::byte *block) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, block, sizeof bits);
    return bits;
}

inline __m512i sumPairs(__m512i words) { return _mm512_madd_epi16(words, _mm512_set1_epi16(1)); }

// Two blocks side by side; a sum of four products in each lane.
struct FormatQ8 {
    static constexpr std::int64_t kBytes = 34;
    static constexpr std::int64_t kGroup = 2;
    struct Weights {
        __m512i sizes;  // without sign: the unsigned side of the product
        __mmask64 negative;
        V scale;
    };
    struct Input {
        __m512i values;
        V scale;
    };
    static Weights weights(const std::byte *group) {
        const __m512i values = _mm512_inserti64x4(_mm512_castsi256_si512(load32(group + 2)), load32(group + kBytes + 2), 1);
        const std::uint64_t scales = scaleBits(group) | scaleBits(group + kBytes) << 16;
        return {_mm512_abs_epi8(values), _mm512_movepi8_mask(values),
                spread2(_mm_cvtph_ps(_mm_cvtsi64_si128(static_cast<long long>(scales))))};
    }
    static Input input(const std::int8_t *values, const float *scales, const float *) {
        return {_mm512_loadu_si512(values), loadPair(scales)};
    }
    static V add(V total, const Weights &w, const Input &in) {
        const __m512i other = _mm512_mask_sub_epi8(in.values, w.negative, _mm512_setzero_si512(), in.values);
        const __m512i words = _mm512_maddubs_epi16(w.sizes, other);  // at most 2 * 128 * 127: no saturation
        return vfma(_mm512_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
    }
};

// Four blocks, their low nibbles in one register and their high ones in another; four lanes for each block.
struct FormatQ4 {
    static constexpr std::int64_t kBytes = 18;
    static constexpr std::int64_t kGroup = 4;
    struct Weights {
        __m512i low, high;  // 0..15
        V scale;
    };
    struct Input {
        __m512i low, high;  // values 0..15 and 16..31 of the four blocks
        V scale;
        V offset;
    };
    static Weights weights(const std::byte *group) {
        const __m256i first = _mm256_inserti128_si256(_mm256_castsi128_si256(load16(group + 2)), load16(group + 20), 1);
        const __m256i second = _mm256_inserti128_si256(_mm256_castsi128_si256(load16(group + 38)), load16(group + 56), 1);
        const __m512i raw = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        const __m512i mask = _mm512_set1_epi8(15);
        const std::uint64_t scales = scaleBits(group) | scaleBits(group + kBytes) << 16 |
                                     scaleBits(group + 2 * kBytes) << 32 | scaleBits(group + 3 * kBytes) << 48;
        return {_mm512_and_si512(raw, mask), _mm512_and_si512(_mm512_srli_epi16(raw, 4), mask),
                spread4(_mm_cvtph_ps(_mm_cvtsi64_si128(static_cast<long long>(scales))))};
    }
    static Input input(const std::int8_t *values, const float *scales, const float *sums) {
        const __m512i first = _mm512_loadu_si512(values);
        const __m512i second = _mm512_loadu_si512(values + 64);
        const __m512i low = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
        const __m512i high = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
        // The nibbles are 8 too high: 8 * scale * sum of the inputs, spread over the four lanes of a block.
        return {_mm512_permutex2var_epi64(first, low, second), _mm512_permutex2var_epi64(first, high, second),
                spread4(_mm_loadu_ps(scales)), vmul(vset(4.0F), spread8(_mm256_loadu_ps(sums)))};
    }
    static V add(V total, const Weights &w, const Input &in) {
        // at most 4 * 15 * 127 in a word: no saturation
        const __m512i words = _mm512_add_epi16(_mm512_maddubs_epi16(w.low, in.low), _mm512_maddubs_epi16(w.high, in.high));
        const V products = vfma(_mm512_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
        return vfnma(w.scale, in.offset, products);
    }
};

// 64 unpacked values; a sum of four products in each lane, four lanes for each scale.
constexpr int kStep = 64;
template <bool Signed>
struct Step {
    struct Weights {
        __m512i values;      // without sign
        __mmask64 negative;  // only of signed types
        V scale;
    };
    struct Input {
        __m512i values;
        V scale;
    };
    static Weights weights(const std::int8_t *from, const float *scales) {
        const __m512i values = _mm512_load_si512(from);
        const V scale = spread4(_mm_load_ps(scales));
        if constexpr (Signed) return {_mm512_abs_epi8(values), _mm512_movepi8_mask(values), scale};
        else return {values, 0, scale};
    }
    static Input input(const std::int8_t *values, const float *scales) {
        return {_mm512_loadu_si512(values), loadPair(scales)};
    }
    static Input inputHalf(const std::int8_t *values, const float *scales) {
        return {_mm512_zextsi256_si512(load32(values)), vset(*scales)};
    }
    static V add(V total, const Weights &w, const Input &in) {
        __m512i other = in.values;
        if constexpr (Signed) other = _mm512_mask_sub_epi8(other, w.negative, _mm512_setzero_si512(), other);
        const __m512i words = _mm512_maddubs_epi16(w.values, other);  // at most 2 * 128 * 127: no saturation
        return vfma(_mm512_cvtepi32_ps(sumPairs(words)), vmul(w.scale, in.scale), total);
    }
};

}  // namespace
}  // namespace facet

#include "kernels/simd_int8.inl"
// after the formats
#include "kernels/simd_panel8.inl"

namespace facet {

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
