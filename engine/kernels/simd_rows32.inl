// y = W x^T in float32 with a row of weights in each lane (x86; see simd_math.inl for the rules and simd_rows8.inl for the
// same with int8). Panels of 128 columns of two registers of rows are widened and transposed once for all tokens of a call;
// a few tokens multiply the stored floats without that. Every output is, for each 128 columns, one chain of fused
// multiply-adds over the columns in their order, and the sum of these chains in their order, whichever path computes it.
namespace facet {
namespace {

constexpr int kFloatColumns = 128;              // words of a panel: of one column each, or of two (simd_bfloat.inl)
constexpr int kFloatRows = 2 * kLanes;
constexpr std::int64_t kFewFloatTokens = 8;     // up to so many, transposing weights does not pay
constexpr std::int64_t kKeptFloatTokens = 256;  // tokens whose sums are kept between panels

// Columns [c, c + n) of kLanes rows, of which `count` exist, to [column][kFloatRows].
void fillFloats(const Matrix &w, std::int64_t stride, std::int64_t row, int count, std::int64_t c, int n, float *to) {
    alignas(64) float rows[kLanes][kFloatColumns];
    const BlockShape block = blockShape(w.type);
    for (int r = 0; r < kLanes; ++r) {
        if (r >= count) {
            __builtin_memset(rows[r], 0, sizeof rows[r]);
            continue;
        }
        const std::byte *from = w.data + (row + r) * stride + c / block.values * block.bytes;
        if (block.values > kFloatColumns) {
            alignas(64) float whole[kPieceValues];
            dequantiseKernel(w.type, from, kPieceValues, whole);
            __builtin_memcpy(rows[r], whole + c % kPieceValues, static_cast<std::size_t>(n) * sizeof(float));
        } else {
            dequantiseKernel(w.type, from, n, rows[r]);
        }
        for (int i = n; i % kLanes != 0; ++i) rows[r][i] = 0.0F;
    }
    for (int i = 0; i < n; i += kLanes) {
        V m[kLanes];
        FACET_UNROLL
        for (int r = 0; r < kLanes; ++r) m[r] = vload(rows[r] + i);
        transpose(m);
        FACET_UNROLL
        for (int j = 0; j < kLanes; ++j) vstore(to + (i + j) * kFloatRows, m[j]);
    }
}

// What a word of a panel and of the inputs is: a float32, multiplied with one rounding.
struct FloatWords {
    static constexpr int kColumns = 1;
    static void fill(const Matrix &w, std::int64_t stride, std::int64_t row, int count, std::int64_t c, int n, float *to) {
        fillFloats(w, stride, row, count, c, n, to);
    }
    // kLanes words of inputs, of which n columns exist.
    static V inputs(const float *x, int n) { return vloadUpTo(x, n); }
    static V product(V weights, V in, V sums) { return vfma(weights, in, sums); }
};

// Where the inputs of a token lie: rows of them, or tiles of kFloatTokens tokens, column by column (packTokensKernel).
struct InputRows {
    const float *x;
    std::int64_t stride;
    float at(int token, int column) const { return x[token * stride + column]; }
};
struct InputTiles {
    const float *x;
    float at(int token, int column) const { return x[column * kFloatTokens + token]; }
};

// Two registers of rows by T tokens over a panel of n words; `kept` [T][kFloatRows] goes on from the panel before.
template <typename Words, int T, typename Inputs>
void floatTile(const float *panel, int n, const Inputs &inputs, bool first, float *kept) {
    V low[T];
    V high[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) low[t] = high[t] = vzero();
    for (int c = 0; c < n; ++c) {
        const V w0 = vload(panel + c * kFloatRows);
        const V w1 = vload(panel + c * kFloatRows + kLanes);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            const V in = vset(inputs.at(t, c));
            low[t] = Words::product(w0, in, low[t]);
            high[t] = Words::product(w1, in, high[t]);
        }
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        float *at = kept + t * kFloatRows;
        vstore(at, first ? low[t] : vadd(vload(at), low[t]));
        vstore(at + kLanes, first ? high[t] : vadd(vload(at + kLanes), high[t]));
    }
}

// What the next panel and the end of the rows will touch: asked for tile by tile, while there is time.
struct FloatsAhead {
    const std::byte *weights = nullptr;  // null: none
    std::int64_t stride = 0;
    int rows = 0;
    std::int64_t bytes = 0;  // of each row
    const float *y = nullptr;  // null: sums stay in `kept`
    std::int64_t yStride = 0;

    void tile(std::int64_t token, int count) {
        constexpr int kRowsOfTile = 2;
        for (int r = 0; r < kRowsOfTile && rows > 0; ++r, --rows, weights += stride) {
            for (std::int64_t at = 0; at < bytes; at += 64) askFor(weights + at);
        }
        if (y == nullptr) return;
        for (int t = 0; t < count; ++t) {
            const auto *row = reinterpret_cast<const std::byte *>(y + (token + t) * yStride);
            askFor(row);
            askFor(row + 64);
        }
    }
};

// from(t): the inputs from token t on.
template <typename Words, typename From>
void floatTiles(const float *panel, int n, const From &from, std::int64_t tokens, bool first, float *kept, FloatsAhead ahead) {
    const auto tile = [&](auto count, std::int64_t t) {
        constexpr int T = decltype(count)::kCount;
        ahead.tile(t, T);
        floatTile<Words, T>(panel, n, from(t), first, kept + t * kFloatRows);
    };
    std::int64_t t = 0;
    for (; t + kFloatTokens <= tokens; t += kFloatTokens) tile(TileOf<kFloatTokens>{}, t);
    for (; t + 4 <= tokens; t += 4) tile(TileOf<4>{}, t);
    for (; t + 2 <= tokens; t += 2) tile(TileOf<2>{}, t);
    if (t < tokens) tile(TileOf<1>{}, t);
}

// Rows [row, row + count), count <= kFloatRows, with at most kKeptFloatTokens tokens; from(t, c): their inputs from word c on.
template <typename Words, typename From>
void floatGroup(const Matrix &w, std::int64_t stride, std::int64_t row, int count, const From &from, std::int64_t tokens, float *y,
                std::int64_t yStride) {
    alignas(64) float panel[kFloatColumns * kFloatRows];
    alignas(64) float kept[kKeptFloatTokens * kFloatRows];
    const int lower = count < kLanes ? count : kLanes;
    const BlockShape block = blockShape(w.type);
    constexpr std::int64_t columns = std::int64_t{kFloatColumns} * Words::kColumns;
    for (std::int64_t c = 0; c < w.cols; c += columns) {
        const auto n = static_cast<int>(w.cols - c < columns ? w.cols - c : columns);
        Words::fill(w, stride, row, lower, c, n, panel);
        Words::fill(w, stride, row + kLanes, count - lower, c, n, panel + kLanes);
        const std::int64_t next = c + columns;
        FloatsAhead ahead;
        if (next < w.cols) {
            const std::int64_t some = w.cols - next < columns ? w.cols - next : columns;
            ahead = {w.data + row * stride + next / block.values * block.bytes, stride, count, some / block.values * block.bytes,
                     nullptr, 0};
        } else {
            ahead.y = y;
            ahead.yStride = yStride;
            if (row + 2 * kFloatRows <= w.rows) {  // the first panel of the next rows
                const std::int64_t some = w.cols < columns ? w.cols : columns;
                ahead.weights = w.data + (row + kFloatRows) * stride;
                ahead.stride = stride;
                ahead.rows = kFloatRows;
                ahead.bytes = some / block.values * block.bytes;
            }
        }
        floatTiles<Words>(panel, (n + Words::kColumns - 1) / Words::kColumns,
                          [&](std::int64_t t) { return from(t, c / Words::kColumns); }, tokens, c == 0, kept, ahead);
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
        vstoreUpTo(y + t * yStride, vload(kept + t * kFloatRows), lower);
        if (count > kLanes) vstoreUpTo(y + t * yStride + kLanes, vload(kept + t * kFloatRows + kLanes), count - kLanes);
    }
}

// How a word of four bytes becomes columns.
struct WordF32 {
    static constexpr int kColumns = 1;
    static V column(I word, int) { return ifloats(word); }
};
struct WordF16 {
    static constexpr int kColumns = 2;
    static V column(I word, int i) { return i == 0 ? ihalfToFloat<false>(word) : ihalfToFloat<true>(word); }
};
struct WordBf16 {
    static constexpr int kColumns = 2;
    static V column(I word, int i) { return i == 0 ? ilowBfloat(word) : ihighBfloat(word); }
};

// n <= 4 * Word::kColumns columns, which begin with 16 bytes at `at` of every row.
template <typename Word, int T>
inline void fewColumns(const RowSource &rows, std::int64_t at, int n, const float *x, std::int64_t xStride, V (&sums)[T]) {
    I words[4];
    wordsOfRows(rows, at, words);
    FACET_UNROLL
    for (int i = 0; i < 4 * Word::kColumns; ++i) {
        if (i >= n) return;
        const V w = Word::column(words[i / Word::kColumns], i % Word::kColumns);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) sums[t] = vfma(w, vset(x[t * xStride + i]), sums[t]);
    }
}

// Groups registers of whole rows by T tokens straight from the stored floats.
template <typename Word, int Groups, int T>
void floatFew(const std::byte *first, std::int64_t stride, std::int64_t cols, const float *x, std::int64_t xStride, float *y,
              std::int64_t yStride) {
    constexpr int together = 4 * Word::kColumns;
    constexpr std::int64_t bytesOfColumn = 4 / Word::kColumns;
    const RowSource sources[2] = {RowSource(first, stride), RowSource(first + (Groups - 1) * kLanes * stride, stride)};
    const std::byte *ahead = first + Groups * kLanes * stride;
    V totals[Groups][T];
    for (std::int64_t c = 0; c < cols; c += kFloatColumns) {
        const std::int64_t end = cols - c < kFloatColumns ? cols : c + kFloatColumns;
        V sums[Groups][T];
        FACET_UNROLL
        for (int g = 0; g < Groups; ++g) {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) sums[g][t] = vzero();
        }
        std::int64_t at = c;
        for (; at + together <= end; at += together) {
            FACET_UNROLL
            for (int g = 0; g < Groups; ++g) {
                fewColumns<Word, T>(sources[g], at * bytesOfColumn, together, x + at, xStride, sums[g]);
                FACET_UNROLL
                for (int line = 0; line < kLanes / 4; ++line, ahead += 64) askFor(ahead);
            }
        }
        if (at < end) {  // fewer than 16 bytes are left of each row
            FACET_UNROLL
            for (int g = 0; g < Groups; ++g) {
                alignas(64) std::byte copy[kLanes * 16] = {};
                for (int r = 0; r < kLanes; ++r) {
                    __builtin_memcpy(copy + r * 16, sources[g].row(r) + at * bytesOfColumn,
                                     static_cast<std::size_t>((end - at) * bytesOfColumn));
                }
                fewColumns<Word, T>(RowSource(copy, 16), 0, static_cast<int>(end - at), x + at, xStride, sums[g]);
            }
        }
        FACET_UNROLL
        for (int g = 0; g < Groups; ++g) {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) totals[g][t] = c == 0 ? sums[g][t] : vadd(totals[g][t], sums[g][t]);
        }
    }
    FACET_UNROLL
    for (int g = 0; g < Groups; ++g) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) vstore(y + t * yStride + g * kLanes, totals[g][t]);
    }
}

template <typename Word, int Groups>
void floatFewTokens(const std::byte *first, std::int64_t stride, std::int64_t cols, const float *x, std::int64_t tokens,
                    std::int64_t xStride, float *y, std::int64_t yStride) {
    for (; tokens > kFewTokens; tokens -= kFewTokens, x += kFewTokens * xStride, y += kFewTokens * yStride) {
        floatFew<Word, Groups, kFewTokens>(first, stride, cols, x, xStride, y, yStride);
    }
    switch (tokens) {
    case 1: return floatFew<Word, Groups, 1>(first, stride, cols, x, xStride, y, yStride);
    case 2: return floatFew<Word, Groups, 2>(first, stride, cols, x, xStride, y, yStride);
    case 3: return floatFew<Word, Groups, 3>(first, stride, cols, x, xStride, y, yStride);
    default: return floatFew<Word, Groups, kFewTokens>(first, stride, cols, x, xStride, y, yStride);
    }
}

// Whole registers of rows; returns the first row that is left.
template <typename Word>
std::int64_t floatFewRows(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                          std::int64_t xStride, float *y, std::int64_t yStride) {
    const std::int64_t stride = w.cols * 4 / Word::kColumns;
    std::int64_t r = rowBegin;
    for (; r + kFloatRows <= rowEnd; r += kFloatRows) {
        floatFewTokens<Word, 2>(w.data + r * stride, stride, w.cols, x, tokens, xStride, y + r - rowBegin, yStride);
    }
    if (r + kLanes <= rowEnd) {
        floatFewTokens<Word, 1>(w.data + r * stride, stride, w.cols, x, tokens, xStride, y + r - rowBegin, yStride);
        r += kLanes;
    }
    return r;
}

inline std::int64_t rowBytesOf(const Matrix &w) {
    const BlockShape block = blockShape(w.type);
    return w.cols / block.values * block.bytes;
}

void matmulKernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *x, std::int64_t tokens,
                  std::int64_t xStride, float *y, std::int64_t yStride) {
    const std::int64_t stride = rowBytesOf(w);
    std::int64_t begin = rowBegin;
    if (tokens <= kFewFloatTokens) {
        if (w.type == TensorType::F32) begin = floatFewRows<WordF32>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
        if (w.type == TensorType::F16) begin = floatFewRows<WordF16>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
        if (w.type == TensorType::BF16) begin = floatFewRows<WordBf16>(w, rowBegin, rowEnd, x, tokens, xStride, y, yStride);
    }
    for (std::int64_t t = 0; t < tokens; t += kKeptFloatTokens) {
        const std::int64_t some = tokens - t < kKeptFloatTokens ? tokens - t : kKeptFloatTokens;
        const auto from = [&](std::int64_t token, std::int64_t column) {
            return InputRows{x + (t + token) * xStride + column, xStride};
        };
        for (std::int64_t r = begin; r < rowEnd; r += kFloatRows) {
            const int count = rowEnd - r < kFloatRows ? static_cast<int>(rowEnd - r) : kFloatRows;
            floatGroup<FloatWords>(w, stride, r, count, from, some, y + t * yStride + r - rowBegin, yStride);
        }
    }
}

template <typename Words>
void packTokensOf(const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols, float *to) {
    static_assert(kFloatTokens <= kLanes);
    constexpr int columns = kLanes * Words::kColumns;
    const std::int64_t words = (cols + Words::kColumns - 1) / Words::kColumns;
    for (std::int64_t first = 0; first < tokens; first += kFloatTokens, to += words * kFloatTokens) {
        const std::int64_t count = tokens - first < kFloatTokens ? tokens - first : kFloatTokens;
        const float *from = x + first * xStride;
        for (std::int64_t at = 0; at < words; at += kLanes) {
            const std::int64_t c = at * Words::kColumns;
            const int n = cols - c < columns ? static_cast<int>(cols - c) : columns;
            V m[kLanes];
            FACET_UNROLL
            for (int t = 0; t < kLanes; ++t) m[t] = t < count ? Words::inputs(from + t * xStride + c, n) : vzero();
            transpose(m);
            FACET_UNROLL
            for (int j = 0; j < kLanes; ++j) {
                if (at + j < words) vstorePart(to + (at + j) * kFloatTokens, m[j], kFloatTokens);
            }
        }
    }
}

template <typename Words>
void matmulTilesOf(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *tiles, std::int64_t tokens, float *y,
                   std::int64_t yStride) {
    const std::int64_t stride = rowBytesOf(w);
    const std::int64_t words = (w.cols + Words::kColumns - 1) / Words::kColumns;
    constexpr std::int64_t most = kKeptFloatTokens / kFloatTokens * kFloatTokens;
    for (std::int64_t t = 0; t < tokens; t += most) {
        const std::int64_t some = tokens - t < most ? tokens - t : most;
        const auto from = [&](std::int64_t token, std::int64_t word) {
            const std::int64_t tile = (t + token) / kFloatTokens;
            return InputTiles{tiles + (tile * words + word) * kFloatTokens + (t + token) % kFloatTokens};
        };
        for (std::int64_t r = rowBegin; r < rowEnd; r += kFloatRows) {
            const int count = rowEnd - r < kFloatRows ? static_cast<int>(rowEnd - r) : kFloatRows;
            floatGroup<Words>(w, stride, r, count, from, some, y + t * yStride + r - rowBegin, yStride);
        }
    }
}

void packTokensKernel(const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols, float *to) {
    packTokensOf<FloatWords>(x, tokens, xStride, cols, to);
}

void matmulTilesKernel(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const float *tiles, std::int64_t tokens,
                       float *y, std::int64_t yStride) {
    matmulTilesOf<FloatWords>(w, rowBegin, rowEnd, tiles, tokens, y, yStride);
}

}  // namespace
}  // namespace facet
