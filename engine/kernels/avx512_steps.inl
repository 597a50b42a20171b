// The steps of AVX-512 F, BW, VL and DQ that the kernels are written over (see simd_math.inl and
// simd_rows8.inl for their meaning). Only for files that are compiled with its flags.
#include <immintrin.h>

namespace facet {
namespace {

using V = __m512;
constexpr int kLanes = 16;
constexpr int kFloatTokens = 12;  // x two registers of rows
constexpr int kScoreQueries = 12;  // x two registers of keys
constexpr int kRowQueries = 8;    // x 2 keys
constexpr int kValueQueries = 6;  // x 4 vectors
constexpr int kValueVectors = 4;
constexpr int kTileTokens = 8;    // x 16 rows of int8

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
// Nibbles less 8. The look-up takes four bits of each index, so that nothing needs to be masked.
inline V vnibbleLevels(__m128i bytes) {
    const V levels = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    return _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(bytes), levels);
}
inline V vloadLowLevels(const void *from) { return vnibbleLevels(_mm_loadu_si128(static_cast<const __m128i *>(from))); }
inline V vloadHighLevels(const void *from) {
    return vnibbleLevels(_mm_srli_epi16(_mm_loadu_si128(static_cast<const __m128i *>(from)), 4));
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
// The float16 at `from` in every lane.
inline V vspreadHalf(const void *from) {
    short bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return _mm512_cvtph_ps(_mm256_set1_epi16(bits));
}

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

// Lane i of the result: all lanes of m[i] folded, in the same order for every i.
template <typename Fold>
inline V vfoldRows(const V (&m)[16], Fold fold) {
    V pairs[8];
    V fours[4];
    V eights[2];
    FACET_UNROLL
    for (int i = 0; i < 8; ++i) {
        pairs[i] = fold(_mm512_unpacklo_ps(m[2 * i], m[2 * i + 1]), _mm512_unpackhi_ps(m[2 * i], m[2 * i + 1]));
    }
    FACET_UNROLL
    for (int i = 0; i < 4; ++i) {
        const V &a = pairs[2 * i];
        const V &b = pairs[2 * i + 1];
        fours[i] = fold(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xEE));
    }
    FACET_UNROLL
    for (int i = 0; i < 2; ++i) {
        const V &a = fours[2 * i];
        const V &b = fours[2 * i + 1];
        eights[i] = fold(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
    }
    return fold(_mm512_shuffle_f32x4(eights[0], eights[1], 0x88), _mm512_shuffle_f32x4(eights[0], eights[1], 0xDD));
}

using I = __m512i;

inline I iload(const void *from) { return _mm512_loadu_si512(from); }
inline void istore(void *to, I x) { _mm512_storeu_si512(to, x); }
inline I iset8(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
inline I iand(I a, I b) { return _mm512_and_si512(a, b); }
inline I ior(I a, I b) { return _mm512_or_si512(a, b); }
template <int N>
inline I iright(I x) { return _mm512_srli_epi16(x, N); }
template <int N>
inline I ileft(I x) { return _mm512_slli_epi16(x, N); }
// The two bfloat16 of each word, widened.
inline V ilowBfloat(I x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
inline V ihighBfloat(I x) { return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U)))); }
inline I inext(I x) { return _mm512_srli_epi64(x, 32); }
inline V ifloats(I x) { return _mm512_castsi512_ps(x); }
inline V itoFloat(I x) { return _mm512_cvtepi32_ps(x); }

inline I ispread4(const void *four) {
    std::int32_t bits = 0;
    __builtin_memcpy(&bits, four, sizeof bits);
    return _mm512_set1_epi32(bits);
}
inline I imulWords(I sizes, I values) { return _mm512_maddubs_epi16(sizes, values); }
// Sums in the order in which they are written: gcc would hold all products at once to add them in pairs.
inline void ikeep(I &x) { __asm__("" : "+v"(x)); }
inline I iaddWords(I a, I b) { return _mm512_add_epi16(a, b); }
// Sets bit 4 of every byte (which is clear) if `from` has `bit` in it.
inline I ibitToFifth(I values, I from, I bit) {
    return _mm512_mask_add_epi8(values, _mm512_test_epi8_mask(from, bit), values, _mm512_set1_epi8(16));
}
// (a & ofA) | (b & ofB), where the masks have no bit in common.
inline I imerge(I a, I ofA, I b, I ofB) { return _mm512_ternarylogic_epi32(_mm512_and_si512(a, ofA), b, ofB, 0xF8); }
inline I isubWords(I a, I b) { return _mm512_sub_epi16(a, b); }
inline I iscaleWords(I x, int factor) { return _mm512_mullo_epi16(x, _mm512_set1_epi16(static_cast<short>(factor))); }
inline I iaddDwords(I a, I b) { return _mm512_add_epi32(a, b); }
inline I iwiden(I words) { return _mm512_madd_epi16(words, _mm512_set1_epi16(1)); }

inline I inegative(I x, int factor) { return _mm512_mullo_epi32(x, _mm512_set1_epi32(-factor)); }
inline I iflipSign8(I x) { return _mm512_xor_si512(x, _mm512_set1_epi8(static_cast<char>(0x80))); }
// Adds to each word its four products of an unsigned and a signed byte. kDot4: this is one instruction, and faster than
// imulWords() and what follows it.
#if defined(__AVX512VNNI__)
constexpr bool kDot4 = true;
inline I idot4(I sums, I sizes, I values) { return _mm512_dpbusd_epi32(sums, sizes, values); }
#else
#if defined(FACET_EMULATED_DOT)  // tests of processors that have it, on those that do not
constexpr bool kDot4 = true;
#else
constexpr bool kDot4 = false;
#endif
inline I idot4(I sums, I sizes, I values) {
    const I even = _mm512_madd_epi16(_mm512_and_si512(sizes, _mm512_set1_epi16(0xFF)), _mm512_srai_epi16(_mm512_slli_epi16(values, 8), 8));
    const I odd = _mm512_madd_epi16(_mm512_srli_epi16(sizes, 8), _mm512_srai_epi16(values, 8));
    return _mm512_add_epi32(sums, _mm512_add_epi32(even, odd));
}
#endif

struct SignedWeights {
    I sizes;             // without sign: the unsigned side of the product
    __mmask64 negative;
};
inline SignedWeights isplitSign(I values) { return {_mm512_abs_epi8(values), _mm512_movepi8_mask(values)}; }
inline I imulWordsSigned(const SignedWeights &w, I values) {  // at most 2 * 128 * 127: no saturation
    return _mm512_maddubs_epi16(w.sizes, _mm512_mask_sub_epi8(values, w.negative, _mm512_setzero_si512(), values));
}

// Four words of 16 bytes become one, in each quarter.
inline void itransposeQuarters(I (&m)[4]) {
    const I low01 = _mm512_unpacklo_epi32(m[0], m[1]);
    const I high01 = _mm512_unpackhi_epi32(m[0], m[1]);
    const I low23 = _mm512_unpacklo_epi32(m[2], m[3]);
    const I high23 = _mm512_unpackhi_epi32(m[2], m[3]);
    m[0] = _mm512_unpacklo_epi64(low01, low23);
    m[1] = _mm512_unpackhi_epi64(low01, low23);
    m[2] = _mm512_unpacklo_epi64(high01, high23);
    m[3] = _mm512_unpackhi_epi64(high01, high23);
}
inline I ifirstOfQuarters(I a, I b, I c, I d) {
    return _mm512_unpacklo_epi64(_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
}
inline I ilastOfQuarters(I a, I b, I c, I d) {
    return _mm512_unpackhi_epi64(_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
}
inline __m128i load16(const std::byte *from) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(from)); }
inline I ijoin16(const std::byte *const (&from)[4], std::int64_t at) {
    I all = _mm512_castsi128_si512(load16(from[0] + at));
    all = _mm512_inserti32x4(all, load16(from[1] + at), 1);
    all = _mm512_inserti32x4(all, load16(from[2] + at), 2);
    return _mm512_inserti32x4(all, load16(from[3] + at), 3);
}

// The float16 in the lower or upper half of each word; byte N of each word as a signed number.
template <bool Upper>
inline V ihalfToFloat(I words) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(Upper ? _mm512_srli_epi32(words, 16) : words));
}
template <int N>
inline V ibyteToFloat(I words) { return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(words, 24 - 8 * N), 24)); }

}  // namespace
}  // namespace facet
