#include "kernels/quant_blocks.h"

#include "kernels/float_formats.h"

#include <cmath>
#include <cstring>

namespace facet {
namespace {

constexpr int kBlock = 32;

void store16(std::uint16_t value, std::byte *out) noexcept { std::memcpy(out, &value, sizeof value); }

// Values of a damaged checkpoint (NaN, infinity) must not become undefined conversions.
int roundWithin(float value, int low, int high) noexcept {
    if (!(value > static_cast<float>(low))) return low;
    if (value > static_cast<float>(high)) return high;
    return static_cast<int>(std::round(value));
}

void blockQ8(const float *x, std::byte *out) noexcept {
    float largest = 0.0F;
    for (int i = 0; i < kBlock; ++i) largest = std::fmax(largest, std::fabs(x[i]));
    const float scale = largest / 127.0F;
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    store16(halfFromFloat(scale), out);
    for (int i = 0; i < kBlock; ++i) {
        out[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(roundWithin(x[i] * inverse, -127, 127)));
    }
}

void blockQ4(const float *x, std::byte *out) noexcept {
    float extreme = 0.0F;  // the value of largest magnitude, with its sign: it becomes nibble 0
    for (int i = 0; i < kBlock; ++i) {
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    }
    const float scale = extreme / -8.0F;
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

}  // namespace

void quantiseRowToBlocks(TensorType type, const float *x, std::int64_t n, std::byte *out) {
    switch (type) {
    case TensorType::F32: std::memcpy(out, x, static_cast<std::size_t>(n) * sizeof(float)); return;
    case TensorType::F16:
        for (std::int64_t i = 0; i < n; ++i) store16(halfFromFloat(x[i]), out + 2 * i);
        return;
    case TensorType::BF16:
        for (std::int64_t i = 0; i < n; ++i) store16(bfloatFromFloat(x[i]), out + 2 * i);
        return;
    case TensorType::Q8_0:
        for (std::int64_t i = 0; i + kBlock <= n; i += kBlock) blockQ8(x + i, out + i / kBlock * 34);
        return;
    case TensorType::Q4_0:
        for (std::int64_t i = 0; i + kBlock <= n; i += kBlock) blockQ4(x + i, out + i / kBlock * 18);
        return;
    default: return;
    }
}

}  // namespace facet
