// Stored blocks to small integers and float32 scales: what every product and conversion of block types begins with.
// Plain loops of fixed length that compilers turn into vectors; included by scalar.cpp, avx2.cpp, avx512.cpp and neon.cpp,
// which define halfToFloat() and lookup16() before. Unnamed namespace and no standard library, see simd_math.inl.
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
inline float halfAt(const std::byte *from) { return halfToFloat(bits16(from)); }

// The same scale and offset for a whole block of 32.
inline void setBlock(Unpacked &out, int block, float scale, float min) {
    out.scales[2 * block] = out.scales[2 * block + 1] = scale;
    out.mins[2 * block] = out.mins[2 * block + 1] = min;
}

// 16 bytes to 32 nibbles: the low ones first.
inline void splitNibbles(const std::byte *from, std::int8_t *to) {
    for (int j = 0; j < 16; ++j) {
        to[j] = static_cast<std::int8_t>(byteAt(from + j) & 15U);
        to[j + 16] = static_cast<std::int8_t>(byteAt(from + j) >> 4);
    }
}

// The fifth bits of a block of 32: bit j of `bits` belongs to value j.
inline void addFifthBits(std::uint32_t bits, std::int8_t *to) {
    for (unsigned j = 0; j < 32; ++j) to[j] = static_cast<std::int8_t>(to[j] | ((bits >> j & 1U) << 4));
}

constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr std::int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // twice the value

// Half of 2^(e - 127), as the values above are doubled.
inline float halfPower(unsigned e) {
    const std::uint32_t bits = e < 2 ? 0x00200000U << e : (e - 1) << 23;
    float value = 0.0F;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

inline void unpackQ8_0(const std::byte *from, int block, Unpacked &out) {
    __builtin_memcpy(out.values + block * 32, from + 2, 32);
    setBlock(out, block, halfAt(from), 0.0F);
}
inline void unpackQ4_0(const std::byte *from, int block, Unpacked &out) {
    splitNibbles(from + 2, out.values + block * 32);
    setBlock(out, block, halfAt(from), 0.0F);
}
inline void unpackQ4_1(const std::byte *from, int block, Unpacked &out) {
    splitNibbles(from + 4, out.values + block * 32);
    setBlock(out, block, halfAt(from), -halfAt(from + 2));
}
inline void unpackQ5_0(const std::byte *from, int block, Unpacked &out) {
    splitNibbles(from + 6, out.values + block * 32);
    addFifthBits(bits32(from + 2), out.values + block * 32);
    setBlock(out, block, halfAt(from), 0.0F);
}
inline void unpackQ5_1(const std::byte *from, int block, Unpacked &out) {
    splitNibbles(from + 8, out.values + block * 32);
    addFifthBits(bits32(from + 4), out.values + block * 32);
    setBlock(out, block, halfAt(from), -halfAt(from + 2));
}
inline void unpackIQ4_NL(const std::byte *from, int block, Unpacked &out) {
    lookup16(from + 2, kIq4Values, out.values + block * 32);
    setBlock(out, block, halfAt(from), 0.0F);
}
inline void unpackMXFP4(const std::byte *from, int block, Unpacked &out) {
    lookup16(from + 1, kMxfp4Values, out.values + block * 32);
    setBlock(out, block, halfPower(byteAt(from)), 0.0F);
}

// Two bits each, in four planes of 32 per 32 bytes (Q2_K, Q3_K).
inline void splitPairs(const std::byte *from, std::int8_t *to) {
    for (int half = 0; half < 2; ++half) {
        for (int plane = 0; plane < 4; ++plane) {
            for (int j = 0; j < 32; ++j) {
                to[half * 128 + plane * 32 + j] = static_cast<std::int8_t>(byteAt(from + half * 32 + j) >> (2 * plane) & 3U);
            }
        }
    }
}

// 32 bytes whose bit i belongs to value i * 32 + j of byte j: put at bit `shift` of the values.
template <int shift>
inline void addPlanes(const std::byte *from, std::int8_t *to) {
    for (int plane = 0; plane < 8; ++plane) {
        for (int j = 0; j < 32; ++j) {
            const unsigned bit = (byteAt(from + j) >> plane & 1U) << shift;
            to[plane * 32 + j] = static_cast<std::int8_t>(to[plane * 32 + j] | static_cast<int>(bit));
        }
    }
}

inline void unpackQ2_K(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from + 80);
    const float min = halfAt(from + 82);
    splitPairs(from + 16, out.values);
    for (int i = 0; i < 16; ++i) {
        out.scales[i] = scale * static_cast<float>(byteAt(from + i) & 15U);
        out.mins[i] = min * static_cast<float>(byteAt(from + i) >> 4);
    }
}

inline void unpackQ3_K(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from + 108);
    splitPairs(from + 32, out.values);
    addPlanes<2>(from, out.values);
    const std::byte *packed = from + 96;
    for (int i = 0; i < 16; ++i) {
        const unsigned low = byteAt(packed + i % 8) >> (i / 8 * 4) & 15U;
        const unsigned high = byteAt(packed + 8 + i % 4) >> (i / 4 * 2) & 3U;
        out.scales[i] = scale * static_cast<float>(static_cast<int>(low | high << 4) - 32);
        out.mins[i] = 0.0F;
    }
}

// Eight 6-bit scales and eight 6-bit offsets in 12 bytes (Q4_K, Q5_K).
inline void unpackScales(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    const float min = halfAt(from + 2);
    const std::byte *packed = from + 4;
    for (int i = 0; i < 8; ++i) {
        unsigned s = byteAt(packed + i % 4);
        unsigned m = byteAt(packed + 4 + i % 4);
        if (i < 4) {
            s &= 63U;
            m &= 63U;
        } else {
            const unsigned low = byteAt(packed + 4 + i);
            s = (low & 15U) | (s >> 2 & 48U);
            m = low >> 4 | (m >> 2 & 48U);
        }
        setBlock(out, i, scale * static_cast<float>(s), min * static_cast<float>(m));
    }
}

// Nibbles of K types: 32 bytes hold 32 values in their low halves and the next 32 in their high ones.
inline void splitNibbles32(const std::byte *from, std::int8_t *to) {
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (int j = 0; j < 32; ++j) {
            to[chunk * 64 + j] = static_cast<std::int8_t>(byteAt(from + chunk * 32 + j) & 15U);
            to[chunk * 64 + 32 + j] = static_cast<std::int8_t>(byteAt(from + chunk * 32 + j) >> 4);
        }
    }
}

inline void unpackQ4_K(const std::byte *from, Unpacked &out) {
    unpackScales(from, out);
    splitNibbles32(from + 16, out.values);
}

inline void unpackQ5_K(const std::byte *from, Unpacked &out) {
    unpackScales(from, out);
    splitNibbles32(from + 48, out.values);
    addPlanes<4>(from + 16, out.values);
}

inline void unpackQ6_K(const std::byte *from, Unpacked &out) {
    for (int half = 0; half < 2; ++half) {
        const std::byte *low = from + half * 64;
        const std::byte *high = from + 128 + half * 32;
        std::int8_t *to = out.values + half * 128;
        for (int j = 0; j < 32; ++j) {
            const unsigned bits = byteAt(high + j);
            to[j] = static_cast<std::int8_t>((byteAt(low + j) & 15U) | (bits & 3U) << 4);
            to[j + 32] = static_cast<std::int8_t>((byteAt(low + 32 + j) & 15U) | (bits & 12U) << 2);
            to[j + 64] = static_cast<std::int8_t>(byteAt(low + j) >> 4 | (bits & 48U));
            to[j + 96] = static_cast<std::int8_t>(byteAt(low + 32 + j) >> 4 | (bits & 192U) >> 2);
        }
    }
    const float scale = halfAt(from + 208);
    for (int i = 0; i < 16; ++i) {
        out.scales[i] = scale * static_cast<float>(static_cast<std::int8_t>(from[192 + i]));
        out.mins[i] = 0.0F;
    }
}

inline void unpackIQ4_XS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    const unsigned high = bits16(from + 2);
    for (int i = 0; i < 8; ++i) {
        const unsigned low = byteAt(from + 4 + i / 2) >> (i % 2 * 4) & 15U;
        const int factor = static_cast<int>(low | (high >> (2 * i) & 3U) << 4) - 32;
        lookup16(from + 8 + i * 16, kIq4Values, out.values + i * 32);
        setBlock(out, i, scale * static_cast<float>(factor), 0.0F);
    }
}

// Eight signs: seven bits are stored, the eighth makes their number even.
inline unsigned signsOf(unsigned seven) { return seven | static_cast<unsigned>(__builtin_parity(seven)) << 7; }

// `count` magnitudes of an entry of a code book, negative where the sign bit is set.
template <int count>
inline void addEntry(unsigned entry, unsigned signs, const std::int8_t *magnitudes, std::int8_t *to) {
    constexpr int width = 16 / count;
    for (int j = 0; j < count; ++j) {
        const int size = magnitudes[entry >> (width * j) & ((1U << width) - 1U)];
        to[j] = static_cast<std::int8_t>((signs >> j & 1U) != 0U ? -size : size);
    }
}

constexpr std::int8_t kIq2Sizes[4] = {8, 25, 43, 0};
constexpr std::int8_t kIq1Values[4] = {-1, 0, 1, 0};
constexpr std::int8_t kIq3XxsSizes[16] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr std::int8_t kIq3SSizes[16] = {1, 3, 5, 7, 9, 11, 13, 15};

inline void unpackIQ2_XXS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const std::byte *part = from + 2 + i * 8;
        const std::uint32_t rest = bits32(part + 4);
        for (int k = 0; k < 4; ++k) {
            addEntry<8>(kGridIq2Xxs[byteAt(part + k)], signsOf(rest >> (7 * k) & 127U), kIq2Sizes, out.values + i * 32 + k * 8);
        }
        setBlock(out, i, scale * (0.5F + static_cast<float>(rest >> 28)) * 0.25F, 0.0F);
    }
}

inline void unpackIQ2_XS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 32; ++i) {
        const unsigned code = bits16(from + 2 + i * 2);
        addEntry<8>(kGridIq2Xs[code & 511U], signsOf(code >> 9), kIq2Sizes, out.values + i * 8);
    }
    for (int i = 0; i < 16; ++i) {
        const unsigned factor = byteAt(from + 66 + i / 2) >> (i % 2 * 4) & 15U;
        out.scales[i] = scale * (0.5F + static_cast<float>(factor)) * 0.25F;
        out.mins[i] = 0.0F;
    }
}

inline void unpackIQ2_S(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 32; ++i) {
        const unsigned high = byteAt(from + 66 + i / 4) >> (i % 4 * 2) & 3U;
        const unsigned code = byteAt(from + 2 + i) | high << 8;
        addEntry<8>(kGridIq2S[code], byteAt(from + 34 + i), kIq2Sizes, out.values + i * 8);
    }
    for (int i = 0; i < 16; ++i) {
        const unsigned factor = byteAt(from + 74 + i / 2) >> (i % 2 * 4) & 15U;
        out.scales[i] = scale * (0.5F + static_cast<float>(factor)) * 0.25F;
        out.mins[i] = 0.0F;
    }
}

inline void unpackIQ3_XXS(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const std::uint32_t rest = bits32(from + 66 + i * 4);
        for (int k = 0; k < 8; ++k) {
            const unsigned signs = signsOf(rest >> (k / 2 * 7) & 127U) >> (k % 2 * 4);
            addEntry<4>(kGridIq3Xxs[byteAt(from + 2 + i * 8 + k)], signs, kIq3XxsSizes, out.values + i * 32 + k * 4);
        }
        setBlock(out, i, scale * (0.5F + static_cast<float>(rest >> 28)) * 0.5F, 0.0F);
    }
}

inline void unpackIQ3_S(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 64; ++i) {
        const unsigned code = byteAt(from + 2 + i) | (byteAt(from + 66 + i / 8) >> (i % 8) & 1U) << 8;
        const unsigned signs = byteAt(from + 74 + i / 2) >> (i % 2 * 4);
        addEntry<4>(kGridIq3S[code], signs, kIq3SSizes, out.values + i * 4);
    }
    for (int i = 0; i < 8; ++i) {
        const unsigned factor = byteAt(from + 106 + i / 2) >> (i % 2 * 4) & 15U;
        setBlock(out, i, scale * static_cast<float>(1U + 2U * factor), 0.0F);
    }
}

// An entry of -1, 0, 1 and an offset of +-1/8 for all eight: whole numbers in eighths.
inline void addEighths(unsigned entry, bool negative, std::int8_t *to) {
    for (int j = 0; j < 8; ++j) {
        to[j] = static_cast<std::int8_t>(8 * kIq1Values[entry >> (2 * j) & 3U] + (negative ? -1 : 1));
    }
}

inline void unpackIQ1_S(const std::byte *from, Unpacked &out) {
    const float scale = halfAt(from);
    for (int i = 0; i < 8; ++i) {
        const unsigned high = bits16(from + 34 + i * 2);
        for (int k = 0; k < 4; ++k) {
            const unsigned code = byteAt(from + 2 + i * 4 + k) | (high >> (3 * k) & 7U) << 8;
            addEighths(kGridIq1[code], (high & 0x8000U) != 0U, out.values + i * 32 + k * 8);
        }
        setBlock(out, i, scale * static_cast<float>(2U * (high >> 12 & 7U) + 1U) * 0.125F, 0.0F);
    }
}

// The scale's four nibbles are the upper ones of four 16-bit words; their other twelve bits hold four 3-bit factors.
inline void unpackIQ1_M(const std::byte *from, Unpacked &out) {
    unsigned bits = 0;
    for (int i = 0; i < 4; ++i) bits |= static_cast<unsigned>(bits16(from + 48 + i * 2) >> 12) << (4 * i);
    const float scale = halfToFloat(static_cast<std::uint16_t>(bits));
    for (int i = 0; i < 32; ++i) {
        const unsigned high = byteAt(from + 32 + i / 2) >> (i % 2 * 4);
        const unsigned code = byteAt(from + i) | (high & 7U) << 8;
        addEighths(kGridIq1[code], (high & 8U) != 0U, out.values + i * 8);
    }
    for (int i = 0; i < 16; ++i) {
        const unsigned factor = static_cast<unsigned>(bits16(from + 48 + i / 4 * 2)) >> (i % 4 * 3) & 7U;
        out.scales[i] = scale * static_cast<float>(2U * factor + 1U) * 0.125F;
        out.mins[i] = 0.0F;
    }
}

using UnpackBlock = void (*)(const std::byte *from, int block, Unpacked &out);

template <UnpackBlock unpack, int bytes>
inline void unpackBlocks(const std::byte *from, std::int64_t n, Unpacked &out) {
    for (int block = 0; block < static_cast<int>(n / 32); ++block) unpack(from + block * bytes, block, out);
}

// n values of a block type, beginning at a block border; n is a multiple of the block and at most kPieceValues.
inline void unpackPiece(TensorType type, const std::byte *from, std::int64_t n, Unpacked &out) {
    switch (type) {
    case TensorType::Q8_0: return unpackBlocks<unpackQ8_0, 34>(from, n, out);
    case TensorType::Q4_0: return unpackBlocks<unpackQ4_0, 18>(from, n, out);
    case TensorType::Q4_1: return unpackBlocks<unpackQ4_1, 20>(from, n, out);
    case TensorType::Q5_0: return unpackBlocks<unpackQ5_0, 22>(from, n, out);
    case TensorType::Q5_1: return unpackBlocks<unpackQ5_1, 24>(from, n, out);
    case TensorType::IQ4_NL: return unpackBlocks<unpackIQ4_NL, 18>(from, n, out);
    case TensorType::MXFP4: return unpackBlocks<unpackMXFP4, 17>(from, n, out);
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
