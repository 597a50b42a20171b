#include "kernels/ops.h"

#include "kernels/profile.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace facet {
namespace {

constexpr std::int64_t kPieceValues = 4096;  // work below this is not worth waking a thread

std::int64_t rowGrain(std::int64_t width) noexcept {
    return std::max<std::int64_t>(1, kPieceValues / std::max<std::int64_t>(1, width));
}

}  // namespace

void rmsNormRows(const Exec &exec, const float *x, const float *w, std::int64_t tokens, std::int64_t width, float eps,
                 float *out) {
    const ProfileScope scope(exec.profile, "norm");
    exec.pool->parallelFor(tokens, rowGrain(width), [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t t = begin; t < end; ++t) exec.kernels->rmsNorm(x + t * width, w, width, eps, out + t * width);
    });
}

void addNormRows(const Exec &exec, float *x, const float *f, const float *w, std::int64_t tokens, std::int64_t width,
                 float eps) {
    const ProfileScope scope(exec.profile, "norm");
    const auto threads = static_cast<std::size_t>(exec.pool->threadCount());
    const auto scratch = std::make_unique_for_overwrite<float[]>(threads * static_cast<std::size_t>(width));
    exec.pool->parallelFor(tokens, rowGrain(width), [&](std::int64_t begin, std::int64_t end, int thread) {
        float *normed = scratch.get() + thread * width;
        for (std::int64_t t = begin; t < end; ++t) {
            exec.kernels->rmsNorm(f + t * width, w, width, eps, normed);
            exec.kernels->axpy(1.0F, normed, width, x + t * width);
        }
    });
}

void geluMulRows(const Exec &exec, const float *gate, const float *up, std::int64_t tokens, std::int64_t width, float *out) {
    const ProfileScope scope(exec.profile, "activation");
    exec.pool->parallelFor(tokens * width, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
        exec.kernels->geluMul(gate + begin, up + begin, end - begin, out + begin);
    });
}

void ropeTable(std::span<const std::int64_t> positions, std::span<const double> freq, std::vector<float> &cosines,
               std::vector<float> &sines) {
    cosines.resize(positions.size() * freq.size());
    sines.resize(positions.size() * freq.size());
    std::size_t i = 0;
    for (const std::int64_t position : positions) {
        for (const double f : freq) {
            const double angle = static_cast<double>(position) * f;
            cosines[i] = static_cast<float>(std::cos(angle));
            sines[i] = static_cast<float>(std::sin(angle));
            ++i;
        }
    }
}

}  // namespace facet
