// Attention over one span of keys, over the vector type of the including file (see simd_math.inl for the rules).
// Keys are taken in tiles of kKeyTile: a tile of keys is transposed once for all queries, scores are chains over the head
// dimension with keys in the lanes, values are added key by key with dimensions in the lanes. What a query gets depends on
// its own keys only: those hidden from it have weight zero and never touch its maximum.
namespace facet {
namespace {

constexpr std::int64_t kQueriesAtOnce = 64;
constexpr std::int64_t kDims = 64;                     // dimensions worked on at a time: a partial sum of a score
constexpr int kKeyVectors = kKeyTile / kLanes;
constexpr float kNoScore = -__builtin_huge_valf();

// Scratch of one call, on the stack.
struct AttentionScratch {
    alignas(64) float keys[kDims * kKeyTile];              // [dims, keys]
    alignas(64) float values[kKeyTile * kDims];            // [keys, dims]
    alignas(64) float scores[kQueriesAtOnce * kKeyTile];   // [queries, keys], then weights
};

struct Span {
    CacheType type;
    const void *k;
    const void *v;
    std::int64_t keys;
    std::int64_t headDim;
};

inline V loadCache(CacheType type, const void *from, std::int64_t at, int lanes) {
    if (type == CacheType::F32) return vloadUpTo(static_cast<const float *>(from) + at, lanes);
    const auto *halves = reinterpret_cast<const std::byte *>(static_cast<const std::uint16_t *>(from) + at);
    return lanes == kLanes ? LoadF16::whole(halves) : LoadF16::part(halves, lanes);
}

// Keys [low, high) of the tile that begins at key `tile`, dimensions [d0, d0 + dims), to scratch.keys; other columns are 0.
void transposeKeys(const Span &span, std::int64_t tile, std::int64_t low, std::int64_t high, std::int64_t d0,
                   std::int64_t dims, AttentionScratch &scratch) {
    for (int column = 0; column < kKeyTile; column += kLanes) {
        for (std::int64_t d = 0; d < dims; d += kLanes) {
            const int lanes = dims - d < kLanes ? static_cast<int>(dims - d) : kLanes;
            V block[kLanes];
            FACET_UNROLL
            for (int i = 0; i < kLanes; ++i) {
                const std::int64_t key = tile + column + i;
                const bool used = low <= key && key < high;
                block[i] = used ? loadCache(span.type, span.k, key * span.headDim + d0 + d, lanes) : vzero();
            }
            transpose(block);
            FACET_UNROLL
            for (int i = 0; i < kLanes; ++i) vstore(scratch.keys + (d + i) * kKeyTile + column, block[i]);
        }
    }
}

// scores of Q queries with a tile of keys; the pieces of the head dimension are summed apart, which keeps the rounding
// errors of long heads down.
template <int Q>
void scoreTile(const float *q, std::int64_t qStride, std::int64_t dims, bool first, const float *keys, float *scores) {
    V sums[Q][kKeyVectors];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int c = 0; c < kKeyVectors; ++c) sums[i][c] = vzero();
    }
    for (std::int64_t d = 0; d < dims; ++d) {
        V column[kKeyVectors];
        FACET_UNROLL
        for (int c = 0; c < kKeyVectors; ++c) {
            column[c] = vload(keys + d * kKeyTile + c * kLanes);
            vkeep(column[c]);
        }
        FACET_UNROLL
        for (int i = 0; i < Q; ++i) {
            V in = vset(q[i * qStride + d]);
            vkeep(in);
            FACET_UNROLL
            for (int c = 0; c < kKeyVectors; ++c) sums[i][c] = vfma(in, column[c], sums[i][c]);
        }
    }
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int c = 0; c < kKeyVectors; ++c) {
            float *to = scores + i * kKeyTile + c * kLanes;
            vstore(to, first ? sums[i][c] : vadd(vload(to), sums[i][c]));
        }
    }
}

// Turns the scores of one query into weights e^(score - maximum); low and high are its visible columns.
void weighTile(float *scores, int low, int high, std::int64_t headDim, float &maximum, float &sum, float *out) {
    if (low >= high) {
        for (int c = 0; c < kKeyTile; c += kLanes) vstore(scores + c, vzero());
        return;
    }
    for (int c = 0; c < low; ++c) scores[c] = kNoScore;
    for (int c = high; c < kKeyTile; ++c) scores[c] = kNoScore;
    V m = vload(scores);
    for (int c = kLanes; c < kKeyTile; c += kLanes) m = vmax(m, vload(scores + c));
    const float top = vmaxLane(m);
    const float largest = top > maximum ? top : maximum;
    if (largest == kNoScore) {  // every visible score is -inf: no weight anywhere
        for (int c = 0; c < kKeyTile; c += kLanes) vstore(scores + c, vzero());
        return;
    }
    if (largest != maximum) {
        const V factor = vexp(vset(maximum - largest));
        sum *= vfirst(factor);
        forVectors(headDim, [&](std::int64_t d, int lanes) {
            vstoreUpTo(out + d, vmul(vloadUpTo(out + d, lanes), factor), lanes);
        });
        maximum = largest;
    }
    V total = vzero();
    for (int c = 0; c < kKeyTile; c += kLanes) {
        const V weight = vexp(vsub(vload(scores + c), vset(largest)));
        vstore(scores + c, weight);
        total = vadd(total, weight);
    }
    sum += vsum(total);
}

// out += weights x values for Q queries and N vectors of dimensions; `lanes` are those of the last vector.
template <int Q, int N>
void valueTile(const float *weights, std::int64_t keys, const float *values, std::int64_t valueStride, float *out,
               std::int64_t outStride, int lanes) {
    V sums[Q][N];
    FACET_UNROLL
    for (int i = 0; i < Q; ++i) {
        FACET_UNROLL
        for (int n = 0; n < N; ++n) sums[i][n] = vloadUpTo(out + i * outStride + n * kLanes, n == N - 1 ? lanes : kLanes);
    }
    for (std::int64_t j = 0; j < keys; ++j) {
        V row[N];
        FACET_UNROLL
        for (int n = 0; n < N; ++n) {
            row[n] = vload(values + j * valueStride + n * kLanes);
            vkeep(row[n]);
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
        for (int n = 0; n < N; ++n) vstoreUpTo(out + i * outStride + n * kLanes, sums[i][n], n == N - 1 ? lanes : kLanes);
    }
}

template <int Q>
void valueRows(const float *weights, std::int64_t keys, const float *values, std::int64_t valueStride, std::int64_t dims,
               float *out, std::int64_t outStride) {
    std::int64_t d = 0;
    for (; d + kValueVectors * kLanes <= dims; d += kValueVectors * kLanes) {
        valueTile<Q, kValueVectors>(weights, keys, values + d, valueStride, out + d, outStride, kLanes);
    }
    for (; d < dims; d += kLanes) {
        const int lanes = dims - d < kLanes ? static_cast<int>(dims - d) : kLanes;
        valueTile<Q, 1>(weights, keys, values + d, valueStride, out + d, outStride, lanes);
    }
}

// Adds weights x values of keys [low, high) to the outputs.
void addValues(const Span &span, std::int64_t tile, std::int64_t low, std::int64_t high, std::int64_t queries,
               AttentionScratch &scratch, const float *scores, float *out, std::int64_t outStride) {
    const bool inPlace = span.type == CacheType::F32 && span.headDim % kLanes == 0;
    for (std::int64_t d0 = 0; d0 < span.headDim; d0 += kDims) {
        const std::int64_t dims = span.headDim - d0 < kDims ? span.headDim - d0 : kDims;
        const float *values = static_cast<const float *>(span.v) + low * span.headDim + d0;
        if (!inPlace) {
            for (std::int64_t j = low; j < high; ++j) {
                forVectors(dims, [&](std::int64_t d, int lanes) {
                    vstore(scratch.values + (j - low) * kDims + d,
                           loadCache(span.type, span.v, j * span.headDim + d0 + d, lanes));
                });
            }
            values = scratch.values;
        }
        const std::int64_t stride = inPlace ? span.headDim : kDims;
        const float *weights = scores + (low - tile);
        std::int64_t i = 0;
        for (; i + kValueQueries <= queries; i += kValueQueries) {
            valueRows<kValueQueries>(weights + i * kKeyTile, high - low, values, stride, dims, out + i * outStride + d0,
                                     outStride);
        }
        for (; i < queries; ++i) {
            valueRows<1>(weights + i * kKeyTile, high - low, values, stride, dims, out + i * outStride + d0, outStride);
        }
    }
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

void attendKeyTile(const Span &span, std::int64_t tile, const Queries &all, AttentionScratch &scratch) {
    const std::int64_t end = tile + kKeyTile < span.keys ? tile + kKeyTile : span.keys;
    // Keys that anyone sees and the range of queries that see any: the rest is not computed.
    std::int64_t low = end;
    std::int64_t high = tile;
    std::int64_t first = all.count;
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < all.count; ++i) {
        const std::int64_t from = all.visibleFrom[i] > tile ? all.visibleFrom[i] : tile;
        const std::int64_t to = all.visibleTo[i] < end ? all.visibleTo[i] : end;
        if (from >= to) continue;
        low = from < low ? from : low;
        high = to > high ? to : high;
        first = i < first ? i : first;
        last = i + 1;
    }
    if (low >= high) return;
    for (std::int64_t d0 = 0; d0 < span.headDim; d0 += kDims) {
        const std::int64_t dims = span.headDim - d0 < kDims ? span.headDim - d0 : kDims;
        transposeKeys(span, tile, low, high, d0, dims, scratch);
        std::int64_t i = first;
        for (; i + kScoreQueries <= last; i += kScoreQueries) {
            scoreTile<kScoreQueries>(all.q + i * all.qStride + d0, all.qStride, dims, d0 == 0, scratch.keys,
                                     scratch.scores + i * kKeyTile);
        }
        for (; i < last; ++i) {
            scoreTile<1>(all.q + i * all.qStride + d0, all.qStride, dims, d0 == 0, scratch.keys,
                         scratch.scores + i * kKeyTile);
        }
    }
    for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t from = all.visibleFrom[i] > tile ? all.visibleFrom[i] : tile;
        const std::int64_t to = all.visibleTo[i] < end ? all.visibleTo[i] : end;
        weighTile(scratch.scores + i * kKeyTile, static_cast<int>(from - tile), static_cast<int>(to - tile), span.headDim,
                  all.maximum[i], all.sum[i], all.out + i * all.outStride);
    }
    addValues(span, tile, low, high, last - first, scratch, scratch.scores + first * kKeyTile,
              all.out + first * all.outStride, all.outStride);
}

void attendSpanKernel(CacheType type, const void *k, const void *v, std::int64_t keys, std::int64_t headDim, const float *q,
                      std::int64_t queries, std::int64_t qStride, const std::int32_t *visibleFrom,
                      const std::int32_t *visibleTo, float *maximum, float *sum, float *out, std::int64_t outStride) {
    AttentionScratch scratch;
    const Span span{type, k, v, keys, headDim};
    for (std::int64_t i = 0; i < queries; i += kQueriesAtOnce) {
        const std::int64_t count = queries - i < kQueriesAtOnce ? queries - i : kQueriesAtOnce;
        const Queries block{q + i * qStride, count,   qStride,           visibleFrom + i, visibleTo + i,
                            maximum + i,     sum + i, out + i * outStride, outStride};
        for (std::int64_t tile = 0; tile < keys; tile += kKeyTile) attendKeyTile(span, tile, block, scratch);
    }
}

}  // namespace
}  // namespace facet
