// attend(): cuts queries x heads into blocks for the threads and a ring cache into spans for Kernels::attendSpan.
#include "kernels/ops.h"
#include "kernels/profile.h"
#include "kernels/tables.h"

#include <algorithm>
#include <limits>

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

struct Problem {
    const Exec &exec;
    const KvView &kv;
    const float *q;
    int heads;
    std::span<const std::int64_t> from;
    std::span<const std::int64_t> to;
    float *out;

    std::int64_t elementBytes() const noexcept { return kv.type == CacheType::F16 ? 2 : 4; }
    std::int64_t offset(std::int64_t token, int head) const noexcept { return (token * heads + head) * kv.headDim; }
};

// Slots [begin, end), none wrapped, that hold the positions from `position` (at slot begin) on. The span handed on begins
// at a multiple of the key tile, so that a query meets the same tiles whatever other queries are in the call.
void attendSlots(const Problem &problem, QueryBlock &block, std::int64_t position, std::int64_t begin, std::int64_t end) {
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
    const std::int64_t bytes = (kvHead * kv.capacity + base) * kv.headDim * problem.elementBytes();
    const void *keys = static_cast<const std::byte *>(kv.keys) + bytes;
    const void *values = static_cast<const std::byte *>(kv.values) + bytes;
    const std::int64_t stride = block.heads > 1 ? kv.headDim : std::int64_t{problem.heads} * kv.headDim;
    const std::int64_t at = problem.offset(block.token, block.head);
    problem.exec.kernels->attendSpan(kv.type, keys, values, end - base, kv.headDim, problem.q + at,
                                     std::int64_t{block.tokens} * block.heads, stride, block.visibleFrom, block.visibleTo,
                                     block.maximum, block.sum, problem.out + at, stride);
}

void attendBlock(const Problem &problem, QueryBlock &block) {
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
        attendSlots(problem, block, position, slot, slot + count);
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
    const double row = static_cast<double>(kv.headDim) * static_cast<double>(problem.elementBytes());
    scope.work(kv.type == CacheType::F16 ? "f16" : "f32",
               2 * row * static_cast<double>(kv.kvHeads) * static_cast<double>(std::max<std::int64_t>(0, last - first)),
               4.0 * static_cast<double>(problem.heads) * static_cast<double>(kv.headDim) * static_cast<double>(seen));
}

}  // namespace

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
    exec.pool->parallelFor(tokenBlocks * headBlocks * kv.kvHeads, 1, [&](std::int64_t begin, std::int64_t end, int) {
        QueryBlock block;
        for (std::int64_t unit = begin; unit < end; ++unit) {
            const std::int64_t kvHead = unit / (tokenBlocks * headBlocks);
            const std::int64_t headBlock = unit / tokenBlocks % headBlocks;
            block.token = unit % tokenBlocks * tokensTogether;
            block.tokens = static_cast<int>(std::min(tokensTogether, tokens - block.token));
            block.head = static_cast<int>(kvHead * group + headBlock * headsTogether);
            block.heads = static_cast<int>(std::min<std::int64_t>(headsTogether, group - headBlock * headsTogether));
            attendBlock(problem, block);
        }
    });
}

}  // namespace facet
