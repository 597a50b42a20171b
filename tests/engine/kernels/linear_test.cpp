#include "kernel_support.h"

#include "kernels/ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

constexpr TensorType kTypes[] = {TensorType::F32,  TensorType::F16,  TensorType::BF16, TensorType::Q8_0,
                                 TensorType::Q4_0, TensorType::Q5_0, TensorType::Q6_K, TensorType::IQ4_XS};

bool isQuantised(TensorType type) { return !isFloatType(type); }

std::vector<float> run(const Exec &exec, const Matrix &w, const std::vector<float> &x, std::int64_t tokens) {
    std::vector<float> y(static_cast<std::size_t>(tokens * w.rows), NAN);
    linear(exec, w, x.data(), tokens, y.data());
    return y;
}

}  // namespace

TEST_CASE("linear: the kernels' results whatever the threads and the tokens of the call") {
    Random random(40);
    for (const Kernels *k : productKernels()) {
        for (const TensorType type : kTypes) {
            for (const bool reference : {false, true}) {
                CAPTURE(k->name);
                CAPTURE(tensorTypeName(type));
                CAPTURE(reference);
                const std::int64_t cols = blockShape(type).values == 256 ? 512 : isQuantised(type) ? 352 : 341;
                const std::int64_t rows = 83;
                const std::int64_t tokens = 150;  // more than a block of tokens
                const Stored w(type, rows, cols, random);
                const std::vector<float> x = random.values(tokens * cols);
                std::vector<float> wanted(static_cast<std::size_t>(tokens * rows));
                for (std::int64_t t = 0; t < tokens; ++t) {
                    float *y = wanted.data() + t * rows;
                    if (isQuantised(type) && !reference) {
                        const std::vector<float> row(x.begin() + t * cols, x.begin() + (t + 1) * cols);
                        const QuantisedRows q(*k, row, 1, cols);
                        k->matmulQ8(w.matrix, 0, rows, q.rows(0, cols), 1, y, rows);
                    } else {
                        k->matmul(w.matrix, 0, rows, x.data() + t * cols, 1, cols, y, rows);
                    }
                }
                for (int threads = 1; threads <= 4; ++threads) {
                    WorkerPool pool(threads);
                    const Exec exec{k, &pool, reference, nullptr};
                    CHECK(run(exec, w.matrix, x, tokens) == wanted);
                    for (const std::int64_t few : {1, 2, 5, 9, 25, 47}) {
                        const std::vector<float> y = run(exec, w.matrix, x, few);
                        CHECK(std::equal(y.begin(), y.end(), wanted.begin()));
                    }
                }
            }
        }
    }
}

TEST_CASE("linear: several matrices of different types and heights in one call, with strides") {
    Random random(41);
    const std::int64_t cols = 128;
    const std::int64_t tokens = 11;
    const std::int64_t xStride = 131;
    const Stored a(TensorType::BF16, 40, cols, random);
    const Stored b(TensorType::Q8_0, 7, cols, random);
    const Stored c(TensorType::Q4_0, 65, cols, random);
    const Stored d(TensorType::F32, 1, cols, random);
    const std::vector<float> x = random.values(tokens * xStride);
    std::vector<float> packed;
    for (std::int64_t t = 0; t < tokens; ++t) packed.insert(packed.end(), x.begin() + t * xStride, x.begin() + t * xStride + cols);
    for (const Kernels *k : productKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(3);
        const Exec exec{k, &pool, false, nullptr};
        const std::int64_t wide = 100;
        std::vector<float> ya(static_cast<std::size_t>(tokens * 40));
        std::vector<float> yb(static_cast<std::size_t>(tokens * wide), 7.0F);
        std::vector<float> yc(static_cast<std::size_t>(tokens * 65));
        std::vector<float> yd(static_cast<std::size_t>(tokens));
        const LinearJob jobs[] = {{&a.matrix, ya.data(), 0}, {&b.matrix, yb.data(), wide}, {&c.matrix, yc.data(), 0}, {&d.matrix, yd.data(), 0}};
        linear(exec, x.data(), tokens, xStride, jobs);
        CHECK(ya == run(exec, a.matrix, packed, tokens));
        CHECK(yc == run(exec, c.matrix, packed, tokens));
        CHECK(yd == run(exec, d.matrix, packed, tokens));
        const std::vector<float> plain = run(exec, b.matrix, packed, tokens);
        bool good = true;
        for (std::int64_t t = 0; t < tokens; ++t) {
            for (std::int64_t i = 0; i < wide; ++i) {
                const float wanted = i < 7 ? plain[static_cast<std::size_t>(t * 7 + i)] : 7.0F;
                good = good && yb[static_cast<std::size_t>(t * wide + i)] == wanted;
            }
        }
        CHECK(good);
    }
}

TEST_CASE("linear: cancelled calls leave zeros") {
    Random random(42);
    const Stored w(TensorType::BF16, 33, 16, random);
    const std::vector<float> x = random.values(48);
    WorkerPool pool(2);
    const std::atomic<bool> cancel{true};
    const Exec exec{&scalar(), &pool, false, &cancel};
    const std::vector<float> y = run(exec, w.matrix, x, 3);
    CHECK(std::all_of(y.begin(), y.end(), [](float v) { return v == 0.0F; }));
}
