// Every block type against int8 activations: rows of weights are unpacked once per call (unpack_blocks.inl) and
// multiplied with all its tokens. Over the steps of the including file (see simd_math.inl for the rules):
//     kStep: values of a step (32 or 64)
//     template <bool Signed> struct Step { Weights weights(values, scales); Input input(values, scales);
//                                          Input inputHalf(values, scales); V add(total, weights, input); }
// inputHalf reads 32 values where a step of 64 would go beyond the row. Sums of int8 products are exact; float sums of an
// output have one order: the steps of a piece of 256 columns, then its offsets, then the next piece.
namespace facet {
namespace {

constexpr int kPanelPieces = 4;              // pieces of 256 columns that are unpacked at a time
constexpr std::int64_t kPanel8Tokens = 64;   // tokens whose sums are kept between panels

struct PanelRow {
    Unpacked pieces[kPanelPieces];
};

// One piece, filled up with zeros; mins become what is taken off for each unit of the inputs' sums.
template <bool Signed>
inline void panelPiece(TensorType type, const std::byte *from, int n, Unpacked &piece) {
    unpackPiece(type, from, n, piece);
    if (n < kPieceValues) {
        const auto rest = static_cast<std::size_t>(kPieceValues - n);
        __builtin_memset(piece.values + n, 0, rest);
        __builtin_memset(piece.scales + n / 16, 0, rest / 16 * sizeof(float));
        __builtin_memset(piece.mins + n / 16, 0, rest / 16 * sizeof(float));
    }
    if constexpr (!Signed) {
        const int bias = biasOf(type);
        if (bias == 0) return;
        const V shift = vset(static_cast<float>(bias));
        for (int i = 0; i < kPieceValues / 16; i += kLanes) {
            vstore(piece.mins + i, vfma(vload(piece.scales + i), shift, vload(piece.mins + i)));
        }
    }
}

// R rows by T tokens over the columns of a panel; sums [T][R] vectors go on from the panel before.
template <bool Signed, int R, int T>
void panel8Tile(const PanelRow *panel, const Q8Rows &x, std::int64_t xCols, std::int64_t cols, bool first, float *kept) {
    using S = Step<Signed>;
    V totals[R][T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) totals[r][t] = first ? vzero() : vload(kept + (t * R + r) * kLanes);
    }
    const std::int64_t xBlocks = xCols / 32;
    for (std::int64_t at = 0; at < cols; at += kPieceValues) {
        const Unpacked *pieces[R];
        FACET_UNROLL
        for (int r = 0; r < R; ++r) pieces[r] = panel[r].pieces + at / kPieceValues;
        const std::int64_t n = cols - at < kPieceValues ? cols - at : kPieceValues;
        const std::int8_t *values = x.values + at;
        const float *scales = x.scales + at / 32;
        std::int64_t c = 0;
        for (; c + kStep <= n; c += kStep) {
            typename S::Input in[T];
            FACET_UNROLL
            for (int t = 0; t < T; ++t) in[t] = S::input(values + t * xCols + c, scales + t * xBlocks + c / 32);
            FACET_UNROLL
            for (int r = 0; r < R; ++r) {
                const typename S::Weights weights = S::weights(pieces[r]->values + c, pieces[r]->scales + c / 16);
                FACET_UNROLL
                for (int t = 0; t < T; ++t) totals[r][t] = S::add(totals[r][t], weights, in[t]);
            }
        }
        if constexpr (kStep > 32) {
            if (c < n) {
                FACET_UNROLL
                for (int t = 0; t < T; ++t) {
                    const typename S::Input in = S::inputHalf(values + t * xCols + c, scales + t * xBlocks + c / 32);
                    FACET_UNROLL
                    for (int r = 0; r < R; ++r) {
                        totals[r][t] = S::add(totals[r][t], S::weights(pieces[r]->values + c, pieces[r]->scales + c / 16), in);
                    }
                }
            }
        }
        if constexpr (!Signed) {
            const float *sums = x.sums + at / 16;
            for (int i = 0; i < static_cast<int>(n / 16); i += kLanes) {
                const int lanes = static_cast<int>(n / 16) - i < kLanes ? static_cast<int>(n / 16) - i : kLanes;
                FACET_UNROLL
                for (int t = 0; t < T; ++t) {
                    const V sum = vloadUpTo(sums + t * 2 * xBlocks + i, lanes);
                    FACET_UNROLL
                    for (int r = 0; r < R; ++r) totals[r][t] = vfnma(vload(pieces[r]->mins + i), sum, totals[r][t]);
                }
            }
        }
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) vstore(kept + (t * R + r) * kLanes, totals[r][t]);
    }
}

inline Q8Rows rowsFrom(const Q8Rows &x, std::int64_t token, std::int64_t cols) {
    return {x.values + token * cols, x.scales + token * (cols / 32), x.sums + token * (cols / 16)};
}

template <bool Signed, int R>
void panel8Rows(const Matrix &w, std::int64_t row, const Q8Rows &x, std::int64_t tokens, float *y, std::int64_t yStride) {
    PanelRow panel[R];
    alignas(64) float kept[kPanel8Tokens * R * kLanes];
    const BlockShape block = blockShape(w.type);
    const std::int64_t stride = w.cols / block.values * block.bytes;
    constexpr std::int64_t width = kPanelPieces * kPieceValues;
    for (std::int64_t c = 0; c < w.cols; c += width) {
        const std::int64_t cols = w.cols - c < width ? w.cols - c : width;
        for (int r = 0; r < R; ++r) {
            const std::byte *from = rowOf(w, stride, row + r) + c / block.values * block.bytes;
            for (std::int64_t at = 0; at < cols; at += kPieceValues) {
                const auto n = static_cast<int>(cols - at < kPieceValues ? cols - at : kPieceValues);
                panelPiece<Signed>(w.type, from + at / block.values * block.bytes, n, panel[r].pieces[at / kPieceValues]);
            }
        }
        const Q8Rows columns{x.values + c, x.scales + c / 32, x.sums + c / 16};
        std::int64_t t = 0;
        for (; t + kInt8Tokens <= tokens; t += kInt8Tokens) {
            panel8Tile<Signed, R, kInt8Tokens>(panel, rowsFrom(columns, t, w.cols), w.cols, cols, c == 0, kept + t * R * kLanes);
        }
        for (; t < tokens; ++t) {
            panel8Tile<Signed, R, 1>(panel, rowsFrom(columns, t, w.cols), w.cols, cols, c == 0, kept + t * R * kLanes);
        }
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) y[t * yStride + r] = vsum(vload(kept + (t * R + r) * kLanes));
    }
}

template <bool Signed>
void panel8Matmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                  std::int64_t yStride) {
    constexpr int kFew = 4;  // rows of a tile with one token
    for (std::int64_t t = 0; t < tokens; t += kPanel8Tokens) {
        const std::int64_t count = tokens - t < kPanel8Tokens ? tokens - t : kPanel8Tokens;
        const Q8Rows in = rowsFrom(x, t, w.cols);
        float *out = y + t * yStride - rowBegin;
        std::int64_t r = rowBegin;
        if (count < kInt8Tokens) {
            for (; r + kFew <= rowEnd; r += kFew) panel8Rows<Signed, kFew>(w, r, in, count, out + r, yStride);
        }
        for (; r + kInt8Rows <= rowEnd; r += kInt8Rows) panel8Rows<Signed, kInt8Rows>(w, r, in, count, out + r, yStride);
        for (; r < rowEnd; ++r) panel8Rows<Signed, 1>(w, r, in, count, out + r, yStride);
    }
}

void matmulQ8Kernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens,
                    float *y, std::int64_t yStride) {
    if (w.type == TensorType::Q4_0) int8Matmul<FormatQ4>(w, rowBegin, rowEnd, x, tokens, y, yStride);
    else if (w.type == TensorType::Q8_0 && tokens < kQ8PanelFrom) int8Matmul<FormatQ8>(w, rowBegin, rowEnd, x, tokens, y, yStride);
    else if (isSigned(w.type)) panel8Matmul<true>(w, rowBegin, rowEnd, x, tokens, y, yStride);
    else panel8Matmul<false>(w, rowBegin, rowEnd, x, tokens, y, yStride);
}

}  // namespace
}  // namespace facet
