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
bool hasF16c() noexcept {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

InstructionSet fromEnvironment() noexcept {
    const char *wanted = std::getenv("FACET_ISA");
    if (wanted == nullptr) return InstructionSet::Auto;
    if (std::strcmp(wanted, "scalar") == 0) return InstructionSet::Scalar;
    if (std::strcmp(wanted, "avx2") == 0) return InstructionSet::Avx2;
    if (std::strcmp(wanted, "avx512") == 0) return InstructionSet::Avx512;
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
#else
    case InstructionSet::Avx2:
    case InstructionSet::Avx512: return false;
#endif
    }
    return false;
}

const Kernels &kernelsFor(InstructionSet isa) noexcept {
    if (isa == InstructionSet::Auto) isa = fromEnvironment();
    if (isa == InstructionSet::Scalar) return kScalarKernels;
#if defined(FACET_KERNELS_X86)
    if (isa != InstructionSet::Avx2 && instructionSetAvailable(InstructionSet::Avx512)) return kAvx512Kernels;
    if (instructionSetAvailable(InstructionSet::Avx2)) return kAvx2Kernels;
#elif defined(FACET_KERNELS_NEON)
    return kNeonKernels;
#endif
    return kScalarKernels;
}

}  // namespace facet
