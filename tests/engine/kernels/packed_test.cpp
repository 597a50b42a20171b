// Packed matrices (packed.h) give the bits of the file's layout, whatever the shape, the tokens and the table.
#include "kernel_support.h"

#include "kernels/ops.h"
#include "kernels/packed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

using namespace facet;
using namespace facet::test;

namespace {

const TensorType kPackable[] = {TensorType::Q4_0, TensorType::Q8_0, TensorType::Q4_K, TensorType::Q5_K, TensorType::Q6_K};

struct Packed {
    explicit Packed(const Matrix &w) : bytes(static_cast<std::size_t>(packedBytes(w.type, w.rows, w.cols))), matrix(w) {
        for (std::int64_t r = 0; r < w.rows; r += kPackedRows) {
            packRows(w.type, w.row(r), std::min(kPackedRows, w.rows - r), w.cols, bytes.data() + packedOffset(w.type, r, w.cols));
        }
        matrix.data = bytes.data();
        matrix.packed = true;
    }
    std::vector<std::byte> bytes;
    Matrix matrix;
};

std::int64_t randomCols(TensorType type, Random &random) {
    const std::int64_t block = blockShape(type).values;
    return block * random.within(1, block == 32 ? 40 : 6);
}

}  // namespace

TEST_CASE("which types are packed") {
    int count = 0;
    for (const TensorType type : allTypes()) count += canPack(type) ? 1 : 0;
    CHECK(count == 5);
    for (const TensorType type : kPackable) CHECK(canPack(type));
}

TEST_CASE("packed rows come back as they were stored") {
    Random random(1);
    for (const TensorType type : kPackable) {
        for (int round = 0; round < 12; ++round) {
            const std::int64_t rows = random.within(1, 40), cols = randomCols(type, random);
            CAPTURE(tensorTypeName(type));
            CAPTURE(rows);
            CAPTURE(cols);
            Stored stored(type, rows, cols, random);
            fillWithBlocks(type, stored.bytes.data() + 1, stored.bytes.size() - 1, random);
            const Packed packed(stored.matrix);
            CHECK(matrixBytes(packed.matrix) == static_cast<std::int64_t>(packed.bytes.size()));
            CHECK(matrixBytes(packed.matrix) == (rows + 15) / 16 * 16 * rowBytes(type, cols));
            const auto stride = static_cast<std::size_t>(rowBytes(type, cols));
            std::vector<std::byte> row(stride), part(stride);
            for (std::int64_t r = 0; r < rows; ++r) {
                copyRow(packed.matrix, r, row.data());
                CHECK(std::memcmp(row.data(), stored.matrix.row(r), stride) == 0);
                copyRow(stored.matrix, r, row.data());
                CHECK(std::memcmp(row.data(), stored.matrix.row(r), stride) == 0);
            }
            const std::int64_t block = blockShape(type).values, first = cols / block / 2 * block;
            copyRowPart(packed.matrix, rows - 1, first, block, part.data());
            CHECK(std::memcmp(part.data(), row.data() + rowBytes(type, first), static_cast<std::size_t>(rowBytes(type, block))) == 0);
        }
    }
}

TEST_CASE("packed products are those of the file's layout bit for bit") {
    Random random(2);
    for (const Kernels *k : productKernels()) {
        for (const TensorType type : kPackable) {
            for (int round = 0; round < 30; ++round) {
                const std::int64_t rows = random.within(1, 70), cols = randomCols(type, random);
                const std::int64_t tokens = round < 12 ? round + 1 : random.within(1, 70);
                const std::int64_t begin = random.within(0, static_cast<int>((rows - 1) / 16)) * 16;
                const std::int64_t end = random.within(static_cast<int>(begin) + 1, static_cast<int>(rows));
                CAPTURE(k->name);
                CAPTURE(tensorTypeName(type));
                CAPTURE(rows);
                CAPTURE(cols);
                CAPTURE(tokens);
                Stored stored(type, rows, cols, random);
                fillWithBlocks(type, stored.bytes.data() + 1, stored.bytes.size() - 1, random);
                const Packed packed(stored.matrix);
                std::vector<float> x = random.values(tokens * cols);
                if (round % 5 == 0) {  // the largest values everywhere: sums of 16 bits must not overflow
                    for (float &value : x) value = value < 0 && round % 2 == 0 ? -1.0F : 1.0F;
                }
                const QuantisedRows q(*k, x, tokens, cols);
                const std::int64_t yStride = end - begin + 3;
                std::vector<float> wanted(static_cast<std::size_t>(tokens * yStride), 7.0F), got = wanted;
                k->matmulQ8(stored.matrix, begin, end, q.rows(0, cols), tokens, wanted.data(), yStride);
                k->matmulQ8(packed.matrix, begin, end, q.rows(0, cols), tokens, got.data(), yStride);
                CHECK(std::memcmp(wanted.data(), got.data(), wanted.size() * sizeof(float)) == 0);
            }
        }
    }
}

TEST_CASE("a linear layer takes packed matrices in any mode and with any table") {
    Random random(3);
    WorkerPool pool(3);
    for (const Kernels *k : productKernels()) {
        for (const bool reference : {false, true}) {
            for (const TensorType type : kPackable) {
                const std::int64_t rows = 75, cols = 512, tokens = random.within(1, 12);
                CAPTURE(k->name);
                CAPTURE(tensorTypeName(type));
                CAPTURE(reference);
                Exec exec;
                exec.kernels = k;
                exec.pool = &pool;
                exec.reference = reference;
                const Stored stored(type, rows, cols, random);
                const Packed packed(stored.matrix);
                const std::vector<float> x = random.values(tokens * cols);
                std::vector<float> wanted(static_cast<std::size_t>(tokens * rows)), got = wanted;
                linear(exec, stored.matrix, x.data(), tokens, wanted.data());
                linear(exec, packed.matrix, x.data(), tokens, got.data());
                CHECK(wanted == got);
                const Matrix part = packed.matrix.slice(32, 20);
                got.resize(static_cast<std::size_t>(tokens * 20));
                linear(exec, part, x.data(), tokens, got.data());
                for (std::int64_t t = 0; t < tokens; ++t) {
                    CHECK(std::equal(got.begin() + t * 20, got.begin() + t * 20 + 20, wanted.begin() + t * rows + 32));
                }
            }
        }
    }
}
