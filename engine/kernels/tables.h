// The function tables of this build, for dispatch.cpp. Each lives in a file compiled with its own instruction set flags;
// nothing in such a file may run before dispatch.cpp has looked at the processor.
#pragma once

#include "kernels/kernels.h"

namespace facet {

extern const Kernels kScalarKernels;
extern const BfloatKernels kScalarBfloatKernels;  // in no table: slower than plain float32
#if defined(FACET_KERNELS_X86)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
// Kernels::matmulQ8 of the tables above on processors with dot products of bytes.
void matmulQ8Avx2Vnni(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                      std::int64_t yStride);
void matmulQ8Avx512Vnni(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                        std::int64_t yStride);
extern const BfloatKernels kAvx512BfloatKernels;
#endif
#if defined(FACET_KERNELS_NEON)
extern const Kernels kNeonKernels;
#endif

// Attention looks at keys in tiles that begin at multiples of this (see attendSpan in kernels.h and attention.cpp).
inline constexpr int kKeyTile = 64;

}  // namespace facet

// Before loops over the registers of a tile: they must be unrolled whole, or the sums live in memory.
#define FACET_UNROLL _Pragma("GCC unroll 32")
