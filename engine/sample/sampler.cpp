#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace facet {

namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

struct Scored {
    std::int32_t id = 0;
    float logit = 0;
    double weight = 0;  // exp(logit - largest)
};

// By falling logit; the lower id first among equals.
bool before(const Scored &a, const Scored &b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// A NaN counts as impossible; infinities would make differences undefined.
float usable(float logit) {
    return std::isnan(logit) ? kNothing : std::min(logit, std::numeric_limits<float>::max());
}

// Logits after suppression and the penalties for what was written before.
std::vector<float> adjusted(std::span<const float> logits, std::span<const std::int32_t> history,
                            const SamplingOptions &options, std::span<const std::int32_t> suppressed) {
    std::vector<float> out(logits.size());
    std::transform(logits.begin(), logits.end(), out.begin(), usable);
    const auto known = [&out](std::int32_t id) { return id >= 0 && static_cast<std::size_t>(id) < out.size(); };
    const bool repetition = options.repetitionPenalty != 1.0F && options.repetitionPenalty > 0;
    if (repetition || options.frequencyPenalty != 0 || options.presencePenalty != 0) {
        std::unordered_map<std::int32_t, int> counts;
        for (const std::int32_t id : history)
            if (known(id)) ++counts[id];
        for (const auto &[id, count] : counts) {
            float &logit = out[static_cast<std::size_t>(id)];
            if (repetition) logit = logit < 0 ? logit * options.repetitionPenalty : logit / options.repetitionPenalty;
            logit -= static_cast<float>(count) * options.frequencyPenalty + options.presencePenalty;
            logit = usable(logit);
        }
    }
    for (const std::int32_t id : suppressed)
        if (known(id)) out[static_cast<std::size_t>(id)] = kNothing;
    return out;
}

// The k-th largest value, without sorting the rest: most logits only meet one comparison.
float largest(const std::vector<float> &logits, std::size_t k) {
    if (k > 4096) {
        std::vector<float> copy = logits;
        std::nth_element(copy.begin(), copy.begin() + static_cast<std::ptrdiff_t>(k - 1), copy.end(), std::greater<>());
        return copy[k - 1];
    }
    std::vector<float> heap(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(k));  // its smallest on top
    std::make_heap(heap.begin(), heap.end(), std::greater<>());
    for (std::size_t i = k; i < logits.size(); ++i) {
        if (logits[i] <= heap.front()) continue;
        std::pop_heap(heap.begin(), heap.end(), std::greater<>());
        heap.back() = logits[i];
        std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
    return heap.front();
}

// Nucleus: from the most probable down, until those before a token hold p. The same set as dropping from the small end
// while the cumulative probability is <= 1 - p, but only the kept part has to be sorted.
void keepNucleus(std::vector<Scored> &tokens, double p) {
    const double total = std::accumulate(tokens.begin(), tokens.end(), 0.0,
                                         [](double sum, const Scored &t) { return sum + t.weight; });
    double above = 0;
    std::size_t kept = 0, sorted = 0;
    while (kept < tokens.size() && (kept == 0 || above < p * total)) {
        if (kept == sorted) {
            const std::size_t more = std::min(tokens.size(), std::max<std::size_t>(256, sorted * 4));
            std::partial_sort(tokens.begin() + static_cast<std::ptrdiff_t>(sorted),
                              tokens.begin() + static_cast<std::ptrdiff_t>(more), tokens.end(), before);
            sorted = more;
        }
        above += tokens[kept++].weight;
    }
    tokens.resize(kept);
}

// Whatever may be chosen, in no particular order; weights are relative to the largest.
std::vector<Scored> survivors(std::span<const float> given, std::span<const std::int32_t> history,
                              const SamplingOptions &options, std::span<const std::int32_t> suppressed) {
    std::vector<float> logits = adjusted(given, history, options, suppressed);
    if (logits.empty()) return {};
    const auto best = std::max_element(logits.begin(), logits.end());  // the first: the lowest id among equals
    if (*best == kNothing) {
        // Nothing is possible: a defined answer is better than undefined behaviour in the loop above.
        std::int32_t id = 0;
        while (std::find(suppressed.begin(), suppressed.end(), id) != suppressed.end()) ++id;
        return {{static_cast<std::size_t>(id) < logits.size() ? id : 0, 0.0F, 1.0}};
    }
    if (!(options.temperature > 0))
        return {{static_cast<std::int32_t>(best - logits.begin()), *best, 1.0}};
    for (float &logit : logits) logit = logit == kNothing ? kNothing : usable(logit / options.temperature);
    const float top = *best;

    float floor = std::numeric_limits<float>::lowest();
    if (options.topK > 0 && static_cast<std::size_t>(options.topK) < logits.size())
        floor = std::max(floor, largest(logits, static_cast<std::size_t>(options.topK)));
    std::vector<Scored> tokens;
    tokens.reserve(options.topK > 0 ? std::min<std::size_t>(logits.size(), static_cast<std::size_t>(options.topK) + 16)
                                    : logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (logits[i] >= floor)
            tokens.push_back({static_cast<std::int32_t>(i), logits[i], std::exp(static_cast<double>(logits[i]) - top)});
    if (options.topP < 1.0F) keepNucleus(tokens, options.topP);
    // The largest weight is 1.
    if (options.minP > 0)
        std::erase_if(tokens, [&options](const Scored &t) { return t.weight < std::min(1.0F, options.minP); });
    return tokens;
}

}  // namespace

std::vector<Candidate> candidates(std::span<const float> logits, std::span<const std::int32_t> history,
                                  const SamplingOptions &options, std::span<const std::int32_t> suppressed) {
    std::vector<Scored> tokens = survivors(logits, history, options, suppressed);
    std::sort(tokens.begin(), tokens.end(), before);
    const double total = std::accumulate(tokens.begin(), tokens.end(), 0.0,
                                         [](double sum, const Scored &t) { return sum + t.weight; });
    std::vector<Candidate> out;
    out.reserve(tokens.size());
    for (const Scored &token : tokens) out.push_back({token.id, static_cast<float>(token.weight / total)});
    return out;
}

Sampler::Sampler(const SamplingOptions &options)
    : m_options(options), m_random(options.seed ? *options.seed : std::random_device{}()) {}

std::int32_t Sampler::pick(std::span<const float> logits, std::span<const std::int32_t> history,
                           std::span<const std::int32_t> suppressed) {
    const std::vector<Scored> tokens = survivors(logits, history, m_options, suppressed);
    if (tokens.empty()) return 0;
    if (tokens.size() == 1) return tokens.front().id;
    const double total = std::accumulate(tokens.begin(), tokens.end(), 0.0,
                                         [](double sum, const Scored &t) { return sum + t.weight; });
    // 53 random bits: the same choice from the same seed on every platform, unlike std::uniform_real_distribution.
    double rest = static_cast<double>(m_random() >> 11U) * 0x1.0p-53 * total;
    for (const Scored &token : tokens) {
        rest -= token.weight;
        if (rest < 0) return token.id;
    }
    return tokens.back().id;
}

}  // namespace facet
