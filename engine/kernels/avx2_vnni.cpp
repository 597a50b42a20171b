// int8 products where AVX-VNNI multiplies and adds four bytes at once: the same sums of integers as avx2.cpp's, and
// so the same bits. Compiled with those flags: no standard library code here (see simd_math.inl).
#include "kernels/packed.h"
#include "kernels/tables.h"

// clang-format off: each builds on those above it
#include "kernels/avx2_steps.inl"
#include "kernels/simd_math.inl"
#include "kernels/unpack_x86.inl"
#include "kernels/unpack_blocks.inl"
#include "kernels/simd_rows8_unpack.inl"
#include "kernels/simd_rows8.inl"
#include "kernels/simd_packed8.inl"
#include "kernels/simd_products8.inl"
// clang-format on

namespace facet {

static_assert(kDot4);

#if defined(FACET_EMULATED_DOT)
void matmulQ8Avx2Emulated(
#else
void matmulQ8Avx2Vnni(
#endif
    const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y, std::int64_t yStride) {
    matmulQ8Kernel(w, rowBegin, rowEnd, x, tokens, y, yStride);
}

}  // namespace facet
