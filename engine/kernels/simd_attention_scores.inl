// Attention, first half: scores of queries with a tile of keys, over the vector type of the including file (see
// simd_math.inl for the rules). Long heads: products of whole rows, so that a key is read as it is stored and only the sums
// are folded. Short heads, where folding would cost as much as the products: the tile is transposed once for all queries
// and scores are chains over the head dimension with keys in the lanes. Which of the two depends on the head's length
// alone, and neither on how many queries or keys are worked on together.
namespace facet {
namespace {

constexpr std::int64_t kLongHead = 128;     // dimensions from which on rows are multiplied whole
constexpr std::int64_t kDims = 64;          // short heads: dimensions worked on at a time, a partial sum of a score
constexpr std::int64_t kWidened = 4096;     // float32 values of keys that many queries share
constexpr int kRowSums = 2 * kRowQueries;   // sums in registers: queries x keys
constexpr std::int64_t kFewQueries = 2 * kRowQueries;  // too few to share widened rows: memory is what they wait for

// How rows of a cache are read: scale() once for the 32 dimensions from d on, then value() for kLanes from d + e on.
struct CacheF32 {
    struct Scale {};
    static std::int64_t rowBytes(std::int64_t dims) { return dims * 4; }
    static Scale scale(const std::byte *, std::int64_t) { return {}; }
    static V value(const std::byte *row, std::int64_t d, int e, Scale) { return LoadF32::whole(row + (d + e) * 4); }
    static V part(const std::byte *row, std::int64_t d, int lanes) { return LoadF32::part(row + d * 4, lanes); }
};
struct CacheF16 {
    struct Scale {};
    static std::int64_t rowBytes(std::int64_t dims) { return dims * 2; }
    static Scale scale(const std::byte *, std::int64_t) { return {}; }
    static V value(const std::byte *row, std::int64_t d, int e, Scale) { return LoadF16::whole(row + (d + e) * 2); }
    static V part(const std::byte *row, std::int64_t d, int lanes) { return LoadF16::part(row + d * 2, lanes); }
};
// Blocks of 32: no row ends inside one, so that there are no parts.
struct CacheQ8 {
    using Scale = V;
    static std::int64_t rowBytes(std::int64_t dims) { return dims / 32 * 34; }
    static Scale scale(const std::byte *row, std::int64_t d) { return vspreadHalf(row + d / 32 * 34); }
    static V value(const std::byte *row, std::int64_t d, int e, Scale scale) {
        return vmul(scale, vloadInt8(row + d / 32 * 34 + 2 + e));
    }
    static V part(const std::byte *, std::int64_t, int) { return vzero(); }
};
struct CacheQ4 {
    using Scale = V;
    static std::int64_t rowBytes(std::int64_t dims) { return dims / 32 * 18; }
    static Scale scale(const std::byte *row, std::int64_t d) { return vspreadHalf(row + d / 32 * 18); }
    static V value(const std::byte *row, std::int64_t d, int e, Scale scale) {
        const std::byte *bytes = row + d / 32 * 18 + 2 + e % 16;
        return vmul(scale, e < 16 ? vloadLowLevels(bytes) : vloadHighLevels(bytes));
    }
    static V part(const std::byte *, std::int64_t, int) { return vzero(); }
};

template <typename Cache>
void widenRow(const std::byte *row, std::int64_t from, std::int64_t dims, float *to) {
    std::int64_t d = from;
    for (; d + 32 <= from + dims; d += 32) {
        const auto scale = Cache::scale(row, d);
        FACET_UNROLL
        for (int e = 0; e < 32; e += kLanes) vstore(to + d - from + e, Cache::value(row, d, e, scale));
    }
    forVectors(from + dims - d, [&](std::int64_t at, int lanes) {
        vstorePart(to + d - from + at, Cache::part(row, d + at, lanes), lanes);
    });
}

// Queries as attendSpan has them, at most kQueriesAtOnce.
struct Queries {
    const float *q;
    std::int64_t count;
    std::int64_t qStride;
    const std::int32_t *visibleFrom;
    const std::int32_t *visibleTo;
    float *maximum;
    float *sum;
    float *out;
    std::int64_t outStride;
};

// One vector of dimensions of every key and query: the fewer of the two stay in registers.
template <typename Cache, int Q, bool Whole>
__attribute__((always_inline)) inline void scoreStep(const float *const (&q)[Q], const std::byte *const (&rows)[kRowSums / Q],
                                                     std::int64_t d, int e, const typename Cache::Scale (&scales)[kRowSums / Q],
                                                     int lanes, V (&sums)[kRowSums]) {
    constexpr int kKeys = kRowSums / Q;
    if constexpr (kKeys <= Q) {
        V key[kKeys];
        FACET_UNROLL
        for (int j = 0; j < kKeys; ++j) {
            key[j] = Whole ? Cache::value(rows[j], d, e, scales[j]) : Cache::part(rows[j], d, lanes);
            vkeep(key[j]);
        }
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            V in = Whole ? vload(q[i] + d + e) : vloadUpTo(q[i] + d, lanes);
            vkeep(in);
            FACET_UNROLL
            for (int j = 0; j < kKeys; ++j) sums[j * Q + i] = vfma(in, key[j], sums[j * Q + i]);
        }
    } else {
        V in[Q];
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            in[i] = Whole ? vload(q[i] + d + e) : vloadUpTo(q[i] + d, lanes);
            vkeep(in[i]);
        }
        FACET_UNROLL
        for (int j = 0; j < kKeys; ++j) {
            V key = Whole ? Cache::value(rows[j], d, e, scales[j]) : Cache::part(rows[j], d, lanes);
            vkeep(key);
            FACET_UNROLL
            for (int i = 0; i < Q; ++i) sums[j * Q + i] = vfma(in[i], key, sums[j * Q + i]);
        }
    }
}

// Scores of Q queries with up to kRowSums / Q keys, rows one behind the other. Every sum is a chain for each lane. Rows of
// the same size at `next` (may be null) are fetched meanwhile: they are needed soon and in an order that no processor guesses.
template <typename Cache, int Q>
void scoreRows(const float *q, std::int64_t qStride, const std::byte *keys, std::int64_t count, std::int64_t dims,
               const std::byte *next, float *scores) {
    constexpr int kKeys = kRowSums / Q;
    const std::int64_t rowBytes = Cache::rowBytes(dims);
    const float *queries[Q];
    const std::byte *rows[kKeys];
    typename Cache::Scale scales[kKeys];
    V sums[kRowSums];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) queries[i] = q + i * qStride;
    FACET_UNROLL
    for (int j = 0; j < kKeys; ++j) {
        rows[j] = keys + (j < count ? j : count - 1) * rowBytes;
        scales[j] = Cache::scale(rows[j], 0);
    }
    FACET_UNROLL
    for (int i = 0; i < kRowSums; ++i) sums[i] = vzero();
    std::int64_t d = 0;
    for (; d + 32 <= dims; d += 32) {
        FACET_UNROLL
        for (int j = 0; j < kKeys; ++j) scales[j] = Cache::scale(rows[j], d);
        FACET_UNROLL
        for (int e = 0; e < 32; e += kLanes) scoreStep<Cache, Q, true>(queries, rows, d, e, scales, kLanes, sums);
        if (next != nullptr) {
            const std::byte *line = next + Cache::rowBytes(d);
            for (std::int64_t j = 0; j < count; ++j) __builtin_prefetch(line + j * rowBytes, 0, 2);
        }
    }
    for (; d < dims; d += kLanes) {
        scoreStep<Cache, Q, false>(queries, rows, d, 0, scales, dims - d < kLanes ? static_cast<int>(dims - d) : kLanes, sums);
    }
    alignas(64) float all[kRowSums];
    FACET_UNROLL
    for (int b = 0; b < kRowSums; b += kLanes) {
        V part[kLanes];
        FACET_UNROLL
        for (int i = 0; i < kLanes; ++i) part[i] = sums[b + i];
        vstore(all + b, vfoldRows(part, [](V x, V y) { return vadd(x, y); }));
    }
    for (std::int64_t j = 0; j < kKeys && j < count; ++j) {
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) scores[i * kKeyTile + j] = all[j * Q + i];
    }
}

// Scores of queries [first, last) with `count` rows of keys, in groups of Q and then of fewer.
template <typename Cache, int Q = kRowQueries>
void scoreLong(const Queries &all, std::int64_t first, std::int64_t last, const std::byte *keys, std::int64_t count,
               std::int64_t dims, const std::byte *next, float *scores) {
    constexpr int kKeys = kRowSums / Q;
    std::int64_t i = first;
    for (; i + Q <= last; i += Q) {
        for (std::int64_t j = 0; j < count; j += kKeys) {
            const std::int64_t left = count - j < kKeys ? count - j : kKeys;
            const std::int64_t at = j * Cache::rowBytes(dims);
            scoreRows<Cache, Q>(all.q + i * all.qStride, all.qStride, keys + at, left, dims, next == nullptr ? next : next + at,
                                scores + i * kKeyTile + j);
        }
    }
    if constexpr (Q > 1) {
        if (i < last) scoreLong<Cache, Q / 2>(all, i, last, keys, count, dims, i > first ? nullptr : next, scores);
    }
}

// The same, a few keys at a time widened for all queries where that pays; the sums are the same.
template <typename Cache>
void scoreLongTile(const Queries &all, std::int64_t first, std::int64_t last, const std::byte *keys, std::int64_t count,
                   std::int64_t dims, const std::byte *next, float *widened, float *scores) {
    const std::int64_t together = kWidened / dims;
    if (last - first <= kFewQueries || together < 2) {
        scoreLong<Cache>(all, first, last, keys, count, dims, next, scores);
        return;
    }
    for (std::int64_t j = 0; j < count; j += together) {
        const std::int64_t here = count - j < together ? count - j : together;
        for (std::int64_t k = 0; k < here; ++k) widenRow<Cache>(keys + (j + k) * Cache::rowBytes(dims), 0, dims, widened + k * dims);
        scoreLong<CacheF32>(all, first, last, reinterpret_cast<const std::byte *>(widened), here, dims, nullptr,
                            scores + j);
    }
}
template <>
void scoreLongTile<CacheF32>(const Queries &all, std::int64_t first, std::int64_t last, const std::byte *keys,
                             std::int64_t count, std::int64_t dims, const std::byte *next, float *, float *scores) {
    // For many queries, as many as stay in the first cache.
    const std::int64_t together = last - first <= kFewQueries || kWidened / dims < 2 ? count : kWidened / dims;
    for (std::int64_t j = 0; j < count; j += together) {
        const std::int64_t here = count - j < together ? count - j : together;
        scoreLong<CacheF32>(all, first, last, keys + j * dims * 4, here, dims, together == count ? next : nullptr, scores + j);
    }
}

// Short heads: keys [low, high), dimensions [d0, d0 + dims), to columns of [dims, keys]; whole pairs of registers are
// written, with 0 for other keys.
template <typename Cache>
void transposeKeys(const std::byte *keys, std::int64_t rowBytes, std::int64_t low, std::int64_t high, std::int64_t d0,
                   std::int64_t dims, float *to) {
    const std::int64_t end = (high + 2 * kLanes - 1) / (2 * kLanes) * (2 * kLanes);
    for (std::int64_t column = low / (2 * kLanes) * (2 * kLanes); column < end; column += kLanes) {
        for (std::int64_t d = 0; d < dims; d += kLanes) {
            const int lanes = dims - d < kLanes ? static_cast<int>(dims - d) : kLanes;
            const std::int64_t block = (d0 + d) / 32 * 32;
            const int e = static_cast<int>(d0 + d - block);
            V rows[kLanes];
            const bool whole = column >= low && column + kLanes <= high && lanes == kLanes;
            FACET_UNROLL
            for (int i = 0; i < kLanes; ++i) {
                const std::int64_t key = column + i;
                const std::byte *row = keys + key * rowBytes;
                if (whole) rows[i] = Cache::value(row, block, e, Cache::scale(row, block));
                else if (key < low || key >= high) rows[i] = vzero();
                else if (lanes == kLanes) rows[i] = Cache::value(row, block, e, Cache::scale(row, block));
                else rows[i] = Cache::part(row, d0 + d, lanes);
            }
            transpose(rows);
            FACET_UNROLL
            for (int i = 0; i < kLanes; ++i) vstore(to + (d + i) * kKeyTile + column, rows[i]);
        }
    }
}

// Scores of Q queries with two registers of keys; the pieces of the head dimension are summed apart.
template <int Q>
void scoreColumns(const float *q, std::int64_t qStride, std::int64_t dims, bool first, const float *keys, float *scores) {
    V sums[Q][2];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) sums[i][0] = sums[i][1] = vzero();
    for (std::int64_t d = 0; d < dims; ++d) {
        V column[2] = {vload(keys + d * kKeyTile), vload(keys + d * kKeyTile + kLanes)};
        vkeep(column[0]);
        vkeep(column[1]);
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            V in = vset(q[i * qStride + d]);
            vkeep(in);
            sums[i][0] = vfma(in, column[0], sums[i][0]);
            sums[i][1] = vfma(in, column[1], sums[i][1]);
        }
    }
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int c = 0; c < 2; ++c) {
            float *to = scores + i * kKeyTile + c * kLanes;
            vstore(to, first ? sums[i][c] : vadd(vload(to), sums[i][c]));
        }
    }
}

// Queries [i, last) with two registers of keys, in groups of Q and then of fewer.
template <int Q>
void scoreColumnsOf(const float *q, std::int64_t i, std::int64_t last, std::int64_t qStride, std::int64_t dims, bool first,
                    const float *keys, float *scores) {
    for (; i + Q <= last; i += Q) scoreColumns<Q>(q + i * qStride, qStride, dims, first, keys, scores + i * kKeyTile);
    if constexpr (Q > 1) scoreColumnsOf<Q / 2>(q, i, last, qStride, dims, first, keys, scores);
}

// What the next tile reads, asked for in portions while this one is worked on.
struct TileAhead {
    const std::byte *keys;
    const std::byte *values;
    std::int64_t bytes;  // of either; 0: nothing

    void portion() {
        constexpr std::int64_t kPortion = 1024;
        for (std::int64_t at = 0; at < kPortion && bytes > 0; at += 64, bytes -= 64, keys += 64, values += 64) {
            __builtin_prefetch(keys, 0, 2);
            __builtin_prefetch(values, 0, 2);
        }
    }
};

// Scores of queries [first, last) with columns [low, high) of a tile; whole pairs of registers are computed.
template <typename Cache>
void scoreShortTile(const Queries &all, std::int64_t first, std::int64_t last, const std::byte *keys, std::int64_t low,
                    std::int64_t high, std::int64_t headDim, TileAhead ahead, float *transposed, float *scores) {
    const std::int64_t begin = low / (2 * kLanes) * (2 * kLanes);
    for (std::int64_t d0 = 0; d0 < headDim; d0 += kDims) {
        const std::int64_t dims = headDim - d0 < kDims ? headDim - d0 : kDims;
        transposeKeys<Cache>(keys, Cache::rowBytes(headDim), low, high, d0, dims, transposed);
        for (std::int64_t column = begin; column < high; column += 2 * kLanes) {
            const float *from = transposed + column;
            std::int64_t i = first;
            for (; i + kScoreQueries <= last; i += kScoreQueries) {
                ahead.portion();
                scoreColumns<kScoreQueries>(all.q + i * all.qStride + d0, all.qStride, dims, d0 == 0, from,
                                            scores + i * kKeyTile + column);
            }
            scoreColumnsOf<kScoreQueries / 2>(all.q + d0, i, last, all.qStride, dims, d0 == 0, from, scores + column);
        }
    }
}

}  // namespace
}  // namespace facet
