// Attention over one span of keys: tiles of kKeyTile keys, running softmax, weighted values. After
// simd_attention_scores.inl, which has the scores. What a query gets depends on its own keys only: those hidden from it
// have weight zero and never touch its maximum, and no sum depends on which queries are worked on together.
namespace facet {
namespace {

constexpr std::int64_t kQueriesAtOnce = 240;
constexpr float kNoScore = -__builtin_huge_valf();

// Scratch of one call, on the stack.
struct AttentionScratch {
    union {
        alignas(64) float widened[kWidened];         // long heads: a few keys
        alignas(64) float keys[kDims * kKeyTile];    // short heads: [dims, keys]
        alignas(64) float values[kKeyTile * kDims];  // [keys, dims], once the scores are made
    };
    alignas(64) float scores[kQueriesAtOnce * kKeyTile];  // [queries, keys], then weights
};

// Turns the scores of up to kLanes queries, one in each lane, into weights e^(score - maximum). Query i sees columns
// [low[i], high[i]).
void weighTile(float *scores, int count, const std::int32_t *low, const std::int32_t *high, std::int64_t headDim,
               float *maximum, float *sum, float *out, std::int64_t outStride) {
    for (int i = 0; i < count; ++i) {
        float *row = scores + i * kKeyTile;
        for (int c = 0; c < low[i]; ++c) row[c] = kNoScore;
        for (int c = high[i]; c < kKeyTile; ++c) row[c] = kNoScore;
    }
    V rows[kLanes];
    for (int i = 0; i < kLanes; ++i) {
        const float *row = scores + (i < count ? i : 0) * kKeyTile;
        rows[i] = vload(row);
        for (int c = kLanes; c < kKeyTile; c += kLanes) rows[i] = vmax(rows[i], vload(row + c));
    }
    const V top = vfoldRows(rows, [](V a, V b) { return vmax(a, b); });
    const V before = vloadUpTo(maximum, count);
    const V largest = vmax(top, before);
    // Where nothing was ever seen, weights are e^(-inf - 0) = 0 instead of e^(-inf + inf).
    const V shift = vselectLess(largest, vset(-__FLT_MAX__), vzero(), largest);
    const V factor = vexpFalling(vsub(before, shift));
    alignas(64) float shifts[kLanes];
    alignas(64) float factors[kLanes];
    vstore(shifts, shift);
    vstore(factors, factor);
    for (int i = 0; i < kLanes; ++i) {
        if (i >= count) {
            rows[i] = vzero();
            continue;
        }
        float *row = scores + i * kKeyTile;
        const V own = vset(shifts[i]);
        V total = vzero();
        FACET_UNROLL
        for (int c = 0; c < kKeyTile; c += kLanes) {
            const V weight = vexpFalling(vsub(vload(row + c), own));
            vstore(row + c, weight);
            total = vadd(total, weight);
        }
        rows[i] = total;
    }
    const V total = vfma(vloadUpTo(sum, count), factor, vfoldRows(rows, [](V a, V b) { return vadd(a, b); }));
    vstoreUpTo(sum, total, count);
    vstoreUpTo(maximum, largest, count);
    for (int i = 0; i < count; ++i) {
        if (factors[i] == 1.0F) continue;  // the maximum stayed
        const V own = vset(factors[i]);
        float *row = out + i * outStride;
        forVectors(headDim, [&](std::int64_t d, int lanes) {
            vstoreUpTo(row + d, vmul(vloadUpTo(row + d, lanes), own), lanes);
        });
    }
}

// out += weights x values for Q queries and N vectors of dimensions from d on, key by key. The same part of the rows at
// `next` (may be null) is fetched meanwhile.
template <typename Cache, int Q, int N>
void addValues(const float *weights, std::int64_t keys, const std::byte *values, std::int64_t rowBytes, std::int64_t d,
               const std::byte *next, float *out, std::int64_t outStride) {
    V sums[Q][N];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int n = 0; n < N; ++n) sums[i][n] = vload(out + i * outStride + n * kLanes);
    }
    constexpr bool kWhole = N * kLanes % 32 == 0;  // then d is a multiple of 32 too
    const std::int64_t block = kWhole ? d : d / 32 * 32;
    const int e = kWhole ? 0 : static_cast<int>(d - block);
    for (std::int64_t j = 0; j < keys; ++j) {
        const std::byte *from = values + j * rowBytes;
        if (next != nullptr) __builtin_prefetch(next + j * rowBytes + Cache::rowBytes(block), 0, 2);
        V row[N];
        FACET_UNROLL
        for (int n = 0; n < N; ++n) {
            const int at = e + n * kLanes;
            V value = Cache::value(from, block + at / 32 * 32, at % 32, Cache::scale(from, block + at / 32 * 32));
            vkeep(value);
            row[n] = value;
        }
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            V weight = vset(weights[i * kKeyTile + j]);
            vkeep(weight);
            FACET_UNROLL
            for (int n = 0; n < N; ++n) sums[i][n] = vfma(weight, row[n], sums[i][n]);
        }
    }
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int n = 0; n < N; ++n) vstore(out + i * outStride + n * kLanes, sums[i][n]);
    }
}

// The dimensions behind the last whole vector.
template <typename Cache, int Q>
void addLastValues(const float *weights, std::int64_t keys, const std::byte *values, std::int64_t rowBytes, std::int64_t d,
                   int lanes, float *out, std::int64_t outStride) {
    V sums[Q];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) sums[i] = vloadUpTo(out + i * outStride, lanes);
    for (std::int64_t j = 0; j < keys; ++j) {
        V row = Cache::part(values + j * rowBytes, d, lanes);
        vkeep(row);
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) sums[i] = vfma(vset(weights[i * kKeyTile + j]), row, sums[i]);
    }
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) vstoreUpTo(out + i * outStride, sums[i], lanes);
}

// All dimensions for queries [0, queries), in groups of Q and then of fewer.
template <typename Cache, int Q>
void addValueRows(const float *weights, std::int64_t queries, std::int64_t keys, const std::byte *values,
                  std::int64_t rowBytes, std::int64_t dims, const std::byte *next, float *out, std::int64_t outStride) {
    constexpr int kVectors = Q > kValueQueries ? kValueVectors / 2 : kValueVectors;
    std::int64_t i = 0;
    for (; i + Q <= queries; i += Q) {
        const float *own = weights + i * kKeyTile;
        float *to = out + i * outStride;
        std::int64_t d = 0;
        for (; d + kVectors * kLanes <= dims; d += kVectors * kLanes) {
            addValues<Cache, Q, kVectors>(own, keys, values, rowBytes, d, next, to + d, outStride);
        }
        for (; d + kLanes <= dims; d += kLanes) addValues<Cache, Q, 1>(own, keys, values, rowBytes, d, next, to + d, outStride);
        if (d < dims) addLastValues<Cache, Q>(own, keys, values, rowBytes, d, static_cast<int>(dims - d), to + d, outStride);
    }
    if constexpr (Q > 1) {
        if (i < queries) {
            addValueRows<Cache, Q / 2>(weights + i * kKeyTile, queries - i, keys, values, rowBytes, dims,
                                       i > 0 ? nullptr : next, out + i * outStride, outStride);
        }
    }
}

template <typename Cache>
constexpr bool kIsFloat = false;
template <>
constexpr bool kIsFloat<CacheF32> = true;

// Adds weights x values of keys [0, count) to the outputs of `queries` queries; widened first where many share them.
template <typename Cache>
void addTile(const float *weights, std::int64_t queries, const std::byte *values, std::int64_t count, std::int64_t headDim,
             const std::byte *next, float *widened, float *out, std::int64_t outStride) {
    const std::int64_t rowBytes = Cache::rowBytes(headDim);
    if (queries <= kFewQueries) {
        addValueRows<Cache, kRowQueries>(weights, queries, count, values, rowBytes, headDim, next, out, outStride);
        return;
    }
    if constexpr (kIsFloat<Cache>) {
        if (headDim <= kDims) {  // these rows lie close together already
            addValueRows<CacheF32, kValueQueries>(weights, queries, count, values, rowBytes, headDim, nullptr, out, outStride);
            return;
        }
    }
    for (std::int64_t d = 0; d < headDim; d += kDims) {
        const std::int64_t dims = headDim - d < kDims ? headDim - d : kDims;
        for (std::int64_t j = 0; j < count; ++j) widenRow<Cache>(values + j * rowBytes, d, dims, widened + j * kDims);
        addValueRows<CacheF32, kValueQueries>(weights, queries, count, reinterpret_cast<const std::byte *>(widened), kDims * 4,
                                              dims, nullptr, out + d, outStride);
    }
}

// What of the keys [tile, end) is seen: keys that any query sees, and the queries that see any. The rest is not computed.
struct TileView {
    std::int64_t low;
    std::int64_t high;
    std::int64_t first;
    std::int64_t last;
    std::int32_t from[kQueriesAtOnce];  // of each query, counted from the tile's first key
    std::int32_t to[kQueriesAtOnce];

    void look(const Queries &all, std::int64_t tile, std::int64_t end) {
        low = end;
        high = tile;
        first = all.count;
        last = 0;
        for (std::int64_t i = 0; i < all.count; ++i) {
            const std::int64_t begin = all.visibleFrom[i] > tile ? all.visibleFrom[i] : tile;
            const std::int64_t stop = all.visibleTo[i] < end ? all.visibleTo[i] : end;
            from[i] = static_cast<std::int32_t>(begin - tile);
            to[i] = static_cast<std::int32_t>(stop > begin ? stop - tile : begin - tile);
            if (begin >= stop) {
                from[i] = to[i] = 0;
                continue;
            }
            low = begin < low ? begin : low;
            high = stop > high ? stop : high;
            first = i < first ? i : first;
            last = i + 1;
        }
    }
};

template <typename Cache>
void attendKeyTile(const std::byte *keys, const std::byte *values, std::int64_t tile, std::int64_t end, std::int64_t headDim,
                   bool more, const Queries &all, AttentionScratch &scratch) {
    TileView view;
    view.look(all, tile, end);
    const std::int64_t low = view.low;
    const std::int64_t high = view.high;
    const std::int64_t first = view.first;
    const std::int64_t last = view.last;
    if (low >= high) return;
    const std::int64_t rowBytes = Cache::rowBytes(headDim);
    if (headDim >= kLongHead) {
        scoreLongTile<Cache>(all, first, last, keys + low * rowBytes, high - low, headDim, values + low * rowBytes,
                             scratch.widened, scratch.scores + (low - tile));
    } else {
        const TileAhead ahead{keys + end * rowBytes, values + end * rowBytes, more ? kKeyTile * rowBytes : 0};
        scoreShortTile<Cache>(all, first, last, keys + tile * rowBytes, low - tile, high - tile, headDim, ahead, scratch.keys,
                              scratch.scores);
    }
    for (std::int64_t i = first; i < last; i += kLanes) {
        const int count = last - i < kLanes ? static_cast<int>(last - i) : kLanes;
        weighTile(scratch.scores + i * kKeyTile, count, view.from + i, view.to + i, headDim, all.maximum + i, all.sum + i,
                  all.out + i * all.outStride, all.outStride);
    }
    addTile<Cache>(scratch.scores + first * kKeyTile + (low - tile), last - first, values + low * rowBytes, high - low, headDim,
                   more ? keys + end * rowBytes : nullptr, scratch.values, all.out + first * all.outStride, all.outStride);
}

template <typename Cache>
void attendKeys(const void *k, const void *v, std::int64_t keys, std::int64_t headDim, const Queries &all) {
    AttentionScratch scratch;
    for (std::int64_t i = 0; i < all.count; i += kQueriesAtOnce) {
        const std::int64_t count = all.count - i < kQueriesAtOnce ? all.count - i : kQueriesAtOnce;
        const Queries block{all.q + i * all.qStride, count,       all.qStride,
                            all.visibleFrom + i,     all.visibleTo + i, all.maximum + i,
                            all.sum + i,             all.out + i * all.outStride, all.outStride};
        for (std::int64_t tile = 0; tile < keys; tile += kKeyTile) {
            const bool more = tile + 2 * kKeyTile <= keys;  // another whole tile behind this one
            attendKeyTile<Cache>(static_cast<const std::byte *>(k), static_cast<const std::byte *>(v), tile,
                                 tile + kKeyTile < keys ? tile + kKeyTile : keys, headDim, more, block, scratch);
        }
    }
}

void attendSpanKernel(CacheType type, const void *k, const void *v, std::int64_t keys, std::int64_t headDim, const float *q,
                      std::int64_t queries, std::int64_t qStride, const std::int32_t *visibleFrom,
                      const std::int32_t *visibleTo, float *maximum, float *sum, float *out, std::int64_t outStride) {
    const Queries all{q, queries, qStride, visibleFrom, visibleTo, maximum, sum, out, outStride};
    switch (type) {
    case CacheType::F32: attendKeys<CacheF32>(k, v, keys, headDim, all); return;
    case CacheType::F16: attendKeys<CacheF16>(k, v, keys, headDim, all); return;
    case CacheType::Q8_0: attendKeys<CacheQ8>(k, v, keys, headDim, all); return;
    case CacheType::Q4_R:  // its queries were turned by ops.h
    case CacheType::Q4_0: attendKeys<CacheQ4>(k, v, keys, headDim, all); return;
    }
}

}  // namespace
}  // namespace facet
