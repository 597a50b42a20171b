// The steps of unpack_blocks.inl that need instructions of their own on x86 (unpack_x86.inl), as plain loops.
namespace facet {
namespace {

// Two int16 in a word: sums of the values 0, 1, 4, 5, ... and of the others of 16.
inline std::int32_t pairSums(const std::int8_t *values) {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    for (int i = 0; i < 16; i += 4) {
        first += static_cast<std::uint32_t>(values[i] + values[i + 1]);
        second += static_cast<std::uint32_t>(values[i + 2] + values[i + 3]);
    }
    return static_cast<std::int32_t>((first & 0xFFFFU) | second << 16);
}

// 16 bytes to 32 nibbles: the low ones first.
inline void splitNibbles(const std::byte *__restrict from, std::int8_t *__restrict to) {
    for (int j = 0; j < 16; ++j) {
        to[j] = static_cast<std::int8_t>(static_cast<unsigned>(from[j]) & 15U);
        to[j + 16] = static_cast<std::int8_t>(static_cast<unsigned>(from[j]) >> 4);
    }
}

// Bit j of `bits` becomes bit 4 of value j.
inline void addFifthBits(std::uint32_t bits, std::int8_t *to) {
    for (unsigned j = 0; j < 32; ++j) to[j] = static_cast<std::int8_t>(to[j] | static_cast<int>((bits >> j & 1U) << 4));
}

// Value j changes its sign if bit j is set.
inline void negate(std::uint32_t bits, std::int8_t *to) {
    for (unsigned j = 0; j < 32; ++j) to[j] = static_cast<std::int8_t>((bits >> j & 1U) != 0U ? -to[j] : to[j]);
}

// to[2 i] = to[2 i + 1] = the float16 at from + i * stride.
inline void halfScales(const std::byte *from, int stride, int count, float *to) {
    for (int i = 0; i < count; ++i) {
        std::uint16_t bits = 0;
        __builtin_memcpy(&bits, from + i * stride, sizeof bits);
        to[2 * i] = to[2 * i + 1] = halfToFloat(bits);
    }
}

// to[2 i] = to[2 i + 1] = factor * byte i (signed) of `bytes`.
inline void scalePairs(std::uint64_t bytes, float factor, float *to) {
    for (int i = 0; i < 8; ++i) {
        to[2 * i] = to[2 * i + 1] = factor * static_cast<float>(static_cast<std::int8_t>(bytes >> (8 * i) & 255U));
    }
}

// The same for 16 bytes in two words, each once.
inline void scales16(std::uint64_t low, std::uint64_t high, float factor, float *to) {
    for (int i = 0; i < 8; ++i) {
        to[i] = factor * static_cast<float>(static_cast<std::int8_t>(low >> (8 * i) & 255U));
        to[i + 8] = factor * static_cast<float>(static_cast<std::int8_t>(high >> (8 * i) & 255U));
    }
}

}  // namespace
}  // namespace facet
