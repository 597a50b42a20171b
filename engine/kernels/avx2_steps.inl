// The steps of AVX2, FMA and F16C that the kernels are written over (see simd_math.inl and
// simd_rows8.inl for their meaning). Only for files that are compiled with its flags.
#include <immintrin.h>

namespace facet {
namespace {

using V = __m256;
constexpr int kLanes = 8;
constexpr int kFloatTokens = 6;   // x two registers of rows
constexpr int kScoreQueries = 4;  // x two registers of keys
constexpr int kRowQueries = 4;    // x 2 keys
constexpr int kValueQueries = 2;  // x 4 vectors
constexpr int kValueVectors = 4;
constexpr int kTileTokens = 4;    // x 8 rows of int8

alignas(64) constexpr std::int32_t kLaneMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

inline __m256i laneMask(int lanes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(kLaneMasks + 8 - lanes));
}

inline void vkeep(V &) {}  // see avx512.cpp; here there are no registers to spare
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
// Nibbles less 8, while they are bytes: half as many registers.
inline V vnibbleLevels(__m128i bytes) {
    const __m128i levels = _mm_sub_epi8(_mm_and_si128(bytes, _mm_set1_epi8(15)), _mm_set1_epi8(8));
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(levels));
}
inline V vloadLowLevels(const void *from) { return vnibbleLevels(_mm_loadl_epi64(static_cast<const __m128i *>(from))); }
inline V vloadHighLevels(const void *from) {
    return vnibbleLevels(_mm_srli_epi16(_mm_loadl_epi64(static_cast<const __m128i *>(from)), 4));
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
// The float16 at `from` in every lane.
inline V vspreadHalf(const void *from) {
    short bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return _mm256_cvtph_ps(_mm_set1_epi16(bits));
}

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

// Lane i of the result: all lanes of m[i] folded, in the same order for every i.
template <typename Fold>
inline V vfoldRows(const V (&m)[8], Fold fold) {
    V pairs[4];
    V fours[2];
    FACET_UNROLL
    for (int i = 0; i < 4; ++i) {
        pairs[i] = fold(_mm256_unpacklo_ps(m[2 * i], m[2 * i + 1]), _mm256_unpackhi_ps(m[2 * i], m[2 * i + 1]));
    }
    FACET_UNROLL
    for (int i = 0; i < 2; ++i) {
        const V &a = pairs[2 * i];
        const V &b = pairs[2 * i + 1];
        fours[i] = fold(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xEE));
    }
    return fold(_mm256_permute2f128_ps(fours[0], fours[1], 0x20), _mm256_permute2f128_ps(fours[0], fours[1], 0x31));
}

using I = __m256i;

inline I iload(const void *from) { return _mm256_loadu_si256(static_cast<const I *>(from)); }
inline void istore(void *to, I x) { _mm256_storeu_si256(static_cast<I *>(to), x); }
inline I iset8(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
inline I iand(I a, I b) { return _mm256_and_si256(a, b); }
inline I ior(I a, I b) { return _mm256_or_si256(a, b); }
template <int N>
inline I iright(I x) { return _mm256_srli_epi16(x, N); }
template <int N>
inline I ileft(I x) { return _mm256_slli_epi16(x, N); }
// The two bfloat16 of each word, widened.
inline V ilowBfloat(I x) { return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16)); }
inline V ihighBfloat(I x) { return _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U)))); }
inline I inext(I x) { return _mm256_srli_epi64(x, 32); }
inline V ifloats(I x) { return _mm256_castsi256_ps(x); }
inline V itoFloat(I x) { return _mm256_cvtepi32_ps(x); }

inline I ispread4(const void *four) {
    std::int32_t bits = 0;
    __builtin_memcpy(&bits, four, sizeof bits);
    return _mm256_set1_epi32(bits);
}
inline I imulWords(I sizes, I values) { return _mm256_maddubs_epi16(sizes, values); }
// Sums in the order in which they are written, see avx512.cpp.
inline void ikeep(I &x) { __asm__("" : "+x"(x)); }
inline I iaddWords(I a, I b) { return _mm256_add_epi16(a, b); }
// Sets bit 4 of every byte (which is clear) if `from` has `bit` in it.
inline I ibitToFifth(I values, I from, I bit) {
    return ior(values, iand(_mm256_cmpeq_epi8(iand(from, bit), bit), iset8(16)));
}
// (a & ofA) | (b & ofB), where the masks have no bit in common.
inline I imerge(I a, I ofA, I b, I ofB) { return ior(iand(a, ofA), iand(b, ofB)); }
inline I isubWords(I a, I b) { return _mm256_sub_epi16(a, b); }
inline I iscaleWords(I x, int factor) { return _mm256_mullo_epi16(x, _mm256_set1_epi16(static_cast<short>(factor))); }
inline I iaddDwords(I a, I b) { return _mm256_add_epi32(a, b); }
inline I iwiden(I words) { return _mm256_madd_epi16(words, _mm256_set1_epi16(1)); }

inline I inegative(I x, int factor) { return _mm256_mullo_epi32(x, _mm256_set1_epi32(-factor)); }
inline I iflipSign8(I x) { return _mm256_xor_si256(x, _mm256_set1_epi8(static_cast<char>(0x80))); }
// Adds to each word its four products of an unsigned and a signed byte. kDot4: this is one instruction, and faster than
// imulWords() and what follows it.
#if defined(__AVXVNNI__)
constexpr bool kDot4 = true;
inline I idot4(I sums, I sizes, I values) { return _mm256_dpbusd_avx_epi32(sums, sizes, values); }
#else
#if defined(FACET_EMULATED_DOT)  // tests of processors that have it, on those that do not
constexpr bool kDot4 = true;
#else
constexpr bool kDot4 = false;
#endif
inline I idot4(I sums, I sizes, I values) {
    const I even = _mm256_madd_epi16(_mm256_and_si256(sizes, _mm256_set1_epi16(0xFF)), _mm256_srai_epi16(_mm256_slli_epi16(values, 8), 8));
    const I odd = _mm256_madd_epi16(_mm256_srli_epi16(sizes, 8), _mm256_srai_epi16(values, 8));
    return _mm256_add_epi32(sums, _mm256_add_epi32(even, odd));
}
#endif

struct SignedWeights {
    I sizes;   // without sign: the unsigned side of the product
    I values;
};
inline SignedWeights isplitSign(I values) { return {_mm256_abs_epi8(values), values}; }
inline I imulWordsSigned(const SignedWeights &w, I values) {  // at most 2 * 128 * 127: no saturation
    return _mm256_maddubs_epi16(w.sizes, _mm256_sign_epi8(values, w.values));
}

// Four words of 16 bytes become one, in each half.
inline void itransposeQuarters(I (&m)[4]) {
    const I low01 = _mm256_unpacklo_epi32(m[0], m[1]);
    const I high01 = _mm256_unpackhi_epi32(m[0], m[1]);
    const I low23 = _mm256_unpacklo_epi32(m[2], m[3]);
    const I high23 = _mm256_unpackhi_epi32(m[2], m[3]);
    m[0] = _mm256_unpacklo_epi64(low01, low23);
    m[1] = _mm256_unpackhi_epi64(low01, low23);
    m[2] = _mm256_unpacklo_epi64(high01, high23);
    m[3] = _mm256_unpackhi_epi64(high01, high23);
}
inline I ifirstOfQuarters(I a, I b, I c, I d) {
    return _mm256_unpacklo_epi64(_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
}
inline I ilastOfQuarters(I a, I b, I c, I d) {
    return _mm256_unpackhi_epi64(_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
}
inline I ijoin16(const std::byte *const (&from)[2], std::int64_t at) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from[0] + at))),
                                   _mm_loadu_si128(reinterpret_cast<const __m128i *>(from[1] + at)), 1);
}

// The float16 in the lower or upper half of each word; byte N of each word as a signed number.
template <bool Upper>
inline V ihalfToFloat(I words) {
    const I halves = Upper ? _mm256_srli_epi32(words, 16) : _mm256_and_si256(words, _mm256_set1_epi32(0xFFFF));
    return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}
template <int N>
inline V ibyteToFloat(I words) { return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(words, 24 - 8 * N), 24)); }

}  // namespace
}  // namespace facet
