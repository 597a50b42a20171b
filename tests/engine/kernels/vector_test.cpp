#include "kernel_support.h"

#include "kernels/float_formats.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

// Runs body(kernels, n, offset) for every table, n = 1..70 and some longer ones, at two alignments.
template <typename F>
void forSizes(const F &body) {
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        for (int n = 1; n <= 70; ++n) {
            CAPTURE(n);
            body(*k, n, n % 3);
        }
        for (const int n : {255, 1000, 4097}) {
            CAPTURE(n);
            body(*k, n, 1);
        }
    }
}

double geluOf(double x) { return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x))); }

}  // namespace

TEST_CASE("dot and axpy") {
    Random random(10);
    forSizes([&](const Kernels &k, int n, int offset) {
        const std::vector<float> x = random.values(n + offset);
        std::vector<float> y = random.values(n + offset);
        double expected = 0;
        double size = 0;
        for (int i = offset; i < n + offset; ++i) {
            const auto at = static_cast<std::size_t>(i);
            expected += static_cast<double>(x[at]) * static_cast<double>(y[at]);
            size += std::fabs(static_cast<double>(x[at]) * static_cast<double>(y[at]));
        }
        CHECK(std::fabs(k.dot(x.data() + offset, y.data() + offset, n) - expected) <= 1e-6 * size);
        const std::vector<float> before = y;
        k.axpy(0.75F, x.data() + offset, n, y.data() + offset);
        bool good = true;
        for (int i = 0; i < n + offset; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const float wanted = i < offset ? before[at] : before[at] + 0.75F * x[at];
            good = good && std::fabs(y[at] - wanted) <= 1e-6F * (std::fabs(before[at]) + std::fabs(x[at]));
        }
        CHECK(good);
    });
}

TEST_CASE("rmsNorm: with and without weight, in place, tiny and large rows") {
    Random random(11);
    forSizes([&](const Kernels &k, int n, int offset) {
        const std::vector<float> x = random.values(n + offset, n % 2 == 0 ? 1e-4F : 300.0F);
        const std::vector<float> w = random.values(n);
        double squares = 0;
        for (int i = 0; i < n; ++i) squares += std::pow(static_cast<double>(x[static_cast<std::size_t>(i + offset)]), 2);
        const double factor = 1.0 / std::sqrt(squares / n + 1e-6);
        std::vector<float> plain(x.begin() + offset, x.end());
        std::vector<float> weighted(static_cast<std::size_t>(n));
        k.rmsNorm(x.data() + offset, w.data(), n, 1e-6F, weighted.data());
        k.rmsNorm(plain.data(), nullptr, n, 1e-6F, plain.data());
        bool good = true;
        for (std::size_t i = 0; i < plain.size(); ++i) {
            const double wanted = x[i + static_cast<std::size_t>(offset)] * factor;
            good = good && std::fabs(plain[i] - wanted) <= 2e-6 * std::fabs(wanted);
            good = good && std::fabs(weighted[i] - wanted * w[i]) <= 2e-6 * std::fabs(wanted * w[i]);
        }
        CHECK(good);
    });
}

TEST_CASE("rope: half-split rotation") {
    Random random(12);
    forSizes([&](const Kernels &k, int half, int) {
        const auto count = static_cast<std::size_t>(half);
        const std::vector<float> x = random.values(2 * half);
        std::vector<float> angles = random.values(half, 3.0F);
        std::vector<float> c(count);
        std::vector<float> s(count);
        for (std::size_t j = 0; j < count; ++j) {
            c[j] = std::cos(angles[j]);
            s[j] = std::sin(angles[j]);
        }
        std::vector<float> y = x;
        k.rope(y.data(), c.data(), s.data(), 2 * half);
        bool good = true;
        for (std::size_t j = 0; j < count; ++j) {
            const float size = 1e-6F * (std::fabs(x[j]) + std::fabs(x[j + count]));
            good = good && std::fabs(y[j] - (x[j] * c[j] - x[j + count] * s[j])) <= size;
            good = good && std::fabs(y[j + count] - (x[j + count] * c[j] + x[j] * s[j])) <= size;
        }
        CHECK(good);
    });
}

TEST_CASE("geluMul, silu and softcap against double precision") {
    Random random(13);
    forSizes([&](const Kernels &k, int n, int offset) {
        const std::vector<float> gate = random.values(n + offset, n % 2 == 0 ? 0.3F : 4.0F);
        const std::vector<float> up = random.values(n + offset);
        std::vector<float> gelu(static_cast<std::size_t>(n));
        std::vector<float> silu(static_cast<std::size_t>(n));
        std::vector<float> capped(gate.begin() + offset, gate.end());
        for (float &x : capped) x *= 20.0F;
        k.geluMul(gate.data() + offset, up.data() + offset, n, gelu.data());
        k.silu(gate.data() + offset, n, silu.data());
        k.softcap(capped.data(), n, 30.0F);
        bool good = true;
        for (std::size_t i = 0; i < gelu.size(); ++i) {
            const double x = gate[i + static_cast<std::size_t>(offset)];
            const double u = up[i + static_cast<std::size_t>(offset)];
            // 0.5 x (1 + tanh) loses digits of x for negative x: the error is a share of |x|, not of the result
            good = good && std::fabs(gelu[i] - geluOf(x) * u) <= 5e-7 * std::fabs(x * u) + 1e-30;
            good = good && std::fabs(silu[i] - x / (1 + std::exp(-x))) <= 1e-6 * std::fabs(x);
            const double cap = 30.0 * std::tanh(static_cast<double>(static_cast<float>(x) * 20.0F) / 30.0);
            good = good && std::fabs(capped[i] - cap) <= 5e-7 * std::fabs(cap);
        }
        CHECK(good);
    });
}

TEST_CASE("activations at the ends of the range") {
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        const std::vector<float> x = {0.0F, -0.0F, 1e-30F, 88.0F, -88.0F, 200.0F, -200.0F, 3e4F, -3e4F};
        const std::vector<float> ones(x.size(), 1.0F);
        std::vector<float> y(x.size());
        k->geluMul(x.data(), ones.data(), static_cast<std::int64_t>(x.size()), y.data());
        for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == doctest::Approx(std::max(x[i], 0.0F)).epsilon(1e-6));
        k->silu(x.data(), static_cast<std::int64_t>(x.size()), y.data());
        CHECK(y[7] == 3e4F);
        CHECK(std::fabs(y[8]) < 1e-30F);
        std::vector<float> capped = x;
        k->softcap(capped.data(), static_cast<std::int64_t>(x.size()), 30.0F);
        CHECK(capped[7] == doctest::Approx(30.0F));
        CHECK(capped[8] == doctest::Approx(-30.0F));
        CHECK(capped[0] == 0.0F);
        float odd[3] = {NAN, NAN, NAN};
        k->geluMul(odd, odd, 1, odd);
        k->silu(odd + 1, 1, odd + 1);
        k->softcap(odd + 2, 1, 30.0F);
        CHECK(std::isnan(odd[0]));
        CHECK(std::isnan(odd[1]));
        CHECK(std::isnan(odd[2]));
    }
}

TEST_CASE("softmax: sums to one, large values, minus infinity") {
    Random random(14);
    forSizes([&](const Kernels &k, int n, int offset) {
        std::vector<float> x = random.values(n + offset, 8.0F);
        for (float &v : x) v += 5000.0F;
        if (n > 2) x[static_cast<std::size_t>(offset + 1)] = -INFINITY;
        const std::vector<float> in(x.begin() + offset, x.end());
        k.softmax(x.data() + offset, n);
        const double top = *std::max_element(in.begin(), in.end());
        double sum = 0;
        for (const float v : in) sum += std::exp(v - top);
        bool good = true;
        for (std::size_t i = 0; i < in.size(); ++i) {
            const double wanted = std::exp(in[i] - top) / sum;
            good = good && std::fabs(x[i + static_cast<std::size_t>(offset)] - wanted) <= 2e-6 * wanted + 1e-37;
        }
        CHECK(good);
        if (n > 2) CHECK(x[static_cast<std::size_t>(offset + 1)] == 0.0F);
    });
}

TEST_CASE("clamp keeps what is inside") {
    Random random(15);
    forSizes([&](const Kernels &k, int n, int offset) {
        std::vector<float> x = random.values(n + offset, 2.0F);
        const std::vector<float> in = x;
        k.clamp(x.data() + offset, n, -1.0F, 1.5F);
        bool good = true;
        for (std::size_t i = 0; i < x.size(); ++i) {
            good = good && x[i] == (i < static_cast<std::size_t>(offset) ? in[i] : std::clamp(in[i], -1.0F, 1.5F));
        }
        CHECK(good);
    });
}

TEST_CASE("toCache and dequantise: float16 as the bit by bit conversion, large values held finite") {
    Random random(16);
    forSizes([&](const Kernels &k, int n, int offset) {
        std::vector<float> x = random.values(n, 100.0F);
        if (n > 4) {
            x[1] = 1e9F;
            x[2] = -INFINITY;
            x[3] = 3e-7F;
        }
        std::vector<std::uint16_t> halves(static_cast<std::size_t>(n + offset + 1), 0xABCD);
        k.toCache(CacheType::F16, x.data(), n, halves.data() + offset);
        bool good = halves.back() == 0xABCD;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const float held = std::clamp(x[i], -65504.0F, 65504.0F);
            good = good && halves[i + static_cast<std::size_t>(offset)] == halfFromFloat(held);
        }
        CHECK(good);
        std::vector<float> copy(x.size());
        k.toCache(CacheType::F32, x.data(), n, copy.data());
        CHECK(copy == x);
    });
    // every float16 there is
    std::vector<std::uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        std::vector<float> wide(all.size());
        k->dequantise(TensorType::F16, reinterpret_cast<const std::byte *>(all.data()), 65536, wide.data());
        int wrong = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const float wanted = floatFromHalf(all[i]);
            if (std::isnan(wanted) ? !std::isnan(wide[i]) : std::bit_cast<std::uint32_t>(wanted) != std::bit_cast<std::uint32_t>(wide[i])) ++wrong;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("dequantise: all types and tails equal the scalar table bit by bit") {
    Random random(17);
    for (const Kernels *k : availableKernels()) {
        for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16, TensorType::Q8_0, TensorType::Q4_0}) {
            CAPTURE(k->name);
            CAPTURE(tensorTypeName(type));
            const std::int64_t unit = blockShape(type).values;
            for (std::int64_t n = 1; n <= 70; ++n) {
                const Stored w(type, 1, n * unit, random);
                std::vector<float> got(static_cast<std::size_t>(n * unit));
                k->dequantise(type, w.matrix.data, n * unit, got.data());
                CHECK(got == w.row(0));
            }
        }
    }
}
