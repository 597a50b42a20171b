#include "kernels/rotation.h"

#include <cmath>

namespace facet {
namespace {

constexpr std::int64_t kLeastPart = 32;

// +1 or -1 for a channel: a bit of its number's hash (the finaliser of MurmurHash3, a public-domain mixing step).
constexpr float signOf(std::int64_t channel) noexcept {
    auto bits = static_cast<std::uint32_t>(channel) * 0x9E3779B9U + 0x5BD1E995U;
    bits ^= bits >> 16;
    bits *= 0x85EBCA6BU;
    bits ^= bits >> 13;
    bits *= 0xC2B2AE35U;
    bits ^= bits >> 16;
    return (bits & 1U) != 0 ? -1.0F : 1.0F;
}

struct Signs {
    float values[kLongestRotation] = {};
    constexpr Signs() noexcept {
        for (std::int64_t i = 0; i < kLongestRotation; ++i) values[i] = signOf(i);
    }
};
constexpr Signs kSigns;

// Pairs that are `half` apart within each run of 2 * half values.
void step(float *__restrict x, std::int64_t p, std::int64_t half) noexcept {
    for (std::int64_t run = 0; run < p; run += 2 * half) {
        for (std::int64_t i = run; i < run + half; ++i) {
            const float a = x[i];
            const float b = x[i + half];
            x[i] = a + b;
            x[i + half] = a - b;
        }
    }
}

// The three first steps of eight neighbours, which fill no vector by themselves.
void eight(float *x) noexcept {
    const float a0 = x[0] + x[1], a1 = x[0] - x[1], a2 = x[2] + x[3], a3 = x[2] - x[3];
    const float a4 = x[4] + x[5], a5 = x[4] - x[5], a6 = x[6] + x[7], a7 = x[6] - x[7];
    const float b0 = a0 + a2, b1 = a1 + a3, b2 = a0 - a2, b3 = a1 - a3;
    const float b4 = a4 + a6, b5 = a5 + a7, b6 = a4 - a6, b7 = a5 - a7;
    x[0] = b0 + b4;
    x[1] = b1 + b5;
    x[2] = b2 + b6;
    x[3] = b3 + b7;
    x[4] = b0 - b4;
    x[5] = b1 - b5;
    x[6] = b2 - b6;
    x[7] = b3 - b7;
}

// As step(), with rows of at least eight values that vectors can take.
void wideStep(float *__restrict x, std::int64_t p, std::int64_t half) noexcept {
    for (std::int64_t run = 0; run < p; run += 2 * half) {
        float *__restrict left = x + run;
        float *__restrict right = x + run + half;
        for (std::int64_t i = 0; i < half; i += 8) {
            for (int k = 0; k < 8; ++k) {
                const float a = left[i + k];
                const float b = right[i + k];
                left[i + k] = a + b;
                right[i + k] = a - b;
            }
        }
    }
}

} // namespace

std::int64_t rotationPart(std::int64_t n) noexcept { return n < 1 ? 0 : n & -n; }

bool canRotate(std::int64_t n) noexcept { return n <= kLongestRotation && rotationPart(n) >= kLeastPart; }

void hadamardPlain(float *x, std::int64_t p) noexcept {
    for (std::int64_t half = 1; half < p; half *= 2) step(x, p, half);
}

void hadamard(float *x, std::int64_t p) noexcept {
    if (p < 8) return hadamardPlain(x, p);
    for (std::int64_t i = 0; i < p; i += 8) eight(x + i);
    for (std::int64_t half = 8; half < p; half *= 2) wideStep(x, p, half);
}

void rotateRow(float *x, std::int64_t n) noexcept {
    const std::int64_t p = rotationPart(n);
    const float factor = 1.0F / std::sqrt(static_cast<float>(p));
    for (std::int64_t i = 0; i < n; ++i) x[i] *= kSigns.values[i] * factor;
    for (std::int64_t i = 0; i < n; i += p) hadamard(x + i, p);
}

void unrotateRow(float *x, std::int64_t n) noexcept {
    const std::int64_t p = rotationPart(n);
    const float factor = 1.0F / std::sqrt(static_cast<float>(p));
    for (std::int64_t i = 0; i < n; i += p) hadamard(x + i, p);
    for (std::int64_t i = 0; i < n; ++i) x[i] *= kSigns.values[i] * factor;
}

} // namespace facet
