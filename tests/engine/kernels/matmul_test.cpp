#include "kernel_support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace facet;
using namespace facet::test;

namespace {

// Values of a block: 1 for the float types.
int unitOf(TensorType type) { return static_cast<int>(blockShape(type).values); }

// Sum and sum of magnitudes in double: what a float32 sum may differ by is a share of the latter.
struct Expected {
    double value = 0;
    double size = 0;
};
Expected product(const std::vector<float> &w, const float *x) {
    Expected e;
    for (std::size_t c = 0; c < w.size(); ++c) {
        const double term = static_cast<double>(w[c]) * static_cast<double>(x[c]);
        e.value += term;
        e.size += std::fabs(term);
    }
    return e;
}

void checkMatmul(const Kernels &k, TensorType type, std::int64_t rows, std::int64_t cols, std::int64_t tokens, Random &random) {
    CAPTURE(k.name);
    CAPTURE(tensorTypeName(type));
    CAPTURE(rows);
    CAPTURE(cols);
    CAPTURE(tokens);
    const Stored w(type, rows, cols, random);
    const std::int64_t xStride = cols + random.within(0, 3);
    const std::int64_t begin = random.within(0, static_cast<int>(rows) - 1);
    const std::int64_t end = random.within(static_cast<int>(begin) + 1, static_cast<int>(rows));
    const std::int64_t yStride = end - begin + 2;
    const std::vector<float> x = random.values(tokens * xStride);
    constexpr float kUntouched = 12345.0F;
    std::vector<float> y(static_cast<std::size_t>(tokens * yStride), kUntouched);
    k.matmul(w.matrix, begin, end, x.data(), tokens, xStride, y.data(), yStride);
    bool near = true;
    bool inside = true;
    for (std::int64_t r = begin; r < end; ++r) {
        const std::vector<float> row = w.row(r);
        for (std::int64_t t = 0; t < tokens; ++t) {
            const Expected e = product(row, x.data() + t * xStride);
            near = near && std::fabs(y[static_cast<std::size_t>(t * yStride + r - begin)] - e.value) <= 1e-6 * e.size + 1e-30;
        }
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t i = end - begin; i < yStride; ++i) {
            inside = inside && y[static_cast<std::size_t>(t * yStride + i)] == kUntouched;
        }
    }
    CHECK(near);
    CHECK(inside);
}

}  // namespace

TEST_CASE("matmul: every table and type, random shapes, tails and strides") {
    Random random(1);
    for (const Kernels *k : availableKernels()) {
        for (const TensorType type : allTypes()) {
            const int unit = unitOf(type);
            for (int cols = 1; cols <= 70; cols += unit > 1 ? 23 : 1) {
                checkMatmul(*k, type, random.within(1, 19), std::max(1, cols / unit) * unit, random.within(1, 9), random);
            }
            const bool old = unit == 1 || type == TensorType::Q8_0 || type == TensorType::Q4_0;
            for (int i = 0; i < (old ? 12 : 3); ++i) {
                checkMatmul(*k, type, random.within(1, 40), std::int64_t{random.within(1, 1400 / unit)} * unit,
                            random.within(1, old ? 90 : 30), random);
            }
        }
    }
}

TEST_CASE("matmul: a token's result does not depend on the batch or the rows around it") {
    Random random(2);
    for (const Kernels *k : availableKernels()) {
        for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16, TensorType::Q8_0, TensorType::Q4_0,
                                      TensorType::Q5_1, TensorType::Q4_K}) {
            CAPTURE(k->name);
            CAPTURE(tensorTypeName(type));
            const std::int64_t unit = unitOf(type);
            for (const std::int64_t cols : {std::max<std::int64_t>(unit, 32), 3 * std::max<std::int64_t>(unit, 32),
                                            unit == 1 ? 1117 : 1120 / unit * unit}) {
                const std::int64_t rows = 23;
                const std::int64_t tokens = 70;
                const Stored w(type, rows, cols, random);
                const std::vector<float> x = random.values(tokens * cols);
                std::vector<float> alone(static_cast<std::size_t>(tokens * rows));
                for (std::int64_t t = 0; t < tokens; ++t) {
                    k->matmul(w.matrix, 0, rows, x.data() + t * cols, 1, cols, alone.data() + t * rows, rows);
                }
                for (const std::int64_t batch : {2, 3, 4, 5, 7, 8, 13, 64, 70}) {
                    std::vector<float> y(static_cast<std::size_t>(batch * rows));
                    k->matmul(w.matrix, 0, rows, x.data(), batch, cols, y.data(), rows);
                    CHECK(std::equal(y.begin(), y.end(), alone.begin()));
                }
                for (std::int64_t r = 0; r < rows; ++r) {
                    float y = 0;
                    k->matmul(w.matrix, r, r + 1, x.data(), 1, cols, &y, 1);
                    CHECK(y == alone[static_cast<std::size_t>(r)]);
                }
            }
        }
    }
}

TEST_CASE("matmulQ8: equals the integer products of the scalar table and stays within the error of int8 inputs") {
    Random random(3);
    for (const Kernels *k : productKernels()) {
        for (const TensorType type : blockTypes()) {
            for (int i = 0; i < 20; ++i) {
                const std::int64_t rows = random.within(1, 21);
                const std::int64_t unit = unitOf(type);
                const std::int64_t cols = random.within(1, static_cast<int>(1280 / unit)) * unit;
                const std::int64_t tokens = random.within(1, 11);
                CAPTURE(k->name);
                CAPTURE(tensorTypeName(type));
                CAPTURE(rows);
                CAPTURE(cols);
                CAPTURE(tokens);
                const Stored w(type, rows, cols, random);
                const std::vector<float> x = random.values(tokens * cols);
                const QuantisedRows q(*k, x, tokens, cols);
                const std::int64_t begin = random.within(0, static_cast<int>(rows) - 1);
                const std::int64_t yStride = rows - begin + 1;
                std::vector<float> y(static_cast<std::size_t>(tokens * yStride));
                k->matmulQ8(w.matrix, begin, rows, q.rows(0, cols), tokens, y.data(), yStride);
                bool exact = true;
                bool near = true;
                for (std::int64_t r = begin; r < rows; ++r) {
                    const std::vector<float> row = w.row(r);
                    double largest = 0;
                    for (const float weight : row) largest = std::max(largest, std::fabs(static_cast<double>(weight)));
                    for (std::int64_t t = 0; t < tokens; ++t) {
                        std::vector<float> back(static_cast<std::size_t>(cols));
                        double size = 0;   // of the terms, offsets of the weights included
                        double error = 0;  // that rounding the inputs to half a step each explains
                        for (std::int64_t c = 0; c < cols; ++c) {
                            const auto at = static_cast<std::size_t>(t * cols + c);
                            const double scale = q.scales[at / 32];
                            back[static_cast<std::size_t>(c)] = static_cast<float>(q.values[at] * scale);
                            const double weight = std::fabs(row[static_cast<std::size_t>(c)]);
                            error += 0.501 * scale * weight;
                            size += (weight + largest) * std::fabs(back[static_cast<std::size_t>(c)]);
                        }
                        const double got = y[static_cast<std::size_t>(t * yStride + r - begin)];
                        exact = exact && std::fabs(got - product(row, back.data()).value) <= 4e-6 * size;
                        near = near && std::fabs(got - product(row, x.data() + t * cols).value) <= error + 4e-6 * size;
                    }
                }
                CHECK(exact);
                CHECK(near);
            }
        }
    }
}

// Q8Rows::pairs of 16 values whose two sums are the same.
std::int32_t pairOf(int sum) { return static_cast<std::int32_t>((static_cast<std::uint32_t>(sum) & 0xFFFFU) * 0x10001U); }

TEST_CASE("matmulQ8: extreme bytes do not saturate") {
    for (const Kernels *k : productKernels()) {
        CAPTURE(k->name);
        const std::int64_t cols = 96;
        std::vector<std::byte> bytes(34 * 3);
        for (int b = 0; b < 3; ++b) {
            bytes[static_cast<std::size_t>(34 * b + 1)] = std::byte{0x3C};  // float16 1.0
            for (int i = 0; i < 32; ++i) bytes[static_cast<std::size_t>(34 * b + 2 + i)] = std::byte{0x80};
        }
        Matrix w;
        w.type = TensorType::Q8_0;
        w.rows = 1;
        w.cols = cols;
        w.data = bytes.data();
        for (const std::int8_t input : {std::int8_t{127}, std::int8_t{-127}}) {
            const std::vector<std::int8_t> values(static_cast<std::size_t>(cols), input);
            const std::vector<float> scales(3, 1.0F);
            const std::vector<float> sums(6, 16.0F * input);
            const std::vector<std::int32_t> pairs(6, pairOf(8 * input));
            float y = 0;
            k->matmulQ8(w, 0, 1, {values.data(), scales.data(), sums.data(), pairs.data()}, 1, &y, 1);
            CHECK(y == -128.0F * input * 96.0F);
        }
    }
}

TEST_CASE("matmulQ8: inputs at the end of their range with any block") {
    Random random(6);
    for (const Kernels *k : productKernels()) {
        for (const TensorType type : blockTypes()) {
            CAPTURE(k->name);
            CAPTURE(tensorTypeName(type));
            const std::int64_t cols = 1024;
            const Stored w(type, 3, cols, random);
            for (const std::int8_t input : {std::int8_t{127}, std::int8_t{-127}}) {
                const std::vector<std::int8_t> values(static_cast<std::size_t>(cols), input);
                const std::vector<float> scales(static_cast<std::size_t>(cols / 32), 1.0F);
                const std::vector<float> sums(static_cast<std::size_t>(cols / 16), 16.0F * input);
                const std::vector<std::int32_t> pairs(sums.size(), pairOf(8 * input));
                float y[3] = {};
                k->matmulQ8(w.matrix, 0, 3, {values.data(), scales.data(), sums.data(), pairs.data()}, 1, y, 3);
                for (std::int64_t r = 0; r < 3; ++r) {
                    double wanted = 0;
                    double size = 0;
                    double largest = 0;
                    for (const float weight : w.row(r)) {
                        wanted += static_cast<double>(weight) * input;
                        largest = std::max(largest, std::fabs(static_cast<double>(weight)));
                        size += std::fabs(static_cast<double>(weight)) * 127.0;
                    }
                    size += largest * 127.0 * static_cast<double>(cols);
                    CHECK(std::fabs(y[r] - wanted) <= 1e-6 * size);
                }
            }
        }
    }
}

TEST_CASE("matmulQ8: a token's result does not depend on the batch or the rows around it") {
    Random random(4);
    for (const Kernels *k : productKernels()) {
        for (const TensorType type : blockTypes()) {
            const std::int64_t unit = unitOf(type);
            for (const std::int64_t cols : {unit, 2 * unit, 2048 + 1120 / unit * unit}) {
                CAPTURE(k->name);
                CAPTURE(tensorTypeName(type));
                CAPTURE(cols);
                const std::int64_t rows = 11;
                const std::int64_t tokens = 66;
                const Stored w(type, rows, cols, random);
                const QuantisedRows q(*k, random.values(tokens * cols), tokens, cols);
                std::vector<float> alone(static_cast<std::size_t>(tokens * rows));
                for (std::int64_t t = 0; t < tokens; ++t) {
                    k->matmulQ8(w.matrix, 0, rows, q.rows(t, cols), 1, alone.data() + t * rows, rows);
                }
                for (const std::int64_t batch : {2, 5, 9, 66}) {
                    std::vector<float> y(static_cast<std::size_t>(batch * rows));
                    k->matmulQ8(w.matrix, 0, rows, q.rows(0, cols), batch, y.data(), rows);
                    CHECK(std::equal(y.begin(), y.end(), alone.begin()));
                }
                for (std::int64_t r = 0; r < rows; ++r) {
                    float y = 0;
                    k->matmulQ8(w.matrix, r, r + 1, q.rows(0, cols), 1, &y, 1);
                    CHECK(y == alone[static_cast<std::size_t>(r)]);
                }
            }
        }
    }
}

TEST_CASE("matmulQ8: dot products of four bytes give the bits of the products without them") {
    Random random(6);
    for (const Kernels *k : productKernels()) {
        const std::string name = k->name;
        const bool wide = name.starts_with("avx512");
        if (name == "avx512" || name == "avx2" || !(wide || name.starts_with("avx2"))) continue;
        const Kernels &plain = kernelsFor(wide ? InstructionSet::Avx512 : InstructionSet::Avx2);
        for (const TensorType type : blockTypes()) {
            const std::int64_t unit = unitOf(type);
            for (int round = 0; round < 8; ++round) {
                CAPTURE(name);
                CAPTURE(tensorTypeName(type));
                const std::int64_t rows = random.within(1, 40);
                const std::int64_t cols = unit * random.within(1, static_cast<int>(1400 / unit));
                const std::int64_t tokens = round < 5 ? round + 1 : random.within(6, 40);
                const Stored w(type, rows, cols, random);
                const QuantisedRows q(*k, random.values(tokens * cols), tokens, cols);
                std::vector<float> wanted(static_cast<std::size_t>(tokens * rows)), got = wanted;
                plain.matmulQ8(w.matrix, 0, rows, q.rows(0, cols), tokens, wanted.data(), rows);
                k->matmulQ8(w.matrix, 0, rows, q.rows(0, cols), tokens, got.data(), rows);
                CHECK(wanted == got);
            }
        }
    }
}

TEST_CASE("quantiseRowQ8: equal in every table, bit by bit") {
    Random random(5);
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        for (int i = 0; i < 40; ++i) {
            const std::int64_t cols = 32 * random.within(1, 6);
            std::vector<float> x = random.values(cols, std::pow(10.0F, static_cast<float>(random.within(-30, 30))));
            if (i % 5 == 0) std::fill_n(x.begin(), 32, 0.0F);
            if (i % 7 == 0) x[3] = 1e-40F;
            if (i % 3 == 0) {  // halves of a step: ties
                for (int j = 0; j < 32; ++j) x[static_cast<std::size_t>(j)] = static_cast<float>(j) - 15.5F;
                x[31] = 127.0F;
            }
            const QuantisedRows expected(scalar(), x, 1, cols);
            const QuantisedRows got(*k, x, 1, cols);
            CHECK(got.values == expected.values);
            CHECK(got.scales == expected.scales);
            CHECK(got.sums == expected.sums);
            CHECK(got.pairs == expected.pairs);
        }
        std::vector<float> x = random.values(64);
        x[5] = NAN;
        x[40] = INFINITY;
        const QuantisedRows damaged(*k, x, 1, 64);
        CHECK(std::isnan(damaged.scales[0]));
        CHECK(std::isnan(damaged.scales[1]));
        const std::vector<float> zeros(32, 0.0F);
        const QuantisedRows nothing(*k, zeros, 1, 32);
        CHECK(nothing.scales[0] == 0.0F);
        CHECK(nothing.sums[0] == 0.0F);
    }
}
