// The MTP drafter ("assistant" checkpoints, text.md section 4): a few layers without keys of their own that read the
// cache of the model they draft for, and guess the tokens that it will choose next.
//
//     FACET_TRY(drafter, Drafter::load(checkpoint, exec, WeightType::AsStored, target));
//     // cache holds p positions, `id` was chosen from the target's row `hidden` (behind its final norm)
//     FACET_TRY(first, drafter.step(exec, target, cache, id, hidden));
//     FACET_TRY(second, drafter.step(exec, target, cache, first.best, first.hidden));
#pragma once

#include "model/text_model.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace facet {

class Drafter {
public:
    // Errors: ModelUnsupported (no drafter, or one for another model: the figures that differ are named),
    // ModelFileCorrupt, OutOfMemory, Cancelled.
    static Result<Drafter> load(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                                const TextModel &target, bool pack = true);
    Drafter(Drafter &&) noexcept;
    Drafter &operator=(Drafter &&) noexcept;
    ~Drafter();

    struct Step {
        std::int32_t best = 0;
        // What the guess was chosen from: the tokens of the best clusters, or (ids empty) all of them in order.
        std::vector<std::int32_t> ids;
        std::vector<float> logits;
        std::vector<float> hidden; // for the next step, [target's width]
    };
    // One guess behind the positions that the cache holds (at least one): the same for every step of a round, the cache
    // is only read. With a tap also: "inputs_embeds", "pre_projection", "layer_00.out", .., "final_norm",
    // "post_projection", "logits_full", "logits", "centroid_logits", "centroids_selected", one row each.
    // Errors: InvalidArgument, Cancelled, OutOfMemory.
    Result<Step> step(const Exec &exec, const TextModel &target, KvCache &cache, std::int32_t id,
                      std::span<const float> hidden, const Tap &tap = {}) const;

    // The keys or values that its sliding or full layers read, as float32 [heads, positions, headDim] (probe).
    struct SharedCache {
        std::int64_t heads = 0, positions = 0, headDim = 0;
        std::vector<float> keys, values;
    };
    // Error: InvalidArgument (the ring lost positions already, or its type is no float).
    Result<SharedCache> sharedCache(const Exec &exec, const KvCache &cache, bool sliding) const;

    std::uint64_t residentBytes() const noexcept;

    struct Impl;

private:
    explicit Drafter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace facet
