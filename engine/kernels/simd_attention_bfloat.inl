// Attention over float32 keys and values with factors rounded to bfloat16 and float32 sums: scores, then the running
// softmax of simd_attention.inl, then weighted values. Keys lie in the lanes of scores and dimensions in those of values;
// a word holds two dimensions of a key, or a dimension of two keys.
namespace facet {
namespace {

constexpr int kTileWords = kKeyTile / 2;              // of the weights of a query
constexpr int kMostWords = kMostBfloatHead / 2;       // of a query

struct BfloatScratch {
    union {
        alignas(64) float keys[kMostWords * kKeyTile];           // words [dimensions / 2][keys]
        alignas(64) float values[kTileWords * kMostBfloatHead];  // words [keys / 2][dimensions], once the scores are made
    };
    alignas(64) float scores[kQueriesAtOnce * kKeyTile];  // [queries, keys]; then words of weights, rows as far apart
    alignas(64) float queries[kQueriesAtOnce * kMostWords];
};

// Rows of `headDim` floats to words, rows kMostWords apart.
void roundQueries(const float *q, std::int64_t queries, std::int64_t qStride, std::int64_t headDim, float *to) {
    for (std::int64_t i = 0; i < queries; ++i) {
        for (std::int64_t d = 0; d < headDim; d += 2 * kLanes) {
            vstore(to + i * kMostWords + d / 2, bloadWords(q + i * qStride + d, headDim - d));
        }
    }
}

// Keys [low, high) of a tile; others in their registers become zero.
void roundKeys(const float *keys, std::int64_t low, std::int64_t high, std::int64_t headDim, float *to) {
    for (std::int64_t first = low / kLanes * kLanes; first < high; first += kLanes) {
        for (std::int64_t d = 0; d < headDim; d += 2 * kLanes) {
            V m[kLanes];
            FACET_UNROLL
            for (int r = 0; r < kLanes; ++r) {
                const std::int64_t key = first + r;
                m[r] = key >= low && key < high ? bloadWords(keys + key * headDim + d, headDim - d) : vzero();
            }
            transpose(m);
            FACET_UNROLL
            for (int j = 0; j < kLanes; ++j) vstore(to + (d / 2 + j) * kKeyTile + first, m[j]);
        }
    }
}

// Values of keys [low, high); where one of a pair is outside, it becomes zero.
void roundValues(const float *values, std::int64_t low, std::int64_t high, std::int64_t headDim, float *to) {
    for (std::int64_t key = low / 2 * 2; key < high; key += 2) {
        const float *row = values + key * headDim;
        forVectors(headDim, [&](std::int64_t d, int lanes) {
            const V even = key >= low ? vloadUpTo(row + d, lanes) : vzero();
            const V odd = key + 1 < high ? vloadUpTo(row + headDim + d, lanes) : vzero();
            vstore(to + key / 2 * kMostBfloatHead + d, ifloats(bpairs(even, odd)));
        });
    }
}

// T queries by two registers of keys.
template <int T>
void scoreWords(const float *q, std::int64_t words, const float *keys, float *scores) {
    V low[T];
    V high[T];
    FACET_UNROLL
    for (int t = 0; t < T; ++t) low[t] = high[t] = vzero();
    for (std::int64_t w = 0; w < words; ++w) {
        const V first = vload(keys + w * kKeyTile);
        const V second = vload(keys + w * kKeyTile + kLanes);
        FACET_UNROLL
        for (int t = 0; t < T; ++t) {
            const V in = vset(q[t * kMostWords + w]);
            low[t] = bdot(first, in, low[t]);
            high[t] = bdot(second, in, high[t]);
        }
    }
    FACET_UNROLL
    for (int t = 0; t < T; ++t) {
        vstore(scores + t * kKeyTile, low[t]);
        vstore(scores + t * kKeyTile + kLanes, high[t]);
    }
}

template <int T>
void scoreWordsOf(const float *q, std::int64_t queries, std::int64_t words, const float *keys, float *scores) {
    std::int64_t i = 0;
    for (; i + T <= queries; i += T) scoreWords<T>(q + i * kMostWords, words, keys, scores + i * kKeyTile);
    if constexpr (T > 1) {
        if (i < queries) scoreWordsOf<T / 2>(q + i * kMostWords, queries - i, words, keys, scores + i * kKeyTile);
    }
}

// out += weights x values for Q queries, N vectors of dimensions of which the last has `lanes`, and words [begin, end) of keys.
template <int Q, int N>
void addWords(const float *weights, std::int64_t begin, std::int64_t end, const float *values, int lanes, float *out,
              std::int64_t outStride) {
    const auto lanesOf = [&](int n) { return n + 1 < N ? kLanes : lanes; };
    V sums[Q][N];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int n = 0; n < N; ++n) sums[i][n] = vloadUpTo(out + i * outStride + n * kLanes, lanesOf(n));
    }
    for (std::int64_t w = begin; w < end; ++w) {
        V row[N];
        FACET_UNROLL
        for (int n = 0; n < N; ++n) {
            row[n] = vload(values + w * kMostBfloatHead + n * kLanes);
            vkeep(row[n]);
        }
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            V weight = vset(weights[i * kKeyTile + w]);
            vkeep(weight);
            FACET_UNROLL
            for (int n = 0; n < N; ++n) sums[i][n] = bdot(row[n], weight, sums[i][n]);
        }
    }
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int n = 0; n < N; ++n) vstoreUpTo(out + i * outStride + n * kLanes, sums[i][n], lanesOf(n));
    }
}

template <int Q>
void addWordRows(const float *weights, std::int64_t queries, std::int64_t begin, std::int64_t end, const float *values,
                 std::int64_t headDim, float *out, std::int64_t outStride) {
    constexpr std::int64_t wide = std::int64_t{kValueVectors} * kLanes;
    std::int64_t i = 0;
    for (; i + Q <= queries; i += Q) {
        const float *own = weights + i * kKeyTile;
        float *to = out + i * outStride;
        std::int64_t d = 0;
        for (; d + wide <= headDim; d += wide) addWords<Q, kValueVectors>(own, begin, end, values + d, kLanes, to + d, outStride);
        forVectors(headDim - d, [&](std::int64_t at, int lanes) {
            addWords<Q, 1>(own, begin, end, values + d + at, lanes, to + d + at, outStride);
        });
    }
    if constexpr (Q > 1) {
        if (i < queries) {
            addWordRows<Q / 2>(weights + i * kKeyTile, queries - i, begin, end, values, headDim, out + i * outStride,
                               outStride);
        }
    }
}

void attendBfloatTile(const float *keys, const float *values, std::int64_t tile, std::int64_t end, std::int64_t headDim,
                      const Queries &all, BfloatScratch &scratch) {
    TileView view;
    view.look(all, tile, end);
    if (view.low >= view.high) return;
    const std::int64_t low = view.low - tile;
    const std::int64_t high = view.high - tile;
    const std::int64_t words = (headDim + 1) / 2;
    roundKeys(keys + tile * headDim, low, high, headDim, scratch.keys);
    for (std::int64_t column = low / (2 * kLanes) * (2 * kLanes); column < high; column += 2 * kLanes) {
        // A register without keys was not filled: its scores are replaced by what hidden keys have.
        scoreWordsOf<kScoreQueries>(scratch.queries + view.first * kMostWords, view.last - view.first, words,
                                    scratch.keys + column, scratch.scores + view.first * kKeyTile + column);
    }
    for (std::int64_t i = view.first; i < view.last; i += kLanes) {
        const int count = view.last - i < kLanes ? static_cast<int>(view.last - i) : kLanes;
        weighTile(scratch.scores + i * kKeyTile, count, view.from + i, view.to + i, headDim, all.maximum + i, all.sum + i,
                  all.out + i * all.outStride, all.outStride);
    }
    for (std::int64_t i = view.first; i < view.last; ++i) {
        float *row = scratch.scores + i * kKeyTile;
        for (int c = 0; c < kKeyTile; c += 2 * kLanes) {
            vstore(row + c / 2, ifloats(bround(vload(row + c), vload(row + c + kLanes))));
        }
    }
    roundValues(values + tile * headDim, low, high, headDim, scratch.values);
    addWordRows<kValueQueries>(scratch.scores + view.first * kKeyTile, view.last - view.first, low / 2, (high + 1) / 2,
                               scratch.values, headDim, all.out + view.first * all.outStride, all.outStride);
}

void attendSpanBfloat(const float *k, const float *v, std::int64_t keys, std::int64_t headDim, const float *q, std::int64_t queries,
                      std::int64_t qStride, const std::int32_t *visibleFrom, const std::int32_t *visibleTo, float *maximum,
                      float *sum, float *out, std::int64_t outStride) {
    BfloatScratch scratch;
    for (std::int64_t i = 0; i < queries; i += kQueriesAtOnce) {
        const std::int64_t count = queries - i < kQueriesAtOnce ? queries - i : kQueriesAtOnce;
        const Queries block{q + i * qStride, count,       qStride, visibleFrom + i,     visibleTo + i,
                            maximum + i,     sum + i,     out + i * outStride, outStride};
        roundQueries(block.q, count, qStride, headDim, scratch.queries);
        for (std::int64_t tile = 0; tile < keys; tile += kKeyTile) {
            attendBfloatTile(k, v, tile, tile + kKeyTile < keys ? tile + kKeyTile : keys, headDim, block, scratch);
        }
    }
}

}  // namespace
}  // namespace facet
