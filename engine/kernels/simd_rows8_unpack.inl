// Stored blocks of kLanes rows to a RowsPiece (simd_rows8.inl): rows are read in words of four bytes, transposed, and only
// then taken apart, so that each step works on all rows. Types without a reader of their own here go through
// unpack_blocks.inl row by row. The same values as there: each product of a scale is rounded once.
//
// Over the steps of the including file: iload, istore, iset8, iand, ior, iright<n>, ileft<n>, ijoin16 (16 bytes from each
// of kLanes / 4 places), itransposeQuarters (4 x 4 words within 16 bytes; ifirst- and ilastOfQuarters only one
// of them), ihalfToFloat<upper> (one half of each word),
// ibyteToFloat<i> (byte i of each word, signed).
namespace facet {
namespace {

// 256 columns of kLanes rows.
struct RowsPiece {
    alignas(64) std::int8_t values[kPieceValues * kLanes];        // [column / 4][row][column % 4]
    alignas(64) float scales[kPieceValues / 16 * kLanes];         // [unit][row]
    alignas(64) float mins[kPieceValues / 16 * kLanes];           // [unit][row]: taken off for each unit of input sums
};

// kLanes rows of stored blocks, `stride` bytes apart: pointers to every fourth of them and the distances to the three behind
// it, so that each row is one address of the processor's (base + step + constant).
struct RowSource {
    const std::byte *quarters[kLanes / 4];
    std::int64_t stride;
    std::int64_t three;

    RowSource(const std::byte *first, std::int64_t bytes) : stride(bytes), three(3 * bytes) {
        FACET_UNROLL
        for (int q = 0; q < kLanes / 4; ++q) quarters[q] = first + q * 4 * stride;
        pin();
    }
    RowSource from(std::int64_t bytes) const {
        RowSource out = *this;
        FACET_UNROLL
        for (int q = 0; q < kLanes / 4; ++q) out.quarters[q] += bytes;
        out.pin();
        return out;
    }
    const std::byte *row(int r) const { return quarters[r / 4] + (r % 4 == 3 ? three : r % 4 * stride); }

private:
    // Else compilers derive the pointers from each other again and again.
    void pin() {
        FACET_UNROLL
        for (int q = 0; q < kLanes / 4; ++q) __asm__("" : "+r"(quarters[q]));
        __asm__("" : "+r"(stride), "+r"(three));
    }
};

// m[i]: the i-th four bytes of 16 at `at`, of every row.
inline void wordsOfRows(const RowSource &rows, std::int64_t at, I (&m)[4]) {
    m[0] = ijoin16(rows.quarters, at);
    m[1] = ijoin16(rows.quarters, at + rows.stride);
    m[2] = ijoin16(rows.quarters, at + rows.stride * 2);
    m[3] = ijoin16(rows.quarters, at + rows.three);
    itransposeQuarters(m);
}

// The first and the last of the four words alone.
inline I firstWordOfRows(const RowSource &rows, std::int64_t at) {
    return ifirstOfQuarters(ijoin16(rows.quarters, at), ijoin16(rows.quarters, at + rows.stride),
                            ijoin16(rows.quarters, at + rows.stride * 2), ijoin16(rows.quarters, at + rows.three));
}
inline I lastWordOfRows(const RowSource &rows, std::int64_t at) {
    return ilastOfQuarters(ijoin16(rows.quarters, at), ijoin16(rows.quarters, at + rows.stride),
                           ijoin16(rows.quarters, at + rows.stride * 2), ijoin16(rows.quarters, at + rows.three));
}

// What blocks consist of: bytes, words of four bytes, where those begin; two more bytes of some are a float16 scale.
template <TensorType Type>
struct BlockWords;
template <>
struct BlockWords<TensorType::Q4_0> { static constexpr int kBytes = 18, kWords = 4, kAt = 2; };
template <>
struct BlockWords<TensorType::Q8_0> { static constexpr int kBytes = 34, kWords = 8, kAt = 2; };
template <>
struct BlockWords<TensorType::Q4_K> { static constexpr int kBytes = 144, kWords = 36, kAt = 0; };
template <>
struct BlockWords<TensorType::Q5_K> { static constexpr int kBytes = 176, kWords = 44, kAt = 0; };
template <>
struct BlockWords<TensorType::Q6_K> { static constexpr int kBytes = 210, kWords = 52, kAt = 0; };

// Four words of a block, of every row; its float16 scale.
template <TensorType Type>
inline void wordsOf(const RowSource &rows, int block, int word, I (&m)[4]) {
    wordsOfRows(rows, block * BlockWords<Type>::kBytes + BlockWords<Type>::kAt + word * 4, m);
}
template <TensorType Type>
inline V halfOf(const RowSource &rows, int block) {
    if constexpr (Type == TensorType::Q6_K) return ihalfToFloat<true>(lastWordOfRows(rows, 194));
    else return ihalfToFloat<false>(firstWordOfRows(rows, block * BlockWords<Type>::kBytes));
}

// A piece of kLanes of 16 packed rows (packed.h).
struct PackedRows {
    const std::byte *words;
    const std::byte *halves;
};
inline I packedWord(const PackedRows &rows, int word) { return iload(rows.words + word * (4 * kPackedRows)); }
template <TensorType Type>
inline void wordsOf(const PackedRows &rows, int block, int word, I (&m)[4]) {
    FACET_UNROLL
    for (int i = 0; i < 4; ++i) m[i] = packedWord(rows, block * BlockWords<Type>::kWords + word + i);
}
template <TensorType>
inline V halfOf(const PackedRows &rows, int block) { return vloadHalf(rows.halves + block * (2 * kPackedRows)); }

// The next kLanes rows follow without a gap. While a piece is taken apart, as many of their bytes are asked for, a few at each
// step: asked for at once they would fill the processor's few places for misses and the work would stand still. It is only a
// hint and may point behind the last row.
constexpr int aheadStep(TensorType type) {
    switch (type) {  // bytes of kLanes rows for each four columns
    case TensorType::Q4_0:
    case TensorType::Q4_K: return 36 * kLanes / 16;
    case TensorType::Q8_0: return 68 * kLanes / 16;
    case TensorType::Q5_K: return 44 * kLanes / 16;
    case TensorType::Q6_K: return 52 * kLanes / 16;
    default: return 0;
    }
}
inline void askFor(const std::byte *from) { __builtin_prefetch(from, 0, 3); }

// Where unpacked values go: put(unit, slot, group, w) takes four columns of every row, group `group` of unit `unit`; end(n,
// unit of slot) follows when n units, in slots 0..n-1, are complete. This one fills the piece.
template <int Unit, int Step>
struct PieceSink {
    RowsPiece &piece;
    const std::byte *ahead;

    void begin(int) const {}
    void put(int unit, int, int group, I values) const {
        askFor(ahead + (unit * (Unit / 4) + group) * Step);
        istore(piece.values + (unit * (Unit / 4) + group) * 4 * kLanes, values);
    }
    void flush(int) const {}
    template <typename UnitOf>
    void end(int, const UnitOf &) const {}
};

// Data of 16 bytes a block behind a float16; low halves are the values 0..15.
template <typename Rows, typename Sink>
inline void unpackRowsQ4_0(const Rows &rows, int n, RowsPiece &piece, Sink &sink) {
    const I low = iset8(15);
    for (int b = 0; b < n / 32; ++b) {
        I m[4];
        wordsOf<TensorType::Q4_0>(rows, b, 0, m);
        sink.begin(1);
        FACET_UNROLL
        for (int i = 0; i < 4; ++i) {
            sink.put(b, 0, i, iand(m[i], low));
            sink.put(b, 0, 4 + i, iand(iright<4>(m[i]), low));
        }
        sink.end(1, [b](int) { return b; });
        vstore(piece.scales + b * kLanes, halfOf<TensorType::Q4_0>(rows, b));
    }
}

template <typename Rows, typename Sink>
inline void unpackRowsQ8_0(const Rows &rows, int n, RowsPiece &piece, Sink &sink) {
    for (int b = 0; b < n / 32; ++b) {
        sink.begin(1);
        FACET_UNROLL
        for (int half = 0; half < 2; ++half) {
            I m[4];
            wordsOf<TensorType::Q8_0>(rows, b, half * 4, m);
            FACET_UNROLL
            for (int i = 0; i < 4; ++i) sink.put(b, 0, half * 4 + i, m[i]);
        }
        sink.end(1, [b](int) { return b; });
        vstore(piece.scales + b * kLanes, halfOf<TensorType::Q8_0>(rows, b));
    }
}

// put(i, factor * byte i) for the four signed bytes of every word.
template <typename Put>
inline void eachByte(I words, V factor, const Put &put) {
    put(0, vmul(factor, ibyteToFloat<0>(words)));
    put(1, vmul(factor, ibyteToFloat<1>(words)));
    put(2, vmul(factor, ibyteToFloat<2>(words)));
    put(3, vmul(factor, ibyteToFloat<3>(words)));
}

// The first 16 bytes of Q4_K and Q5_K, see unpackScales().
template <TensorType Type, typename Rows>
inline void unpackRowsScalesK(const Rows &rows, RowsPiece &piece) {
    I m[4];
    wordsOf<Type>(rows, 0, 0, m);
    const V scale = ihalfToFloat<false>(m[0]);
    const V minimum = ihalfToFloat<true>(m[0]);
    const I six = iset8(0x3F);
    const I four = iset8(0x0F);
    const I upper = iset8(0x30);
    const auto store = [](float *to) { return [to](int i, V value) { vstore(to + i * kLanes, value); }; };
    eachByte(iand(m[1], six), scale, store(piece.scales));
    eachByte(ior(iand(m[3], four), iand(iright<2>(m[1]), upper)), scale, store(piece.scales + 4 * kLanes));
    eachByte(iand(m[2], six), minimum, store(piece.mins));
    eachByte(ior(iand(iright<4>(m[3]), four), iand(iright<2>(m[2]), upper)), minimum, store(piece.mins + 4 * kLanes));
}

// 32 bytes hold 32 values in their low halves and the next 32 in their high ones.
template <typename Rows, typename Sink>
inline void unpackRowsQ4_K(const Rows &rows, RowsPiece &piece, Sink &sink) {
    const I low = iset8(15);
    for (int chunk = 0; chunk < 4; ++chunk) {
        sink.begin(2);
        FACET_UNROLL
        for (int part = 0; part < 2; ++part) {
            I m[4];
            wordsOf<TensorType::Q4_K>(rows, 0, 4 + chunk * 8 + part * 4, m);
            FACET_UNROLL
            for (int i = 0; i < 4; ++i) {
                sink.put(chunk * 2, 0, part * 4 + i, iand(m[i], low));
                sink.put(chunk * 2 + 1, 1, part * 4 + i, iand(iright<4>(m[i]), low));
            }
        }
        sink.end(2, [chunk](int slot) { return chunk * 2 + slot; });
    }
    unpackRowsScalesK<TensorType::Q4_K>(rows, piece);
}

// The fifth bit of value i * 32 + j is bit i of byte j.
template <typename Rows, typename Sink>
inline void unpackRowsQ5_K(const Rows &rows, RowsPiece &piece, Sink &sink) {
    const I low = iset8(15);
    const I fifth = iset8(16);
    I bits[2][4];
    wordsOf<TensorType::Q5_K>(rows, 0, 4, bits[0]);
    wordsOf<TensorType::Q5_K>(rows, 0, 8, bits[1]);
    for (int chunk = 0; chunk < 4; ++chunk) {
        sink.begin(2);
        FACET_UNROLL
        for (int part = 0; part < 2; ++part) {
            I m[4];
            wordsOf<TensorType::Q5_K>(rows, 0, 12 + chunk * 8 + part * 4, m);
            FACET_UNROLL
            for (int i = 0; i < 4; ++i) {
                I &high = bits[part][i];
                sink.put(chunk * 2, 0, part * 4 + i, ior(iand(m[i], low), iand(ileft<4>(high), fifth)));
                sink.put(chunk * 2 + 1, 1, part * 4 + i, ior(iand(iright<4>(m[i]), low), iand(ileft<3>(high), fifth)));
                high = iright<2>(high);
            }
            sink.flush(2);
        }
        sink.end(2, [chunk](int slot) { return chunk * 2 + slot; });
    }
    unpackRowsScalesK<TensorType::Q5_K>(rows, piece);
}

// Sixteen signed factors of the float16.
template <typename Rows>
inline void unpackRowsScalesQ6(const Rows &rows, RowsPiece &piece) {
    const V factor = halfOf<TensorType::Q6_K>(rows, 0);
    I m[4];
    wordsOf<TensorType::Q6_K>(rows, 0, 48, m);
    FACET_UNROLL
    for (int q = 0; q < 4; ++q) {
        eachByte(m[q], factor, [&](int i, V scale) { vstore(piece.scales + (q * 4 + i) * kLanes, scale); });
    }
}

template <typename Rows, typename Sink>
inline void unpackRowsQ6_K(const Rows &rows, RowsPiece &piece, Sink &sink) {
    const I four = iset8(15);
    const I pair = iset8(0x30);
    for (int quarter = 0; quarter < 4; ++quarter) {  // 16 of the 32 columns in each half of the block
        const int half = quarter / 2;
        const int part = quarter % 2;
        I first[4];
        I second[4];
        I high[4];
        wordsOf<TensorType::Q6_K>(rows, 0, half * 16 + part * 4, first);
        wordsOf<TensorType::Q6_K>(rows, 0, half * 16 + 8 + part * 4, second);
        wordsOf<TensorType::Q6_K>(rows, 0, 32 + half * 8 + part * 4, high);
        const auto unit = [half, part](int slot) { return half * 8 + slot * 2 + part; };
        sink.begin(4);
        FACET_UNROLL
        for (int i = 0; i < 4; ++i) {
            sink.put(unit(0), 0, i, ior(iand(first[i], four), iand(ileft<4>(high[i]), pair)));
            sink.put(unit(1), 1, i, ior(iand(second[i], four), iand(ileft<2>(high[i]), pair)));
            sink.put(unit(2), 2, i, ior(iand(iright<4>(first[i]), four), iand(high[i], pair)));
            sink.put(unit(3), 3, i, ior(iand(iright<4>(second[i]), four), iand(iright<2>(high[i]), pair)));
        }
        sink.end(4, unit);
    }
    unpackRowsScalesQ6(rows, piece);
}

// Any type: row by row, then transposed. Entries of scales for units of 32 columns are every second one.
template <int Unit>
void unpackRowsOther(TensorType type, const RowSource &rows, int n, RowsPiece &piece) {
    Unpacked unpacked[kLanes];
    for (int r = 0; r < kLanes; ++r) unpackPiece(type, rows.row(r), n, unpacked[r]);
    const RowSource values(reinterpret_cast<const std::byte *>(unpacked[0].values), sizeof(Unpacked));
    for (int c = 0; c < n; c += 16) {
        I m[4];
        wordsOfRows(values, c, m);
        FACET_UNROLL
        for (int i = 0; i < 4; ++i) istore(piece.values + (c / 4 + i) * 4 * kLanes, m[i]);
    }
    for (int unit = 0; unit < n / Unit; ++unit) {
        for (int r = 0; r < kLanes; ++r) {
            piece.scales[unit * kLanes + r] = unpacked[r].scales[unit * Unit / 16];
            piece.mins[unit * kLanes + r] = unpacked[r].mins[unit * Unit / 16];
        }
    }
}

// n columns, beginning at a block border of every row.
template <TensorType Type, typename Rows, typename Sink>
inline void unpackRowsInto(const Rows &rows, int n, RowsPiece &piece, Sink &sink) {
    if constexpr (Type == TensorType::Q4_0) unpackRowsQ4_0(rows, n, piece, sink);
    else if constexpr (Type == TensorType::Q8_0) unpackRowsQ8_0(rows, n, piece, sink);
    else if constexpr (Type == TensorType::Q4_K) unpackRowsQ4_K(rows, piece, sink);
    else if constexpr (Type == TensorType::Q5_K) unpackRowsQ5_K(rows, piece, sink);
    else unpackRowsQ6_K(rows, piece, sink);
}

// Types with a reader of their own.
template <TensorType Type>
constexpr bool kReadInRows = Type == TensorType::Q4_0 || Type == TensorType::Q8_0 || Type == TensorType::Q4_K ||
                             Type == TensorType::Q5_K || Type == TensorType::Q6_K;

}  // namespace
}  // namespace facet
