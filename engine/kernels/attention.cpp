// attend(): cuts queries and keys into blocks for the threads, a ring cache into spans for Kernels::attendSpan.
#include "kernels/ops.h"
#include "kernels/profile.h"
#include "kernels/quant_blocks.h"
#include "kernels/rotation.h"
#include "kernels/tables.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace facet {
namespace {

constexpr int kQueryBlock = 240;  // rows (tokens x heads of one group) that share a pass over the keys: whole tiles of kernels
constexpr std::int64_t kTileTokens = 12;  // with one head a group, so many tokens are a tile
// Every query's softmax is made of pieces of so many positions, merged in their order: pieces can then be worked on by
// different threads, and the result is the same whether they were.
constexpr std::int64_t kPiece = 512;
constexpr std::int64_t kRowPadding = 16;  // floats behind each row: rows of 2^n bytes would fall into the same cache lines

bool isRotated(CacheType type) noexcept { return type == CacheType::Q4_R; }
// What the kernels read.
CacheType plainType(CacheType type) noexcept { return isRotated(type) ? CacheType::Q4_0 : type; }

struct Problem {
    const Exec &exec;
    const KvView &kv;
    const float *q;
    int heads;
    std::span<const std::int64_t> from;
    std::span<const std::int64_t> to;
    float *out;

    std::int64_t offset(std::int64_t token, int head) const noexcept { return (token * heads + head) * kv.headDim; }
    std::int64_t pitch() const noexcept { return (kv.headDim + kRowPadding - 1) / kRowPadding * kRowPadding + kRowPadding; }
};

// Rows that share a pass over the keys: `heads` heads of one KV head for each of `tokens` tokens.
struct QueryBlock {
    std::int64_t token = 0;
    int tokens = 0;
    int head = 0;
    int heads = 0;

    int rows() const noexcept { return tokens * heads; }
    std::int64_t tokenOf(int row) const noexcept { return token + row / heads; }
    int headOf(int row) const noexcept { return head + row % heads; }
};

// A running softmax: for each row its maximum, sum and unnormalised output.
struct State {
    float *maximum;
    float *sum;
    float *out;  // [rows, pitch]

    void clear(int rows, std::int64_t pitch) const noexcept {
        std::fill_n(maximum, rows, -std::numeric_limits<float>::infinity());
        std::fill_n(sum, rows, 0.0F);
        std::fill_n(out, rows * pitch, 0.0F);
    }
};

// Memory of one thread.
struct Scratch {
    std::unique_ptr<float[]> values;
    std::int64_t size;  // of queries, and of the output of a state
    float maximum[2 * kQueryBlock];
    float sum[2 * kQueryBlock];
    std::int32_t visibleFrom[kQueryBlock];
    std::int32_t visibleTo[kQueryBlock];

    explicit Scratch(std::int64_t rowValues)
        : values(std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(3 * rowValues + kRowPadding))), size(rowValues) {}
    float *queries() const noexcept {  // at a cache line's begin
        const auto address = reinterpret_cast<std::uintptr_t>(values.get());
        return values.get() + (64 - address % 64) % 64 / sizeof(float);
    }
    State whole() noexcept { return {maximum, sum, queries() + size}; }
    State piece() noexcept { return {maximum + kQueryBlock, sum + kQueryBlock, queries() + 2 * size}; }
};

// Slots [begin, end), none wrapped, that hold the positions from `position` (at slot begin) on. The span handed on begins
// at a multiple of the key tile, so that a query meets the same tiles whatever other queries are in the call.
void attendSlots(const Problem &problem, const QueryBlock &block, std::int64_t position, std::int64_t begin,
                 std::int64_t end, Scratch &scratch, const State &state) {
    const KvView &kv = problem.kv;
    const std::int64_t base = begin / kKeyTile * kKeyTile;
    const std::int64_t shift = position - (begin - base);  // position of slot `base`
    bool any = false;
    for (int t = 0; t < block.tokens; ++t) {
        const auto token = static_cast<std::size_t>(block.token + t);
        const std::int64_t first = std::clamp(problem.from[token] - shift, begin - base, end - base);
        const std::int64_t last = std::clamp(problem.to[token] - shift, first, end - base);
        any = any || first < last;
        std::fill_n(scratch.visibleFrom + t * block.heads, block.heads, static_cast<std::int32_t>(first));
        std::fill_n(scratch.visibleTo + t * block.heads, block.heads, static_cast<std::int32_t>(last));
    }
    if (!any) return;
    const int kvHead = block.head / (problem.heads / kv.kvHeads);
    const std::int64_t bytes = (kvHead * kv.capacity + base) * cacheRowBytes(kv.type, kv.headDim);
    const auto *keys = static_cast<const std::byte *>(kv.keys) + bytes;
    const auto *values = static_cast<const std::byte *>(kv.values) + bytes;
    const std::int64_t pitch = problem.pitch();
    const BfloatKernels *bfloat = problem.exec.bfloatKernels();
    if (bfloat != nullptr && kv.type == CacheType::F32 && kv.headDim <= kMostBfloatHead) {
        bfloat->attendSpan(reinterpret_cast<const float *>(keys), reinterpret_cast<const float *>(values), end - base, kv.headDim,
                           scratch.queries(), block.rows(), pitch, scratch.visibleFrom, scratch.visibleTo, state.maximum, state.sum,
                           state.out, pitch);
        return;
    }
    problem.exec.kernels->attendSpan(plainType(kv.type), keys, values, end - base, kv.headDim, scratch.queries(), block.rows(), pitch,
                                     scratch.visibleFrom, scratch.visibleTo, state.maximum, state.sum, state.out, pitch);
}

// Positions [first, last) of one piece into a cleared state.
void attendPiece(const Problem &problem, const QueryBlock &block, std::int64_t first, std::int64_t last, Scratch &scratch,
                 const State &state) {
    for (std::int64_t position = first; position < last && !problem.exec.cancelled();) {
        const std::int64_t slot = position % problem.kv.capacity;
        const std::int64_t count = std::min(last - position, problem.kv.capacity - slot);
        attendSlots(problem, block, position, slot, slot + count, scratch, state);
        position += count;
    }
}

// Adds the softmax of a later piece to that of the pieces before it.
void merge(const State &into, const State &piece, int rows, std::int64_t headDim, std::int64_t pitch) {
    for (int row = 0; row < rows; ++row) {
        if (piece.sum[row] == 0.0F) continue;  // nothing seen
        const float largest = std::max(into.maximum[row], piece.maximum[row]);
        const auto factor = [&](float maximum) { return maximum == largest ? 1.0F : std::exp(maximum - largest); };
        const float old = into.sum[row] == 0.0F ? 0.0F : factor(into.maximum[row]);
        const float own = factor(piece.maximum[row]);
        into.maximum[row] = largest;
        into.sum[row] = into.sum[row] * old + piece.sum[row] * own;
        float *out = into.out + row * pitch;
        const float *add = piece.out + row * pitch;
        for (std::int64_t d = 0; d < headDim; ++d) out[d] = out[d] * old + add[d] * own;
    }
}

void takeQueries(const Problem &problem, const QueryBlock &block, float *to) {
    for (int row = 0; row < block.rows(); ++row) {
        std::copy_n(problem.q + problem.offset(block.tokenOf(row), block.headOf(row)), problem.kv.headDim,
                    to + row * problem.pitch());
    }
}

void giveResult(const Problem &problem, const QueryBlock &block, const State &state) {
    for (int row = 0; row < block.rows(); ++row) {
        float *out = problem.out + problem.offset(block.tokenOf(row), block.headOf(row));
        const float *from = state.out + row * problem.pitch();
        const float sum = state.sum[row];
        for (int d = 0; d < problem.kv.headDim; ++d) out[d] = sum > 0.0F ? from[d] / sum : (sum == 0.0F ? 0.0F : sum);
        if (isRotated(problem.kv.type)) unrotateRow(out, problem.kv.headDim);
    }
}

struct Range {
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    std::int64_t last = 0;
};

// The positions that any of these tokens sees.
Range seenBy(const Problem &problem, std::int64_t token, std::int64_t tokens) {
    Range range;
    for (std::int64_t t = token; t < token + tokens; ++t) {
        const auto at = static_cast<std::size_t>(t);
        if (problem.from[at] >= problem.to[at]) continue;
        range.first = std::min(range.first, problem.from[at]);
        range.last = std::max(range.last, problem.to[at]);
    }
    return range;
}

// A block of queries, piece after piece.
void attendBlock(const Problem &problem, const QueryBlock &block, Scratch &scratch) {
    const std::int64_t pitch = problem.pitch();
    const State whole = scratch.whole();
    whole.clear(block.rows(), pitch);
    takeQueries(problem, block, scratch.queries());
    const Range seen = seenBy(problem, block.token, block.tokens);
    bool begun = false;
    for (std::int64_t piece = seen.first / kPiece * kPiece; seen.first < seen.last && piece < seen.last; piece += kPiece) {
        const std::int64_t first = std::max(piece, seen.first);
        const std::int64_t last = std::min(piece + kPiece, seen.last);
        const State state = begun ? scratch.piece() : whole;
        if (begun) state.clear(block.rows(), pitch);
        attendPiece(problem, block, first, last, scratch, state);
        if (begun) merge(whole, state, block.rows(), problem.kv.headDim, pitch);
        begun = true;
    }
    giveResult(problem, block, whole);
}

// The blocks of a call. How it is cut never changes a result: queries do not touch each other.
struct Cut {
    int group;           // heads of a KV head
    std::int64_t tokens;
    int kvHeads;
    int headsTogether;
    std::int64_t tokensTogether;

    std::int64_t tokenBlocks() const noexcept { return (tokens + tokensTogether - 1) / tokensTogether; }
    std::int64_t headBlocks() const noexcept { return (group + headsTogether - 1) / headsTogether; }
    std::int64_t blocks() const noexcept { return tokenBlocks() * headBlocks() * kvHeads; }
    QueryBlock block(std::int64_t index) const noexcept {
        const std::int64_t kvHead = index / (tokenBlocks() * headBlocks());
        const std::int64_t headBlock = index / tokenBlocks() % headBlocks();
        QueryBlock block;
        block.token = index % tokenBlocks() * tokensTogether;
        block.tokens = static_cast<int>(std::min(tokensTogether, tokens - block.token));
        block.head = static_cast<int>(kvHead * group + headBlock * headsTogether);
        block.heads = static_cast<int>(std::min<std::int64_t>(headsTogether, group - headBlock * headsTogether));
        return block;
    }
};

// Few queries, many keys: pieces of keys go to the threads, a round of them at a time, and are merged in their order.
void attendSplit(const Problem &problem, const Cut &cut, const Range &seen, std::vector<Scratch> &scratch) {
    const std::int64_t pitch = problem.pitch();
    const std::int64_t blocks = cut.blocks();
    const std::int64_t end = (seen.last + kPiece - 1) / kPiece;
    const std::int64_t round = 8 * std::int64_t{problem.exec.pool->threadCount()};
    constexpr std::int64_t kNumbers = 2 * kQueryBlock;  // maxima and sums of a state
    const std::int64_t stateSize = kNumbers + std::int64_t{cut.headsTogether} * cut.tokensTogether * pitch;
    const auto memory = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>((round + 1) * blocks * stateSize));
    const auto stateAt = [&](std::int64_t block, std::int64_t piece) -> State {
        float *at = memory.get() + (block * (round + 1) + piece) * stateSize;
        return {at, at + kQueryBlock, at + kNumbers};
    };
    for (std::int64_t b = 0; b < blocks; ++b) stateAt(b, round).clear(cut.block(b).rows(), pitch);
    for (std::int64_t piece = seen.first / kPiece; piece < end; piece += round) {
        const std::int64_t here = std::min(round, end - piece);
        problem.exec.pool->parallelFor(blocks * here, 1, [&](std::int64_t begin, std::int64_t stop, int thread) {
            Scratch &own = scratch[static_cast<std::size_t>(thread)];
            for (std::int64_t unit = begin; unit < stop; ++unit) {
                const QueryBlock block = cut.block(unit / here);
                const State state = stateAt(unit / here, unit % here);
                const std::int64_t first = (piece + unit % here) * kPiece;
                state.clear(block.rows(), pitch);
                takeQueries(problem, block, own.queries());
                attendPiece(problem, block, std::max(first, seen.first), std::min(first + kPiece, seen.last), own, state);
            }
        });
        problem.exec.pool->parallelFor(blocks, 1, [&](std::int64_t begin, std::int64_t stop, int) {
            for (std::int64_t b = begin; b < stop; ++b) {
                for (std::int64_t i = 0; i < here; ++i) {
                    merge(stateAt(b, round), stateAt(b, i), cut.block(b).rows(), problem.kv.headDim, pitch);
                }
            }
        });
    }
    for (std::int64_t b = 0; b < blocks; ++b) giveResult(problem, cut.block(b), stateAt(b, round));
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
    case CacheType::Q4_0:
    case CacheType::Q4_R: break;
    }
    return TensorType::Q4_0;
}

std::int64_t cacheRowBytes(CacheType type, std::int64_t n) noexcept {
    return isRotated(type) && !canRotate(n) ? 0 : rowBytes(cacheTensorType(type), n);
}

void storeCacheRow(const Kernels &kernels, CacheType type, const float *x, std::int64_t n, void *out) {
    auto *bytes = static_cast<std::byte *>(out);
    switch (type) {
    case CacheType::F32:
    case CacheType::F16: kernels.toCache(type, x, n, out); return;
    case CacheType::Q8_0:
    case CacheType::Q4_0: quantiseRowToBlocks(cacheTensorType(type), x, n, bytes); return;
    case CacheType::Q4_R: break;
    }
    float turned[kLongestRotation];
    std::copy_n(x, n, turned);
    rotateRow(turned, n);
    quantiseRowToQ4Searched(turned, n, bytes);
}

void attend(const Exec &exec, const KvView &kv, const float *q, std::int64_t tokens, int heads,
            std::span<const std::int64_t> from, std::span<const std::int64_t> to, float *out) {
    if (tokens <= 0 || kv.kvHeads <= 0 || kv.capacity <= 0 || heads < kv.kvHeads) return;
    std::unique_ptr<float[]> turned;  // queries behind the rotation of such a cache
    if (isRotated(kv.type)) {
        turned = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(tokens * heads * kv.headDim));
        exec.pool->parallelFor(tokens * heads, 16, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t row = begin; row < end; ++row) {
                std::copy_n(q + row * kv.headDim, kv.headDim, turned.get() + row * kv.headDim);
                rotateRow(turned.get() + row * kv.headDim, kv.headDim);
            }
        });
        q = turned.get();
    }
    const Problem problem{exec, kv, q, heads, from, to, out};
    ProfileScope scope(exec.profile, "attend");
    addWork(scope, problem);
    const int group = heads / kv.kvHeads;
    const int threads = exec.pool->threadCount();
    const Range seen = seenBy(problem, 0, tokens);
    const std::int64_t pieces = seen.first < seen.last ? (seen.last + kPiece - 1) / kPiece - seen.first / kPiece : 0;
    Cut cut{group, tokens, kv.kvHeads, std::min(group, kQueryBlock), 1};
    const std::int64_t most = std::clamp<std::int64_t>(kQueryBlock / cut.headsTogether, 1, tokens);
    cut.tokensTogether = (tokens + (tokens + most - 1) / most - 1) / ((tokens + most - 1) / most);  // blocks of like size
    if (group == 1) cut.tokensTogether = std::min((cut.tokensTogether + kTileTokens - 1) / kTileTokens * kTileTokens, most);
    const bool split = cut.blocks() < 2 * threads && pieces >= 2 * threads;
    while (!split && cut.blocks() < threads && (cut.tokensTogether > 1 || cut.headsTogether > 1)) {
        if (cut.tokensTogether > 1) cut.tokensTogether = (cut.tokensTogether + 1) / 2;
        else cut.headsTogether = (cut.headsTogether + 1) / 2;
    }
    std::vector<Scratch> scratch;
    for (int thread = 0; thread < threads; ++thread) scratch.emplace_back(cut.headsTogether * cut.tokensTogether * problem.pitch());
    if (split) {
        attendSplit(problem, cut, seen, scratch);
        return;
    }
    exec.pool->parallelFor(cut.blocks(), 1, [&](std::int64_t begin, std::int64_t end, int thread) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
            attendBlock(problem, cut.block(unit), scratch[static_cast<std::size_t>(thread)]);
        }
    });
}

}  // namespace facet
