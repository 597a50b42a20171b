// y = x W^T for several matrices at once: one pass of quantisation, one barrier, rows spread over the threads.
#include "kernels/ops.h"
#include "kernels/packed.h"
#include "kernels/profile.h"

#include <algorithm>
#include <memory>

namespace facet {
namespace {

constexpr std::int64_t kUnitRows = 32;                 // rows that one thread takes at least: two registers of rows
constexpr std::int64_t kTokenBlockBytes = 2 << 20;     // inputs that should stay in the cache that the cores share
constexpr std::int64_t kMinTokenBlock = 48;
constexpr std::int64_t kMaxTokenBlock = 256;           // weights are unpacked once for so many
constexpr std::int64_t kBlock = 32;

constexpr std::int64_t kFewTileTokens = 24;            // up to so many, putting inputs into tiles does not pay

bool isQuantised(TensorType type) noexcept { return !isFloatType(type); }

// The inputs of a call as int8 blocks.
struct QuantisedInput {
    std::unique_ptr<std::int8_t[]> values;
    std::unique_ptr<float[]> scales;
    std::unique_ptr<float[]> sums;
    std::unique_ptr<std::int32_t[]> pairs;

    void fill(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride, std::int64_t cols) {
        const ProfileScope scope(exec.profile, "int8 inputs");
        const std::int64_t blocks = cols / kBlock;
        values = std::make_unique_for_overwrite<std::int8_t[]>(static_cast<std::size_t>(tokens * cols));
        scales = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(tokens * blocks));
        sums = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(tokens * blocks * 2));
        pairs = std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(tokens * blocks * 2));
        exec.pool->parallelFor(tokens, 4, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t t = begin; t < end; ++t) {
                exec.kernels->quantiseRowQ8(x + t * xStride, cols, values.get() + t * cols, scales.get() + t * blocks,
                                            sums.get() + t * blocks * 2, pairs.get() + t * blocks * 2);
            }
        });
    }

    Q8Rows rows(std::int64_t first, std::int64_t cols) const noexcept {
        const std::int64_t blocks = cols / kBlock;
        return {values.get() + first * cols, scales.get() + first * blocks, sums.get() + first * blocks * 2,
                pairs.get() + first * blocks * 2};
    }
};

struct Input {
    const float *x;
    std::int64_t tokens;
    std::int64_t stride;
    const QuantisedInput *quantised;  // null: float32 against everything
};

// Tokens that are worked on together, so that their inputs stay in the cache.
std::int64_t tokensOfBlock(std::int64_t tokenBytes) {
    return std::clamp(kTokenBlockBytes / std::max<std::int64_t>(1, tokenBytes), kMinTokenBlock, kMaxTokenBlock);
}

void multiplyRows(const Exec &exec, const Input &input, const LinearJob &job, std::int64_t begin, std::int64_t end);

void clearRows(float *y, std::int64_t tokens, std::int64_t yStride, std::int64_t n) {
    for (std::int64_t i = 0; i < tokens; ++i) std::fill_n(y + i * yStride, n, 0.0F);
}

// A packed matrix for kernels that do not read such: the rows of a group are put one behind the other again.
void multiplyUnpacked(const Exec &exec, const Input &input, const LinearJob &job, std::int64_t begin, std::int64_t end) {
    const Matrix &w = *job.w;
    const std::int64_t yStride = job.yStride != 0 ? job.yStride : w.rows;
    const std::int64_t stride = rowBytes(w.type, w.cols);
    const auto stored = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(stride * kPackedRows));
    for (std::int64_t first = begin; first < end && !exec.cancelled(); first += kPackedRows) {
        Matrix group = w;
        group.rows = std::min(kPackedRows, end - first);
        group.data = stored.get();
        group.packed = false;
        for (std::int64_t r = 0; r < group.rows; ++r) copyRow(w, first + r, stored.get() + r * stride);
        multiplyRows(exec, input, {&group, job.y + first, yStride}, 0, group.rows);
    }
}

// Rows [begin, end) of one job, in blocks of tokens whose inputs fit the cache.
void multiplyRows(const Exec &exec, const Input &input, const LinearJob &job, std::int64_t begin, std::int64_t end) {
    const Matrix &w = *job.w;
    const std::int64_t yStride = job.yStride != 0 ? job.yStride : w.rows;
    const bool int8 = input.quantised != nullptr && isQuantised(w.type);
    if (w.packed && !(int8 && exec.kernels->packs)) return multiplyUnpacked(exec, input, job, begin, end);
    const std::int64_t block = tokensOfBlock(w.cols * (int8 ? 1 : std::int64_t{sizeof(float)}));
    for (std::int64_t t = 0; t < input.tokens; t += block) {
        const std::int64_t tokens = std::min(block, input.tokens - t);
        float *y = job.y + t * yStride + begin;
        if (exec.cancelled()) {  // whoever cancelled throws the result away; it must only be defined
            clearRows(y, tokens, yStride, end - begin);
        } else if (int8) {
            exec.kernels->matmulQ8(w, begin, end, input.quantised->rows(t, w.cols), tokens, y, yStride);
        } else {
            exec.kernels->matmul(w, begin, end, input.x + t * input.stride, tokens, input.stride, y, yStride);
        }
    }
}

// All jobs lie one behind the other in units of rows, so that one barrier serves them all: some(job, begin, end).
template <typename Some>
void spreadRows(const Exec &exec, std::span<const LinearJob> jobs, const Some &some) {
    const auto unitsOf = [](const LinearJob &job) { return (job.w->rows + kUnitRows - 1) / kUnitRows; };
    std::int64_t units = 0;
    for (const LinearJob &job : jobs) units += unitsOf(job);
    exec.pool->parallelFor(units, 1, [&](std::int64_t begin, std::int64_t end, int) {
        std::int64_t first = 0;  // unit at which the job begins
        for (const LinearJob &job : jobs) {
            const std::int64_t from = std::max(begin - first, std::int64_t{0}) * kUnitRows;
            const std::int64_t to = std::min((end - first) * kUnitRows, job.w->rows);
            if (from < to) some(job, from, to);
            first += unitsOf(job);
        }
    });
}

// Whether many tokens meet matrices of floats only. Products of bfloat16 know nothing else, so that what a token gets does
// not depend on how many there are.
bool wantsTiles(const Exec &exec, std::int64_t tokens, std::span<const LinearJob> jobs) {
    return (exec.bfloatKernels() != nullptr || (exec.kernels->tileTokens > 0 && tokens > kFewTileTokens)) &&
           std::none_of(jobs.begin(), jobs.end(), [](const LinearJob &job) { return isQuantised(job.w->type) || job.w->packed; });
}

// Block by block of tokens: their inputs as tiles, then all rows.
void multiplyTiles(const Exec &exec, const Input &input, std::span<const LinearJob> jobs) {
    const std::int64_t cols = jobs.front().w->cols;
    const BfloatKernels *bfloat = exec.bfloatKernels();
    const std::int64_t tile = bfloat != nullptr ? bfloat->tileTokens : exec.kernels->tileTokens;
    const auto packTokens = bfloat != nullptr ? bfloat->packTokens : exec.kernels->packTokens;
    const auto matmulTiles = bfloat != nullptr ? bfloat->matmulTiles : exec.kernels->matmulTiles;
    const std::int64_t words = bfloat != nullptr ? (cols + 1) / 2 : cols;  // of four bytes, of a token
    const std::int64_t block = std::max(tokensOfBlock(words * std::int64_t{sizeof(float)}) / tile, std::int64_t{1}) * tile;
    const std::int64_t tilesOfBlock = std::min(block / tile, (input.tokens - 1) / tile + 1);
    const auto tiles = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(tilesOfBlock * tile * words));
    for (std::int64_t t = 0; t < input.tokens; t += block) {
        const std::int64_t tokens = std::min(block, input.tokens - t);
        exec.pool->parallelFor((tokens - 1) / tile + 1, 1, [&](std::int64_t begin, std::int64_t end, int) {
            packTokens(input.x + (t + begin * tile) * input.stride, std::min(end * tile, tokens) - begin * tile, input.stride,
                       cols, tiles.get() + begin * tile * words);
        });
        spreadRows(exec, jobs, [&](const LinearJob &job, std::int64_t begin, std::int64_t end) {
            const std::int64_t yStride = job.yStride != 0 ? job.yStride : job.w->rows;
            float *y = job.y + t * yStride + begin;
            if (exec.cancelled()) clearRows(y, tokens, yStride, end - begin);
            else matmulTiles(*job.w, begin, end, tiles.get(), tokens, y, yStride);
        });
    }
}

}  // namespace

void linear(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride, std::span<const LinearJob> jobs) {
    if (tokens <= 0 || jobs.empty()) return;
    ProfileScope scope(exec.profile, "matmul");
    for (const LinearJob &job : jobs) scope.matmul(*job.w, tokens);
    const std::int64_t cols = jobs.front().w->cols;
    Input input{x, tokens, xStride != 0 ? xStride : cols, nullptr};
    QuantisedInput quantised;
    const bool wantsInt8 = std::any_of(jobs.begin(), jobs.end(), [](const LinearJob &job) { return isQuantised(job.w->type); });
    if (wantsInt8 && !exec.reference) {
        quantised.fill(exec, x, tokens, input.stride, cols);
        input.quantised = &quantised;
    }
    if (wantsTiles(exec, tokens, jobs)) {
        multiplyTiles(exec, input, jobs);
    } else {
        spreadRows(exec, jobs, [&](const LinearJob &job, std::int64_t begin, std::int64_t end) {
            multiplyRows(exec, input, job, begin, end);
        });
    }
    if (exec.hook != nullptr) {
        Exec plain = exec;
        plain.hook = nullptr;
        exec.hook->after(plain, x, tokens, input.stride, jobs);
    }
}

void linear(const Exec &exec, const Matrix &w, const float *x, std::int64_t tokens, float *y) {
    const LinearJob job{&w, y, 0};
    linear(exec, x, tokens, 0, {&job, 1});
}

}  // namespace facet
