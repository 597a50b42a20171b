// Passes that are measured: random tokens, caches that are deep without a long text having been read. For facet-bench,
// `facet-cli bench` and the tuner.
#pragma once

#include "run/loaded_model.h"

#include <cstdint>
#include <vector>

namespace facet {

class MeasuredPasses {
public:
    // A cache deeper than `readUpTo` repeats what the first `repeated` tokens left in it.
    struct Depths {
        std::int64_t readUpTo = 2048, repeated = 1024;
    };
    explicit MeasuredPasses(const LoadedModel &model) : MeasuredPasses(model, Depths{}) {}
    MeasuredPasses(const LoadedModel &model, Depths depths) : m_model(model), m_depths(depths) {}

    // Ordinary ids: from behind the control tokens where the vocabulary has room.
    std::vector<std::int32_t> tokens(std::int64_t count);
    // In chunks, as prompts are read; with the last one's logits if they are wanted.
    Status read(const Exec &exec, KvCache &cache, std::int64_t count, bool wantLogits);
    // One by one, each with its logits.
    Status write(const Exec &exec, KvCache &cache, std::int64_t count);
    // A cache that holds `depth` tokens; passes behind it may have `block` rows.
    Result<KvCache> cacheAt(const Exec &exec, CacheType type, std::int64_t depth, std::int64_t block);

private:
    const LoadedModel &m_model;
    Depths m_depths;
    std::uint64_t m_random = 0x9E3779B97F4A7C15U;
};

}  // namespace facet
