#include "model/decoder_layers.h"

#include "kernels/profile.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace facet {
namespace {

constexpr std::int64_t kPieceValues = 16384; // element-wise work below this stays on one thread

const LoraBindings &orNone(const LoraBindings *adapters) {
    static const LoraBindings none;
    return adapters ? *adapters : none;
}

void scaleAll(const Exec &exec, float *x, std::int64_t count, float factor) {
    if (factor == 1.0F) return;
    const ProfileScope scope(exec.profile, "scale");
    exec.pool->parallelFor(count, kPieceValues, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) x[i] *= factor;
    });
}

} // namespace

DecoderLayers::DecoderLayers(const Exec &exec, const TextConfig &config, const TextWeights &weights, const Tap &tap,
                             const LoraBindings *adapters, PassRows rows)
    : m_config(config), m_weights(weights), m_tap(tap), m_hook(orNone(adapters)), m_exec(exec), m_rows(std::move(rows)),
      m_allRows(m_rows.count()), m_attention(m_exec, config), m_experts(m_exec, config) {
    if (adapters && !adapters->empty()) m_exec.hook = &m_hook;
    adaptAll();
}

void DecoderLayers::keepOnly(int layer, std::vector<std::int64_t> rows) {
    m_keepFrom = layer;
    m_kept = std::move(rows);
}

void DecoderLayers::adaptAll() {
    std::vector<LoraHook::Rows> rows;
    for (const auto &part : m_rows.parts) rows.push_back({part.first, part.count, part.adapterScales});
    m_hook.setRows(std::move(rows));
}

void DecoderLayers::adaptRows(std::span<const std::int64_t> wanted) {
    std::vector<LoraHook::Rows> rows;
    for (const auto &part : m_rows.parts) {
        const auto begin = std::lower_bound(wanted.begin(), wanted.end(), part.first);
        const auto end = std::lower_bound(wanted.begin(), wanted.end(), part.first + part.count);
        rows.push_back({begin - wanted.begin(), end - begin, part.adapterScales});
    }
    m_hook.setRows(std::move(rows));
}

void DecoderLayers::tapLayer(int index, const char *name, const float *data, std::int64_t width) const {
    if (!m_tap) return;
    char text[64];
    std::snprintf(text, sizeof text, "layer_%02d.%s", index, name);
    m_tap(text, data, m_rows.count(), width);
}

void DecoderLayers::dropRows() {
    const std::int64_t hidden = m_config.hiddenSize;
    const auto count = static_cast<std::int64_t>(m_kept.size());
    for (FloatBuffer *buffer : {&m_x, &m_normed}) {
        float *kept = m_spare.resize(count * hidden);
        gatherRows(buffer->data(), m_kept, hidden, kept);
        std::copy_n(kept, count * hidden, buffer->data());
    }
    m_rows = selectRows(m_config, m_rows, m_kept);
    adaptAll();
}

void DecoderLayers::attention(int index, const LayerWeights &w) {
    const ProfilePart part(m_exec.profile, m_config.layers[static_cast<std::size_t>(index)].sliding ? "sliding attention" : "full attention");
    const std::int64_t hidden = m_config.hiddenSize;
    rmsNormRows(m_exec, m_x.data(), w.inputNorm.data(), m_rows.count(), hidden, m_config.rmsNormEps,
                m_normed.resize(m_rows.count() * hidden));
    if (index == m_keepFrom) {
        m_attention.project(index, w, m_normed.data(), m_rows, {.queries = false, .keys = true});
        dropRows();
        if (m_rows.count() == 0) return;
        m_attention.project(index, w, m_normed.data(), m_rows, {.queries = true, .keys = false});
    } else {
        m_attention.project(index, w, m_normed.data(), m_rows, {});
    }
    float *out = m_step.resize(m_rows.count() * hidden);
    m_attention.output(index, w, m_rows, out);
    tapLayer(index, "attn_out", out, hidden);
    addNormRows(m_exec, m_x.data(), out, w.postAttentionNorm.data(), m_rows.count(), hidden, m_config.rmsNormEps);
}

void DecoderLayers::tapExperts(int index) {
    if (!m_tap) return;
    const std::vector<float> chosen(m_experts.chosen().begin(), m_experts.chosen().end());
    tapLayer(index, "router_probs", m_experts.probabilities(), m_config.experts);
    tapLayer(index, "router_topk_index", chosen.data(), m_config.activeExperts);
    tapLayer(index, "router_topk_weights", m_experts.weights().data(), m_config.activeExperts);
}

void DecoderLayers::feedForward(int index, const LayerWeights &w) {
    const ProfilePart part(m_exec.profile, "feed-forward");
    const std::int64_t hidden = m_config.hiddenSize, rows = m_rows.count(), inner = w.gate.rows;
    const float eps = m_config.rmsNormEps;
    float *normed = m_normed.resize(rows * hidden);
    rmsNormRows(m_exec, m_x.data(), w.preFeedForwardNorm.data(), rows, hidden, eps, normed);
    const LinearJob jobs[] = {{&w.gate, m_gate.resize(rows * inner)}, {&w.up, m_up.resize(rows * inner)}};
    linear(m_exec, normed, rows, 0, jobs);
    geluMulRows(m_exec, m_gate.data(), m_up.data(), rows, inner, m_inner.resize(rows * inner));
    float *out = m_step.resize(rows * hidden);
    linear(m_exec, w.down, m_inner.data(), rows, out);
    if (w.experts) {
        rmsNormRows(m_exec, out, w.experts->postNorm1.data(), rows, hidden, eps, out);
        float *mixed = m_spare.resize(rows * hidden);
        {
            const ProfilePart experts(m_exec.profile, "experts");
            m_experts.run(*w.experts, m_x.data(), rows, mixed);
        }
        tapExperts(index);
        addNormRows(m_exec, out, mixed, w.experts->postNorm2.data(), rows, hidden, eps);
    }
    addNormRows(m_exec, m_x.data(), out, w.postFeedForwardNorm.data(), rows, hidden, eps);
}

void DecoderLayers::addPerLayerInput(int index, const LayerWeights &w) {
    const ProfilePart part(m_exec.profile, "per-layer input");
    const std::int64_t hidden = m_config.hiddenSize, rows = m_rows.count(), size = m_config.perLayerInputSize;
    const float *input = m_perLayer.data() + index * m_allRows * size; // [all rows, P]
    if (rows != m_allRows) {
        gatherRows(input, m_rows.source, size, m_up.resize(rows * size));
        input = m_up.data();
    }
    linear(m_exec, w.perLayerGate, m_x.data(), rows, m_gate.resize(rows * size));
    geluMulRows(m_exec, m_gate.data(), input, rows, size, m_inner.resize(rows * size));
    float *out = m_step.resize(rows * hidden);
    linear(m_exec, w.perLayerProjection, m_inner.data(), rows, out);
    addNormRows(m_exec, m_x.data(), out, w.perLayerNorm.data(), rows, hidden, m_config.rmsNormEps);
}

void DecoderLayers::run(int index) {
    if (m_rows.count() == 0) return;
    const ProfilePart part(m_exec.profile, "layers");
    const LayerWeights &w = m_weights.layers[static_cast<std::size_t>(index)];
    attention(index, w);
    if (m_rows.count() == 0) return;
    feedForward(index, w);
    if (m_config.perLayerInputSize > 0) addPerLayerInput(index, w);
    scaleAll(m_exec, m_x.data(), m_rows.count() * m_config.hiddenSize, w.scalar);
    tapLayer(index, "out", m_x.data(), m_config.hiddenSize);
}

} // namespace facet
