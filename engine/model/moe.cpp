#include "model/moe.h"

#include "kernels/profile.h"

#include "model/text_pass.h"

#include <algorithm>
#include <numeric>

namespace facet {

void MixtureOfExperts::route(const MoeWeights &w, const float *h, std::int64_t rows) {
    const std::int64_t experts = m_config.experts, active = m_config.activeExperts;
    float *normed = m_normed.resize(rows * m_config.hiddenSize);
    rmsNormRows(m_exec, h, w.routerScale.data(), rows, m_config.hiddenSize, m_config.rmsNormEps, normed);
    float *probabilities = m_probabilities.resize(rows * experts);
    linear(m_exec, w.router, normed, rows, probabilities);

    const ProfileScope scope(m_exec.profile, "choose experts");
    m_chosen.resize(static_cast<std::size_t>(rows * active));
    m_weights.resize(static_cast<std::size_t>(rows * active));
    std::vector<int> order(static_cast<std::size_t>(experts));
    for (std::int64_t row = 0; row < rows; ++row) {
        float *p = probabilities + row * experts;
        m_exec.kernels->softmax(p, experts);
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + active, order.end(),
                          [p](int a, int b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
        float sum = 0;
        for (std::int64_t i = 0; i < active; ++i) sum += p[order[static_cast<std::size_t>(i)]];
        for (std::int64_t i = 0; i < active; ++i) {
            const int expert = order[static_cast<std::size_t>(i)];
            const auto slot = static_cast<std::size_t>(row * active + i);
            m_chosen[slot] = expert;
            m_weights[slot] = p[expert] / sum * w.perExpertScale[static_cast<std::size_t>(expert)];
        }
    }
}

// One token: all gates and ups read the same input, so they go together. Same sums in the same order as grouped().
void MixtureOfExperts::oneRow(const MoeWeights &w, const float *normed, float *out) {
    const std::int64_t inner = m_config.expertSize, hidden = m_config.hiddenSize;
    std::vector<std::size_t> order(m_chosen.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return m_chosen[a] < m_chosen[b]; });
    const auto active = static_cast<std::int64_t>(order.size());
    float *gate = m_gate.resize(active * inner);
    float *up = m_up.resize(active * inner);
    float *product = m_inner.resize(active * inner);
    std::vector<LinearJob> jobs;
    for (std::int64_t i = 0; i < active; ++i) {
        const auto expert = static_cast<std::size_t>(m_chosen[order[static_cast<std::size_t>(i)]]);
        jobs.push_back({&w.gates[expert], gate + i * inner});
        jobs.push_back({&w.ups[expert], up + i * inner});
    }
    linear(m_exec, normed, 1, 0, jobs);
    geluMulRows(m_exec, gate, up, active, inner, product);
    float *down = m_down.resize(hidden);
    for (std::int64_t i = 0; i < active; ++i) {
        const std::size_t slot = order[static_cast<std::size_t>(i)];
        linear(m_exec, w.downs[static_cast<std::size_t>(m_chosen[slot])], product + i * inner, 1, down);
        m_exec.kernels->axpy(m_weights[slot], down, hidden, out);
    }
}

void MixtureOfExperts::grouped(const MoeWeights &w, const float *normed, std::int64_t rows, float *out) {
    const std::int64_t inner = m_config.expertSize, hidden = m_config.hiddenSize, active = m_config.activeExperts;
    std::vector<std::vector<std::int64_t>> slotsOf(static_cast<std::size_t>(m_config.experts));
    for (std::size_t slot = 0; slot < m_chosen.size(); ++slot) {
        slotsOf[static_cast<std::size_t>(m_chosen[slot])].push_back(static_cast<std::int64_t>(slot));
    }
    m_gathered.resize(rows * hidden);
    m_gate.resize(rows * inner);
    m_up.resize(rows * inner);
    m_inner.resize(rows * inner);
    m_down.resize(rows * hidden);
    std::vector<std::int64_t> members;
    for (std::size_t expert = 0; expert < slotsOf.size(); ++expert) {
        const auto &slots = slotsOf[expert];
        if (slots.empty() || m_exec.cancelled()) continue;
        const auto count = static_cast<std::int64_t>(slots.size());
        members.clear();
        for (const std::int64_t slot : slots) members.push_back(slot / active);
        gatherRows(normed, members, hidden, m_gathered.data()); // [count, H]
        const LinearJob jobs[] = {{&w.gates[expert], m_gate.data()}, {&w.ups[expert], m_up.data()}};
        linear(m_exec, m_gathered.data(), count, 0, jobs);
        geluMulRows(m_exec, m_gate.data(), m_up.data(), count, inner, m_inner.data());
        linear(m_exec, w.downs[expert], m_inner.data(), count, m_down.data());
        for (std::int64_t i = 0; i < count; ++i) {
            m_exec.kernels->axpy(m_weights[static_cast<std::size_t>(slots[static_cast<std::size_t>(i)])],
                                 m_down.data() + i * hidden, hidden,
                                 out + members[static_cast<std::size_t>(i)] * hidden);
        }
    }
}

void MixtureOfExperts::run(const MoeWeights &w, const float *h, std::int64_t rows, float *out) {
    const std::int64_t hidden = m_config.hiddenSize;
    route(w, h, rows);
    float *normed = m_normed.resize(rows * hidden);
    rmsNormRows(m_exec, h, w.preNorm2.data(), rows, hidden, m_config.rmsNormEps, normed);
    std::fill_n(out, rows * hidden, 0.0F);
    if (rows == 1)
        oneRow(w, normed, out);
    else
        grouped(w, normed, rows, out);
}

} // namespace facet
