// Threaded operations that the models are written in. `Exec` carries what every call needs; results do not depend on the
// number of threads. Shapes are row-major [tokens, width].
#pragma once

#include "kernels/kernels.h"
#include "kernels/worker_pool.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace facet {

class LinearHook;
class Profile;

struct Exec {
    const Kernels *kernels = nullptr;
    WorkerPool *pool = nullptr;
    bool reference = false;                      // float32 activations even against quantised weights
    const std::atomic<bool> *cancel = nullptr;   // may be null
    const LinearHook *hook = nullptr;            // called behind every linear(); may be null
    Profile *profile = nullptr;                  // measures what is done (profile.h); may be null
    bool bfloats = false;                        // products of floats may round their factors to bfloat16, where that is faster

    bool cancelled() const noexcept { return cancel && cancel->load(std::memory_order_relaxed); }
    // The products of bfloat16 to take; null: those of float32.
    const BfloatKernels *bfloatKernels() const noexcept { return bfloats && !reference ? kernels->bfloat : nullptr; }
};

// One input, several matrices that all read it (q, k, v; gate, up): quantised once if any of them wants int8.
struct LinearJob {
    const Matrix *w = nullptr;
    float *y = nullptr;          // [tokens, w->rows]
    std::int64_t yStride = 0;    // 0: w->rows
};
// y = x W^T for every job. x: [tokens, cols] with xStride (0: cols). y must not overlap x.
void linear(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride, std::span<const LinearJob> jobs);
void linear(const Exec &exec, const Matrix &w, const float *x, std::int64_t tokens, float *y);

// Adds something of its own to the results of a linear() (the small matrices of an adapter).
class LinearHook {
public:
    virtual ~LinearHook() = default;
    // The arguments and results of the call; exec is without hook.
    virtual void after(const Exec &exec, const float *x, std::int64_t tokens, std::int64_t xStride,
                       std::span<const LinearJob> jobs) const = 0;
};

// Row by row: out[t] = rmsNorm(x[t]) * w. w may be null. In place allowed.
void rmsNormRows(const Exec &exec, const float *x, const float *w, std::int64_t tokens, std::int64_t width, float eps,
                 float *out);
// x[t] = x[t] + rmsNorm(f[t]) * w
void addNormRows(const Exec &exec, float *x, const float *f, const float *w, std::int64_t tokens, std::int64_t width,
                 float eps);
// out = gelu(gate) * up over tokens * width values (rows split over the threads).
void geluMulRows(const Exec &exec, const float *gate, const float *up, std::int64_t tokens, std::int64_t width, float *out);

// Bytes of n values in a cache: a head of one position. Types of blocks: n is a multiple of 32.
std::int64_t cacheRowBytes(CacheType type, std::int64_t n) noexcept;
// What such a row is stored as; kernels read rotated types as the plain ones.
TensorType cacheTensorType(CacheType type) noexcept;
// float32 to any cache type.
void storeCacheRow(const Kernels &kernels, CacheType type, const float *x, std::int64_t n, void *out);

// Keys and values of one layer as attention reads them. Row of position p is slot p % capacity (ring); a cache that never
// wraps has capacity >= positions. Layout [kvHeads][capacity][headDim]; rows are cacheRowBytes(type, headDim) apart.
struct KvView {
    CacheType type = CacheType::F32;
    const void *keys = nullptr;
    const void *values = nullptr;
    std::int64_t capacity = 0;
    int kvHeads = 0;
    int headDim = 0;
};
// Query t (position by caller) sees the contiguous positions [from[t], to[t]). At most `capacity` positions in all.
// q, out: [tokens, heads, headDim]; head h uses KV head h / (heads / kvHeads). Splits over heads and query blocks; never
// materialises a score matrix.
void attend(const Exec &exec, const KvView &kv, const float *q, std::int64_t tokens, int heads,
            std::span<const std::int64_t> from, std::span<const std::int64_t> to, float *out);

// Frequencies and tables of rotary embedding: cosines/sines [positions..., headDim / 2] for the given positions.
// freq[j] for j < headDim/2 (0: pair does not move). Computed in double, rounded once to float.
void ropeTable(std::span<const std::int64_t> positions, std::span<const double> freq, std::vector<float> &cosines,
               std::vector<float> &sines);

}  // namespace facet
