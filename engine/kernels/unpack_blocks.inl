// Stored blocks to small integers and float32 scales: what every product and conversion of block types begins with.
// Plain loops of fixed length that compilers turn into vectors; included by scalar.cpp, avx2.cpp, avx512.cpp and neon.cpp,
// which define halfToFloat(), lookup16() and the steps of unpack_plain.inl or unpack_x86.inl before. Unnamed namespace and no standard library, see simd_math.inl.
//
// Value i of a piece = scales[i / 16] * (values[i] - biasOf(type)) - mins[i / 16]; each product and difference rounded to
// float32 once, which is how the formats define their values. values are 0..127 unless isSigned(type).
#include "kernels/iq_grids.h"

namespace facet {
namespace {

constexpr int kPieceValues = 256;

struct Unpacked {
    alignas(64) std::int8_t values[kPieceValues];
    alignas(64) float scales[kPieceValues / 16];
    alignas(64) float mins[kPieceValues / 16];
};

inline int biasOf(TensorType type) {
    switch (type) {
    case TensorType::Q4_0: return 8;
    case TensorType::Q5_0: return 16;
    case TensorType::Q3_K: return 4;
    case TensorType::Q6_K: return 32;
    default: return 0;
    }
}

inline bool isSigned(TensorType type) {
    switch (type) {
    case TensorType::Q4_0:
    case TensorType::Q4_1:
    case TensorType::Q5_0:
    case TensorType::Q5_1:
    case TensorType::Q2_K:
    case TensorType::Q3_K:
    case TensorType::Q4_K:
    case TensorType::Q5_K:
    case TensorType::Q6_K: return false;
    default: return true;
    }
}

inline unsigned byteAt(const std::byte *from) { return static_cast<unsigned>(*from); }
inline std::uint16_t bits16(const std::byte *from) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return bits;
}
inline std::uint32_t bits32(const std::byte *from) {
    std::uint32_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return bits;
}
inline std::uint64_t bits64(const std::byte *from) {
    std::uint64_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    return bits;
}
constexpr std::uint64_t kNibbles = 0x0F0F0F0F0F0F0F0FU;
inline float halfAt(const std::byte *from) { return halfToFloat(bits16(from)); }

constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr std::int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // twice the value

// Half of 2^(e - 127), as the values above are doubled.
inline float halfPower(unsigned e) {
    const std::uint32_t bits = e < 2 ? 0x00200000U << e : (e - 1) << 23;
    float value = 0.0F;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

inline void zero16(float *to) { __builtin_memset(to, 0, 16 * sizeof(float)); }
inline void negate16(float *to) {
    for (int i = 0; i < 16; ++i) to[i] = -to[i];
}

// Types of 32 values a block; `count` blocks follow each other, at most 8.
inline void unpackQ8_0(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) __builtin_memcpy(out.values + i * 32, from + i * 34 + 2, 32);
    halfScales(from, 34, count, out.scales);
    zero16(out.mins);
}
inline void unpackQ4_0(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) splitNibbles(from + i * 18 + 2, out.values + i * 32);
    halfScales(from, 18, count, out.scales);
    zero16(out.mins);
}
inline void unpackQ4_1(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) splitNibbles(from + i * 20 + 4, out.values + i * 32);
    halfScales(from, 20, count, out.scales);
    halfScales(from + 2, 20, count, out.mins);
    negate16(out.mins);
}
inline void unpackQ5_0(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) {
        splitNibbles(from + i * 22 + 6, out.values + i * 32);
        addFifthBits(bits32(from + i * 22 + 2), out.values + i * 32);
    }
    halfScales(from, 22, count, out.scales);
    zero16(out.mins);
}
inline void unpackQ5_1(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) {
        splitNibbles(from + i * 24 + 8, out.values + i * 32);
        addFifthBits(bits32(from + i * 24 + 4), out.values + i * 32);
    }
    halfScales(from, 24, count, out.scales);
    halfScales(from + 2, 24, count, out.mins);
    negate16(out.mins);
}
inline void unpackIQ4_NL(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) lookup16(from + i * 18 + 2, kIq4Values, out.values + i * 32);
    halfScales(from, 18, count, out.scales);
    zero16(out.mins);
}
inline void unpackMXFP4(const std::byte *from, int count, Unpacked &out) {
    for (int i = 0; i < count; ++i) {
        lookup16(from + i * 17 + 1, kMxfp4Values, out.values + i * 32);
        out.scales[2 * i] = out.scales[2 * i + 1] = halfPower(byteAt(from + i * 17));
    }
    zero16(out.mins);
}

// Two bits each, in four planes of 32 per 32 bytes (Q2_K, Q3_K).
inline void splitPairs(const std::byte *__restrict from, std::int8_t *__restrict to) {
    for (int half = 0; half < 2; ++half) {
        for (int j = 0; j < 32; ++j) {
            const unsigned bits = byteAt(from + half * 32 + j);
            std::int8_t *at = to + half * 128 + j;
            at[0] = static_cast<std::int8_t>(bits & 3U);
            at[32] = static_cast<std::int8_t>(bits >> 2 & 3U);
            at[64] = static_cast<std::int8_t>(bits >> 4 & 3U);
            at[96] = static_cast<std::int8_t>(bits >> 6);
        }
    }
}

inline void unpackQ2_K(const std::byte *from, Unpacked &out) {
    splitPairs(from + 16, out.values);
    const std::uint64_t low = bits64(from);
    const std::uint64_t high = bits64(from + 8);
    scales16(low & kNibbles, high & kNibbles, halfAt(from + 80), out.scales);
    scales16(low >> 4 & kNibbles, high >> 4 & kNibbles, halfAt(from + 82), out.mins);
}

// Sixteen 6-bit scales in 12 bytes: low halves as nibbles of the first 8, high pairs in the planes of the last 4.
inline void unpackQ3_K(const std::byte *__restrict from, Unpacked &out) {
    splitPairs(from + 32, out.values);
    std::int8_t *__restrict to = out.values;
    for (int plane = 0; plane < 8; ++plane) {
        for (int j = 0; j < 32; ++j) {
            const unsigned bit = (byteAt(from + j) >> plane & 1U) << 2;
            to[plane * 32 + j] = static_cast<std::int8_t>(to[plane * 32 + j] | static_cast<int>(bit));
        }
    }
    constexpr std::uint64_t pairs = 0x0303030303030303U;
    const std::uint64_t nibbles = bits64(from + 96);
    const std::uint64_t high = bits32(from + 104);
    const std::uint64_t first = (high & 0xFFFFFFFFU) | high >> 2 << 32;       // scales 0..3 and 4..7
    const std::uint64_t second = high >> 4 | high >> 6 << 32;                 // 8..11 and 12..15
    const std::uint64_t low8 = (nibbles & kNibbles) | (first & pairs) << 4;
    const std::uint64_t high8 = (nibbles >> 4 & kNibbles) | (second & pairs) << 4;
    // 32 less, byte by byte: bit 5 flips and is copied into the sign.
    const auto less32 = [](std::uint64_t bytes) {
        const std::uint64_t flipped = bytes ^ 0x2020202020202020U;
        const std::uint64_t sign = flipped & 0x2020202020202020U;
        return flipped | sign << 1 | sign << 2;
    };
    scales16(less32(low8), less32(high8), halfAt(from + 108), out.scales);
    zero16(out.mins);
}

// Eight 6-bit scales and eight 6-bit offsets in 12 bytes (Q4_K, Q5_K).
inline void unpackScales(const std::byte *from, Unpacked &out) {
    constexpr std::uint32_t six = 0x3F3F3F3FU;
    constexpr std::uint32_t four = 0x0F0F0F0FU;
    constexpr std::uint32_t upper = 0x30303030U;
    const std::uint32_t scales = bits32(from + 4);
    const std::uint32_t mins = bits32(from + 8);
    const std::uint32_t rest = bits32(from + 12);
    const std::uint32_t highScales = (rest & four) | (scales >> 2 & upper);
    const std::uint32_t highMins = (rest >> 4 & four) | (mins >> 2 & upper);
    scalePairs((scales & six) | std::uint64_t{highScales} << 32, halfAt(from), out.scales);
    scalePairs((mins & six) | std::uint64_t{highMins} << 32, halfAt(from + 2), out.mins);
}

// Nibbles of K types: 32 bytes hold 32 values in their low halves and the next 32 in their high ones.
inline void unpackQ4_K(const std::byte *__restrict from, Unpacked &out) {
    std::int8_t *__restrict to = out.values;
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (int j = 0; j < 32; ++j) {
            to[chunk * 64 + j] = static_cast<std::int8_t>(byteAt(from + 16 + chunk * 32 + j) & 15U);
            to[chunk * 64 + 32 + j] = static_cast<std::int8_t>(byteAt(from + 16 + chunk * 32 + j) >> 4);
        }
    }
    unpackScales(from, out);
}

// The fifth bit of value i * 32 + j is bit i of byte j.
inline void unpackQ5_K(const std::byte *__restrict from, Unpacked &out) {
    std::int8_t *__restrict to = out.values;
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (int j = 0; j < 32; ++j) {
            const unsigned both = byteAt(from + 48 + chunk * 32 + j);
            const unsigned fifth = byteAt(from + 16 + j) >> (2 * chunk);
            to[chunk * 64 + j] = static_cast<std::int8_t>((both & 15U) | (fifth & 1U) << 4);
            to[chunk * 64 + 32 + j] = static_cast<std::int8_t>(both >> 4 | (fifth & 2U) << 3);
        }
    }
    unpackScales(from, out);
}

inline void unpackQ6_K(const std::byte *__restrict from, Unpacked &out) {
    for (int half = 0; half < 2; ++half) {
        const std::byte *__restrict low = from + half * 64;
        const std::byte *__restrict high = from + 128 + half * 32;
        std::int8_t *__restrict to = out.values + half * 128;
        for (int j = 0; j < 32; ++j) {
            const unsigned bits = byteAt(high + j);
            to[j] = static_cast<std::int8_t>((byteAt(low + j) & 15U) | (bits & 3U) << 4);
            to[j + 32] = static_cast<std::int8_t>((byteAt(low + 32 + j) & 15U) | (bits & 12U) << 2);
            to[j + 64] = static_cast<std::int8_t>(byteAt(low + j) >> 4 | (bits & 48U));
            to[j + 96] = static_cast<std::int8_t>(byteAt(low + 32 + j) >> 4 | (bits & 192U) >> 2);
        }
    }
    scales16(bits64(from + 192), bits64(from + 200), halfAt(from + 208), out.scales);
    zero16(out.mins);
}

inline void unpackIQ4_XS(const std::byte *from, Unpacked &out) {
    const unsigned high = bits16(from + 2);
    std::uint64_t factors = 0;
    for (int i = 0; i < 8; ++i) {
        const unsigned low = byteAt(from + 4 + i / 2) >> (i % 2 * 4) & 15U;
        factors |= std::uint64_t{((low | (high >> (2 * i) & 3U) << 4) - 32U) & 255U} << (8 * i);
        lookup16(from + 8 + i * 16, kIq4Values, out.values + i * 32);
    }
    scalePairs(factors, halfAt(from), out.scales);
    zero16(out.mins);
}

// Four groups of eight signs: seven bits are stored, the eighth makes their number even.
inline std::uint32_t evenSigns(std::uint32_t packed) {
    std::uint32_t signs = 0;
    for (unsigned k = 0; k < 4; ++k) {
        const unsigned seven = packed >> (7 * k) & 127U;
        signs |= (seven | static_cast<unsigned>(__builtin_parity(seven)) << 7) << (8 * k);
    }
    return signs;
}

template <typename Entry>
inline void putEntry(Entry entry, std::int8_t *to) { __builtin_memcpy(to, &entry, sizeof entry); }

inline void unpackIQ2_XXS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const std::byte *part = from + 2 + i * 8;
        const std::uint32_t rest = bits32(part + 4);
        for (int k = 0; k < 4; ++k) putEntry(kGridIq2Xxs.entries[byteAt(part + k)], out.values + i * 32 + k * 8);
        negate(evenSigns(rest), out.values + i * 32);
        out.scales[2 * i] = out.scales[2 * i + 1] = scale * (0.5F + static_cast<float>(rest >> 28)) * 0.25F;
    }
    zero16(out.mins);
}

// Sixteen 4-bit factors f: scale * (f + 1/2) / 4.
inline void halfStepScales(const std::byte *from, float scale, float *to) {
    for (int i = 0; i < 16; ++i) {
        const unsigned factor = byteAt(from + i / 2) >> (i % 2 * 4) & 15U;
        to[i] = scale * (0.5F + static_cast<float>(factor)) * 0.25F;
    }
}

inline void unpackIQ2_XS(const std::byte *from, Unpacked &out) {
    for (int i = 0; i < 8; ++i) {
        std::uint32_t signs = 0;
        for (int k = 0; k < 4; ++k) {
            const unsigned code = bits16(from + 2 + (i * 4 + k) * 2);
            putEntry(kGridIq2Xs.entries[code & 511U], out.values + i * 32 + k * 8);
            signs |= code >> 9 << (7 * k);
        }
        negate(evenSigns(signs), out.values + i * 32);
    }
    halfStepScales(from + 66, halfAt(from), out.scales);
    zero16(out.mins);
}

inline void unpackIQ2_S(const std::byte *from, Unpacked &out) {
    for (int i = 0; i < 8; ++i) {
        for (int k = 0; k < 4; ++k) {
            const unsigned code = byteAt(from + 2 + i * 4 + k) | (byteAt(from + 66 + i) >> (2 * k) & 3U) << 8;
            putEntry(kGridIq2S.entries[code], out.values + i * 32 + k * 8);
        }
        negate(bits32(from + 34 + i * 4), out.values + i * 32);
    }
    halfStepScales(from + 74, halfAt(from), out.scales);
    zero16(out.mins);
}

inline void unpackIQ3_XXS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const std::uint32_t rest = bits32(from + 66 + i * 4);
        for (int k = 0; k < 8; ++k) putEntry(kGridIq3Xxs.entries[byteAt(from + 2 + i * 8 + k)], out.values + i * 32 + k * 4);
        negate(evenSigns(rest), out.values + i * 32);
        out.scales[2 * i] = out.scales[2 * i + 1] = scale * (0.5F + static_cast<float>(rest >> 28)) * 0.5F;
    }
    zero16(out.mins);
}

inline void unpackIQ3_S(const std::byte *from, Unpacked &out) {
    std::uint64_t factors = 0;
    for (int i = 0; i < 8; ++i) {
        const unsigned high = byteAt(from + 66 + i);
        for (int k = 0; k < 8; ++k) {
            const unsigned code = byteAt(from + 2 + i * 8 + k) | (high >> k & 1U) << 8;
            putEntry(kGridIq3S.entries[code], out.values + i * 32 + k * 4);
        }
        negate(bits32(from + 74 + i * 4), out.values + i * 32);
        const unsigned factor = byteAt(from + 106 + i / 2) >> (i % 2 * 4) & 15U;
        factors |= std::uint64_t{2U * factor + 1U} << (8 * i);
    }
    scalePairs(factors, halfAt(from), out.scales);
    zero16(out.mins);
}

// An entry of eighths -8, 0, 8 and an offset of +-1 for all of them.
inline void putEighths(std::uint64_t entry, bool negative, std::int8_t *to) {
    putEntry(entry, to);
    const int offset = negative ? -1 : 1;
    for (int j = 0; j < 8; ++j) to[j] = static_cast<std::int8_t>(to[j] + offset);
}

inline void unpackIQ1_S(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const unsigned high = bits16(from + 34 + i * 2);
        for (int k = 0; k < 4; ++k) {
            const unsigned code = byteAt(from + 2 + i * 4 + k) | (high >> (3 * k) & 7U) << 8;
            putEighths(kGridIq1.entries[code], (high & 0x8000U) != 0U, out.values + i * 32 + k * 8);
        }
        out.scales[2 * i] = out.scales[2 * i + 1] = scale * static_cast<float>(2U * (high >> 12 & 7U) + 1U) * 0.125F;
    }
    zero16(out.mins);
}

// The scale's four nibbles are the upper ones of four 16-bit words; their other twelve bits hold four 3-bit factors.
inline void unpackIQ1_M(const std::byte *from, Unpacked &out) {
    unsigned bits = 0;
    for (int i = 0; i < 4; ++i) bits |= static_cast<unsigned>(bits16(from + 48 + i * 2) >> 12) << (4 * i);
    const float scale = halfToFloat(static_cast<std::uint16_t>(bits));
    for (int i = 0; i < 32; ++i) {
        const unsigned high = byteAt(from + 32 + i / 2) >> (i % 2 * 4);
        putEighths(kGridIq1.entries[byteAt(from + i) | (high & 7U) << 8], (high & 8U) != 0U, out.values + i * 8);
    }
    for (int i = 0; i < 16; ++i) {
        const unsigned factor = static_cast<unsigned>(bits16(from + 48 + i / 4 * 2)) >> (i % 4 * 3) & 7U;
        out.scales[i] = scale * static_cast<float>(2U * factor + 1U) * 0.125F;
    }
    zero16(out.mins);
}

// n values of a block type, beginning at a block border; n is a multiple of the block and at most kPieceValues.
inline void unpackPiece(TensorType type, const std::byte *from, std::int64_t n, Unpacked &out) {
    const auto blocks = static_cast<int>(n / 32);
    switch (type) {
    case TensorType::Q8_0: return unpackQ8_0(from, blocks, out);
    case TensorType::Q4_0: return unpackQ4_0(from, blocks, out);
    case TensorType::Q4_1: return unpackQ4_1(from, blocks, out);
    case TensorType::Q5_0: return unpackQ5_0(from, blocks, out);
    case TensorType::Q5_1: return unpackQ5_1(from, blocks, out);
    case TensorType::IQ4_NL: return unpackIQ4_NL(from, blocks, out);
    case TensorType::MXFP4: return unpackMXFP4(from, blocks, out);
    case TensorType::Q2_K: return unpackQ2_K(from, out);
    case TensorType::Q3_K: return unpackQ3_K(from, out);
    case TensorType::Q4_K: return unpackQ4_K(from, out);
    case TensorType::Q5_K: return unpackQ5_K(from, out);
    case TensorType::Q6_K: return unpackQ6_K(from, out);
    case TensorType::IQ4_XS: return unpackIQ4_XS(from, out);
    case TensorType::IQ3_XXS: return unpackIQ3_XXS(from, out);
    case TensorType::IQ3_S: return unpackIQ3_S(from, out);
    case TensorType::IQ2_XXS: return unpackIQ2_XXS(from, out);
    case TensorType::IQ2_XS: return unpackIQ2_XS(from, out);
    case TensorType::IQ2_S: return unpackIQ2_S(from, out);
    case TensorType::IQ1_S: return unpackIQ1_S(from, out);
    case TensorType::IQ1_M: return unpackIQ1_M(from, out);
    case TensorType::F32:
    case TensorType::F16:
    case TensorType::BF16: return;
    }
}

}  // namespace
}  // namespace facet
