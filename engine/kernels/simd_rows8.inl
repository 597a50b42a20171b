// Every block type against int8 activations, kLanes rows of weights at a time: lane r of every register belongs to row r.
// A panel of columns is unpacked once (simd_rows8_unpack.inl) into groups of four columns, row by row, and multiplied
// with all tokens of the call; four activations are spread over all lanes. Over the steps of the including file
// (see simd_math.inl for the rules):
//     I, kTileTokens, ispread4(four int8), imulWords(unsigned, signed), imulWordsSigned(signed, signed), iaddWords,
//     isubWords, iscaleWords, inext (word i + 1 in the place of every even word i), iwiden (adds pairs of 16-bit words),
//     iaddDwords, itoFloat, ifloats (the same bits), kDot4, idot4(sums, unsigned, signed), iflipSign8, inegative(x, factor)
//
// Sums of the products of a unit (the columns that share a scale) are exact integers; an output is one chain over its
// units in their order: total = fma(sum, weight scale * input scale, total), then total -= offset * sum of the inputs.
// Nothing depends on the number of tokens, on their place in a tile or on the number of lanes.
namespace facet {
namespace {

constexpr int kPanelPieces = 2;                      // pieces of 256 columns that are unpacked at a time
constexpr int kPanelUnits = kPanelPieces * kPieceValues / 16;
constexpr int kFewTokens = 4;                        // up to so many, what is unpacked is multiplied at once
constexpr std::int64_t kKeptTokens = 256;            // tokens whose sums are kept between panels
constexpr std::int64_t kMostPieceBytes = 288;        // of 256 columns: Q8_0 takes 272

template <int T>
struct TileOf {
    static constexpr int kCount = T;
};

// How the values of a type are multiplied: columns of a unit, groups of four columns whose products fit 16 bits together,
// what is taken off each value, whether there are offsets in `mins`, whether values have a sign of their own. Where several
// types share a scheme and none has a reader of its own, `Type` is only a name for them.
template <TensorType Type, int Unit, int Groups, int Bias, bool Mins, bool Signed>
struct Scheme {
    static constexpr TensorType kType = Type;
    static constexpr int kUnit = Unit;
    static constexpr int kGroups = Groups;
    static constexpr int kBias = Bias;
    static constexpr bool kMins = Mins;
    static constexpr bool kSigned = Signed;
    // What a unit's sum of inputs is multiplied with and taken off the sum of the products: signed values become unsigned
    // ones where only such are multiplied at once.
    static constexpr int kTaken = kDot4 && Signed ? 128 : Bias;
};

inline std::int32_t sumOfPair(std::int32_t pair) {
    return static_cast<std::int16_t>(pair & 0xFFFF) + static_cast<std::int16_t>(pair >> 16);
}

// Of T tokens and one panel: what the bias of the weights adds to each unit (as pairs of words; kDot4: what is to be added to
// take it off), and the inputs' sums.
template <typename S, int T>
struct UnitSums {
    alignas(64) std::int32_t offsets[S::kTaken != 0 ? T : 1][kPanelUnits];
    alignas(64) float sums[S::kMins ? T : 1][kPanelUnits];

    // n columns; entries of a unit of 32 columns are those of its first half.
    void fill(const Q8Rows &x, std::int64_t xCols, std::int64_t n) {
        const auto halves = static_cast<int>(n / 16);
        const int whole = halves / kLanes * kLanes;
        for (int t = 0; t < T; ++t) {
            if constexpr (kDot4 && S::kTaken != 0) {
                const std::int32_t *pairs = x.pairs + t * (xCols / 16);
                for (int i = 0; i < whole; i += kLanes) {
                    I sum = iwiden(iload(pairs + i));
                    if constexpr (S::kUnit == 32) sum = iaddDwords(sum, inext(sum));
                    istore(&offsets[t][i], inegative(sum, S::kTaken));
                }
                for (int i = whole; i < halves; ++i) {
                    std::int32_t sum = sumOfPair(pairs[i]);
                    if constexpr (S::kUnit == 32) sum += sumOfPair(pairs[i | 1]);
                    offsets[t][i] = -S::kTaken * sum;
                }
            } else if constexpr (S::kBias != 0) {
                const std::int32_t *pairs = x.pairs + t * (xCols / 16);
                for (int i = 0; i < whole; i += kLanes) {
                    I both = iload(pairs + i);
                    if constexpr (S::kUnit == 32) both = iaddWords(both, inext(both));
                    istore(&offsets[t][i], iscaleWords(both, S::kBias));
                }
                for (int i = whole; i < halves; ++i) {
                    auto low = static_cast<std::uint32_t>(pairs[i]);
                    std::uint32_t high = low >> 16;
                    if constexpr (S::kUnit == 32) {  // `halves` is even
                        low += static_cast<std::uint32_t>(pairs[i | 1]);
                        high += static_cast<std::uint32_t>(pairs[i | 1]) >> 16;
                    }
                    offsets[t][i] = static_cast<std::int32_t>((low * S::kBias & 0xFFFFU) | high * S::kBias << 16);
                }
            }
            if constexpr (S::kMins) {
                const float *from = x.sums + t * (xCols / 16);
                for (int i = 0; i < whole; i += kLanes) {
                    const V each = vload(from + i);
                    vstore(&sums[t][i], S::kUnit == 32 ? vadd(each, ifloats(inext(iload(from + i)))) : each);
                }
                for (int i = whole; i < halves; ++i) sums[t][i] = S::kUnit == 32 ? from[i] + from[i | 1] : from[i];
            }
        }
    }
};

// The integer sums of a unit for T tokens. weights(g): four columns of every row; `half`: the unit's place in `inputs`.
// By dot products of four bytes:
template <typename S, int T, typename Weights>
inline void unitDots(const Weights &weights, const std::int8_t *columns, std::int64_t xCols, const UnitSums<S, T> &inputs,
                     std::int64_t half, I (&sums)[T]) {
    constexpr int chains = T <= 2 ? 2 : 1;  // with few tokens a sum would wait for the one before
    I parts[chains][T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        if constexpr (S::kTaken != 0) parts[0][t] = ispread4(&inputs.offsets[t][half]);
        else parts[0][t] = iset8(0);
        if constexpr (chains == 2) parts[1][t] = iset8(0);
    }
    FACET_UNROLL
    for (int g = 0; g < S::kUnit / 4; ++g) {
        I w = weights(g);
        if constexpr (S::kSigned) w = iflipSign8(w);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) parts[g % chains][t] = idot4(parts[g % chains][t], w, ispread4(columns + t * xCols + g * 4));
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        if constexpr (chains == 2) sums[t] = iaddDwords(parts[0][t], parts[1][t]);
        else sums[t] = parts[0][t];
    }
}

// By products of bytes that are added in pairs to words of 16 bits:
template <typename S, int T, typename Weights>
inline void unitWords(const Weights &weights, const std::int8_t *columns, std::int64_t xCols, const UnitSums<S, T> &inputs,
                      std::int64_t half, I (&sums)[T]) {
    constexpr int groups = S::kUnit / 4;
    I words[T];
    FACET_UNROLL
    for (int g = 0; g < groups; ++g) {
        const I w = weights(g);
        if constexpr (S::kSigned) {
            const SignedWeights parts = isplitSign(w);
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                const I products = iwiden(imulWordsSigned(parts, ispread4(columns + t * xCols + g * 4)));
                sums[t] = g == 0 ? products : iaddDwords(sums[t], products);
                ikeep(sums[t]);
            }
        } else {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                const I products = imulWords(w, ispread4(columns + t * xCols + g * 4));
                words[t] = g % S::kGroups == 0 ? products : iaddWords(words[t], products);
                ikeep(words[t]);
            }
            if (g % S::kGroups == S::kGroups - 1) {
                FACET_UNROLL
                for (int t = 0; t < T; ++t) {
                    if constexpr (S::kBias != 0) {
                        static_assert(S::kGroups == groups, "only the sum of the whole unit fits with the bias taken off");
                        words[t] = isubWords(words[t], ispread4(&inputs.offsets[t][half]));
                    }
                    const I wide = iwiden(words[t]);
                    sums[t] = g < S::kGroups ? wide : iaddDwords(sums[t], wide);
                }
            }
        }
    }
}

template <typename S, int T, typename Weights>
inline void unitProducts(const Weights &weights, const std::int8_t *columns, std::int64_t xCols, const UnitSums<S, T> &inputs,
                         std::int64_t half, I (&sums)[T]) {
    if constexpr (kDot4) unitDots<S, T>(weights, columns, xCols, inputs, half, sums);
    else unitWords<S, T>(weights, columns, xCols, inputs, half, sums);
}

// Adds a unit that begins at `column` to the totals.
template <typename S, int T>
inline void addUnit(const I (&sums)[T], V scale, const float *mins, const Q8Rows &x, std::int64_t xCols, std::int64_t column,
                    const UnitSums<S, T> &inputs, V (&totals)[T]) {
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        totals[t] = vfma(itoFloat(sums[t]), vmul(scale, vset(x.scales[t * (xCols / 32) + column / 32])), totals[t]);
    }
    if constexpr (S::kMins) {
        const V offset = vload(mins);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) totals[t] = vfnma(offset, vset(inputs.sums[t][column / 16]), totals[t]);
    }
}

// kLanes rows by T tokens over a panel of n columns; `kept` [T][kLanes] goes on from the panel before.
template <typename S, int T>
void rowsTile(const RowsPiece *pieces, std::int64_t n, const Q8Rows &x, std::int64_t xCols, bool first, float *kept) {
    UnitSums<S, T> inputs;
    inputs.fill(x, xCols, n);
    V totals[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) totals[t] = first ? vzero() : vload(kept + t * kLanes);
    const std::int8_t *columns = x.values;
    for (std::int64_t c = 0; c < n; c += S::kUnit, columns += S::kUnit) {
        const RowsPiece &piece = pieces[c / kPieceValues];
        const std::int64_t at = c % kPieceValues;
        const std::int8_t *weights = piece.values + at * kLanes;
        I sums[T];
        unitProducts<S, T>([weights](int g) { return iload(weights + g * 4 * kLanes); }, columns, xCols, inputs, c / 16, sums);
        const std::int64_t unit = at / S::kUnit;
        addUnit<S, T>(sums, vload(piece.scales + unit * kLanes), piece.mins + unit * kLanes, x, xCols, c, inputs, totals);
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) vstore(kept + t * kLanes, totals[t]);
}

inline Q8Rows inputsFrom(const Q8Rows &x, std::int64_t xCols, std::int64_t token, std::int64_t column) {
    return {x.values + token * xCols + column, x.scales + token * (xCols / 32) + column / 32,
            x.sums + token * (xCols / 16) + column / 16, x.pairs + token * (xCols / 16) + column / 16};
}

// A few tokens multiply what is unpacked at once, without the way through memory: integer sums of the units of a piece.
template <typename S, int T>
struct ProductSink {
    static constexpr int kSlots = S::kUnit == 16 ? 4 : 2;

    static constexpr int kStep = aheadStep(S::kType);

    const std::int8_t *columns;  // of the first token
    std::int64_t xCols;
    const std::byte *ahead;      // where the same columns of the next rows begin
    I words[kSlots][T];
    I wide[kSlots][T];
    alignas(64) std::int32_t sums[kPieceValues / S::kUnit][T][kLanes];

    void begin(int slots) {
        FACET_UNROLL
        for (int s = 0; s < slots; ++s) {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) words[s][t] = wide[s][t] = iset8(0);
        }
    }
    void put(int unit, int slot, int group, I w) {
        askFor(ahead + (unit * (S::kUnit / 4) + group) * kStep);
        const std::int8_t *at = columns + unit * S::kUnit + group * 4;
        if constexpr (kDot4) {
            const I sizes = S::kSigned ? iflipSign8(w) : w;
            FACET_UNROLL
            for (int t = 0; t < T; ++t) wide[slot][t] = idot4(wide[slot][t], sizes, ispread4(at + t * xCols));
        } else if constexpr (S::kSigned) {
            const SignedWeights parts = isplitSign(w);
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                wide[slot][t] = iaddDwords(wide[slot][t], iwiden(imulWordsSigned(parts, ispread4(at + t * xCols))));
            }
        } else {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) words[slot][t] = iaddWords(words[slot][t], imulWords(w, ispread4(at + t * xCols)));
        }
    }
    // After the groups whose products fit 16 bits.
    void flush(int slots) {
        if constexpr (kDot4) return;
        FACET_UNROLL
        for (int s = 0; s < slots; ++s) {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                wide[s][t] = iaddDwords(wide[s][t], iwiden(words[s][t]));
                words[s][t] = iset8(0);
            }
        }
    }
    template <typename UnitOf>
    void end(int slots, const UnitOf &unitOf) {
        FACET_UNROLL
        for (int s = 0; s < slots; ++s) {
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                // 16 bits wrap around until the bias is taken off, which may come later.
                istore(sums[unitOf(s)][t], kDot4 || S::kSigned || S::kGroups * 4 < S::kUnit ? wide[s][t] : words[s][t]);
            }
        }
    }
};

// kLanes rows by T tokens: unpacked, multiplied and added up piece by piece, in the order of rowsTile().
template <typename S, int T>
void rowsFew(const RowSource &rows, std::int64_t cols, const Q8Rows &x, float *kept, const std::byte *ahead) {
    RowsPiece piece;
    ProductSink<S, T> sink;
    UnitSums<S, T> inputs;
    const BlockShape block = blockShape(S::kType);
    V totals[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) totals[t] = vzero();
    sink.xCols = cols;
    for (std::int64_t c = 0; c < cols; c += kPieceValues) {
        const auto n = static_cast<int>(cols - c < kPieceValues ? cols - c : kPieceValues);
        const Q8Rows in = inputsFrom(x, cols, 0, c);
        inputs.fill(in, cols, n);
        sink.columns = in.values;
        sink.ahead = ahead;
        ahead += n / block.values * block.bytes * kLanes;
        unpackRowsInto<S::kType>(rows.from(c / block.values * block.bytes), n, piece, sink);
        for (int unit = 0; unit < n / S::kUnit; ++unit) {
            const V scale = vload(piece.scales + unit * kLanes);
            const int half = unit * S::kUnit / 16;
            FACET_UNROLL
            for (int t = 0; t < T; ++t) {
                I sum = iload(sink.sums[unit][t]);
                if constexpr (kDot4) {
                    if constexpr (S::kTaken != 0) sum = iaddDwords(sum, ispread4(&inputs.offsets[t][half]));
                } else if constexpr (S::kBias != 0) {
                    sum = isubWords(sum, ispread4(&inputs.offsets[t][half]));
                }
                if constexpr (!kDot4 && !S::kSigned && S::kGroups * 4 == S::kUnit) sum = iwiden(sum);
                totals[t] = vfma(itoFloat(sum), vmul(scale, vset(in.scales[t * (cols / 32) + half / 2])), totals[t]);
                if constexpr (S::kMins) {
                    totals[t] = vfnma(vload(piece.mins + unit * kLanes), vset(inputs.sums[t][half]), totals[t]);
                }
            }
        }
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) vstore(kept + t * kLanes, totals[t]);
}

template <typename S>
void rowsTiles(const RowsPiece *pieces, std::int64_t n, const Q8Rows &x, std::int64_t xCols, std::int64_t column,
               std::int64_t tokens, float *kept) {
    const auto tile = [&](auto count, std::int64_t t) {
        rowsTile<S, decltype(count)::kCount>(pieces, n, inputsFrom(x, xCols, t, column), xCols, column == 0, kept + t * kLanes);
    };
    std::int64_t t = 0;
    for (; t + kTileTokens <= tokens; t += kTileTokens) tile(TileOf<kTileTokens>{}, t);
    if constexpr (kTileTokens > 4) {
        for (; t + 4 <= tokens; t += 4) tile(TileOf<4>{}, t);
    }
    for (; t + 2 <= tokens; t += 2) tile(TileOf<2>{}, t);
    if (t < tokens) tile(TileOf<1>{}, t);
}

inline RowSource copyRows(const std::byte *first, std::int64_t stride, int count, std::int64_t bytes, std::byte *to) {
    for (int r = 0; r < kLanes; ++r) {
        const std::byte *from = first + (r < count ? r : count - 1) * stride;
        __builtin_memcpy(to + r * kMostPieceBytes, from, static_cast<std::size_t>(bytes));
    }
    return {to, kMostPieceBytes};
}

// Rows [row, row + count), count <= kLanes, with at most kKeptTokens tokens.
template <typename S>
void rowsGroup(const Matrix &w, std::int64_t stride, std::int64_t row, int count, const Q8Rows &x, std::int64_t tokens, float *y,
               std::int64_t yStride) {
    alignas(64) float kept[kKeptTokens * kLanes];
    const std::byte *first = w.data + row * stride;
    const RowSource rows(first, stride);
    // The next rows follow these without a gap; what is asked for may lie behind the last one: it is only a hint.
    const std::byte *ahead = first + kLanes * stride;
    if constexpr (kReadInRows<S::kType>) {
        if (count == kLanes && tokens <= kFewTokens) {
            switch (tokens) {
            case 1: rowsFew<S, 1>(rows, w.cols, x, kept, ahead); break;
            case 2: rowsFew<S, 2>(rows, w.cols, x, kept, ahead); break;
            case 3: rowsFew<S, 3>(rows, w.cols, x, kept, ahead); break;
            default: rowsFew<S, kFewTokens>(rows, w.cols, x, kept, ahead); break;
            }
            for (std::int64_t t = 0; t < tokens; ++t) vstore(y + t * yStride, vload(kept + t * kLanes));
            return;
        }
    }
    RowsPiece panel[kPanelPieces];
    alignas(64) std::byte few[kLanes * kMostPieceBytes];  // where there are not enough rows: copies of the last one behind them
    const BlockShape block = blockShape(w.type);
    constexpr std::int64_t width = kPanelPieces * kPieceValues;
    for (std::int64_t c = 0; c < w.cols; c += width) {
        const std::int64_t cols = w.cols - c < width ? w.cols - c : width;
        for (std::int64_t at = 0; at < cols; at += kPieceValues) {
            const auto n = static_cast<int>(cols - at < kPieceValues ? cols - at : kPieceValues);
            const std::int64_t bytes = n / block.values * block.bytes;
            const std::int64_t offset = (c + at) / block.values * block.bytes;
            const RowSource from = count < kLanes ? copyRows(first + offset, stride, count, bytes, few) : rows.from(offset);
            RowsPiece &piece = panel[at / kPieceValues];
            if constexpr (kReadInRows<S::kType>) {
                PieceSink<S::kUnit, aheadStep(S::kType)> sink{piece, ahead};
                unpackRowsInto<S::kType>(from, n, piece, sink);
            } else {
                unpackRowsOther<S::kUnit>(w.type, from, n, piece);
            }
            ahead += bytes * kLanes;
        }
        rowsTiles<S>(panel, cols, x, w.cols, c, tokens, kept);
    }
    for (std::int64_t t = 0; t < tokens; ++t) vstoreUpTo(y + t * yStride, vload(kept + t * kLanes), count);
}

template <typename S>
void rowsMatmul(const Matrix &w, std::int64_t rowBegin, std::int64_t rowEnd, const Q8Rows &x, std::int64_t tokens, float *y,
                std::int64_t yStride) {
    const BlockShape block = blockShape(w.type);
    const std::int64_t stride = w.cols / block.values * block.bytes;
    for (std::int64_t t = 0; t < tokens; t += kKeptTokens) {
        const std::int64_t some = tokens - t < kKeptTokens ? tokens - t : kKeptTokens;
        for (std::int64_t r = rowBegin; r < rowEnd; r += kLanes) {
            const int count = rowEnd - r < kLanes ? static_cast<int>(rowEnd - r) : kLanes;
            rowsGroup<S>(w, stride, r, count, inputsFrom(x, w.cols, t, 0), some, y + t * yStride + r - rowBegin, yStride);
        }
    }
}

}  // namespace
}  // namespace facet
