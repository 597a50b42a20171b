// Packed weights: the same numbers as those of the file's layout, and the memory that inspect says.
#include "run_support.h"

#include "facet/probe.h"

#include "kernels/kernels.h"

#include <string>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

LoadOptions tiny(const std::string &file, Packing packing) {
    LoadOptions options;
    options.path = environment("FACET_FIXTURES") + "/gguf/" + file;
    options.threads = 2;
    options.contextLength = 256;
    options.packing = packing;
    return options;
}

ProbeTensors numbers(const LoadOptions &options) {
    const auto model = ProbeModel::load(options);
    INFO((model ? std::string() : model.error().describe()));
    REQUIRE(model);
    std::vector<std::int32_t> ids{2}, rows;
    for (int i = 1; i < 40; ++i) ids.push_back(3 + i * 7 % 90);
    for (int i = 0; i < 40; ++i) rows.push_back(i);
    auto tensors = (*model)->text(ids, rows, 6);
    REQUIRE(tensors);
    return std::move(*tensors);
}

void checkSame(const ProbeTensors &a, const ProbeTensors &b) {
    REQUIRE(a.size() == b.size());
    for (const auto &[name, tensor] : a) {
        CAPTURE(name);
        const ProbeTensor &other = b.at(name);
        CHECK(tensor.floats == other.floats);
        CHECK(tensor.integers == other.integers);
    }
}

MemoryEstimate planned(const LoadOptions &options) {
    const auto info = inspectLoad(options);
    REQUIRE(info);
    for (const MemoryEstimate &each : info->memory)
        if (each.contextLength == options.contextLength) return each;
    FAIL("no estimate");
    return {};
}

bool gains() { return kernelsFor(InstructionSet::Auto).packs; }

} // namespace

TEST_CASE("packing changes no number") {
    for (const char *file : {"tiny-e2b-Q4_K_M.gguf", "tiny-26b-a4b-Q4_0.gguf", "tiny-31b-Q8_0.gguf"}) {
        CAPTURE(std::string(file));
        const ProbeTensors packed = numbers(tiny(file, Packing::On));
        checkSame(packed, numbers(tiny(file, Packing::Off)));
        checkSame(packed, numbers(tiny(file, Packing::Auto)));
    }
    for (const WeightType type : {WeightType::Q8_0, WeightType::Q4_0}) {
        LoadOptions options = tiny("tiny-e2b-bf16.gguf", Packing::On);
        options.weights = type;
        const ProbeTensors packed = numbers(options);
        options.packing = Packing::Off;
        checkSame(packed, numbers(options));
    }
}

TEST_CASE("the plan says what is packed") {
    LoadOptions options = tiny("tiny-e2b-Q4_K_M.gguf", Packing::On);
    const MemoryEstimate packed = planned(options);
    options.packing = Packing::Off;
    const MemoryEstimate stored = planned(options);
    CHECK(stored.packedBytes == 0);
    if (!gains()) return;
    CHECK(packed.packedBytes > 0);
    CHECK(packed.mappedBytes < stored.mappedBytes);
    CHECK(packed.weightBytes >= stored.weightBytes);
    CHECK(packed.weightBytes < stored.weightBytes + stored.weightBytes / 20); // rows that fill the last group
    options.packing = Packing::Auto;
    CHECK(planned(options).packedBytes == packed.packedBytes); // it is small
    // Floats are not packed, unless they become blocks while they are loaded.
    options.path = environment("FACET_FIXTURES") + "/gguf/tiny-e2b-bf16.gguf";
    CHECK(planned(options).packedBytes == 0);
    options.weights = WeightType::Q4_0;
    CHECK(planned(options).packedBytes > 0);
    // The float32 reference and kernels that do not read it.
    options.isa = InstructionSet::Scalar;
    CHECK(planned(options).packedBytes == 0);
    options.isa = InstructionSet::Auto;
    options.referencePrecision = true;
    CHECK(planned(options).packedBytes == 0);
}
