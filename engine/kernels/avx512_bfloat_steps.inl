// The steps of AVX512_BF16: words of two bfloat16, and their products. After simd_math.inl.
namespace facet {
namespace {

#if defined(__AVX512BF16__)
// 32 floats to 32 bfloat16 in their order, rounded to nearest, ties to even.
inline I bround(V first, V second) { return reinterpret_cast<I>(_mm512_cvtne2ps_pbh(second, first)); }
// Adds to each lane the two products of its words.
inline V bdot(V a, V b, V sums) {
    return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#elif defined(FACET_EMULATED_DOT)  // tests of processors that have it, on those that do not
inline __m256i broundHalf(V x) {
    const I bits = _mm512_castps_si512(x);
    const I odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const I up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16));
}
inline I bround(V first, V second) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(broundHalf(first)), broundHalf(second), 1);
}
inline V bdot(V a, V b, V sums) {
    const I x = _mm512_castps_si512(a);
    const I y = _mm512_castps_si512(b);
    return vfma(ilowBfloat(x), ilowBfloat(y), vfma(ihighBfloat(x), ihighBfloat(y), sums));
}
#else
#error "needs AVX512_BF16"
#endif

// kLanes words of floats, of which n exist (if fewer than 2 kLanes): the rest is zero.
inline V bloadWords(const float *from, std::int64_t n) {
    const int first = n < kLanes ? static_cast<int>(n) : kLanes;
    const int second = n - first < kLanes ? static_cast<int>(n - first) : kLanes;
    return ifloats(bround(vloadUpTo(from, first), second > 0 ? vloadUpTo(from + kLanes, second) : vzero()));
}

// 32 floats to 32 bfloat16 in words (even, odd) of each lane.
inline I bpairs(V even, V odd) {
    alignas(64) static constexpr std::int16_t kOrder[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                            8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), bround(even, odd));
}

}  // namespace
}  // namespace facet
