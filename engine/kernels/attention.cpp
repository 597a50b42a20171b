// attend(): cuts queries x heads into blocks for the threads and a ring cache into spans for Kernels::attendSpan.
#include "kernels/ops.h"
#include "kernels/profile.h"
#include "kernels/quant_blocks.h"
#include "kernels/tables.h"

#include <algorithm>
#include <limits>
#include <memory>

namespace facet {
namespace {

constexpr int kQueryBlock = 64;  // rows (heads of one group x tokens) that share a pass over the keys

// The queries that share a pass over the keys, and their running softmax: either one token with several heads of a group
// or one head of several tokens, so that rows are equally spaced in memory.
struct QueryBlock {
    std::int64_t token = 0;  // first token
    int tokens = 0;
    int head = 0;            // first query head
    int heads = 0;           // of the same KV head
    float maximum[kQueryBlock];
    float sum[kQueryBlock];
    std::int32_t visibleFrom[kQueryBlock];
    std::int32_t visibleTo[kQueryBlock];
};

bool hasBlocks(CacheType type) noexcept { return type == CacheType::Q8_0 || type == CacheType::Q4_0; }

struct Problem {
    const Exec &exec;
    const KvView &kv;
    const float *q;
    int heads;
    std::span<const std::int64_t> from;
    std::span<const std::int64_t> to;
    float *out;

    std::int64_t offset(std::int64_t token, int head) const noexcept { return (token * heads + head) * kv.headDim; }
};

// A span of keys in blocks: tile by tile to float32, which all queries of the block share. The running softmax sees the
// same tiles as in a float32 cache of these values.
void attendStoredBlocks(const Problem &problem, QueryBlock &block, const std::byte *keys, const std::byte *values,
                        std::int64_t count, const float *q, float *out, std::int64_t stride, float *scratch) {
    const Kernels &kernels = *problem.exec.kernels;
    const std::int64_t headDim = problem.kv.headDim;
    const std::int64_t rowBytes = cacheRowBytes(problem.kv.type, headDim);
    const int rows = block.tokens * block.heads;
    std::int32_t visibleFrom[kQueryBlock];
    std::int32_t visibleTo[kQueryBlock];
    for (std::int64_t tile = 0; tile < count; tile += kKeyTile) {
        const auto keysHere = static_cast<std::int32_t>(std::min<std::int64_t>(kKeyTile, count - tile));
        const auto shift = static_cast<std::int32_t>(tile);
        std::int32_t first = keysHere;
        std::int32_t last = 0;
        for (int row = 0; row < rows; ++row) {
            visibleFrom[row] = std::clamp(block.visibleFrom[row] - shift, 0, keysHere);
            visibleTo[row] = std::clamp(block.visibleTo[row] - shift, visibleFrom[row], keysHere);
            if (visibleFrom[row] == visibleTo[row]) continue;
            first = std::min(first, visibleFrom[row]);
            last = std::max(last, visibleTo[row]);
        }
        if (first >= last) continue;
        float *tileValues = scratch + kKeyTile * headDim;
        const std::int64_t from = (tile + first) * rowBytes;
        const std::int64_t size = (last - first) * headDim;
        // What no query sees was perhaps never written; zeros keep its place.
        std::fill_n(scratch, first * headDim, 0.0F);
        std::fill_n(tileValues, first * headDim, 0.0F);
        std::fill_n(scratch + last * headDim, (keysHere - last) * headDim, 0.0F);
        std::fill_n(tileValues + last * headDim, (keysHere - last) * headDim, 0.0F);
        kernels.dequantise(cacheTensorType(problem.kv.type), keys + from, size, scratch + first * headDim);
        kernels.dequantise(cacheTensorType(problem.kv.type), values + from, size, tileValues + first * headDim);
        kernels.attendSpan(CacheType::F32, scratch, tileValues, keysHere, headDim, q, rows, stride, visibleFrom, visibleTo,
                           block.maximum, block.sum, out, stride);
    }
}

// Slots [begin, end), none wrapped, that hold the positions from `position` (at slot begin) on. The span handed on begins
// at a multiple of the key tile, so that a query meets the same tiles whatever other queries are in the call.
void attendSlots(const Problem &problem, QueryBlock &block, std::int64_t position, std::int64_t begin, std::int64_t end,
                 float *scratch) {
    const KvView &kv = problem.kv;
    const std::int64_t base = begin / kKeyTile * kKeyTile;
    const std::int64_t shift = position - (begin - base);  // position of slot `base`
    bool any = false;
    for (int t = 0; t < block.tokens; ++t) {
        const auto token = static_cast<std::size_t>(block.token + t);
        const std::int64_t first = std::clamp(problem.from[token] - shift, begin - base, end - base);
        const std::int64_t last = std::clamp(problem.to[token] - shift, first, end - base);
        any = any || first < last;
        std::fill_n(block.visibleFrom + t * block.heads, block.heads, static_cast<std::int32_t>(first));
        std::fill_n(block.visibleTo + t * block.heads, block.heads, static_cast<std::int32_t>(last));
    }
    if (!any) return;
    const int kvHead = block.head / (problem.heads / kv.kvHeads);
    const std::int64_t bytes = (kvHead * kv.capacity + base) * cacheRowBytes(kv.type, kv.headDim);
    const auto *keys = static_cast<const std::byte *>(kv.keys) + bytes;
    const auto *values = static_cast<const std::byte *>(kv.values) + bytes;
    const std::int64_t stride = block.heads > 1 ? kv.headDim : std::int64_t{problem.heads} * kv.headDim;
    const std::int64_t at = problem.offset(block.token, block.head);
    if (hasBlocks(kv.type)) {
        attendStoredBlocks(problem, block, keys, values, end - base, problem.q + at, problem.out + at, stride, scratch);
        return;
    }
    problem.exec.kernels->attendSpan(kv.type, keys, values, end - base, kv.headDim, problem.q + at,
                                     std::int64_t{block.tokens} * block.heads, stride, block.visibleFrom, block.visibleTo,
                                     block.maximum, block.sum, problem.out + at, stride);
}

void attendBlock(const Problem &problem, QueryBlock &block, float *scratch) {
    const KvView &kv = problem.kv;
    const int rows = block.tokens * block.heads;
    std::fill_n(block.maximum, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(block.sum, rows, 0.0F);
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    std::int64_t last = 0;
    for (int t = 0; t < block.tokens; ++t) {
        const auto token = static_cast<std::size_t>(block.token + t);
        std::fill_n(problem.out + problem.offset(block.token + t, block.head), block.heads * kv.headDim, 0.0F);
        if (problem.from[token] >= problem.to[token]) continue;
        first = std::min(first, problem.from[token]);
        last = std::max(last, problem.to[token]);
    }
    for (std::int64_t position = first; position < last && !problem.exec.cancelled();) {
        const std::int64_t slot = position % kv.capacity;
        const std::int64_t count = std::min(last - position, kv.capacity - slot);
        attendSlots(problem, block, position, slot, slot + count, scratch);
        position += count;
    }
    for (int row = 0; row < rows; ++row) {
        float *out = problem.out + problem.offset(block.token + row / block.heads, block.head + row % block.heads);
        const float sum = block.sum[row];
        for (int d = 0; d < kv.headDim; ++d) out[d] = sum > 0.0F ? out[d] / sum : (sum == 0.0F ? 0.0F : sum);
    }
}

// Each key and value counts once, however many heads and tokens look at it.
void addWork(ProfileScope &scope, const Problem &problem) {
    if (!scope.measures() || problem.from.empty()) return;
    const KvView &kv = problem.kv;
    std::int64_t seen = 0, first = std::numeric_limits<std::int64_t>::max(), last = 0;
    for (std::size_t t = 0; t < problem.from.size(); ++t) {
        seen += std::max<std::int64_t>(0, problem.to[t] - problem.from[t]);
        first = std::min(first, problem.from[t]);
        last = std::max(last, problem.to[t]);
    }
    const auto row = static_cast<double>(cacheRowBytes(kv.type, kv.headDim));
    scope.work(tensorTypeName(cacheTensorType(kv.type)),
               2 * row * static_cast<double>(kv.kvHeads) * static_cast<double>(std::max<std::int64_t>(0, last - first)),
               4.0 * static_cast<double>(problem.heads) * static_cast<double>(kv.headDim) * static_cast<double>(seen));
}

}  // namespace

TensorType cacheTensorType(CacheType type) noexcept {
    switch (type) {
    case CacheType::F32: return TensorType::F32;
    case CacheType::F16: return TensorType::F16;
    case CacheType::Q8_0: return TensorType::Q8_0;
    case CacheType::Q4_0: break;
    }
    return TensorType::Q4_0;
}

std::int64_t cacheRowBytes(CacheType type, std::int64_t n) noexcept { return rowBytes(cacheTensorType(type), n); }

void storeCacheRow(const Kernels &kernels, CacheType type, const float *x, std::int64_t n, void *out) {
    if (hasBlocks(type)) quantiseRowToBlocks(cacheTensorType(type), x, n, static_cast<std::byte *>(out));
    else kernels.toCache(type, x, n, out);
}

void attend(const Exec &exec, const KvView &kv, const float *q, std::int64_t tokens, int heads,
            std::span<const std::int64_t> from, std::span<const std::int64_t> to, float *out) {
    if (tokens <= 0 || kv.kvHeads <= 0 || kv.capacity <= 0 || heads < kv.kvHeads) return;
    const Problem problem{exec, kv, q, heads, from, to, out};
    ProfileScope scope(exec.profile, "attend");
    addWork(scope, problem);
    const int group = heads / kv.kvHeads;
    const int threads = exec.pool->threadCount();
    // Many tokens: one head a block, consecutive tokens. Few tokens: the heads of a group together, as long as there is
    // something to do for every thread. How it is cut never changes a result: queries do not touch each other.
    const bool single = tokens >= 8;
    int headsTogether = single ? 1 : std::min(group, kQueryBlock);
    while (!single && headsTogether > 1 && tokens * ((heads + headsTogether - 1) / headsTogether) < threads) {
        headsTogether = (headsTogether + 1) / 2;
    }
    const std::int64_t tokensTogether = single ? std::min<std::int64_t>(tokens, kQueryBlock) : 1;
    const std::int64_t tokenBlocks = (tokens + tokensTogether - 1) / tokensTogether;
    const std::int64_t headBlocks = (group + headsTogether - 1) / headsTogether;  // of one KV head
    // Keys and values of a tile in float32, where they are stored in blocks.
    const std::int64_t scratchSize = hasBlocks(kv.type) ? 2 * kKeyTile * std::int64_t{kv.headDim} : 0;
    const auto scratch = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(scratchSize * threads));
    exec.pool->parallelFor(tokenBlocks * headBlocks * kv.kvHeads, 1, [&](std::int64_t begin, std::int64_t end, int thread) {
        QueryBlock block;
        for (std::int64_t unit = begin; unit < end; ++unit) {
            const std::int64_t kvHead = unit / (tokenBlocks * headBlocks);
            const std::int64_t headBlock = unit / tokenBlocks % headBlocks;
            block.token = unit % tokenBlocks * tokensTogether;
            block.tokens = static_cast<int>(std::min(tokensTogether, tokens - block.token));
            block.head = static_cast<int>(kvHead * group + headBlock * headsTogether);
            block.heads = static_cast<int>(std::min<std::int64_t>(headsTogether, group - headBlock * headsTogether));
            attendBlock(problem, block, scratch.get() + thread * scratchSize);
        }
    });
}

}  // namespace facet
