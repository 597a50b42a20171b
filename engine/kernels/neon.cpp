// Kernels for AArch64 (NEON is part of it).
#include "kernels/tables.h"

#include <arm_neon.h>

namespace facet {
namespace {

using V = float32x4_t;
constexpr int kLanes = 4;
constexpr int kDirectRows = 4;    // rows of a tile of several tokens (32 registers)
constexpr int kPanelRows = 4;     // x 5 tokens
constexpr int kPanelTokens = 5;
constexpr int kScoreQueries = 8;  // x two registers of keys
constexpr int kRowQueries = 4;    // x 2 keys
constexpr int kValueQueries = 4;  // x 4 vectors
constexpr int kValueVectors = 4;
constexpr int kInt8Rows = 2;      // x 4 tokens
constexpr int kInt8Tokens = 4;
constexpr std::int64_t kQ8PanelFrom = INT64_MAX;  // never: the panel would sum in another order

inline void vkeep(V &) {}  // see avx512.cpp; here there are no registers to spare or no such operands
inline V vzero() { return vdupq_n_f32(0.0F); }
inline V vset(float x) { return vdupq_n_f32(x); }
inline V vload(const float *from) { return vld1q_f32(from); }
inline V vloadPart(const float *from, int lanes) {
    float copy[kLanes] = {};
    __builtin_memcpy(copy, from, static_cast<std::size_t>(lanes) * sizeof(float));
    return vld1q_f32(copy);
}
inline void vstore(float *to, V x) { vst1q_f32(to, x); }
inline void vstorePart(float *to, V x, int lanes) {
    float copy[kLanes];
    vst1q_f32(copy, x);
    __builtin_memcpy(to, copy, static_cast<std::size_t>(lanes) * sizeof(float));
}
inline V vadd(V a, V b) { return vaddq_f32(a, b); }
inline V vsub(V a, V b) { return vsubq_f32(a, b); }
inline V vmul(V a, V b) { return vmulq_f32(a, b); }
inline V vdiv(V a, V b) { return vdivq_f32(a, b); }
inline V vfma(V a, V b, V c) { return vfmaq_f32(c, a, b); }   // a b + c
inline V vfnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }  // c - a b
inline V vmin(V a, V b) { return vminq_f32(a, b); }
inline V vmax(V a, V b) { return vmaxq_f32(a, b); }
inline V vabs(V x) { return vabsq_f32(x); }
inline V vround(V x) { return vrndnq_f32(x); }
inline V vcopySign(V size, V sign) { return vbslq_f32(vdupq_n_u32(0x80000000U), sign, size); }
inline V vselectLess(V a, V b, V yes, V no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }

// x * 2^n in two steps, so that results beyond the range of one factor (subnormals, infinity) come out right.
inline V vscale(V x, V n) {
    const int32x4_t whole = vcvtq_s32_f32(n);
    const int32x4_t half = vshrq_n_s32(whole, 1);
    const int32x4_t bias = vdupq_n_s32(127);
    const int32x4_t first = vshlq_n_s32(vaddq_s32(half, bias), 23);
    const int32x4_t second = vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23);
    return vmulq_f32(vmulq_f32(x, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(second));
}

inline float vfirst(V x) { return vgetq_lane_f32(x, 0); }
inline float vsum(V x) { return vaddvq_f32(x); }
inline float vmaxLane(V x) { return vmaxvq_f32(x); }

inline float16x4_t halves(const void *from) {
    std::uint16_t bits[kLanes];
    __builtin_memcpy(bits, from, sizeof bits);
    return vreinterpret_f16_u16(vld1_u16(bits));
}
inline V vloadHalf(const void *from) { return vcvt_f32_f16(halves(from)); }
inline V vloadBfloat(const void *from) {
    std::uint16_t bits[kLanes];
    __builtin_memcpy(bits, from, sizeof bits);
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(bits), 16));
}
inline V vloadInt8(const void *from) {
    const auto *bytes = static_cast<const std::int8_t *>(from);
    const float values[kLanes] = {static_cast<float>(bytes[0]), static_cast<float>(bytes[1]), static_cast<float>(bytes[2]),
                                  static_cast<float>(bytes[3])};
    return vld1q_f32(values);
}
// Nibbles less 8.
inline V vloadLevels(const void *from, std::uint32_t shift) {
    std::uint32_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    const uint8x8_t four = vcreate_u8((bits >> shift) & 0x0F0F0F0FU);
    return vsubq_f32(vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(four)))), vdupq_n_f32(8.0F));
}
inline V vloadLowLevels(const void *from) { return vloadLevels(from, 0); }
inline V vloadHighLevels(const void *from) { return vloadLevels(from, 4); }
inline void vstoreHalf(std::uint16_t *to, V x) { vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(x))); }
inline void vstoreHalfPart(std::uint16_t *to, V x, int lanes) {
    std::uint16_t all[kLanes];
    vstoreHalf(all, x);
    __builtin_memcpy(to, all, static_cast<std::size_t>(lanes) * 2);
}
inline void vstoreInt8(std::int8_t *to, V x) {
    std::int32_t whole[kLanes];
    vst1q_s32(whole, vcvtnq_s32_f32(x));
    for (int i = 0; i < kLanes; ++i) to[i] = static_cast<std::int8_t>(whole[i]);
}
inline float halfToFloat(std::uint16_t bits) {
    const std::uint16_t all[kLanes] = {bits, 0, 0, 0};
    return vfirst(vloadHalf(all));
}
// The float16 at `from` in every lane.
inline V vspreadHalf(const void *from) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, from, sizeof bits);
    const std::uint16_t all[kLanes] = {bits, bits, bits, bits};
    return vloadHalf(all);
}

// 16 bytes to 32 values of a table of 16: by their low halves first.
inline void lookup16(const std::byte *from, const std::int8_t *table, std::int8_t *to) {
    const int8x16_t values = vld1q_s8(table);
    const uint8x16_t raw = vld1q_u8(reinterpret_cast<const std::uint8_t *>(from));
    vst1q_s8(to, vqtbl1q_s8(values, vandq_u8(raw, vdupq_n_u8(15))));
    vst1q_s8(to + 16, vqtbl1q_s8(values, vshrq_n_u8(raw, 4)));
}

inline void transpose(V (&m)[4]) {
    const float32x4x2_t a = vtrnq_f32(m[0], m[1]);
    const float32x4x2_t b = vtrnq_f32(m[2], m[3]);
    m[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    m[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    m[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    m[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

// Lane i of the result: all lanes of m[i] folded, in the same order for every i.
template <typename Fold>
inline V vfoldRows(const V (&m)[4], Fold fold) {
    const V a = fold(vtrn1q_f32(m[0], m[1]), vtrn2q_f32(m[0], m[1]));  // m0 0+1, m1 0+1, m0 2+3, m1 2+3
    const V b = fold(vtrn1q_f32(m[2], m[3]), vtrn2q_f32(m[2], m[3]));
    return fold(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}

}  // namespace
}  // namespace facet

#include "kernels/simd_math.inl"
#include "kernels/unpack_plain.inl"
// after its sums
#include "kernels/simd_quantise.inl"
// after its steps
#include "kernels/unpack_blocks.inl"
// after the two above
#include "kernels/simd_widen.inl"
#include "kernels/simd_matmul.inl"
// after the three above
#include "kernels/simd_attention_scores.inl"
#include "kernels/simd_attention.inl"

namespace facet {
namespace {

struct Block {
    int8x16_t low, high;  // values 0..15 and 16..31
    float scale;
};

// Dot product of two blocks in four lanes. |sum of two products| <= 2 * 128 * 127 fits 16 bits.
inline V blockProduct(const Block &a, const Block &b) {
    int32x4_t total = vpaddlq_s16(vmull_s8(vget_low_s8(a.low), vget_low_s8(b.low)));
    total = vpadalq_s16(total, vmull_s8(vget_high_s8(a.low), vget_high_s8(b.low)));
    total = vpadalq_s16(total, vmull_s8(vget_low_s8(a.high), vget_low_s8(b.high)));
    total = vpadalq_s16(total, vmull_s8(vget_high_s8(a.high), vget_high_s8(b.high)));
    return vcvtq_f32_s32(total);
}

struct FormatQ8 {
    static constexpr std::int64_t kBytes = 34;
    static constexpr std::int64_t kGroup = 1;
    using Weights = Block;
    using Input = Block;
    static Weights weights(const std::byte *block) {
        const auto *values = reinterpret_cast<const std::int8_t *>(block + 2);
        return {vld1q_s8(values), vld1q_s8(values + 16), scaleOf(block)};
    }
    static Input input(const std::int8_t *values, const float *scales, const float *) {
        return {vld1q_s8(values), vld1q_s8(values + 16), *scales};
    }
    static V add(V total, const Weights &w, const Input &in) {
        return vfma(blockProduct(w, in), vset(w.scale * in.scale), total);
    }
};

struct FormatQ4 {
    static constexpr std::int64_t kBytes = 18;
    static constexpr std::int64_t kGroup = 1;
    using Weights = Block;
    struct Input {
        Block block;
        float offset;
    };
    static Weights weights(const std::byte *block) {
        const uint8x16_t raw = vld1q_u8(reinterpret_cast<const std::uint8_t *>(block + 2));
        return {vreinterpretq_s8_u8(vandq_u8(raw, vdupq_n_u8(15))), vreinterpretq_s8_u8(vshrq_n_u8(raw, 4)), scaleOf(block)};
    }
    static Input input(const std::int8_t *values, const float *scales, const float *sums) {
        // The nibbles are 8 too high: 8 * scale * sum of the inputs, spread over the four lanes.
        return {{vld1q_s8(values), vld1q_s8(values + 16), *scales}, 2.0F * (sums[0] + sums[1])};
    }
    static V add(V total, const Weights &w, const Input &in) {
        const V products = vfma(blockProduct(w, in.block), vset(w.scale * in.block.scale), total);
        return vfnma(vset(w.scale), vset(in.offset), products);
    }
};

// 32 unpacked values with a scale for each 16; four partial sums of each in four lanes.
constexpr int kStep = 32;
template <bool Signed>
struct Step {
    struct Weights {
        int8x16_t low, high;
        float lowScale, highScale;
    };
    struct Input {
        int8x16_t low, high;
        float scale;
    };
    static Weights weights(const std::int8_t *from, const float *scales) {
        return {vld1q_s8(from), vld1q_s8(from + 16), scales[0], scales[1]};
    }
    static Input input(const std::int8_t *values, const float *scales) {
        return {vld1q_s8(values), vld1q_s8(values + 16), *scales};
    }
    // |sum of two products| <= 2 * 128 * 127 fits 16 bits.
    static V products(int8x16_t a, int8x16_t b) {
        const int32x4_t total = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
        return vcvtq_f32_s32(vpadalq_s16(total, vmull_s8(vget_high_s8(a), vget_high_s8(b))));
    }
    static V add(V total, const Weights &w, const Input &in) {
        total = vfma(products(w.low, in.low), vset(w.lowScale * in.scale), total);
        return vfma(products(w.high, in.high), vset(w.highScale * in.scale), total);
    }
};

}  // namespace
}  // namespace facet

#include "kernels/simd_int8.inl"
// after the formats
#include "kernels/simd_panel8.inl"

namespace facet {

const Kernels kNeonKernels = {
    .name = "neon",
    .packs = false,
    .dotsBytes = false,
    .bfloat = nullptr,
    .matmul = matmulKernel,
    .tileTokens = 0,
    .packTokens = nullptr,
    .matmulTiles = nullptr,
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
