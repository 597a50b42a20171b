// Packing while loading: what it makes, of what, and that it can be stopped.
#include "kernels/packed.h"
#include "kernels/quant_blocks.h"
#include "load/packed_weights.h"
#include "load/weights.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

using namespace facet;

namespace {

struct Bench {
    WorkerPool pool{3};
    Exec exec;
    Bench() {
        exec.kernels = &kernelsFor(InstructionSet::Auto);
        exec.pool = &pool;
    }
};

std::vector<float> noise(std::int64_t n) {
    std::mt19937 engine(5);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float &value : values) value = normal(engine);
    return values;
}

Matrix floatRows(const std::vector<float> &values, std::int64_t cols) {
    return {TensorType::F32, static_cast<std::int64_t>(values.size()) / cols, cols, reinterpret_cast<const std::byte *>(values.data()),
            nullptr, "w"};
}

int differingRows(const Matrix &packed, const Matrix &stored) {
    std::vector<std::byte> row(static_cast<std::size_t>(rowBytes(stored.type, stored.cols)));
    int wrong = 0;
    for (std::int64_t r = 0; r < stored.rows; ++r) {
        copyRow(packed, r, row.data());
        wrong += std::memcmp(row.data(), stored.row(r), row.size()) == 0 ? 0 : 1;
    }
    return wrong;
}

} // namespace

TEST_CASE("floats become packed blocks as if they were quantised first") {
    Bench bench;
    const std::vector<float> values = noise(75 * 96);
    const Matrix w = floatRows(values, 96);
    for (const WeightType type : {WeightType::Q8_0, WeightType::Q4_0}) {
        const auto stored = quantiseMatrix(bench.exec, w, type);
        REQUIRE(stored);
        PackedMemory memory(1 << 20);
        const auto direct = packMatrix(bench.exec, w, stored->type, memory, nullptr);
        const auto again = packMatrix(bench.exec, *stored, stored->type, memory, nullptr);
        REQUIRE(direct);
        REQUIRE(again);
        CHECK(direct->packed);
        CHECK(direct->name == "w");
        CHECK(direct->type == stored->type);
        CHECK(differingRows(*direct, *stored) == 0);
        CHECK(differingRows(*again, *stored) == 0);
        CHECK(reinterpret_cast<std::uintptr_t>(direct->data) % 64 == 0);
        CHECK(reinterpret_cast<std::uintptr_t>(again->data) % 64 == 0);
    }
}

TEST_CASE("packed matrices outlive the memory's owner and lie apart") {
    Bench bench;
    const std::vector<float> values = noise(40 * 64);
    std::vector<Matrix> all;
    Matrix stored;
    {
        PackedMemory memory(0);
        const auto rows = quantiseMatrix(bench.exec, floatRows(values, 64), WeightType::Q4_0);
        REQUIRE(rows);
        stored = *rows;
        for (int i = 0; i < 3; ++i) {
            const auto packed = packMatrix(bench.exec, stored, stored.type, memory, nullptr);
            REQUIRE(packed);
            all.push_back(*packed);
        }
        const auto large = memory.take(std::size_t{100} << 20U); // more than is taken at a time
        REQUIRE(large);
        large->data[0] = large->data[(std::size_t{100} << 20U) - 1] = std::byte{1};
    }
    for (const Matrix &matrix : all) CHECK(differingRows(matrix, stored) == 0);
    CHECK(all[1].data >= all[0].data + matrixBytes(all[0]));
}

TEST_CASE("pages of a file are given back behind the packing and read again where they are needed") {
    Bench bench;
    const std::vector<float> values = noise(32 * 256);
    const auto stored = quantiseMatrix(bench.exec, floatRows(values, 256), WeightType::Q8_0);
    REQUIRE(stored);
    const std::string path = "packed_weights_test.bin";
    const auto bytes = static_cast<std::streamsize>(matrixBytes(*stored));
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char *>(stored->data), bytes);
    {
        const auto file = MappedFile::open(path);
        REQUIRE(file);
        Matrix mapped = *stored;
        mapped.data = file->bytes().data();
        PackedMemory memory(0);
        const auto packed = packMatrix(bench.exec, mapped, mapped.type, memory, &*file);
        REQUIRE(packed);
        CHECK(differingRows(*packed, *stored) == 0);
        CHECK(differingRows(*packed, mapped) == 0);
    }
    std::remove(path.c_str());
}

TEST_CASE("packing stops when loading is cancelled") {
    Bench bench;
    const std::vector<float> values = noise(32 * 32);
    const std::atomic<bool> stop{true};
    bench.exec.cancel = &stop;
    PackedMemory memory(0);
    CHECK(packMatrix(bench.exec, floatRows(values, 32), TensorType::Q4_0, memory, nullptr).error().code == ErrorCode::Cancelled);
}
