// Which function table runs: what the caller asks for, then FACET_ISA, then the best that build and processor share.
#include "kernels/tables.h"

#include <cstdlib>
#include <cstring>

#if defined(FACET_KERNELS_X86)
#include <cpuid.h>
#endif

namespace facet {
namespace {

#if defined(FACET_KERNELS_X86)
enum class Register : std::uint8_t { A, B, C, D };

bool processorHas(unsigned leaf, unsigned part, Register from, unsigned mask) noexcept {
    unsigned words[4] = {};
    return __get_cpuid_count(leaf, part, &words[0], &words[1], &words[2], &words[3]) != 0 &&
           (words[static_cast<unsigned>(from)] & mask) != 0;
}
bool hasF16c() noexcept { return processorHas(1, 0, Register::C, bit_F16C); }
// Bytes multiplied and added four at a time: for registers of 512 bits, and for those of 256.
bool hasAvx512Vnni() noexcept { return processorHas(7, 0, Register::C, 1U << 11U); }
bool hasAvx512Bfloat() noexcept { return processorHas(7, 1, Register::A, 1U << 5U); }
bool hasAvxVnni() noexcept { return processorHas(7, 1, Register::A, 1U << 4U); }

Kernels withProducts(Kernels table, const char *name, decltype(Kernels::matmulQ8) products) noexcept {
    table.name = name;
    table.matmulQ8 = products;
    table.dotsBytes = true;
    return table;
}
Kernels withBfloats(Kernels table) noexcept {
    if (hasAvx512Bfloat()) table.bfloat = &kAvx512BfloatKernels;
    return table;
}
#endif

InstructionSet fromEnvironment() noexcept {
    const char *wanted = std::getenv("FACET_ISA");
    if (wanted == nullptr) return InstructionSet::Auto;
    if (std::strcmp(wanted, "scalar") == 0) return InstructionSet::Scalar;
    if (std::strcmp(wanted, "avx2") == 0) return InstructionSet::Avx2;
    if (std::strcmp(wanted, "avx2_vnni") == 0) return InstructionSet::Avx2Vnni;
    if (std::strcmp(wanted, "avx512") == 0) return InstructionSet::Avx512;
    if (std::strcmp(wanted, "avx512_vnni") == 0) return InstructionSet::Avx512Vnni;
    return InstructionSet::Auto;
}

}  // namespace

bool instructionSetAvailable(InstructionSet isa) noexcept {
    switch (isa) {
    case InstructionSet::Auto:
    case InstructionSet::Scalar: return true;
#if defined(FACET_KERNELS_X86)
    case InstructionSet::Avx2:
        return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && hasF16c();
    case InstructionSet::Avx512:
        return instructionSetAvailable(InstructionSet::Avx2) && __builtin_cpu_supports("avx512f") != 0 &&
               __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
               __builtin_cpu_supports("avx512dq") != 0;
    case InstructionSet::Avx2Vnni: return instructionSetAvailable(InstructionSet::Avx2) && hasAvxVnni();
    case InstructionSet::Avx512Vnni: return instructionSetAvailable(InstructionSet::Avx512) && hasAvx512Vnni();
#else
    case InstructionSet::Avx2:
    case InstructionSet::Avx2Vnni:
    case InstructionSet::Avx512:
    case InstructionSet::Avx512Vnni: return false;
#endif
    }
    return false;
}

const Kernels &kernelsFor(InstructionSet isa) noexcept {
    if (isa == InstructionSet::Auto) isa = fromEnvironment();
    if (isa == InstructionSet::Scalar) return kScalarKernels;
#if defined(FACET_KERNELS_X86)
    static const Kernels avx2Vnni = withProducts(kAvx2Kernels, "avx2_vnni", matmulQ8Avx2Vnni);
    static const Kernels avx512Vnni = withBfloats(withProducts(kAvx512Kernels, "avx512_vnni", matmulQ8Avx512Vnni));
    using Isa = InstructionSet;
    const bool any = isa == Isa::Auto;
    if ((any || isa == Isa::Avx512Vnni) && instructionSetAvailable(Isa::Avx512Vnni)) return avx512Vnni;
    if ((any || isa == Isa::Avx512Vnni || isa == Isa::Avx512) && instructionSetAvailable(Isa::Avx512)) return kAvx512Kernels;
    if (isa != Isa::Avx2 && instructionSetAvailable(Isa::Avx2Vnni)) return avx2Vnni;
    if (instructionSetAvailable(Isa::Avx2)) return kAvx2Kernels;
#elif defined(FACET_KERNELS_NEON)
    return kNeonKernels;
#endif
    return kScalarKernels;
}

}  // namespace facet
