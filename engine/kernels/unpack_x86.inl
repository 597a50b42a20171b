// unpack_plain.inl with the instructions of AVX2 and F16C, for avx2.cpp and avx512.cpp. nibbles() is theirs.
namespace facet {
namespace {

// Two int16 in a word: sums of the values 0, 1, 4, 5, ... and of the others of 16.
inline std::int32_t pairSums(const std::int8_t *values) {
    const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i *>(values));
    __m128i words = _mm_maddubs_epi16(_mm_set1_epi8(1), all);
    words = _mm_add_epi16(words, _mm_shuffle_epi32(words, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi16(words, _mm_shuffle_epi32(words, 0xB1)));
}

inline void splitNibbles(const std::byte *from, std::int8_t *to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), nibbles(from));
}

// 16 bytes to 32 values of a table of 16: by their low halves first.
inline void lookup16(const std::byte *from, const std::int8_t *table, std::int8_t *to) {
    const __m256i values = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(table)));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), _mm256_shuffle_epi8(values, nibbles(from)));
}

// 0xFF in byte j if bit j is set.
inline __m256i maskOfBits(std::uint32_t bits) {
    const __m256i order = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), order);
    const __m256i one = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, one), one);
}

inline void addFifthBits(std::uint32_t bits, std::int8_t *to) {
    auto *at = reinterpret_cast<__m256i *>(to);
    const __m256i added = _mm256_and_si256(maskOfBits(bits), _mm256_set1_epi8(16));
    _mm256_storeu_si256(at, _mm256_or_si256(_mm256_loadu_si256(at), added));
}

inline void negate(std::uint32_t bits, std::int8_t *to) {
    auto *at = reinterpret_cast<__m256i *>(to);
    const __m256i mask = maskOfBits(bits);
    _mm256_storeu_si256(at, _mm256_sub_epi8(_mm256_xor_si256(_mm256_loadu_si256(at), mask), mask));
}

inline void storePairs(__m256 eight, float *to) {
    _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(eight, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
    _mm256_storeu_ps(to + 8, _mm256_permutevar8x32_ps(eight, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)));
}

inline unsigned wordAt(const std::byte *from) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return bits;
}

inline void halfScales(const std::byte *from, int stride, int count, float *to) {
    if (count == 8) {
        const auto pair = [&](int i) {
            return static_cast<int>(wordAt(from + i * stride) | wordAt(from + (i + 1) * stride) << 16);
        };
        storePairs(_mm256_cvtph_ps(_mm_setr_epi32(pair(0), pair(2), pair(4), pair(6))), to);
        return;
    }
    for (int i = 0; i < count; ++i) to[2 * i] = to[2 * i + 1] = halfToFloat(static_cast<std::uint16_t>(wordAt(from + i * stride)));
}

inline __m256 eightFloats(std::uint64_t bytes) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes))));
}

inline void scalePairs(std::uint64_t bytes, float factor, float *to) {
    storePairs(_mm256_mul_ps(_mm256_set1_ps(factor), eightFloats(bytes)), to);
}

inline void scales16(std::uint64_t low, std::uint64_t high, float factor, float *to) {
    _mm256_storeu_ps(to, _mm256_mul_ps(_mm256_set1_ps(factor), eightFloats(low)));
    _mm256_storeu_ps(to + 8, _mm256_mul_ps(_mm256_set1_ps(factor), eightFloats(high)));
}

}  // namespace
}  // namespace facet
