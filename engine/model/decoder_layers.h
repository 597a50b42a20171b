// The layers of a decoder (text.md 2.4 to 2.7) over the rows of one pass: shared by the model and its drafter, which
// differ in what goes in and what is made of the result.
#pragma once

#include "model/attention.h"
#include "model/lora.h"
#include "model/moe.h"
#include "model/text_model.h"
#include "model/text_pass.h"
#include "model/text_weights.h"

#include <cstdint>
#include <vector>

namespace facet {

class DecoderLayers {
public:
    // The references must outlive it. adapters may be null.
    DecoderLayers(const Exec &exec, const TextConfig &config, const TextWeights &weights, const Tap &tap,
                  const LoraBindings *adapters, PassRows rows);
    DecoderLayers(const DecoderLayers &) = delete;
    DecoderLayers &operator=(const DecoderLayers &) = delete;

    // From the layer with this number on only these rows are wanted (its keys are still written for all).
    void keepOnly(int layer, std::vector<std::int64_t> rows);
    // Rows of per-layer inputs, [layers, all rows, P]; read by models that have them.
    FloatBuffer &perLayerInputs() noexcept { return m_perLayer; }

    // One layer over the rows that are left. Nothing happens when none is.
    void run(int index);

    const Exec &exec() const noexcept { return m_exec; } // with the adapters' hook
    const PassRows &rows() const noexcept { return m_rows; }
    FloatBuffer &x() noexcept { return m_x; } // [rows, H]
    // Adapters for a linear() over these rows of the present ones (ascending).
    void adaptRows(std::span<const std::int64_t> rows);

private:
    void attention(int index, const LayerWeights &w);
    void dropRows();
    void feedForward(int index, const LayerWeights &w);
    void addPerLayerInput(int index, const LayerWeights &w);
    void tapLayer(int index, const char *name, const float *data, std::int64_t width) const;
    void tapExperts(int index);
    void adaptAll();

    const TextConfig &m_config;
    const TextWeights &m_weights;
    const Tap &m_tap;
    LoraHook m_hook;
    Exec m_exec;
    PassRows m_rows;
    std::int64_t m_allRows;
    int m_keepFrom = -1; // layer; -1: all rows stay
    std::vector<std::int64_t> m_kept;
    Attention m_attention;
    MixtureOfExperts m_experts;
    FloatBuffer m_x, m_normed, m_step, m_spare, m_gate, m_up, m_inner, m_perLayer;
};

} // namespace facet
