#include "kernels/quant_blocks.h"

#include "kernels/float_formats.h"
#include "kernels/quant_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace facet {
namespace {

constexpr int kBlock = 32;

void store16(std::uint16_t value, std::byte *out) noexcept { std::memcpy(out, &value, sizeof value); }

constexpr std::int32_t kMagnitude = 0x7FFFFFFF;  // all bits of a float but its sign
constexpr std::int32_t kInfinity = 0x7F800000;

void blockQ8(const float *x, const float * /*importance*/, std::byte *out) noexcept {
    // Without branches and calls: compilers make vectors of it, and loading a model or an encoder waits for it.
    std::int32_t bits = 0;  // magnitudes are ordered as the integers of their bits are
    for (int i = 0; i < kBlock; ++i) bits = std::max(bits, std::bit_cast<std::int32_t>(x[i]) & kMagnitude);
    float largest = std::bit_cast<float>(bits);
    if (bits > kInfinity) {  // some are NaN: of the others
        largest = 0.0F;
        for (int i = 0; i < kBlock; ++i) largest = std::fmax(largest, std::fabs(x[i]));
    }
    const float scale = largest / 127.0F;
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    store16(halfFromFloat(scale), out);
    std::int8_t levels[kBlock];
    for (int i = 0; i < kBlock; ++i) {
        const float value = x[i] * inverse;
        // What is NaN in a damaged checkpoint must not become an undefined conversion.
        const float within = value > -127.0F ? (value < 127.0F ? value : 127.0F) : -127.0F;
        const auto whole = static_cast<std::int32_t>(within);
        const float rest = within - static_cast<float>(whole);  // halves go away from zero, as std::round does
        levels[i] = static_cast<std::int8_t>(whole + static_cast<int>(rest >= 0.5F) - static_cast<int>(rest <= -0.5F));
    }
    std::memcpy(out + 2, levels, kBlock);
}

// 32 values with the scale `scale`: level 8 is zero.
void storeQ4(const float *x, float scale, std::byte *out) noexcept {
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    store16(halfFromFloat(scale), out);
    const auto nibble = [inverse](float value) noexcept -> unsigned {
        const float shifted = value * inverse + 8.5F;
        if (!(shifted > 0.0F)) return 0U;
        return shifted >= 15.0F ? 15U : static_cast<unsigned>(shifted);
    };
    for (int i = 0; i < kBlock / 2; ++i) {
        out[2 + i] = static_cast<std::byte>(nibble(x[i]) | nibble(x[i + kBlock / 2]) << 4);
    }
}

// The value of largest magnitude, with its sign: it becomes level 0.
float extremeOf(const float *x) noexcept {
    float extreme = 0.0F;
    for (int i = 0; i < kBlock; ++i) {
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    }
    return extreme;
}

// A scale as it will be read again.
float stored(float scale) noexcept { return floatFromHalf(halfFromFloat(scale)); }

void blockQ4(const float *x, const float *importance, std::byte *out) noexcept {
    storeQ4(x, importance != nullptr ? stored(searchedScale(x, importance, 8)) : extremeOf(x) / -8.0F, out);
}

// Levels above the least value (Q4_1, Q5_1) or around zero (Q5_0), nearest.
int level(float value, int top) noexcept {
    const float shifted = value + 0.5F;
    if (!(shifted > 0.0F)) return 0;
    return shifted >= static_cast<float>(top) ? top : static_cast<int>(shifted);
}

void storeNibbles(const int (&q)[kBlock], std::byte *out) noexcept {
    for (int i = 0; i < kBlock / 2; ++i) out[i] = static_cast<std::byte>((q[i] & 15) | (q[i + kBlock / 2] & 15) << 4);
}

void storeFifthBits(const int (&q)[kBlock], std::byte *out) noexcept {
    std::uint32_t bits = 0;
    for (int i = 0; i < kBlock; ++i) bits |= static_cast<std::uint32_t>(q[i] >> 4 & 1) << i;
    std::memcpy(out, &bits, sizeof bits);
}

// Scale and least value of a block that spans `top` levels; the levels themselves to `q`.
void affineBlock(const float *x, const float *importance, int top, std::byte *out, int (&q)[kBlock]) noexcept {
    float low = x[0];
    float high = x[0];
    for (int i = 1; i < kBlock; ++i) {
        low = std::fmin(low, x[i]);
        high = std::fmax(high, x[i]);
    }
    float scale = (high - low) / static_cast<float>(top);
    if (importance != nullptr) {
        const SearchedOffset best = searchedOffset(x, importance, top);
        scale = stored(best.scale);
        low = stored(best.low);
    }
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    store16(halfFromFloat(scale), out);
    store16(halfFromFloat(low), out + 2);
    for (int i = 0; i < kBlock; ++i) q[i] = level((x[i] - low) * inverse, top);
}

void blockQ4_1(const float *x, const float *importance, std::byte *out) noexcept {
    int q[kBlock];
    affineBlock(x, importance, 15, out, q);
    storeNibbles(q, out + 4);
}

void blockQ5_1(const float *x, const float *importance, std::byte *out) noexcept {
    int q[kBlock];
    affineBlock(x, importance, 31, out, q);
    storeFifthBits(q, out + 4);
    storeNibbles(q, out + 8);
}

void blockQ5_0(const float *x, const float *importance, std::byte *out) noexcept {
    const float scale = importance != nullptr ? stored(searchedScale(x, importance, 16)) : extremeOf(x) / -16.0F;
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    store16(halfFromFloat(scale), out);
    int q[kBlock];
    for (int i = 0; i < kBlock; ++i) q[i] = level(x[i] * inverse + 16.0F, 31);
    storeFifthBits(q, out + 2);
    storeNibbles(q, out + 6);
}

using Quantiser = void (*)(const float *x, const float *importance, std::byte *out) noexcept;

// Null: float types, and types that are only read.
Quantiser quantiserOf(TensorType type) noexcept {
    switch (type) {
    case TensorType::Q8_0: return blockQ8;
    case TensorType::Q4_0: return blockQ4;
    case TensorType::Q4_1: return blockQ4_1;
    case TensorType::Q5_0: return blockQ5_0;
    case TensorType::Q5_1: return blockQ5_1;
    case TensorType::Q2_K: return blockQ2K;
    case TensorType::Q3_K: return blockQ3K;
    case TensorType::Q4_K: return blockQ4K;
    case TensorType::Q5_K: return blockQ5K;
    case TensorType::Q6_K: return blockQ6K;
    case TensorType::IQ4_NL: return blockIq4Nl;
    default: return nullptr;
    }
}

}  // namespace

bool canQuantise(TensorType type) noexcept { return isFloatType(type) || quantiserOf(type) != nullptr; }

void quantiseRowToBlocks(TensorType type, const float *x, std::int64_t n, std::byte *out, const float *importance) {
    switch (type) {
    case TensorType::F32: std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float)); return;
    case TensorType::F16:
        for (std::int64_t i = 0; i < n; ++i) store16(halfFromFloat(x[i]), out + 2 * i);
        return;
    case TensorType::BF16:
        for (std::int64_t i = 0; i < n; ++i) store16(bfloatFromFloat(x[i]), out + 2 * i);
        return;
    default: break;
    }
    const Quantiser quantise = quantiserOf(type);
    if (quantise == nullptr) return;
    const BlockShape block = blockShape(type);
    for (std::int64_t i = 0; i + block.values <= n; i += block.values, out += block.bytes)
        quantise(x + i, importance != nullptr ? importance + i : nullptr, out);
}

void quantiseRowToQ4Searched(const float *x, std::int64_t n, std::byte *out) {
    constexpr std::int64_t kBytes = 18;
    for (std::int64_t i = 0; i + kBlock <= n; i += kBlock, out += kBytes) storeQ4(x + i, stored(quickScale(x + i)), out);
}

}  // namespace facet
