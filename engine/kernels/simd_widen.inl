// Stored weights to float32, over the vector type of the including file (see simd_math.inl for the rules).
namespace facet {
namespace {

inline const std::byte *rowOf(const Matrix &w, std::int64_t stride, std::int64_t r) { return w.data + r * stride; }

inline float scaleOf(const std::byte *block) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, block, sizeof bits);
    return halfToFloat(bits);
}

struct LoadF32 {
    static constexpr int kBytes = 4;
    static V whole(const std::byte *from) { return vload(reinterpret_cast<const float *>(from)); }
    static V part(const std::byte *from, int n) { return vloadPart(reinterpret_cast<const float *>(from), n); }
};
struct LoadF16 {
    static constexpr int kBytes = 2;
    static V whole(const std::byte *from) { return vloadHalf(from); }
    static V part(const std::byte *from, int n) {
        alignas(64) std::uint16_t copy[kLanes] = {};
        __builtin_memcpy(copy, from, static_cast<std::size_t>(n) * 2);
        return vloadHalf(copy);
    }
};
struct LoadBf16 {
    static constexpr int kBytes = 2;
    static V whole(const std::byte *from) { return vloadBfloat(from); }
    static V part(const std::byte *from, int n) {
        alignas(64) std::uint16_t copy[kLanes] = {};
        __builtin_memcpy(copy, from, static_cast<std::size_t>(n) * 2);
        return vloadBfloat(copy);
    }
};

template <typename Load>
void widen(const std::byte *from, std::int64_t n, float *to) {
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) vstore(to + i, Load::whole(from + i * Load::kBytes));
    if (i < n) {
        const int rest = static_cast<int>(n - i);
        vstorePart(to + i, Load::part(from + i * Load::kBytes, rest), rest);
    }
}

void dequantiseKernel(TensorType type, const std::byte *from, std::int64_t n, float *to) {
    switch (type) {
    case TensorType::F32: widen<LoadF32>(from, n, to); return;
    case TensorType::F16: widen<LoadF16>(from, n, to); return;
    case TensorType::BF16: widen<LoadBf16>(from, n, to); return;
    default: break;
    }
    const BlockShape block = blockShape(type);
    const V bias = vset(static_cast<float>(biasOf(type)));
    n -= n % block.values;
    Unpacked piece;
    for (std::int64_t at = 0; at < n; at += kPieceValues) {
        const std::int64_t count = n - at < kPieceValues ? n - at : kPieceValues;
        unpackPiece(type, from + at / block.values * block.bytes, count, piece);
        for (std::int64_t i = 0; i < count; i += kLanes) {
            const V product = vmul(vset(piece.scales[i / 16]), vsub(vloadInt8(piece.values + i), bias));
            vstore(to + at + i, vsub(product, vset(piece.mins[i / 16])));
        }
    }
}

}  // namespace
}  // namespace facet
