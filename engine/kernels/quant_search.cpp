#include "kernels/quant_search.h"

#include "kernels/float_formats.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace facet {
namespace {

constexpr int kLanes = 8;  // partial sums, so that compilers may use vectors and the order is the same everywhere

void storeHalf(float value, std::byte *out) noexcept {
    const std::uint16_t bits = halfFromFloat(value);
    std::memcpy(out, &bits, sizeof bits);
}
float roundedToHalf(float value) noexcept { return floatFromHalf(halfFromFloat(value)); }

// To nearest, for |x| < 2^22; NaN becomes `low`.
float roundBetween(float x, float low, float high) noexcept {
    constexpr float kShift = 12582912.0F;  // 1.5 * 2^23
    const float above = x > low ? x : low;  // the two forms that are one instruction each
    const float inside = above < high ? above : high;
    return (inside + kShift) - kShift;
}
int wholeBetween(float x, float low, float high) noexcept { return static_cast<int>(roundBetween(x, low, high)); }

float total(const float (&sums)[kLanes]) noexcept {
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

// x is about scale * q - min with min >= 0 and q in 0..levels.
struct Affine {
    float scale = 0;
    float min = 0;
};

// Sums of one candidate's whole numbers q under the weights w.
struct Moments {
    float q = 0, qq = 0, x = 0, qx = 0, w = 0;
};

template <int n>
Moments momentsOf(const float *x, const float *w, const float *q) noexcept {
    float sq[kLanes] = {};
    float sqq[kLanes] = {};
    float sx[kLanes] = {};
    float sqx[kLanes] = {};
    float sw[kLanes] = {};
    for (int i = 0; i < n; i += kLanes) {
        for (int k = 0; k < kLanes; ++k) {
            const float weighted = w[i + k] * q[i + k];
            sw[k] += w[i + k];
            sx[k] += w[i + k] * x[i + k];
            sq[k] += weighted;
            sqq[k] += weighted * q[i + k];
            sqx[k] += weighted * x[i + k];
        }
    }
    return {total(sq), total(sqq), total(sx), total(sqx), total(sw)};
}

// Which offsets a type can store.
enum class Offset { NotNegative, Any };

// Best scale and offset for given whole numbers by weighted least squares.
Affine fitted(const Moments &m, Offset offset) noexcept {
    const float determinant = m.w * m.qq - m.q * m.q;
    Affine fit;
    if (determinant > 0.0F) {
        fit.scale = (m.w * m.qx - m.x * m.q) / determinant;
        fit.min = -(m.qq * m.x - m.q * m.qx) / determinant;
    }
    if (!(determinant > 0.0F) || (offset == Offset::NotNegative && !(fit.min >= 0.0F))) {
        fit.min = 0.0F;
        fit.scale = m.qq > 0.0F ? m.qx / m.qq : 0.0F;
    }
    return fit;
}

template <int n>
float errorOf(const float *x, const float *w, const float *q, const Affine &fit) noexcept {
    float sums[kLanes] = {};
    for (int i = 0; i < n; i += kLanes) {
        for (int k = 0; k < kLanes; ++k) {
            const float off = fit.scale * q[i + k] - fit.min - x[i + k];
            sums[k] += w[i + k] * off * off;
        }
    }
    return total(sums);
}

// Searches around the scale that spans the values, from a bit wider to a bit narrower.
template <int n>
Affine searchAffine(const float *x, const float *w, float levels, Offset offset = Offset::NotNegative) noexcept {
    float low = x[0];
    float high = x[0];
    for (int i = 1; i < n; ++i) {
        low = std::min(low, x[i]);
        high = std::max(high, x[i]);
    }
    if (offset == Offset::NotNegative) low = std::min(low, 0.0F);  // zero, or what lies below it, is level 0
    const float span = high - low;
    if (!(span > 0.0F) || !std::isfinite(span)) return {0.0F, std::isfinite(low) ? -low : 0.0F};
    Affine best{span / levels, -low};
    float q[n];
    float least = INFINITY;
    constexpr int kSteps = 24;
    for (int step = -1; step <= kSteps; ++step) {
        // step -1: exactly the span
        const float inverse = (step < 0 ? levels : levels - 1.2F + 0.1F * static_cast<float>(step)) / span;
        for (int i = 0; i < n; ++i) q[i] = roundBetween((x[i] - low) * inverse, 0.0F, levels);
        const Affine fit = fitted(momentsOf<n>(x, w, q), offset);
        const float error = errorOf<n>(x, w, q, fit);
        if (fit.scale > 0.0F && error < least) {
            least = error;
            best = fit;
        }
    }
    return best;
}

// What each of n values counts: its importance if that is known, else by its size.
template <int n>
void weigh(const float *x, const float *importance, float *w) noexcept {
    float squares[kLanes] = {};
    for (int i = 0; i < n; ++i) squares[i % kLanes] += x[i] * x[i];
    const float usual = std::sqrt(total(squares) / static_cast<float>(n));
    for (int i = 0; i < n; ++i) w[i] = importance != nullptr ? importance[i] : usual + std::fabs(x[i]);
}

// Eight scales and offsets of six bits in 12 bytes.
void packScales(const int (&scales)[8], const int (&mins)[8], std::byte *out) noexcept {
    unsigned bytes[12] = {};
    for (int i = 0; i < 4; ++i) {
        const auto s = static_cast<unsigned>(scales[i]);
        const auto m = static_cast<unsigned>(mins[i]);
        const auto highS = static_cast<unsigned>(scales[i + 4]);
        const auto highM = static_cast<unsigned>(mins[i + 4]);
        bytes[i] = s | highS >> 4 << 6;
        bytes[i + 4] = m | highM >> 4 << 6;
        bytes[i + 8] = (highS & 15U) | (highM & 15U) << 4;
    }
    for (int i = 0; i < 12; ++i) out[i] = static_cast<std::byte>(bytes[i]);
}

// Q4_K and Q5_K share everything but the number of levels: writes scales at `out` and the whole numbers to `q`.
void affineSuperBlock(const float *x, const float *importance, float levels, std::byte *out, int (&q)[kSuperBlock]) noexcept {
    Affine fits[8];
    float largestScale = 0.0F;
    float largestMin = 0.0F;
    for (int b = 0; b < 8; ++b) {
        const float *part = x + b * 32;
        float w[32];
        weigh<32>(part, importance != nullptr ? importance + b * 32 : nullptr, w);
        fits[b] = searchAffine<32>(part, w, levels);
        largestScale = std::max(largestScale, fits[b].scale);
        largestMin = std::max(largestMin, fits[b].min);
    }
    constexpr float kTop = 63.0F;
    const float scale = roundedToHalf(largestScale / kTop);
    const float min = roundedToHalf(largestMin / kTop);
    const float inverseScale = scale > 0.0F ? 1.0F / scale : 0.0F;
    const float inverseMin = min > 0.0F ? 1.0F / min : 0.0F;
    int scales[8];
    int mins[8];
    for (int b = 0; b < 8; ++b) {
        scales[b] = wholeBetween(fits[b].scale * inverseScale, 0.0F, kTop);
        mins[b] = wholeBetween(fits[b].min * inverseMin, 0.0F, kTop);
        const float step = scale * static_cast<float>(scales[b]);
        const float offset = min * static_cast<float>(mins[b]);
        const float inverse = step > 0.0F ? 1.0F / step : 0.0F;
        for (int i = b * 32; i < b * 32 + 32; ++i) q[i] = wholeBetween((x[i] + offset) * inverse, 0.0F, levels);
    }
    storeHalf(scale, out);
    storeHalf(min, out + 2);
    packScales(scales, mins, out + 4);
}

// x is about scale * q with q in -levels..levels - 1: the scale with the least weighted error. The extreme value falls on
// -levels, or a bit beside it.
template <int n>
float searchSymmetric(const float *x, const float *w, float levels) noexcept {
    float extreme = 0.0F;
    for (int i = 0; i < n; ++i) {
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    }
    if (!(std::fabs(extreme) > 1e-30F) || !std::isfinite(extreme)) return 0.0F;
    float best = extreme / -levels;
    float most = 0.0F;  // (sum w x q)^2 / sum w q^2: what the fit takes off the error
    float q[n];
    for (int step = -9; step <= 9; ++step) {
        const float inverse = -(levels + 0.1F * static_cast<float>(step)) / extreme;
        for (int i = 0; i < n; ++i) q[i] = roundBetween(x[i] * inverse, -levels, levels - 1.0F);
        const Moments m = momentsOf<n>(x, w, q);
        if (m.qq > 0.0F && m.qx * m.qx > most * m.qq) {
            most = m.qx * m.qx / m.qq;
            best = m.qx / m.qq;
        }
    }
    return best;
}

// Q3_K and Q6_K share this: 16 parts with whole factors -top..top - 1 of one scale. Gives the scale (rounded as stored),
// the factors and whole numbers from zero on.
float symmetricSuperBlock(const float *x, const float *importance, float levels, float top, int (&factors)[16],
                          int (&q)[kSuperBlock]) noexcept {
    float scales[16];
    float extreme = 0.0F;
    for (int b = 0; b < 16; ++b) {
        float w[16];
        for (int i = 0; i < 16; ++i) {
            const float value = x[b * 16 + i];
            w[i] = importance != nullptr ? importance[b * 16 + i] : value * value;
        }
        scales[b] = searchSymmetric<16>(x + b * 16, w, levels);
        if (std::fabs(scales[b]) > std::fabs(extreme)) extreme = scales[b];
    }
    const float scale = roundedToHalf(extreme / -top);
    const float inverseScale = scale != 0.0F ? 1.0F / scale : 0.0F;
    for (int b = 0; b < 16; ++b) {
        factors[b] = wholeBetween(scales[b] * inverseScale, -top, top - 1.0F);
        const float step = scale * static_cast<float>(factors[b]);
        const float inverse = step != 0.0F ? 1.0F / step : 0.0F;
        for (int i = b * 16; i < b * 16 + 16; ++i)
            q[i] = wholeBetween(x[i] * inverse, -levels, levels - 1.0F) + static_cast<int>(levels);
    }
    return scale;
}

// Two low bits of each value, in four planes of 32 per 32 bytes (Q2_K, Q3_K).
void packPairs(const int (&q)[kSuperBlock], std::byte *out) noexcept {
    for (int half = 0; half < 2; ++half) {
        const int *from = q + half * 128;
        for (int j = 0; j < 32; ++j) {
            out[half * 32 + j] = static_cast<std::byte>((from[j] & 3) | (from[j + 32] & 3) << 2 | (from[j + 64] & 3) << 4 |
                                                        (from[j + 96] & 3) << 6);
        }
    }
}

constexpr float kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

// Index of the nearest of the table's values.
int nearestIq4(float x) noexcept {
    int index = 0;
    for (int i = 0; i < 15; ++i) index += x > 0.5F * (kIq4[i] + kIq4[i + 1]) ? 1 : 0;
    return index;
}

}  // namespace

void blockQ2K(const float *x, const float *importance, std::byte *out) noexcept {
    Affine fits[16];
    float largestScale = 0.0F;
    float largestMin = 0.0F;
    for (int b = 0; b < 16; ++b) {
        float w[16];
        weigh<16>(x + b * 16, importance != nullptr ? importance + b * 16 : nullptr, w);
        fits[b] = searchAffine<16>(x + b * 16, w, 3.0F);
        largestScale = std::max(largestScale, fits[b].scale);
        largestMin = std::max(largestMin, fits[b].min);
    }
    constexpr float kTop = 15.0F;
    const float scale = roundedToHalf(largestScale / kTop);
    const float min = roundedToHalf(largestMin / kTop);
    const float inverseScale = scale > 0.0F ? 1.0F / scale : 0.0F;
    const float inverseMin = min > 0.0F ? 1.0F / min : 0.0F;
    int q[kSuperBlock];
    for (int b = 0; b < 16; ++b) {
        const int factor = wholeBetween(fits[b].scale * inverseScale, 0.0F, kTop);
        const int offset = wholeBetween(fits[b].min * inverseMin, 0.0F, kTop);
        out[b] = static_cast<std::byte>(factor | offset << 4);
        const float step = scale * static_cast<float>(factor);
        const float inverse = step > 0.0F ? 1.0F / step : 0.0F;
        const float from = min * static_cast<float>(offset);
        for (int i = b * 16; i < b * 16 + 16; ++i) q[i] = wholeBetween((x[i] + from) * inverse, 0.0F, 3.0F);
    }
    packPairs(q, out + 16);
    storeHalf(scale, out + 80);
    storeHalf(min, out + 82);
}

void blockQ3K(const float *x, const float *importance, std::byte *out) noexcept {
    int factors[16];
    int q[kSuperBlock];
    const float scale = symmetricSuperBlock(x, importance, 4.0F, 32.0F, factors, q);
    for (int j = 0; j < 32; ++j) {
        int third = 0;
        for (int plane = 0; plane < 8; ++plane) third |= (q[plane * 32 + j] >> 2) << plane;
        out[j] = static_cast<std::byte>(third);
    }
    packPairs(q, out + 32);
    for (int i = 0; i < 8; ++i) out[96 + i] = static_cast<std::byte>(((factors[i] + 32) & 15) | ((factors[i + 8] + 32) & 15) << 4);
    for (int i = 0; i < 4; ++i) {
        int high = 0;
        for (int k = 0; k < 4; ++k) high |= ((factors[k * 4 + i] + 32) >> 4) << (2 * k);
        out[104 + i] = static_cast<std::byte>(high);
    }
    storeHalf(scale, out + 108);
}

void blockQ4K(const float *x, const float *importance, std::byte *out) noexcept {
    int q[kSuperBlock];
    affineSuperBlock(x, importance, 15.0F, out, q);
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (int j = 0; j < 32; ++j) {
            out[16 + chunk * 32 + j] = static_cast<std::byte>(q[chunk * 64 + j] | q[chunk * 64 + 32 + j] << 4);
        }
    }
}

void blockQ5K(const float *x, const float *importance, std::byte *out) noexcept {
    int q[kSuperBlock];
    affineSuperBlock(x, importance, 31.0F, out, q);
    for (int j = 0; j < 32; ++j) {
        int fifth = 0;
        for (int b = 0; b < 8; ++b) fifth |= (q[b * 32 + j] >> 4) << b;
        out[16 + j] = static_cast<std::byte>(fifth);
    }
    for (int chunk = 0; chunk < 4; ++chunk) {
        for (int j = 0; j < 32; ++j) {
            out[48 + chunk * 32 + j] = static_cast<std::byte>((q[chunk * 64 + j] & 15) | (q[chunk * 64 + 32 + j] & 15) << 4);
        }
    }
}

void blockQ6K(const float *x, const float *importance, std::byte *out) noexcept {
    int factors[16];
    int q[kSuperBlock];
    const float scale = symmetricSuperBlock(x, importance, 32.0F, 128.0F, factors, q);
    for (int b = 0; b < 16; ++b) out[192 + b] = static_cast<std::byte>(factors[b]);
    for (int half = 0; half < 2; ++half) {
        const int *from = q + half * 128;
        for (int j = 0; j < 32; ++j) {
            out[half * 64 + j] = static_cast<std::byte>((from[j] & 15) | (from[j + 64] & 15) << 4);
            out[half * 64 + 32 + j] = static_cast<std::byte>((from[j + 32] & 15) | (from[j + 96] & 15) << 4);
            out[128 + half * 32 + j] =
                static_cast<std::byte>(from[j] >> 4 | from[j + 32] >> 4 << 2 | from[j + 64] >> 4 << 4 | from[j + 96] >> 4 << 6);
        }
    }
    storeHalf(scale, out + 208);
}

void blockIq4Nl(const float *x, const float *importance, std::byte *out) noexcept {
    constexpr int n = 32;
    float extreme = 0.0F;
    for (int i = 0; i < n; ++i) {
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    }
    float scale = 0.0F;
    if (std::fabs(extreme) > 1e-30F && std::isfinite(extreme)) {
        float w[n];
        for (int i = 0; i < n; ++i) w[i] = importance != nullptr ? importance[i] : x[i] * x[i];
        float most = 0.0F;
        float q[n];
        for (int step = -7; step <= 7; ++step) {
            // The extreme value falls on -127, or a bit beside it. The other end of the table is tried as well.
            for (const float end : {kIq4[0], kIq4[15]}) {
                const float inverse = (end + static_cast<float>(step)) / extreme;
                for (int i = 0; i < n; ++i) q[i] = kIq4[nearestIq4(x[i] * inverse)];
                const Moments m = momentsOf<n>(x, w, q);
                if (m.qq > 0.0F && m.qx * m.qx > most * m.qq) {
                    most = m.qx * m.qx / m.qq;
                    scale = m.qx / m.qq;
                }
            }
        }
        if (scale == 0.0F) scale = extreme / kIq4[0];
    }
    scale = roundedToHalf(scale);
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    storeHalf(scale, out);
    for (int j = 0; j < n / 2; ++j) {
        out[2 + j] = static_cast<std::byte>(nearestIq4(x[j] * inverse) | nearestIq4(x[j + n / 2] * inverse) << 4);
    }
}

float searchedScale(const float *x, const float *importance, int levels) noexcept {
    return searchSymmetric<32>(x, importance, static_cast<float>(levels));
}

SearchedOffset searchedOffset(const float *x, const float *importance, int top) noexcept {
    const Affine fit = searchAffine<32>(x, importance, static_cast<float>(top), Offset::Any);
    return {fit.scale, -fit.min};
}

float quickScale(const float *x) noexcept {
    constexpr int n = 32;
    float extreme = 0.0F;
    for (int i = 0; i < n; ++i) {
        if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
    }
    if (!(std::fabs(extreme) > 1e-30F) || !std::isfinite(extreme)) return 0.0F;
    float best = extreme / -8.0F;
    float most = 0.0F;  // as in searchSymmetric
    for (const float levels : {7.2F, 7.6F, 8.0F, 8.4F, 8.8F}) {
        const float inverse = -levels / extreme;
        float qx[kLanes] = {};
        float qq[kLanes] = {};
        for (int i = 0; i < n; i += kLanes) {
            for (int k = 0; k < kLanes; ++k) {
                const float q = roundBetween(x[i + k] * inverse, -8.0F, 7.0F);
                qx[k] += q * x[i + k];
                qq[k] += q * q;
            }
        }
        const float fit = total(qx);
        const float size = total(qq);
        if (size > 0.0F && fit * fit > most * size) {
            most = fit * fit / size;
            best = fit / size;
        }
    }
    return best;
}

}  // namespace facet
