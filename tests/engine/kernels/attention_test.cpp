#include "kernel_support.h"

#include "kernels/float_formats.h"
#include "kernels/ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

// Keys and values by position (double) and the same in a ring cache.
struct Setting {
    Setting(CacheType cacheType, std::int64_t cap, int heads, int dim, std::int64_t positions, Random &random)
        : type(cacheType), capacity(cap), kvHeads(heads), headDim(dim) {
        const std::int64_t size = positions * heads * dim;
        for (const float x : random.values(size, 0.7F)) keys.push_back(rounded(x));
        for (const float x : random.values(size)) values.push_back(rounded(x));
        const auto slots = static_cast<std::size_t>(capacity * heads * dim);
        // What was never written must never be read.
        keys32.assign(slots, NAN);
        values32.assign(slots, NAN);
        keys16.assign(slots, 0x7E00);
        values16.assign(slots, 0x7E00);
        for (std::int64_t p = 0; p < positions; ++p) {
            for (int h = 0; h < heads; ++h) {
                const auto slot = static_cast<std::size_t>((h * capacity + p % capacity) * dim);
                for (int d = 0; d < dim; ++d) {
                    const auto at = static_cast<std::size_t>(d);
                    keys32[slot + at] = keys[index(p, h) + at];
                    values32[slot + at] = values[index(p, h) + at];
                    keys16[slot + at] = halfFromFloat(keys32[slot + at]);
                    values16[slot + at] = halfFromFloat(values32[slot + at]);
                }
            }
        }
    }
    float rounded(float x) const { return type == CacheType::F16 ? floatFromHalf(halfFromFloat(x)) : x; }
    std::size_t index(std::int64_t p, int h) const { return static_cast<std::size_t>((p * kvHeads + h) * headDim); }
    KvView view() const {
        if (type == CacheType::F16) return {type, keys16.data(), values16.data(), capacity, kvHeads, headDim};
        return {type, keys32.data(), values32.data(), capacity, kvHeads, headDim};
    }

    CacheType type;
    std::int64_t capacity;
    int kvHeads;
    int headDim;
    std::vector<float> keys, values;
    std::vector<float> keys32, values32;
    std::vector<std::uint16_t> keys16, values16;
};

void naive(const Setting &s, const float *q, int kvHead, std::int64_t from, std::int64_t to, std::vector<double> &out) {
    out.assign(static_cast<std::size_t>(s.headDim), 0.0);
    std::vector<double> scores;
    for (std::int64_t p = from; p < to; ++p) {
        double score = 0;
        for (int d = 0; d < s.headDim; ++d) {
            score += static_cast<double>(q[d]) * static_cast<double>(s.keys[s.index(p, kvHead) + static_cast<std::size_t>(d)]);
        }
        scores.push_back(score);
    }
    const double top = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double &x : scores) sum += x = std::exp(x - top);
    for (std::int64_t p = from; p < to; ++p) {
        for (std::size_t d = 0; d < out.size(); ++d) {
            out[d] += scores[static_cast<std::size_t>(p - from)] / sum * static_cast<double>(s.values[s.index(p, kvHead) + d]);
        }
    }
}

struct Queries {
    std::vector<float> q;
    std::vector<std::int64_t> from, to;
    std::int64_t tokens() const { return static_cast<std::int64_t>(from.size()); }
};

// Tokens at positions first.. first + tokens, causal with a sliding window.
Queries causal(const Setting &s, int heads, std::int64_t first, std::int64_t tokens, std::int64_t window, Random &random) {
    Queries queries;
    queries.q = random.values(tokens * heads * s.headDim, 4.0F / std::sqrt(static_cast<float>(s.headDim)));
    for (std::int64_t p = first; p < first + tokens; ++p) {
        queries.from.push_back(std::max<std::int64_t>(0, p + 1 - window));
        queries.to.push_back(p + 1);
    }
    return queries;
}

std::vector<float> run(const Kernels &k, WorkerPool &pool, const Setting &s, int heads, const Queries &queries,
                       std::int64_t begin, std::int64_t end) {
    const Exec exec{&k, &pool, false, nullptr};
    const auto count = static_cast<std::size_t>(end - begin);
    const auto first = static_cast<std::size_t>(begin);
    std::vector<float> out(count * static_cast<std::size_t>(heads * s.headDim), NAN);
    attend(exec, s.view(), queries.q.data() + begin * heads * s.headDim, end - begin, heads,
           std::span(queries.from).subspan(first, count), std::span(queries.to).subspan(first, count), out.data());
    return out;
}

void checkAgainstNaive(const Kernels &k, WorkerPool &pool, const Setting &s, int heads, const Queries &queries) {
    const std::vector<float> out = run(k, pool, s, heads, queries, 0, queries.tokens());
    double worst = 0;
    std::vector<double> wanted;
    for (std::int64_t t = 0; t < queries.tokens(); ++t) {
        for (int h = 0; h < heads; ++h) {
            const std::int64_t at = (t * heads + h) * s.headDim;
            const auto i = static_cast<std::size_t>(t);
            naive(s, queries.q.data() + at, h / (heads / s.kvHeads), queries.from[i], queries.to[i], wanted);
            for (std::size_t d = 0; d < wanted.size(); ++d) {
                const double error = std::fabs(out[static_cast<std::size_t>(at) + d] - wanted[d]);
                worst = error <= worst ? worst : error;  // NaN sticks
            }
        }
    }
    CHECK(worst <= 1e-5);
}

}  // namespace

TEST_CASE("attend: causal prefill and decode against double precision, all head sizes") {
    Random random(30);
    for (const Kernels *k : availableKernels()) {
        for (const CacheType type : {CacheType::F32, CacheType::F16}) {
            for (const int dim : {12, 16, 64, 72, 80, 130, 256, 512}) {
                CAPTURE(k->name);
                CAPTURE(static_cast<int>(type));
                CAPTURE(dim);
                WorkerPool pool(1 + dim % 3);
                const Setting s(type, 128, 2, dim, 100, random);
                checkAgainstNaive(*k, pool, s, 6, causal(s, 6, 85, 15, 1000, random));
                checkAgainstNaive(*k, pool, s, 4, causal(s, 4, 99, 1, 1000, random));
                checkAgainstNaive(*k, pool, s, 2, causal(s, 2, 0, 70, 17, random));
            }
        }
    }
}

TEST_CASE("attend: ring caches that have wrapped, any capacity") {
    Random random(31);
    for (const Kernels *k : availableKernels()) {
        for (const std::int64_t capacity : {std::int64_t{64}, std::int64_t{96}, std::int64_t{77}}) {
            for (const std::int64_t positions : {64, 100, 190, 333}) {
                CAPTURE(k->name);
                CAPTURE(capacity);
                CAPTURE(positions);
                WorkerPool pool(2);
                const Setting s(CacheType::F16, capacity, 1, 24, positions, random);
                const std::int64_t window = 40;
                const std::int64_t chunk = std::min<std::int64_t>(20, capacity - window);
                checkAgainstNaive(*k, pool, s, 4, causal(s, 4, positions - chunk, chunk, window, random));
                checkAgainstNaive(*k, pool, s, 4, causal(s, 4, positions - 1, 1, std::min(capacity, positions), random));
                checkAgainstNaive(*k, pool, s, 4, causal(s, 4, positions - 3, 3, window, random));
            }
        }
    }
}

TEST_CASE("attend: a query's result does not depend on the chunk, the threads or its neighbours") {
    Random random(32);
    for (const Kernels *k : availableKernels()) {
        for (const std::int64_t capacity : {std::int64_t{160}, std::int64_t{512}}) {
            CAPTURE(k->name);
            CAPTURE(capacity);
            const int heads = 6;
            const int dim = 40;
            WorkerPool one(1);
            WorkerPool three(3);
            // The newest `capacity` positions are there; queries of the last ones that fit their window.
            const Setting s(CacheType::F16, capacity, 2, dim, 300, random);
            const Queries queries = causal(s, heads, 200, 100, 60, random);
            const std::vector<float> whole = run(*k, one, s, heads, queries, 0, 100);
            CHECK(run(*k, three, s, heads, queries, 0, 100) == whole);
            for (const std::int64_t chunk : {1, 3, 7, 8, 33}) {
                CAPTURE(chunk);
                std::vector<float> pieces;
                for (std::int64_t t = 0; t < 100; t += chunk) {
                    const std::vector<float> piece = run(*k, three, s, heads, queries, t, std::min<std::int64_t>(t + chunk, 100));
                    pieces.insert(pieces.end(), piece.begin(), piece.end());
                }
                CHECK(pieces == whole);
            }
        }
    }
}

TEST_CASE("attend: long contexts, whose keys are split among the threads, give what any other cut gives") {
    Random random(36);
    for (const Kernels *k : availableKernels()) {
        for (const int dim : {48, 160, 256}) {
            for (const int kvHeads : {1, 2}) {
                CAPTURE(k->name);
                CAPTURE(dim);
                CAPTURE(kvHeads);
                const int heads = 5 * kvHeads;  // groups that no register tile divides
                WorkerPool one(1);
                WorkerPool three(3);
                const std::int64_t positions = 4000 + 7 * dim;
                const Setting s(CacheType::F16, 8192, kvHeads, dim, positions, random);
                const std::int64_t tokens = 11;
                const Queries queries = causal(s, heads, positions - tokens, tokens, 1 << 20, random);
                checkAgainstNaive(*k, three, s, heads, queries);
                const std::vector<float> whole = run(*k, one, s, heads, queries, 0, tokens);
                CHECK(run(*k, three, s, heads, queries, 0, tokens) == whole);
                for (const std::int64_t chunk : {1, 2, 7}) {
                    CAPTURE(chunk);
                    std::vector<float> pieces;
                    for (std::int64_t t = 0; t < tokens; t += chunk) {
                        const std::vector<float> piece = run(*k, three, s, heads, queries, t, std::min(t + chunk, tokens));
                        pieces.insert(pieces.end(), piece.begin(), piece.end());
                    }
                    CHECK(pieces == whole);
                }
            }
        }
    }
}

TEST_CASE("attend: keys far below the best one weigh nothing") {
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(1);
        Random random(37);
        Setting s(CacheType::F32, 64, 1, 16, 64, random);
        for (std::size_t p = 0; p < 64; ++p) {  // scores of -3 p
            std::fill_n(s.keys32.begin() + static_cast<std::ptrdiff_t>(p * 16), 16, 0.0F);
            s.keys32[p * 16] = -3.0F * static_cast<float>(p);
            std::fill_n(s.values32.begin() + static_cast<std::ptrdiff_t>(p * 16), 16, p < 30 ? 0.0F : 1e38F);
        }
        Queries queries;
        queries.q.assign(16, 0.0F);
        queries.q[0] = 1.0F;
        queries.from = {0};
        queries.to = {64};
        const std::vector<float> out = run(*k, pool, s, 1, queries, 0, 1);
        CHECK(std::all_of(out.begin(), out.end(), [](float x) { return x >= 0.0F && x < 1.0F; }));
    }
}

TEST_CASE("attend: many queries that see all keys, and queries that see nothing") {
    Random random(33);
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(4);
        const Setting s(CacheType::F32, 150, 3, 72, 150, random);
        Queries queries;
        queries.q = random.values(std::int64_t{150} * 3 * 72, 0.5F);
        queries.from.assign(150, 0);
        queries.to.assign(150, 150);
        checkAgainstNaive(*k, pool, s, 3, queries);
        queries.from[7] = queries.to[7] = 50;
        const std::vector<float> out = run(*k, pool, s, 3, queries, 0, 150);
        const auto row = out.begin() + 7 * 3 * 72;
        CHECK(std::all_of(row, row + 3 * 72, [](float x) { return x == 0.0F; }));
    }
}

TEST_CASE("attend: large scores do not overflow, hidden garbage does not leak") {
    Random random(34);
    for (const Kernels *k : availableKernels()) {
        CAPTURE(k->name);
        WorkerPool pool(1);
        Setting s(CacheType::F32, 128, 1, 16, 100, random);
        Queries queries = causal(s, 1, 60, 12, 30, random);
        for (float &x : queries.q) x *= 2000.0F;
        const std::vector<float> out = run(*k, pool, s, 1, queries, 0, 12);
        CHECK(std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x) && std::fabs(x) < 10.0F; }));
        // Positions that no query sees may hold anything.
        for (std::size_t p = 0; p < 31; ++p) s.keys32[p * 16] = s.values32[p * 16] = NAN;
        for (std::size_t p = 72; p < 128; ++p) s.keys32[p * 16] = s.values32[p * 16] = INFINITY;
        CHECK(run(*k, pool, s, 1, queries, 0, 12) == out);
    }
}

TEST_CASE("attend: cancelled calls leave zeros, not garbage") {
    Random random(35);
    WorkerPool pool(2);
    const std::atomic<bool> cancel{true};
    const Exec exec{&scalar(), &pool, false, &cancel};
    const Setting s(CacheType::F32, 64, 1, 16, 64, random);
    const Queries queries = causal(s, 2, 10, 9, 100, random);
    std::vector<float> out(9 * 2 * 16, NAN);
    attend(exec, s.view(), queries.q.data(), 9, 2, queries.from, queries.to, out.data());
    CHECK(std::all_of(out.begin(), out.end(), [](float x) { return x == 0.0F; }));
}

TEST_CASE("caches of blocks: the results of a float32 cache that holds the same values, bit by bit") {
    Random random(63);
    for (const Kernels *k : availableKernels()) {
        for (const CacheType type : {CacheType::Q8_0, CacheType::Q4_0}) {
            for (const int headDim : {32, 96, 256, 512}) {
                CAPTURE(k->name);
                CAPTURE(headDim);
                const int kvHeads = 2;
                const int heads = 6;
                const std::int64_t capacity = 75;  // wraps inside a tile
                const std::int64_t positions = 130;
                const std::int64_t rowBytes = cacheRowBytes(type, headDim);
                REQUIRE(rowBytes > 0);
                const auto slots = static_cast<std::size_t>(capacity * kvHeads);
                const auto dim = static_cast<std::size_t>(headDim);
                // What was never written is damaged on purpose.
                std::vector<std::byte> keys(slots * static_cast<std::size_t>(rowBytes), std::byte{0xFF});
                std::vector<std::byte> values = keys;
                std::vector<float> keys32(slots * dim, NAN);
                std::vector<float> values32(slots * dim, NAN);
                const TensorType stored = type == CacheType::Q8_0 ? TensorType::Q8_0 : TensorType::Q4_0;
                const std::int64_t written = headDim == 96 ? 40 : positions;
                for (std::int64_t p = 0; p < written; ++p) {
                    for (int h = 0; h < kvHeads; ++h) {
                        const std::int64_t slot = h * capacity + p % capacity;
                        const std::vector<float> key = random.values(headDim, 0.5F);
                        const std::vector<float> value = random.values(headDim);
                        storeCacheRow(*k, type, key.data(), headDim, keys.data() + slot * rowBytes);
                        storeCacheRow(*k, type, value.data(), headDim, values.data() + slot * rowBytes);
                        k->dequantise(stored, keys.data() + slot * rowBytes, headDim, keys32.data() + slot * headDim);
                        k->dequantise(stored, values.data() + slot * rowBytes, headDim, values32.data() + slot * headDim);
                    }
                }
                for (const std::int64_t tokens : {1, 9}) {
                    const std::vector<float> q = random.values(tokens * heads * headDim);
                    std::vector<std::int64_t> from(static_cast<std::size_t>(tokens));
                    std::vector<std::int64_t> to(from.size());
                    for (std::size_t t = 0; t < from.size(); ++t) {
                        to[t] = written - tokens + static_cast<std::int64_t>(t) + 1;
                        from[t] = std::max<std::int64_t>(0, to[t] - 60);
                    }
                    std::vector<float> got(q.size());
                    std::vector<float> wanted(q.size());
                    for (const int threads : {1, 3}) {
                        WorkerPool pool(threads);
                        const Exec exec{k, &pool, false, nullptr};
                        attend(exec, {type, keys.data(), values.data(), capacity, kvHeads, headDim}, q.data(), tokens, heads,
                               from, to, got.data());
                        attend(exec, {CacheType::F32, keys32.data(), values32.data(), capacity, kvHeads, headDim}, q.data(),
                               tokens, heads, from, to, wanted.data());
                        CHECK(got == wanted);
                    }
                }
            }
        }
    }
    CHECK(cacheRowBytes(CacheType::Q8_0, 256) == 272);
    CHECK(cacheRowBytes(CacheType::Q4_0, 256) == 144);
    CHECK(cacheRowBytes(CacheType::F16, 24) == 48);
    CHECK(cacheRowBytes(CacheType::Q8_0, 24) == 0);
}
