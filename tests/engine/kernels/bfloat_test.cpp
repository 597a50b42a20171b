// Products of bfloat16 against plain loops in double precision over factors that were rounded beforehand.
#include "kernel_support.h"

#include "kernels/float_formats.h"
#include "kernels/ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

std::vector<float> rounded(std::vector<float> values) {
    for (float &x : values) x = floatFromBfloat(bfloatFromFloat(x));
    return values;
}

std::vector<float> multiply(const Exec &exec, const Matrix &w, const float *x, std::int64_t tokens) {
    std::vector<float> y(static_cast<std::size_t>(tokens * w.rows), NAN);
    linear(exec, w, x, tokens, y.data());
    return y;
}

Exec bfloatExec(const Kernels &kernels, WorkerPool &pool) {
    Exec exec{&kernels, &pool};
    exec.bfloats = true;
    return exec;
}

double dotProduct(const float *a, const float *b, std::int64_t n) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

// NaN sticks.
void keepWorst(double &worst, double error) { worst = error <= worst ? worst : error; }

// Queries of one head over keys and values, all of them rounded; what no query sees is NaN for the kernels.
struct Attention {
    Attention(int headDim, std::int64_t keyCount, std::int64_t tokens, bool whole, Random &random)
        : dim(headDim), keys(rounded(random.values(keyCount * dim, width()))), values(rounded(random.values(keyCount * dim))),
          q(rounded(random.values(tokens * dim, width()))) {
        const int last = static_cast<int>(keyCount);
        for (std::int64_t t = 0; t < tokens; ++t) {
            from.push_back(whole ? 0 : random.within(0, last - 1));
            to.push_back(whole ? last : random.within(static_cast<int>(from.back()) + 1, last));
        }
        const std::int64_t lowest = *std::min_element(from.begin(), from.end());
        const std::int64_t highest = *std::max_element(to.begin(), to.end());
        for (std::int64_t j = 0; j < keyCount; ++j) {
            if (j >= lowest && j < highest) continue;
            std::fill_n(keys.begin() + j * dim, dim, NAN);
            std::fill_n(values.begin() + j * dim, dim, NAN);
        }
    }
    float width() const { return 1.5F / std::sqrt(std::sqrt(static_cast<float>(dim))); }

    std::vector<float> run(const Exec &exec) const {
        const KvView view{CacheType::F32, keys.data(), values.data(), static_cast<std::int64_t>(keys.size()) / dim, 1, dim};
        std::vector<float> out(q.size(), NAN);
        attend(exec, view, q.data(), static_cast<std::int64_t>(from.size()), 1, from, to, out.data());
        return out;
    }
    // Of one token, in double.
    std::vector<double> wanted(std::size_t token) const {
        std::vector<double> weights, out(static_cast<std::size_t>(dim), 0.0);
        const float *own = q.data() + token * static_cast<std::size_t>(dim);
        for (std::int64_t j = from[token]; j < to[token]; ++j) weights.push_back(dotProduct(own, keys.data() + j * dim, dim));
        const double top = *std::max_element(weights.begin(), weights.end());
        double sum = 0;
        for (double &weight : weights) sum += weight = std::exp(weight - top);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const float *row = values.data() + (from[token] + static_cast<std::int64_t>(i)) * dim;
            for (std::size_t d = 0; d < out.size(); ++d) out[d] += weights[i] / sum * static_cast<double>(row[d]);
        }
        return out;
    }

    int dim;
    std::vector<float> keys, values, q;
    std::vector<std::int64_t> from, to;
};

}  // namespace

TEST_CASE("products of bfloat16 are those of the rounded factors") {
    Random random(71);
    for (const Kernels *k : bfloatKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(2);
        const Exec exec = bfloatExec(*k, pool);
        for (int round = 0; round < 40; ++round) {
            const std::int64_t rows = random.within(1, 90), cols = random.within(1, 700), tokens = random.within(1, 70);
            for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16}) {
                CAPTURE(tensorTypeName(type));
                CAPTURE(rows);
                CAPTURE(cols);
                CAPTURE(tokens);
                const Stored w(type, rows, cols, random);
                const std::vector<float> x = random.values(tokens * cols);
                const std::vector<float> y = multiply(exec, w.matrix, x.data(), tokens);
                const std::vector<float> in = rounded(x);
                double worst = 0;
                for (std::int64_t r = 0; r < rows; ++r) {
                    const std::vector<float> row = rounded(w.row(r));
                    for (std::int64_t t = 0; t < tokens; ++t) {
                        const double sum = dotProduct(row.data(), in.data() + t * cols, cols);
                        keepWorst(worst, std::fabs(y[static_cast<std::size_t>(t * rows + r)] - sum));
                    }
                }
                CHECK(worst < 3e-6 * (10 + static_cast<double>(cols)));
            }
        }
    }
}

TEST_CASE("what a token gets from products of bfloat16 depends on nothing else in the call") {
    Random random(72);
    for (const Kernels *k : bfloatKernels()) {
        CAPTURE(k->name);
        WorkerPool one(1), three(3);
        constexpr std::int64_t rows = 83, cols = 301, tokens = 61;
        const Stored w(TensorType::BF16, rows, cols, random);
        const std::vector<float> x = random.values(tokens * cols);
        Exec exec = bfloatExec(*k, one);
        const std::vector<float> y = multiply(exec, w.matrix, x.data(), tokens);
        CHECK(y == multiply(bfloatExec(*k, three), w.matrix, x.data(), tokens));
        for (const std::int64_t t : {0, 7, 60}) {
            const std::vector<float> alone = multiply(exec, w.matrix, x.data() + t * cols, 1);
            CHECK(std::equal(alone.begin(), alone.end(), y.begin() + t * rows));
        }
        exec.reference = true;  // float32 there, whatever is asked
        const Exec plain{k, &one, true};
        CHECK(multiply(exec, w.matrix, x.data(), tokens) == multiply(plain, w.matrix, x.data(), tokens));
        CHECK(multiply(exec, w.matrix, x.data(), tokens) != y);
    }
}

TEST_CASE("attention with products of bfloat16: any head, any span, hidden keys never seen") {
    Random random(73);
    const std::vector<int> heads = {64, 72, 80, 128, 1, 33, 16, 127};
    for (const Kernels *k : bfloatKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(2);
        const Exec exec = bfloatExec(*k, pool);
        for (std::size_t round = 0; round < 60; ++round) {
            const int dim = round < heads.size() ? heads[round] : random.within(1, 128);
            const std::int64_t keys = random.within(1, 700), tokens = random.within(1, round % 10 == 0 ? 500 : 40);
            CAPTURE(dim);
            CAPTURE(keys);
            CAPTURE(tokens);
            const Attention attention(dim, keys, tokens, round % 2 == 0, random);
            const std::vector<float> out = attention.run(exec);
            double worst = 0;
            for (std::size_t t = 0; t < attention.from.size(); ++t) {
                const std::vector<double> wanted = attention.wanted(t);
                for (std::size_t d = 0; d < wanted.size(); ++d) keepWorst(worst, std::fabs(out[t * wanted.size() + d] - wanted[d]));
            }
            CHECK(worst < 0.012);  // the weights alone are rounded: 2^-9 of values up to 4
        }
    }
}

TEST_CASE("heads too long for products of bfloat16 are attended with those of float32") {
    Random random(74);
    for (const Kernels *k : bfloatKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(1);
        const Attention attention(static_cast<int>(kMostBfloatHead) + 1, 90, 20, true, random);
        CHECK(attention.run(bfloatExec(*k, pool)) == attention.run(Exec{k, &pool}));
    }
}
