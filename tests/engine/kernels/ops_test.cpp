#include "kernel_support.h"

#include "kernels/ops.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace facet;
using namespace facet::test;

TEST_CASE("row operations equal the kernels row by row, whatever the threads") {
    Random random(50);
    const std::int64_t width = 333;
    const std::int64_t tokens = 41;
    const std::vector<float> x = random.values(tokens * width);
    const std::vector<float> f = random.values(tokens * width);
    const std::vector<float> w = random.values(width);
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        std::vector<float> normed(x.size());
        std::vector<float> added = x;
        std::vector<float> activated(x.size());
        for (std::int64_t t = 0; t < tokens; ++t) {
            std::vector<float> row(static_cast<std::size_t>(width));
            k->rmsNorm(x.data() + t * width, w.data(), width, 1e-6F, normed.data() + t * width);
            k->rmsNorm(f.data() + t * width, w.data(), width, 1e-6F, row.data());
            k->axpy(1.0F, row.data(), width, added.data() + t * width);
            k->geluMul(x.data() + t * width, f.data() + t * width, width, activated.data() + t * width);
        }
        for (int threads = 1; threads <= 4; ++threads) {
            WorkerPool pool(threads);
            const Exec exec{k, &pool, false, nullptr};
            std::vector<float> out = x;
            rmsNormRows(exec, out.data(), w.data(), tokens, width, 1e-6F, out.data());
            CHECK(out == normed);
            out = x;
            addNormRows(exec, out.data(), f.data(), w.data(), tokens, width, 1e-6F);
            CHECK(out == added);
            geluMulRows(exec, x.data(), f.data(), tokens, width, out.data());
            CHECK(out == activated);
        }
    }
}

TEST_CASE("ropeTable: angles in double, pairs without frequency do not move") {
    const std::vector<std::int64_t> positions = {0, 1, 131071};
    const std::vector<double> freq = {1.0, 0.01, 0.0};
    std::vector<float> c;
    std::vector<float> s;
    ropeTable(positions, freq, c, s);
    REQUIRE(c.size() == 9);
    CHECK(c[0] == 1.0F);
    CHECK(s[0] == 0.0F);
    CHECK(c[6] == static_cast<float>(std::cos(131071.0)));
    CHECK(s[7] == static_cast<float>(std::sin(1310.71)));
    CHECK(c[8] == 1.0F);
    CHECK(s[8] == 0.0F);
}
