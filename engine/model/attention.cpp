#include "model/attention.h"

#include "kernels/profile.h"

#include <array>
#include <cassert>
#include <vector>

namespace facet {
namespace {

constexpr int kMaxHeadDim = 4096; // as the configuration's limit

// Norm, rotation and storing of one row; everything a thread needs.
struct RowWork {
    const Kernels &kernels;
    const TextConfig &config;
    const LayerConfig &layer;
    const LayerWeights &weights;
    std::size_t layerIndex;
    const PassRows &rows;

    const float *cosines(std::int64_t row) const {
        return (layer.sliding ? rows.slidingCosines : rows.fullCosines).data() + row * (layer.headDim / 2);
    }
    const float *sines(std::int64_t row) const {
        return (layer.sliding ? rows.slidingSines : rows.fullSines).data() + row * (layer.headDim / 2);
    }

    void query(float *q, std::int64_t row) const {
        for (int head = 0; head < config.heads; ++head, q += layer.headDim) {
            kernels.rmsNorm(q, weights.queryNorm.data(), layer.headDim, config.rmsNormEps, q);
            kernels.rope(q, cosines(row), sines(row), layer.headDim);
            if (config.queryScale != 1.0F) {
                for (int i = 0; i < layer.headDim; ++i) q[i] *= config.queryScale;
            }
        }
    }

    // v: null where the value is the raw key.
    void keyAndValue(float *k, const float *v, std::int64_t row, const KvCache::Impl &cache) const {
        const auto &store = cache.layers[layerIndex];
        std::array<float, kMaxHeadDim> value;
        for (int head = 0; head < layer.kvHeads; ++head) {
            const std::int64_t at = std::int64_t{head} * layer.headDim;
            const std::int64_t offset = cache.offset(store, head, rows.position[static_cast<std::size_t>(row)]);
            const float *raw = (v ? v : k) + at;
            if (config.valueNorm) {
                kernels.rmsNorm(raw, nullptr, layer.headDim, config.rmsNormEps, value.data());
                raw = value.data();
            }
            storeCacheRow(kernels, cache.type, raw, layer.headDim, store.values.get() + offset);
            kernels.rmsNorm(k + at, weights.keyNorm.data(), layer.headDim, config.rmsNormEps, k + at);
            kernels.rope(k + at, cosines(row), sines(row), layer.headDim);
            storeCacheRow(kernels, cache.type, k + at, layer.headDim, store.keys.get() + offset);
        }
    }
};

} // namespace

void Attention::project(int layer, const LayerWeights &w, const float *a, const PassRows &rows, Want want) {
    const LayerConfig &config = m_config.layers[static_cast<std::size_t>(layer)];
    const std::int64_t count = rows.count();
    const std::int64_t queryWidth = std::int64_t{m_config.heads} * config.headDim;
    const std::int64_t keyWidth = std::int64_t{config.kvHeads} * config.headDim;
    const bool keys = want.keys && !config.sharesKv;

    std::vector<LinearJob> jobs;
    float *q = nullptr, *k = nullptr, *v = nullptr;
    if (want.queries) jobs.push_back({&w.query, q = m_queries.resize(count * queryWidth)}); // [rows, heads, headDim]
    if (keys) jobs.push_back({&w.key, k = m_keys.resize(count * keyWidth)});                // [rows, kvHeads, headDim]
    if (keys && !config.keyIsValue) jobs.push_back({&w.value, v = m_values.resize(count * keyWidth)});
    linear(m_exec, a, count, 0, jobs);

    const ProfileScope scope(m_exec.profile, "norm, rope, store");
    const RowWork work{*m_exec.kernels, m_config, config, w, static_cast<std::size_t>(layer), rows};
    for (const auto &part : rows.parts) {
        m_exec.pool->parallelFor(part.count, 1, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t row = part.first + begin; row < part.first + end; ++row) {
                if (q) work.query(q + row * queryWidth, row);
                if (k) work.keyAndValue(k + row * keyWidth, v ? v + row * keyWidth : nullptr, row, *part.cache);
            }
        });
    }
}

void Attention::output(int layer, const LayerWeights &w, const PassRows &rows, float *out) {
    const LayerConfig &config = m_config.layers[static_cast<std::size_t>(layer)];
    const std::int64_t queryWidth = std::int64_t{m_config.heads} * config.headDim;
    float *attended = m_attended.resize(rows.count() * queryWidth);
    const auto &from = config.sliding ? rows.slidingFrom : rows.fullFrom;
    const auto &to = config.sliding ? rows.slidingTo : rows.fullTo;
    for (const auto &part : rows.parts) {
        const auto first = static_cast<std::size_t>(part.first), count = static_cast<std::size_t>(part.count);
        attend(m_exec, part.cache->view(static_cast<std::size_t>(config.kvSource)),
               m_queries.data() + part.first * queryWidth, part.count, m_config.heads,
               std::span(from).subspan(first, count), std::span(to).subspan(first, count),
               attended + part.first * queryWidth);
    }
    linear(m_exec, w.output, attended, rows.count(), out);
}

} // namespace facet
