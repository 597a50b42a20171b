#include "kernel_support.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <string>

using namespace facet;

namespace {

// Sets FACET_ISA and puts the old value back.
class IsaVariable {
public:
    IsaVariable() {
        if (const char *value = std::getenv("FACET_ISA")) m_before = value;
    }
    ~IsaVariable() {
        if (m_before) setenv("FACET_ISA", m_before->c_str(), 1);
        else unsetenv("FACET_ISA");
    }
    IsaVariable(const IsaVariable &) = delete;
    IsaVariable &operator=(const IsaVariable &) = delete;

    void set(const char *value) { setenv("FACET_ISA", value, 1); }

private:
    std::optional<std::string> m_before;
};

std::string nameOf(InstructionSet isa) { return kernelsFor(isa).name; }

}  // namespace

TEST_CASE("FACET_ISA decides where the caller leaves it open") {
    IsaVariable variable;
    variable.set("scalar");
    CHECK(nameOf(InstructionSet::Auto) == "scalar");
    variable.set("auto");
    const std::string best = nameOf(InstructionSet::Auto);
    variable.set("no such set");
    CHECK(nameOf(InstructionSet::Auto) == best);
    if (instructionSetAvailable(InstructionSet::Avx2)) {
        variable.set("avx2");
        CHECK(nameOf(InstructionSet::Auto) == "avx2");
        CHECK(nameOf(InstructionSet::Scalar) == "scalar");
        CHECK(best != "scalar");
    }
    if (instructionSetAvailable(InstructionSet::Avx512)) {
        variable.set("avx512");
        CHECK(nameOf(InstructionSet::Auto) == "avx512");
        CHECK(nameOf(InstructionSet::Avx2) == "avx2");
        CHECK(best == (instructionSetAvailable(InstructionSet::Avx512Vnni) ? "avx512_vnni" : "avx512"));
    }
    if (instructionSetAvailable(InstructionSet::Avx2Vnni)) {
        variable.set("avx2_vnni");
        CHECK(nameOf(InstructionSet::Auto) == "avx2_vnni");
    }
}

TEST_CASE("a set that is lacking falls to the next lower one") {
    if (!instructionSetAvailable(InstructionSet::Avx512)) CHECK(nameOf(InstructionSet::Avx512) == nameOf(InstructionSet::Avx2));
    if (!instructionSetAvailable(InstructionSet::Avx512Vnni))
        CHECK(nameOf(InstructionSet::Avx512Vnni) == nameOf(InstructionSet::Avx512));
    if (!instructionSetAvailable(InstructionSet::Avx2Vnni)) CHECK(nameOf(InstructionSet::Avx2Vnni) == nameOf(InstructionSet::Avx2));
    CHECK(instructionSetAvailable(InstructionSet::Scalar));
    CHECK(instructionSetAvailable(InstructionSet::Auto));
}

TEST_CASE("every table is complete") {
    for (const Kernels *k : test::availableKernels()) {
        CAPTURE(k->name);
        const bool complete = k->matmul && k->matmulQ8 && k->quantiseRowQ8 && k->dequantise && k->rmsNorm && k->rope &&
                              k->geluMul && k->silu && k->softmax && k->softcap && k->axpy && k->dot && k->clamp &&
                              k->attendSpan && k->toCache;
        CHECK(complete);
    }
}
