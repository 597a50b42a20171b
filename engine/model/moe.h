// The mixture of experts of one layer (text.md 2.7): router, the chosen experts, their weighted sum.
#pragma once

#include "load/config.h"
#include "model/float_buffer.h"
#include "model/text_weights.h"

#include <cstdint>
#include <vector>

namespace facet {

class MixtureOfExperts {
public:
    MixtureOfExperts(const Exec &exec, const TextConfig &config) : m_exec(exec), m_config(config) {}

    // h: [rows, H], the layer's state before the feed-forward. out: [rows, H], the weighted sum before its norm.
    // Rows are grouped by expert, so that each expert's matrices are read once.
    void run(const MoeWeights &w, const float *h, std::int64_t rows, float *out);

    // Of the last run, falling probability: [rows, activeExperts], and [rows, experts].
    const std::vector<int> &chosen() const noexcept { return m_chosen; }
    const std::vector<float> &weights() const noexcept { return m_weights; }
    const float *probabilities() const noexcept { return m_probabilities.data(); }

private:
    void route(const MoeWeights &w, const float *h, std::int64_t rows);
    void oneRow(const MoeWeights &w, const float *normed, float *out);
    void grouped(const MoeWeights &w, const float *normed, std::int64_t rows, float *out);

    const Exec &m_exec;
    const TextConfig &m_config;
    std::vector<int> m_chosen;
    std::vector<float> m_weights;
    FloatBuffer m_normed, m_probabilities, m_gathered, m_gate, m_up, m_inner, m_down;
};

} // namespace facet
