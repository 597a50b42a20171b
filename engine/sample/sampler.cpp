#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
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

// Calls function(index of the logit, ..) for those of the ids that were scored. ids empty: all were, in order.
template <typename Function>
void forScored(std::size_t count, std::span<const std::int32_t> ids, std::int32_t id, Function function) {
    if (ids.empty()) {
        if (id >= 0 && static_cast<std::size_t>(id) < count) function(static_cast<std::size_t>(id));
        return;
    }
    const auto found = std::find(ids.begin(), ids.end(), id);
    if (found != ids.end()) function(static_cast<std::size_t>(found - ids.begin()));
}

// Logits after suppression and the penalties for what was written before.
std::vector<float> adjusted(std::span<const float> logits, std::span<const std::int32_t> ids,
                            std::span<const std::int32_t> history, const SamplingOptions &options,
                            std::span<const std::int32_t> suppressed) {
    std::vector<float> out(logits.size());
    std::transform(logits.begin(), logits.end(), out.begin(), usable);
    const bool repetition = options.repetitionPenalty != 1.0F && options.repetitionPenalty > 0;
    if (repetition || options.frequencyPenalty != 0 || options.presencePenalty != 0) {
        std::unordered_map<std::int32_t, int> counts;
        for (const std::int32_t id : history) ++counts[id];
        const auto lower = [&out, &options, repetition](std::size_t i, int count) {
            float &logit = out[i];
            if (repetition) logit = logit < 0 ? logit * options.repetitionPenalty : logit / options.repetitionPenalty;
            logit -= static_cast<float>(count) * options.frequencyPenalty + options.presencePenalty;
            logit = usable(logit);
        };
        if (ids.empty()) {
            for (const auto &[id, count] : counts)
                if (id >= 0 && static_cast<std::size_t>(id) < out.size()) lower(static_cast<std::size_t>(id), count);
        } else {
            for (std::size_t i = 0; i < ids.size(); ++i)
                if (const auto found = counts.find(ids[i]); found != counts.end()) lower(i, found->second);
        }
    }
    for (const std::int32_t id : suppressed)
        forScored(out.size(), ids, id, [&out](std::size_t i) { out[i] = kNothing; });
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

// Where the largest logit is, of the lowest id among equals.
std::size_t bestOf(const std::vector<float> &logits, std::span<const std::int32_t> ids) {
    auto best = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    for (std::size_t i = best; !ids.empty() && i < logits.size(); ++i)
        if (logits[i] == logits[best] && ids[i] < ids[best]) best = i;
    return best;
}

// Whatever may be chosen, in no particular order; weights are relative to the largest. ids: the token of each logit;
// empty: its number.
std::vector<Scored> survivors(std::span<const float> given, std::span<const std::int32_t> history,
                              const SamplingOptions &options, std::span<const std::int32_t> suppressed,
                              std::span<const std::int32_t> ids = {}) {
    std::vector<float> logits = adjusted(given, ids, history, options, suppressed);
    if (logits.empty()) return {};
    const auto idOf = [ids](std::size_t i) { return ids.empty() ? static_cast<std::int32_t>(i) : ids[i]; };
    const std::size_t best = bestOf(logits, ids);
    if (logits[best] == kNothing) {
        // Nothing is possible: a defined answer is better than undefined behaviour in the loop above.
        std::size_t i = 0;
        while (i < logits.size() && std::find(suppressed.begin(), suppressed.end(), idOf(i)) != suppressed.end()) ++i;
        return {{idOf(i < logits.size() ? i : 0), 0.0F, 1.0}};
    }
    if (!(options.temperature > 0))
        return {{idOf(best), logits[best], 1.0}};
    for (float &logit : logits) logit = logit == kNothing ? kNothing : usable(logit / options.temperature);
    const float top = logits[best];

    float floor = std::numeric_limits<float>::lowest();
    if (options.topK > 0 && static_cast<std::size_t>(options.topK) < logits.size())
        floor = std::max(floor, largest(logits, static_cast<std::size_t>(options.topK)));
    std::vector<Scored> tokens;
    tokens.reserve(options.topK > 0 ? std::min<std::size_t>(logits.size(), static_cast<std::size_t>(options.topK) + 16)
                                    : logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
        if (logits[i] >= floor)
            tokens.push_back({idOf(i), logits[i], std::exp(static_cast<double>(logits[i]) - top)});
    if (options.topP < 1.0F) keepNucleus(tokens, options.topP);
    // The largest weight is 1.
    if (options.minP > 0)
        std::erase_if(tokens, [&options](const Scored &t) { return t.weight < std::min(1.0F, options.minP); });
    return tokens;
}

// Mixes 64 bits so that each depends on all (the finaliser of splitmix64).
std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
}
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

std::uint64_t randomSeed() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
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
    : m_options(options), m_seed(options.seed ? *options.seed : randomSeed()) {}

std::int32_t Sampler::pick(std::span<const float> logits, std::span<const std::int32_t> history,
                           std::span<const std::int32_t> suppressed) {
    return pickAt(m_next++, logits, history, suppressed);
}

std::int32_t Sampler::pickAt(std::uint64_t place, std::span<const float> logits, std::span<const std::int32_t> history,
                             std::span<const std::int32_t> suppressed, std::span<const std::int32_t> ids) const {
    const std::vector<Scored> tokens = survivors(logits, history, m_options, suppressed, ids);
    if (tokens.empty()) return 0;
    if (tokens.size() == 1) return tokens.front().id;
    const std::uint64_t key = mixed(mixed(m_seed + kGolden) + (place + 1) * kGolden);
    std::int32_t winner = tokens.front().id;
    double earliest = std::numeric_limits<double>::infinity();
    for (const Scored &token : tokens) {
        const std::uint64_t bits = mixed(key + (static_cast<std::uint64_t>(token.id) + 1) * kGolden);
        const double u = (static_cast<double>(bits >> 11U) + 0.5) * 0x1.0p-53; // in (0, 1)
        // -ln u >= 1 - u: most tokens are out of the race before a logarithm is taken.
        if (1 - u > earliest * token.weight) continue;
        const double arrival = -std::log(u) / token.weight;
        if (arrival < earliest || (arrival == earliest && token.id < winner)) {
            earliest = arrival;
            winner = token.id;
        }
    }
    return winner;
}

}  // namespace facet
