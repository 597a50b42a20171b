// Kernels for AVX-512 F, BW, VL and DQ (without VNNI: avx512_vnni.cpp). Compiled with those flags: no standard library code here (see
// simd_math.inl).
#include "kernels/packed.h"
#include "kernels/tables.h"

// clang-format off: each builds on those above it
#include "kernels/avx512_steps.inl"
#include "kernels/simd_math.inl"
#include "kernels/unpack_x86.inl"
#include "kernels/simd_quantise.inl"
#include "kernels/unpack_blocks.inl"
#include "kernels/simd_widen.inl"
#include "kernels/simd_attention_scores.inl"
#include "kernels/simd_attention.inl"
#include "kernels/simd_rows8_unpack.inl"
#include "kernels/simd_rows8.inl"
#include "kernels/simd_packed8.inl"
#include "kernels/simd_products8.inl"
#include "kernels/simd_rows32.inl"
// clang-format on

namespace facet {

const Kernels kAvx512Kernels = {
    .name = "avx512",
    .packs = true,
    .dotsBytes = false,
    .bfloat = nullptr,
    .matmul = matmulKernel,
    .tileTokens = kFloatTokens,
    .packTokens = packTokensKernel,
    .matmulTiles = matmulTilesKernel,
    .matmulQ8 = matmulQ8Kernel,
    .quantiseRowQ8 = quantiseRowQ8Kernel,
    .dequantise = dequantiseKernel,
    .rmsNorm = rmsNormKernel,
    .rope = ropeKernel,
    .geluMul = geluMulKernel,
    .silu = siluKernel,
    .softmax = softmaxKernel,
    .softcap = softcapKernel,
    .axpy = axpyKernel,
    .dot = dotKernel,
    .clamp = clampKernel,
    .attendSpan = attendSpanKernel,
    .toCache = toCacheKernel,
};

}  // namespace facet
