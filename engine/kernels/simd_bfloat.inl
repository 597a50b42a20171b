// y = W x^T with factors rounded to bfloat16 and float32 sums: the kernels of simd_rows32.inl over words of two columns.
namespace facet {
namespace {

struct BfloatWords {
    static constexpr int kColumns = 2;

    // kLanes words of inputs, of which n columns exist.
    static V inputs(const float *x, int n) { return bloadWords(x, n); }

    // The same of a stored row of F32, F16 or BF16.
    static V weights(TensorType type, const std::byte *row, int n) {
        constexpr int whole = 2 * kLanes;
        alignas(64) std::byte copy[whole * sizeof(float)];
        if (n < whole) {
            const std::size_t bytes = type == TensorType::F32 ? sizeof(float) : sizeof(std::uint16_t);
            __builtin_memset(copy, 0, sizeof copy);
            __builtin_memcpy(copy, row, static_cast<std::size_t>(n) * bytes);
            row = copy;
        }
        if (type == TensorType::BF16) return ifloats(iload(row));
        if (type == TensorType::F16) return ifloats(bround(vloadHalf(row), vloadHalf(row + kLanes * 2)));
        const auto *floats = reinterpret_cast<const float *>(row);
        return ifloats(bround(vload(floats), vload(floats + kLanes)));
    }

    // Columns [c, c + n) of kLanes rows, of which `count` exist, to [word][kFloatRows].
    static void fill(const Matrix &w, std::int64_t stride, std::int64_t row, int count, std::int64_t c, int n, float *to) {
        constexpr int together = kLanes * kColumns;
        const std::byte *from = w.data + row * stride + c * blockShape(w.type).bytes;
        const std::int64_t step = together * blockShape(w.type).bytes;
        for (int i = 0; i < n; i += together, from += step) {
            const int some = n - i < together ? n - i : together;
            V m[kLanes];
            FACET_UNROLL
            for (int r = 0; r < kLanes; ++r) m[r] = r < count ? weights(w.type, from + r * stride, some) : vzero();
            transpose(m);
            FACET_UNROLL
            for (int j = 0; j < kLanes; ++j) vstore(to + (i / kColumns + j) * kFloatRows, m[j]);
        }
    }

    static V product(V weights, V in, V sums) { return bdot(weights, in, sums); }
};

}  // namespace
}  // namespace facet
