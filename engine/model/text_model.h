// The text decoder: const weights apart from per-conversation state (KvCache). text.md section 2 is its specification.
// A forward pass takes a batch of rows; rows of several conversations may share a pass.
#pragma once

#include "kernels/ops.h"
#include "load/weights.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace facet {

class LoraSet;

// Keys and values of one conversation. Sliding layers are rings of window + slack positions, full layers grow by pages
// up to the context length. Only producing layers have memory.
class KvCache {
public:
    // maxBlock: longest run of positions that one pass may add (a prefill chunk or a bidirectional block).
    // Error: InvalidArgument (lengths below 1, heads that are no multiple of a type's blocks).
    static Result<KvCache> create(const TextConfig &config, CacheType type, std::int64_t contextLength,
                                  std::int64_t maxBlock);
    KvCache(KvCache &&) noexcept;
    KvCache &operator=(KvCache &&) noexcept;
    ~KvCache();

    std::int64_t length() const noexcept; // positions held: the next one to be written
    std::int64_t contextLength() const noexcept;
    std::uint64_t byteCount() const noexcept;
    // Forgets positions >= length. False if a sliding ring no longer holds what is needed there (caller re-reads from
    // 0).
    bool truncate(std::int64_t length) noexcept;
    void clear() noexcept;
    KvCache emptyLike() const; // of the same shape, without memory

    struct Impl;
    Impl &impl() noexcept { return *m_impl; }
    const Impl &impl() const noexcept { return *m_impl; }

private:
    explicit KvCache(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

// A piece of one conversation within a pass. Positions are cache->length() .. + ids.size() - 1.
struct Segment {
    KvCache *cache = nullptr;
    std::vector<std::int32_t> ids; // one per row; soft tokens hold their placeholder id
    // Soft tokens: rows replaced by these embeddings, [count, hiddenSize], unscaled.
    struct Soft {
        std::int64_t firstRow = 0; // within the segment
        std::int64_t count = 0;
        const float *embeddings = nullptr;
        bool bidirectional = false; // picture or film frame: a block if the model sees blocks both ways
    };
    std::vector<Soft> soft;
    // Rows whose logits are wanted (ascending, within the segment); usually only the last or none.
    std::vector<std::int64_t> logitRows;
    // Strength of each attached adapter for these rows (LoraSet::scalesFor); empty: none. Outlives the pass.
    std::span<const float> adapterScales;
};

// Called with named intermediate tensors when set (probe and golden tests): "inputs_embeds", "per_layer_inputs",
// "per_layer_token_identity", "layer_00.out", "layer_00.attn_out", "layer_00.router_probs",
// "layer_00.router_topk_index", "layer_00.router_topk_weights", "final_norm". data: [rows, width]. With a tap every row
// goes through every layer.
using Tap = std::function<void(const std::string &name, const float *data, std::int64_t rows, std::int64_t width)>;

class TextModel {
public:
    static Result<TextModel> load(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                                  const ProgressFn &progress, bool pack = true);
    TextModel(TextModel &&) noexcept;
    TextModel &operator=(TextModel &&) noexcept;
    ~TextModel();

    // Takes the adapters' pairs that name its layers. Error: ModelFileCorrupt (shapes that do not fit).
    Status attach(LoraSet &adapters);

    const TextConfig &config() const noexcept;
    // The input of layer 0 that an id becomes, [hiddenSize]. The id is in the vocabulary.
    void embed(const Exec &exec, std::int32_t id, float *out) const;
    std::uint64_t residentBytes() const noexcept;

    struct Output {
        std::vector<float> logits; // [sum of logitRows, vocabulary], soft-capped, segment after segment
        std::vector<float> hidden; // the same rows after the final norm, [.., hiddenSize]
    };
    // Adds the segments' rows to their caches. Layers after the last that writes keys compute only logit rows (exact).
    // On Cancelled the caches keep their old length. Errors: Cancelled, ContextExceeded, InvalidArgument (bad id).
    Result<Output> forward(const Exec &exec, std::span<Segment> segments, const Tap &tap = {}) const;

    struct Impl;

private:
    explicit TextModel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace facet
