// Q8_0 and Q4_0 weights against int8 activations straight from their blocks (the other types: simd_panel8.inl), over the
// formats of the including file (see simd_math.inl for the rules):
//     struct Format {
//         kBytes (of a block), kGroup (blocks taken in one step),
//         Weights weights(group), Input input(values, scales, sums), V add(total, weights, input)
//     };
// The integer products of a block are exact; their float sums have one order for every output.
namespace facet {
namespace {

// Where the steps of a tile read: rows of weights and of inputs at fixed distances.
struct Int8Source {
    const std::byte *w;
    std::int64_t wStride;
    const std::int8_t *values;
    const float *scales;
    const float *sums;
    std::int64_t blocks;  // of a row of inputs: distance of scales; sums lie 2 times and values 32 times as far apart
};

template <typename Format, int R, int T>
inline void int8Step(const Int8Source &from, std::int64_t block, V (&totals)[R][T]) {
    typename Format::Input in[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        const std::int64_t at = t * from.blocks + block;
        in[t] = Format::input(from.values + at * 32, from.scales + at, from.sums + 2 * at);
    }
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        const typename Format::Weights weights = Format::weights(from.w + r * from.wStride + block * Format::kBytes);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) totals[r][t] = Format::add(totals[r][t], weights, in[t]);
    }
}

// The last blocks where they fill no group: copied and followed by blocks of zeros, which add nothing.
template <typename Format, int R, int T>
void int8Rest(const Int8Source &from, std::int64_t block, V (&totals)[R][T]) {
    const auto count = static_cast<std::size_t>(from.blocks - block);
    alignas(64) std::byte w[R * Format::kGroup * Format::kBytes] = {};
    alignas(64) std::int8_t values[T * Format::kGroup * 32] = {};
    float scales[T * Format::kGroup] = {};
    float sums[T * Format::kGroup * 2] = {};
    for (int r = 0; r < R; ++r) {
        __builtin_memcpy(w + r * Format::kGroup * Format::kBytes, from.w + r * from.wStride + block * Format::kBytes,
                         count * Format::kBytes);
    }
    for (int t = 0; t < T; ++t) {
        const std::int64_t at = t * from.blocks + block;
        __builtin_memcpy(values + t * Format::kGroup * 32, from.values + at * 32, count * 32);
        __builtin_memcpy(scales + t * Format::kGroup, from.scales + at, count * sizeof(float));
        __builtin_memcpy(sums + t * Format::kGroup * 2, from.sums + 2 * at, count * 2 * sizeof(float));
    }
    const Int8Source copy{w, Format::kGroup * Format::kBytes, values, scales, sums, Format::kGroup};
    int8Step<Format, R, T>(copy, 0, totals);
}

template <typename Format, int R, int T>
void int8Tile(const Int8Source &from, float *y, std::int64_t yStride) {
    V totals[R][T];
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) totals[r][t] = vzero();
    }
    const std::int64_t whole = from.blocks / Format::kGroup * Format::kGroup;
    for (std::int64_t block = 0; block < whole; block += Format::kGroup) int8Step<Format, R, T>(from, block, totals);
    if (whole < from.blocks) int8Rest<Format, R, T>(from, whole, totals);
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) y[t * yStride + r] = vsum(totals[r][t]);
    }
}

template <typename Format>
void int8Matmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                std::int64_t yStride) {
    const std::int64_t blocks = w.cols / 32;
    const std::int64_t stride = blocks * Format::kBytes;
    const auto source = [&](std::int64_t r, std::int64_t t) {
        return Int8Source{rowOf(w, stride, r), stride, x.values + t * w.cols, x.scales + t * blocks, x.sums + 2 * t * blocks, blocks};
    };
    std::int64_t t = 0;
    for (; t + kInt8Tokens <= tokens; t += kInt8Tokens) {
        float *out = y + t * yStride - rowBegin;
        std::int64_t r = rowBegin;
        for (; r + kInt8Rows <= rowEnd; r += kInt8Rows) {
            int8Tile<Format, kInt8Rows, kInt8Tokens>(source(r, t), out + r, yStride);
        }
        for (; r < rowEnd; ++r) int8Tile<Format, 1, kInt8Tokens>(source(r, t), out + r, yStride);
    }
    for (; t < tokens; ++t) {
        float *out = y + t * yStride - rowBegin;
        std::int64_t r = rowBegin;
        for (; r + 4 <= rowEnd; r += 4) int8Tile<Format, 4, 1>(source(r, t), out + r, yStride);
        for (; r < rowEnd; ++r) int8Tile<Format, 1, 1>(source(r, t), out + r, yStride);
    }
}

}  // namespace
}  // namespace facet
