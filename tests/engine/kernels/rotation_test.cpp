// The rotation of rotated caches: orthogonal, undone, the same bits fast and plain; attention over such caches.
#include "kernel_support.h"

#include "kernels/ops.h"
#include "kernels/quant_blocks.h"
#include "kernels/rotation.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

double product(const std::vector<float> &a, const std::vector<float> &b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

// Error of a row behind writing and reading, as a share of its size.
double lossOf(CacheType type, const std::vector<float> &x) {
    const auto n = static_cast<std::int64_t>(x.size());
    std::vector<std::byte> stored(static_cast<std::size_t>(cacheRowBytes(type, n)));
    storeCacheRow(scalar(), type, x.data(), n, stored.data());
    std::vector<float> back(x.size());
    scalar().dequantise(cacheTensorType(type), stored.data(), n, back.data());
    if (type == CacheType::Q4_R) unrotateRow(back.data(), n);
    std::vector<float> off(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) off[i] = back[i] - x[i];
    return std::sqrt(product(off, off) / product(x, x));
}

} // namespace

TEST_CASE("the fast Hadamard transform gives the bits of the plain one, which is what its name says") {
    Random random(5);
    for (const std::int64_t p : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096}) {
        CAPTURE(p);
        const std::vector<float> x = random.values(p);
        std::vector<float> plain = x, fast = x;
        hadamardPlain(plain.data(), p);
        hadamard(fast.data(), p);
        CHECK(plain == fast);
        if (p > 64) continue;
        for (std::int64_t r = 0; r < p; ++r) { // H[r, c] = (-1)^(ones of r & c)
            double wanted = 0;
            for (std::int64_t c = 0; c < p; ++c)
                wanted += (__builtin_popcountll(static_cast<unsigned long long>(r & c)) % 2 == 0 ? 1.0 : -1.0) *
                          static_cast<double>(x[static_cast<std::size_t>(c)]);
            CHECK(plain[static_cast<std::size_t>(r)] == doctest::Approx(wanted).epsilon(1e-5));
        }
    }
}

TEST_CASE("the rotation keeps products and is undone") {
    Random random(6);
    for (const std::int64_t n : {32, 64, 96, 128, 160, 192, 256, 320, 512, 4096}) {
        CAPTURE(n);
        REQUIRE(canRotate(n));
        const std::vector<float> a = random.values(n), b = random.values(n);
        std::vector<float> ra = a, rb = b;
        rotateRow(ra.data(), n);
        rotateRow(rb.data(), n);
        const double size = std::sqrt(product(a, a) * product(b, b));
        CHECK(std::fabs(product(ra, rb) - product(a, b)) < 1e-5 * size);
        CHECK(std::fabs(product(ra, ra) - product(a, a)) < 1e-5 * product(a, a));
        CHECK(ra != a);
        unrotateRow(ra.data(), n);
        double worst = 0;
        for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(static_cast<double>(ra[i] - a[i])));
        CHECK(worst < 1e-5);
        // One channel alone is spread over all values of its part.
        std::vector<float> spike(a.size(), 0.0F);
        spike[a.size() / 2] = 8;
        rotateRow(spike.data(), n);
        const auto part = static_cast<double>(rotationPart(n));
        float largest = 0;
        for (const float x : spike) largest = std::max(largest, std::fabs(x));
        CHECK(largest == doctest::Approx(8 / std::sqrt(part)).epsilon(1e-5));
    }
    CHECK(rotationPart(96) == 32);
    CHECK(rotationPart(512) == 512);
    CHECK(rotationPart(0) == 0);
    for (const std::int64_t n : {0, 8, 16, 24, 48, 80, 8192}) CHECK_FALSE(canRotate(n));
    for (const std::int64_t n : {16, 48}) CHECK(cacheRowBytes(CacheType::Q4_R, n) == 0);
    CHECK(cacheRowBytes(CacheType::Q4_R, 256) == 144);
}

TEST_CASE("rotated rows lose less in 4 bits, most of all where single channels are large") {
    Random random(7);
    double plain = 0, rotated = 0, plainOutliers = 0, rotatedOutliers = 0;
    for (int row = 0; row < 50; ++row) {
        std::vector<float> x = random.values(256);
        plain += lossOf(CacheType::Q4_0, x);
        rotated += lossOf(CacheType::Q4_R, x);
        for (std::size_t i = 5; i < x.size(); i += 32) x[i] *= 12;
        plainOutliers += lossOf(CacheType::Q4_0, x);
        rotatedOutliers += lossOf(CacheType::Q4_R, x);
    }
    CHECK(rotated < 0.96 * plain);
    CHECK(rotatedOutliers < 0.6 * plainOutliers);
    for (const float damage : {NAN, INFINITY, -INFINITY, 0.0F, 1e-40F}) { // defined, whatever comes
        const std::vector<float> x(256, damage);
        std::vector<std::byte> stored(144);
        storeCacheRow(scalar(), CacheType::Q4_R, x.data(), 256, stored.data());
    }
}

TEST_CASE("attention over a rotated cache: that over a float32 cache of what it holds, turned back") {
    Random random(8);
    for (const Kernels *k : availableKernels()) {
        for (const int headDim : {32, 96, 256, 512}) {
            CAPTURE(k->name);
            CAPTURE(headDim);
            const int kvHeads = 2, heads = 6;
            const std::int64_t capacity = headDim > 96 ? 600 : 1300, written = capacity; // several pieces, worked on by several threads
            const std::int64_t rowBytes = cacheRowBytes(CacheType::Q4_R, headDim);
            const auto slots = static_cast<std::size_t>(capacity * kvHeads);
            std::vector<std::byte> keys(slots * static_cast<std::size_t>(rowBytes)), values(keys.size());
            std::vector<float> keys32(slots * static_cast<std::size_t>(headDim)), values32(keys32.size());
            for (std::int64_t slot = 0; slot < static_cast<std::int64_t>(slots); ++slot) {
                for (auto &[stored, plain] : {std::pair{&keys, &keys32}, std::pair{&values, &values32}}) {
                    const std::vector<float> row = random.values(headDim, 0.5F);
                    storeCacheRow(*k, CacheType::Q4_R, row.data(), headDim, stored->data() + slot * rowBytes);
                    k->dequantise(TensorType::Q4_0, stored->data() + slot * rowBytes, headDim, plain->data() + slot * headDim);
                    unrotateRow(plain->data() + slot * headDim, headDim);
                }
            }
            for (const std::int64_t tokens : {1, 9, 33}) {
                const std::vector<float> q = random.values(tokens * heads * headDim);
                std::vector<std::int64_t> from(static_cast<std::size_t>(tokens), 0), to(from.size());
                for (std::size_t t = 0; t < to.size(); ++t) to[t] = written - tokens + static_cast<std::int64_t>(t) + 1;
                std::vector<float> wanted(q.size()), first;
                WorkerPool alone(1);
                attend({k, &alone, false, nullptr}, {CacheType::F32, keys32.data(), values32.data(), capacity, kvHeads, headDim},
                       q.data(), tokens, heads, from, to, wanted.data());
                for (const int threads : {1, 3}) {
                    WorkerPool pool(threads);
                    const Exec exec{k, &pool, false, nullptr};
                    std::vector<float> got(q.size());
                    attend(exec, {CacheType::Q4_R, keys.data(), values.data(), capacity, kvHeads, headDim}, q.data(), tokens,
                           heads, from, to, got.data());
                    double worst = 0;
                    for (std::size_t i = 0; i < got.size(); ++i)
                        worst = std::max(worst, std::fabs(static_cast<double>(got[i]) - static_cast<double>(wanted[i])));
                    CHECK(worst < 2e-5);
                    if (first.empty()) first = got;
                    CHECK(got == first); // whatever the number of threads
                }
            }
        }
    }
}
