// Products of bfloat16 with float32 sums where AVX512_BF16 makes two at once, for the encoders of pictures and sound.
// Compiled with those flags: no standard library code here (see simd_math.inl).
#include "kernels/packed.h"
#include "kernels/tables.h"

// clang-format off: each builds on those above it
#include "kernels/avx512_steps.inl"
#include "kernels/simd_math.inl"
#include "kernels/avx512_bfloat_steps.inl"
#include "kernels/unpack_x86.inl"
#include "kernels/unpack_blocks.inl"
#include "kernels/simd_widen.inl"
#include "kernels/simd_attention_scores.inl"
#include "kernels/simd_attention.inl"
#include "kernels/simd_attention_bfloat.inl"
#include "kernels/simd_rows8_unpack.inl"
#include "kernels/simd_rows8.inl"
#include "kernels/simd_rows32.inl"
#include "kernels/simd_bfloat.inl"
// clang-format on

namespace facet {

#if defined(FACET_EMULATED_DOT)
extern const BfloatKernels kEmulatedBfloatKernels;
const BfloatKernels kEmulatedBfloatKernels = {
#else
const BfloatKernels kAvx512BfloatKernels = {
#endif
    .tileTokens = kFloatTokens,
    .packTokens = packTokensOf<BfloatWords>,
    .matmulTiles = matmulTilesOf<BfloatWords>,
    .attendSpan = attendSpanBfloat,
};

}  // namespace facet
