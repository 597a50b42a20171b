#include "kernel_support.h"

#include "kernels/tables.h"

namespace facet {

#if defined(FACET_EMULATED_KERNELS)
void matmulQ8Avx2Emulated(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                          float *y, std::int64_t yStride);
void matmulQ8Avx512Emulated(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                            float *y, std::int64_t yStride);
extern const BfloatKernels kEmulatedBfloatKernels;
#endif

namespace test {

std::vector<const Kernels *> emulatedKernels() {
    std::vector<const Kernels *> all;
#if defined(FACET_EMULATED_KERNELS)
    const auto with = [](InstructionSet isa, const char *name, decltype(Kernels::matmulQ8) products) {
        Kernels table = kernelsFor(isa);
        table.name = name;
        table.matmulQ8 = products;
        return table;
    };
    static const Kernels avx2 = with(InstructionSet::Avx2, "avx2 with emulated dot products", matmulQ8Avx2Emulated);
    static const Kernels avx512 = with(InstructionSet::Avx512, "avx512 with emulated dot products", matmulQ8Avx512Emulated);
    if (instructionSetAvailable(InstructionSet::Avx2)) all.push_back(&avx2);
    if (instructionSetAvailable(InstructionSet::Avx512)) all.push_back(&avx512);
#endif
    return all;
}

std::vector<const Kernels *> bfloatKernels() {
    std::vector<const Kernels *> all;
    for (const Kernels *table : availableKernels()) {
        if (table->bfloat != nullptr) all.push_back(table);
    }
    static const Kernels plain = [] {
        Kernels table = scalar();
        table.bfloat = &kScalarBfloatKernels;
        return table;
    }();
    all.push_back(&plain);
#if defined(FACET_EMULATED_KERNELS)
    static const Kernels emulated = [] {
        Kernels table = kernelsFor(InstructionSet::Avx512);
        table.name = "avx512 with emulated bfloat16 products";
        table.bfloat = &kEmulatedBfloatKernels;
        return table;
    }();
    if (instructionSetAvailable(InstructionSet::Avx512)) all.push_back(&emulated);
#endif
    return all;
}

}  // namespace test
}  // namespace facet
