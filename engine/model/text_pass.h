// The rows of one forward pass: which conversation and position each belongs to, and which keys it sees.
#pragma once

#include "kernels/ops.h"
#include "model/kv_cache.h"
#include "model/text_model.h"

#include <cstdint>
#include <span>
#include <vector>

namespace facet {

struct PassRows {
    struct Part { // consecutive rows of one conversation
        KvCache::Impl *cache = nullptr;
        std::int64_t first = 0, count = 0;
        std::span<const float> adapterScales;
    };
    std::vector<Part> parts;
    std::vector<std::int64_t> source;                                        // row number before any were dropped
    std::vector<std::int64_t> position;                                      // in the conversation
    std::vector<std::int64_t> slidingFrom, slidingTo, fullFrom, fullTo;      // visible positions [from, to)
    std::vector<float> slidingCosines, slidingSines, fullCosines, fullSines; // [rows, headDim / 2]

    std::int64_t count() const noexcept { return static_cast<std::int64_t>(position.size()); }
};

// Visibility of text.md 2.5: causal, the window on sliding layers, blocks of picture tokens both ways there.
PassRows makeRows(const TextConfig &config, std::span<const Segment> segments);
// One row that is only asked, at the position behind the cache: it sees what the cache holds (drafters).
PassRows queryRow(const TextConfig &config, KvCache &cache);
// The rows with these numbers (ascending) alone.
PassRows selectRows(const TextConfig &config, const PassRows &rows, std::span<const std::int64_t> wanted);
// out[i] = from[wanted[i]], rows of `width`.
void gatherRows(const float *from, std::span<const std::int64_t> wanted, std::int64_t width, float *out);

} // namespace facet
