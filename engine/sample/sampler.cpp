#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <unordered_map>

namespace facet {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Scored {
    std::int32_t id = 0;
    float logit = 0;
};

// Falling logit, lower id first among equals.
bool before(const Scored &a, const Scored &b) noexcept { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

// Logits after penalties and suppression; what is no number can never be chosen.
std::vector<float> adjusted(std::span<const float> logits, std::span<const std::int32_t> history,
                            const SamplingOptions &options, std::span<const std::int32_t> suppressed) {
    std::vector<float> out(logits.begin(), logits.end());
    for (float &v : out)
        if (std::isnan(v)) v = kNever;
    std::unordered_map<std::int32_t, int> counts;
    for (const std::int32_t id : history)
        if (id >= 0 && static_cast<std::size_t>(id) < out.size()) ++counts[id];
    for (const auto &[id, count] : counts) {
        float &v = out[static_cast<std::size_t>(id)];
        v = v < 0 ? v * options.repetitionPenalty : v / options.repetitionPenalty;
        v -= static_cast<float>(count) * options.frequencyPenalty + options.presencePenalty;
    }
    for (const std::int32_t id : suppressed)
        if (id >= 0 && static_cast<std::size_t>(id) < out.size()) out[static_cast<std::size_t>(id)] = kNever;
    return out;
}

// The k-th largest value; everything not below it survives, ties included.
void keepTopK(std::vector<Scored> &list, int k) {
    if (k <= 0 || static_cast<std::size_t>(k) >= list.size()) return;
    std::vector<float> values;
    values.reserve(list.size());
    for (const Scored &s : list) values.push_back(s.logit);
    std::nth_element(values.begin(), values.begin() + (k - 1), values.end(), std::greater<>());
    const float limit = values[static_cast<std::size_t>(k - 1)];
    std::erase_if(list, [limit](const Scored &s) { return s.logit < limit; });
}

std::vector<Candidate> softmax(const std::vector<Scored> &sorted) {
    std::vector<Candidate> out;
    out.reserve(sorted.size());
    double sum = 0;
    for (const Scored &s : sorted) sum += std::exp(static_cast<double>(s.logit) - static_cast<double>(sorted.front().logit));
    for (const Scored &s : sorted)
        out.push_back({s.id, static_cast<float>(std::exp(static_cast<double>(s.logit) - static_cast<double>(sorted.front().logit)) / sum)});
    return out;
}

void renormalise(std::vector<Candidate> &list) {
    double sum = 0;
    for (const Candidate &c : list) sum += static_cast<double>(c.probability);
    for (Candidate &c : list) c.probability = static_cast<float>(static_cast<double>(c.probability) / sum);
}

// Drops from the small end while the cumulative probability stays at or below 1 - p.
void keepTopP(std::vector<Candidate> &list, float p) {
    if (p >= 1.0F) return;
    double cumulative = 0;
    while (list.size() > 1) {
        cumulative += static_cast<double>(list.back().probability);
        if (cumulative > 1.0 - static_cast<double>(p)) break;
        list.pop_back();
    }
    renormalise(list);
}

void keepMinP(std::vector<Candidate> &list, float minP) {
    if (minP <= 0.0F) return;
    const float limit = minP * list.front().probability;
    while (list.size() > 1 && list.back().probability < limit) list.pop_back();
    renormalise(list);
}

std::int32_t greedy(const std::vector<float> &logits) {
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace

std::vector<Candidate> candidates(std::span<const float> logits, std::span<const std::int32_t> history,
                                  const SamplingOptions &options, std::span<const std::int32_t> suppressed) {
    if (logits.empty()) return {};
    std::vector<float> values = adjusted(logits, history, options, suppressed);
    if (!(options.temperature > 0.0F)) return {{greedy(values), 1.0F}};
    const float best = *std::max_element(values.begin(), values.end());
    if (!std::isfinite(best)) return {{greedy(values), 1.0F}};
    std::vector<Scored> list;
    list.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] != kNever) list.push_back({static_cast<std::int32_t>(i), values[i] / options.temperature});
    keepTopK(list, options.topK);
    std::sort(list.begin(), list.end(), before);
    std::vector<Candidate> out = softmax(list);
    keepTopP(out, options.topP);
    keepMinP(out, options.minP);
    return out;
}

Sampler::Sampler(const SamplingOptions &options)
    : m_options(options), m_random(options.seed ? *options.seed : std::random_device{}()) {}

std::int32_t Sampler::pick(std::span<const float> logits, std::span<const std::int32_t> history,
                           std::span<const std::int32_t> suppressed) {
    const std::vector<Candidate> list = candidates(logits, history, m_options, suppressed);
    if (list.empty()) return 0;
    if (list.size() == 1) return list.front().id;
    // 53 random bits: the same on every platform, unlike std::uniform_real_distribution.
    double left = static_cast<double>(m_random() >> 11U) * 0x1.0p-53;
    for (const Candidate &c : list) {
        left -= static_cast<double>(c.probability);
        if (left < 0) return c.id;
    }
    return list.back().id;
}

}  // namespace facet
