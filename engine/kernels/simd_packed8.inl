// Products of packed matrices (packed.h) against int8 activations: one load gives the same four bytes of kLanes rows, so
// that nothing is gathered or transposed. Few tokens multiply weights right behind the load; more of them read a panel that
// was unpacked once. The steps of simd_rows8.inl in the same order: the same bits as there.
namespace facet {
namespace {

constexpr int kPackedTokens = 8;                      // up to so many are multiplied without a panel
constexpr int kAheadBytes = 4096;                     // what is read is asked for that long before

// 16 rows of up to 256 columns, unit by unit.
template <typename S, int T>
struct PackedProduct {
    const PackedRows &rows;
    const Q8Rows &x;  // from the first of the columns
    std::int64_t xCols;
    const UnitSums<S, T> &inputs;
    const std::byte *ahead;  // null: it was asked for with the other lanes
    V (&totals)[T];

    // Bytes of 16 rows.
    static constexpr int kUnitBytes = BlockWords<S::kType>::kBytes * static_cast<int>(kPackedRows) * S::kUnit /
                                      (S::kType == TensorType::Q4_0 || S::kType == TensorType::Q8_0 ? 32 : kPieceValues);

    template <typename Weights>
    void unit(int number, V scale, const float *mins, const Weights &weights) {
        if (ahead != nullptr) {
            FACET_UNROLL
            for (int i = 0; i < (kUnitBytes + 63) / 64; ++i) askFor(ahead + number * kUnitBytes + i * 64);
        }
        I sums[T];
        const int column = number * S::kUnit;
        unitProducts<S, T>(weights, x.values + column, xCols, inputs, column / 16, sums);
        addUnit<S, T>(sums, scale, mins, x, xCols, column, inputs, totals);
    }
    I word(int number) const { return packedWord(rows, number); }

    void blocksQ4_0(int n) {
        const I low = iset8(15);
        for (int b = 0; b < n / 32; ++b) {
            unit(b, halfOf<TensorType::Q4_0>(rows, b), nullptr, [&](int g) {
                return g < 4 ? iand(word(b * 4 + g), low) : iand(iright<4>(word(b * 4 + g - 4)), low);
            });
        }
    }
    void blocksQ8_0(int n) {
        for (int b = 0; b < n / 32; ++b) {
            unit(b, halfOf<TensorType::Q8_0>(rows, b), nullptr, [&](int g) { return word(b * 8 + g); });
        }
    }
    void blockQ4_K() {
        RowsPiece piece;  // of which the scales
        unpackRowsScalesK<TensorType::Q4_K>(rows, piece);
        const I low = iset8(15);
        for (int chunk = 0; chunk < 4; ++chunk) {
            FACET_UNROLL
            for (int high = 0; high < 2; ++high) {
                const int number = chunk * 2 + high;
                unit(number, vload(piece.scales + number * kLanes), piece.mins + number * kLanes, [&](int g) {
                    const I both = word(4 + chunk * 8 + g);
                    return iand(high != 0 ? iright<4>(both) : both, low);
                });
            }
        }
    }
    void blockQ5_K() {
        RowsPiece piece;
        unpackRowsScalesK<TensorType::Q5_K>(rows, piece);
        const I low = iset8(15);
        for (int chunk = 0; chunk < 4; ++chunk) {
            FACET_UNROLL
            for (int high = 0; high < 2; ++high) {
                const int number = chunk * 2 + high;
                const I bit = iset8(1 << number);
                unit(number, vload(piece.scales + number * kLanes), piece.mins + number * kLanes, [&](int g) {
                    const I both = word(12 + chunk * 8 + g);
                    return ibitToFifth(iand(high != 0 ? iright<4>(both) : both, low), word(4 + g), bit);
                });
            }
        }
    }
    // Unit 2 s + p of each half: 16 columns whose low bits lie in the lower (s < 2) or upper halves of bytes.
    void blockQ6_K() {
        RowsPiece piece;
        unpackRowsScalesQ6(rows, piece);
        const I four = iset8(15);
        const I pair = iset8(0x30);
        for (int half = 0; half < 2; ++half) {
            FACET_UNROLL
            for (int slot = 0; slot < 4; ++slot) {
                for (int part = 0; part < 2; ++part) {
                    const int number = half * 8 + slot * 2 + part;
                    unit(number, vload(piece.scales + number * kLanes), nullptr, [&](int g) {
                        const I low = word(half * 16 + slot % 2 * 8 + part * 4 + g);
                        const I high = word(32 + half * 8 + part * 4 + g);
                        switch (slot) {
                        case 0: return imerge(low, four, ileft<4>(high), pair);
                        case 1: return imerge(low, four, ileft<2>(high), pair);
                        case 2: return imerge(iright<4>(low), four, high, pair);
                        default: return imerge(iright<4>(low), four, iright<2>(high), pair);
                        }
                    });
                }
            }
        }
    }
    void all(int n) {
        if constexpr (S::kType == TensorType::Q4_0) blocksQ4_0(n);
        else if constexpr (S::kType == TensorType::Q8_0) blocksQ8_0(n);
        else if constexpr (S::kType == TensorType::Q4_K) blockQ4_K();
        else if constexpr (S::kType == TensorType::Q5_K) blockQ5_K();
        else blockQ6_K();
    }
};

// Where 256 columns (or what is left of them) of a group of 16 rows lie, from lane `lane` on.
template <TensorType Type>
inline PackedRows packedPiece(const std::byte *group, std::int64_t column, std::int64_t cols, int lane) {
    using Block = BlockWords<Type>;
    constexpr std::int64_t values = Type == TensorType::Q4_0 || Type == TensorType::Q8_0 ? 32 : kPieceValues;
    const std::int64_t begin = column / kPackedCols * kPackedCols;
    const std::int64_t blocks = (cols - begin < kPackedCols ? cols - begin : kPackedCols) / values;
    const std::int64_t block = (column - begin) / values;
    const std::byte *halves = group + begin / values * Block::kBytes * kPackedRows;
    const std::byte *words = halves + (Block::kBytes % 4 != 0 ? blocks * 2 * kPackedRows : 0);
    return {words + block * Block::kWords * 4 * kPackedRows + lane * 4, halves + block * 2 * kPackedRows + lane * 2};
}

// 16 rows by T tokens.
template <typename S, int T>
void packedFew(const std::byte *group, std::int64_t cols, const Q8Rows &x, float (&kept)[kPackedRows / kLanes][T][kLanes]) {
    UnitSums<S, T> inputs;
    constexpr int halves = kPackedRows / kLanes;
    V totals[halves][T];
    FACET_UNROLL
    for (int h = 0; h < halves; ++h) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) totals[h][t] = vzero();
    }
    const std::byte *ahead = group + kAheadBytes;
    for (std::int64_t c = 0; c < cols; c += kPieceValues) {
        const auto n = static_cast<int>(cols - c < kPieceValues ? cols - c : kPieceValues);
        const Q8Rows in = inputsFrom(x, cols, 0, c);
        inputs.fill(in, cols, n);
        FACET_UNROLL
        for (int h = 0; h < halves; ++h) {
            const PackedRows rows = packedPiece<S::kType>(group, c, cols, h * kLanes);
            PackedProduct<S, T>{rows, in, cols, inputs, h == 0 ? ahead : nullptr, totals[h]}.all(n);
        }
        ahead += n / S::kUnit * PackedProduct<S, T>::kUnitBytes;
    }
    FACET_UNROLL
    for (int h = 0; h < halves; ++h) {
        FACET_UNROLL
        for (int t = 0; t < T; ++t) vstore(kept[h][t], totals[h][t]);
    }
}

// kLanes of 16 rows from lane `lane` on, `count` of them wanted, with at most kKeptTokens tokens.
template <typename S>
void packedPanels(const std::byte *group, std::int64_t cols, int lane, int count, const Q8Rows &x, std::int64_t tokens, float *y,
                  std::int64_t yStride) {
    alignas(64) float kept[kKeptTokens * kLanes];
    RowsPiece panel[kPanelPieces];
    constexpr std::int64_t width = kPanelPieces * kPieceValues;
    for (std::int64_t c = 0; c < cols; c += width) {
        const std::int64_t some = cols - c < width ? cols - c : width;
        for (std::int64_t at = 0; at < some; at += kPieceValues) {
            const auto n = static_cast<int>(some - at < kPieceValues ? some - at : kPieceValues);
            RowsPiece &piece = panel[at / kPieceValues];
            const PackedRows rows = packedPiece<S::kType>(group, c + at, cols, lane);
            PieceSink<S::kUnit, aheadStep(S::kType) * static_cast<int>(kPackedRows) / kLanes> sink{piece, rows.words + kAheadBytes};
            unpackRowsInto<S::kType>(rows, n, piece, sink);
        }
        rowsTiles<S>(panel, some, x, cols, c, tokens, kept);
    }
    for (std::int64_t t = 0; t < tokens; ++t) vstoreUpTo(y + t * yStride, vload(kept + t * kLanes), count);
}

template <typename S, int T>
void packedTokens(const std::byte *group, std::int64_t cols, int count, const Q8Rows &x, float *y, std::int64_t yStride) {
    alignas(64) float kept[kPackedRows / kLanes][T][kLanes];
    packedFew<S, T>(group, cols, x, kept);
    for (int h = 0; h * kLanes < count; ++h) {
        const int lanes = count - h * kLanes < kLanes ? count - h * kLanes : kLanes;
        for (int t = 0; t < T; ++t) vstoreUpTo(y + t * yStride + h * kLanes, vload(kept[h][t]), lanes);
    }
}

template <typename S>
void packedGroup(const std::byte *group, std::int64_t cols, int count, const Q8Rows &x, std::int64_t tokens, float *y,
                 std::int64_t yStride) {
    if (tokens > kPackedTokens) {
        for (int lane = 0; lane < count; lane += kLanes) {
            const int lanes = count - lane < kLanes ? count - lane : kLanes;
            packedPanels<S>(group, cols, lane, lanes, x, tokens, y + lane, yStride);
        }
        return;
    }
    // What is left of 5 to 7 reads the group again, from the cache.
    std::int64_t t = 0;
    const auto some = [&](auto number) {
        constexpr int T = decltype(number)::kCount;
        packedTokens<S, T>(group, cols, count, inputsFrom(x, cols, t, 0), y + t * yStride, yStride);
        t += T;
    };
    if (tokens == kPackedTokens) return some(TileOf<kPackedTokens>{});
    if (tokens >= 4) some(TileOf<4>{});
    switch (tokens - t) {
    case 1: return some(TileOf<1>{});
    case 2: return some(TileOf<2>{});
    case 3: return some(TileOf<3>{});
    default: return;
    }
}

// rowBegin is a multiple of kPackedRows.
template <typename S>
void packedMatmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                  std::int64_t yStride) {
    const BlockShape block = blockShape(w.type);
    const std::int64_t stride = w.cols / block.values * block.bytes;
    for (std::int64_t t = 0; t < tokens; t += kKeptTokens) {
        const std::int64_t some = tokens - t < kKeptTokens ? tokens - t : kKeptTokens;
        const Q8Rows in = inputsFrom(x, w.cols, t, 0);
        for (std::int64_t r = rowBegin; r < rowEnd; r += kPackedRows) {
            const int count = rowEnd - r < kPackedRows ? static_cast<int>(rowEnd - r) : static_cast<int>(kPackedRows);
            packedGroup<S>(w.data + r * stride, w.cols, count, in, some, y + t * yStride + r - rowBegin, yStride);
        }
    }
}

}  // namespace
}  // namespace facet
