// y = W x^T in float32 over the vector type of the including file (see simd_math.inl for the rules).
// Every output is one chain of fused multiply-adds over vectors of columns in their order, reduced once at the end,
// whichever path computes it: a token's result does not depend on what other tokens or rows are in the call.
namespace facet {
namespace {

constexpr std::int64_t kPieceCols = 512;    // columns unpacked at a time: the rows of a tile fit the first level cache
constexpr std::int64_t kPanelBlock = 64;    // tokens whose sums are kept between pieces
constexpr std::int64_t kPanelFrom = 8;      // tokens from which unpacking the weights once pays

// R rows by T tokens straight from the stored weights.
template <int R, int T, typename Load>
void directTile(const std::byte *w, std::int64_t stride, std::int64_t cols, const float *x, std::int64_t xStride, float *y,
                std::int64_t yStride) {
    V sums[R][T];
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) sums[r][t] = vzero();
    }
    std::int64_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
        V in[T];
        FACET_UNROLL
        for (int t = 0; t < T; ++t) in[t] = vload(x + t * xStride + c);
        FACET_UNROLL
        for (int r = 0; r < R; ++r) {
            const V weights = Load::whole(w + r * stride + c * Load::kBytes);
            FACET_UNROLL
            for (int t = 0; t < T; ++t) sums[r][t] = vfma(weights, in[t], sums[r][t]);
        }
    }
    if (c < cols) {
        const int rest = static_cast<int>(cols - c);
        FACET_UNROLL
        for (int r = 0; r < R; ++r) {
            const V weights = Load::part(w + r * stride + c * Load::kBytes, rest);
            FACET_UNROLL
            for (int t = 0; t < T; ++t) sums[r][t] = vfma(weights, vloadPart(x + t * xStride + c, rest), sums[r][t]);
        }
    }
    FACET_UNROLL
    for (int r = 0; r < R; ++r) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) y[t * yStride + r] = vsum(sums[r][t]);
    }
}

template <int R, typename Load>
void directRows(const std::byte *w, std::int64_t stride, std::int64_t cols, const float *x, std::int64_t tokens,
                std::int64_t xStride, float *y, std::int64_t yStride) {
    std::int64_t t = 0;
    for (; t + 4 <= tokens; t += 4) {
        directTile<R, 4, Load>(w, stride, cols, x + t * xStride, xStride, y + t * yStride, yStride);
    }
    for (; t + 2 <= tokens; t += 2) {
        directTile<R, 2, Load>(w, stride, cols, x + t * xStride, xStride, y + t * yStride, yStride);
    }
    if (t < tokens) directTile<R, 1, Load>(w, stride, cols, x + t * xStride, xStride, y + t * yStride, yStride);
}

template <typename Load>
void directMatmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                  std::int64_t xStride, float *y, std::int64_t yStride) {
    const std::int64_t stride = w.cols * Load::kBytes;
    std::int64_t r = rowBegin;
    if (tokens == 1) {
        for (; r + 8 <= rowEnd; r += 8) {
            directTile<8, 1, Load>(rowOf(w, stride, r), stride, w.cols, x, xStride, y + r - rowBegin, yStride);
        }
    }
    for (; r + kDirectRows <= rowEnd; r += kDirectRows) {
        directRows<kDirectRows, Load>(rowOf(w, stride, r), stride, w.cols, x, tokens, xStride, y + r - rowBegin, yStride);
    }
    for (; r < rowEnd; ++r) {
        directRows<1, Load>(rowOf(w, stride, r), stride, w.cols, x, tokens, xStride, y + r - rowBegin, yStride);
    }
}

// R rows by T tokens over one piece of unpacked columns; sums [T][kPanelRows] vectors go on from the piece before.
template <int R, int T>
void panelTile(const float *w, std::int64_t wStride, std::int64_t cols, const float *x, std::int64_t xStride, bool first,
               float *kept) {
    V sums[R][T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) sums[r][t] = first ? vzero() : vload(kept + (t * kPanelRows + r) * kLanes);
    }
    std::int64_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
        V weights[R];
        FACET_UNROLL
        for (int r = 0; r < R; ++r) {
            weights[r] = vload(w + r * wStride + c);
            vkeep(weights[r]);
        }
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            V in = vload(x + t * xStride + c);
            vkeep(in);
            FACET_UNROLL
            for (int r = 0; r < R; ++r) sums[r][t] = vfma(weights[r], in, sums[r][t]);
        }
    }
    if (c < cols) {
        const int rest = static_cast<int>(cols - c);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            const V in = vloadPart(x + t * xStride + c, rest);
            FACET_UNROLL
            for (int r = 0; r < R; ++r) sums[r][t] = vfma(vloadPart(w + r * wStride + c, rest), in, sums[r][t]);
        }
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) vstore(kept + (t * kPanelRows + r) * kLanes, sums[r][t]);
    }
}

template <int R>
void panelRows(const Matrix &w, std::int64_t row, const float *x, std::int64_t tokens, std::int64_t xStride, float *y,
               std::int64_t yStride) {
    alignas(64) float unpacked[R * kPieceCols];
    alignas(64) float kept[kPanelBlock * kPanelRows * kLanes];
    const BlockShape block = blockShape(w.type);
    const std::int64_t stride = w.cols / block.values * block.bytes;
    for (std::int64_t c = 0; c < w.cols; c += kPieceCols) {
        const std::int64_t cols = w.cols - c < kPieceCols ? w.cols - c : kPieceCols;
        const float *piece = unpacked;
        std::int64_t pieceStride = kPieceCols;
        if (w.type == TensorType::F32) {
            piece = reinterpret_cast<const float *>(rowOf(w, stride, row)) + c;
            pieceStride = w.cols;
        } else {
            FACET_UNROLL
            for (int r = 0; r < R; ++r) {
                const std::byte *from = rowOf(w, stride, row + r) + c / block.values * block.bytes;
                dequantiseKernel(w.type, from, cols, unpacked + r * kPieceCols);
            }
        }
        std::int64_t t = 0;
        for (; t + kPanelTokens <= tokens; t += kPanelTokens) {
            panelTile<R, kPanelTokens>(piece, pieceStride, cols, x + t * xStride + c, xStride, c == 0,
                                       kept + t * kPanelRows * kLanes);
        }
        for (; t < tokens; ++t) {
            panelTile<R, 1>(piece, pieceStride, cols, x + t * xStride + c, xStride, c == 0, kept + t * kPanelRows * kLanes);
        }
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
        FACET_UNROLL
        for (int r = 0; r < R; ++r) y[t * yStride + r] = vsum(vload(kept + (t * kPanelRows + r) * kLanes));
    }
}

void panelMatmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                 std::int64_t xStride, float *y, std::int64_t yStride) {
    for (std::int64_t t = 0; t < tokens; t += kPanelBlock) {
        const std::int64_t count = tokens - t < kPanelBlock ? tokens - t : kPanelBlock;
        std::int64_t r = rowBegin;
        for (; r + kPanelRows <= rowEnd; r += kPanelRows) {
            panelRows<kPanelRows>(w, r, x + t * xStride, count, xStride, y + t * yStride + r - rowBegin, yStride);
        }
        for (; r < rowEnd; ++r) {
            panelRows<1>(w, r, x + t * xStride, count, xStride, y + t * yStride + r - rowBegin, yStride);
        }
    }
}

void matmulKernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                  std::int64_t xStride, float *y, std::int64_t yStride) {
    if (tokens < kPanelFrom) {
        if (w.type == TensorType::F32) {
            return directMatmul<LoadF32>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
        }
        if (w.type == TensorType::F16) {
            return directMatmul<LoadF16>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
        }
        if (w.type == TensorType::BF16) {
            return directMatmul<LoadBf16>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
        }
    }
    panelMatmul(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
}

}  // namespace
}  // namespace facet
