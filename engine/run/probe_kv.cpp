// ProbeModel::kvLoss(): what a smaller type of keys and values costs, on a text of the caller's.
#include "run/probe_model_impl.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

namespace facet {

namespace {

constexpr std::int64_t kRowsAtOnce = 32; // logits of so many positions are held, for two types

struct Sums {
    double difference = 0, divergence = 0, surprise = 0;
    std::int64_t same = 0, surprises = 0;
};

struct Distribution {
    double largest = 0, logSum = 0;
    explicit Distribution(std::span<const float> logits) {
        largest = *std::max_element(logits.begin(), logits.end());
        double sum = 0;
        for (const float logit : logits) sum += std::exp(double{logit} - largest);
        logSum = std::log(sum) + largest;
    }
};

// One position: the logits with float32 keys and values, and with smaller ones.
void add(std::span<const float> exact, std::span<const float> stored, std::int32_t next, Sums &sums) {
    const Distribution p(exact), q(stored);
    double difference = 0, divergence = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        difference += std::abs(double{exact[i]} - stored[i]);
        const double logP = exact[i] - p.logSum;
        divergence += std::exp(logP) * (logP - (stored[i] - q.logSum));
    }
    sums.difference += difference / static_cast<double>(exact.size());
    sums.divergence += std::max(divergence, 0.0);
    const auto best = [](std::span<const float> values) {
        return std::max_element(values.begin(), values.end()) - values.begin();
    };
    sums.same += best(exact) == best(stored) ? 1 : 0;
    if (next < 0) return;
    sums.surprise += q.logSum - stored[static_cast<std::size_t>(next)];
    ++sums.surprises;
}

} // namespace

Result<std::vector<KvLoss>> ProbeModel::kvLoss(const std::vector<std::int32_t> &ids) {
    const LoadedModel &model = *m_impl->model;
    const auto total = static_cast<std::int64_t>(ids.size());
    const std::int64_t vocabulary = model.checkpoint.config.text.vocabularySize;
    if (total < 2) return Error{ErrorCode::InvalidArgument, "The text is too short to measure anything with it."};

    const std::pair<KvType, CacheType> all[] = {{KvType::F32, CacheType::F32},
                                                {KvType::F16, CacheType::F16},
                                                {KvType::Q8_0, CacheType::Q8_0},
                                                {KvType::Q4_0, CacheType::Q4_0},
                                                {KvType::Q4_R, CacheType::Q4_R}};
    std::vector<KvLoss> losses;
    std::vector<KvCache> caches;
    for (const auto &[type, stored] : all) {
        auto cache = KvCache::create(model.checkpoint.config.text, stored, total, kRowsAtOnce);
        if (!cache) continue; // heads that are no whole blocks
        caches.push_back(std::move(*cache));
        losses.push_back({.type = type, .positions = total});
    }
    std::vector<Sums> sums(caches.size());
    for (std::int64_t first = 0; first < total; first += kRowsAtOnce) {
        const std::int64_t count = std::min(kRowsAtOnce, total - first);
        std::vector<float> exact;
        for (std::size_t i = 0; i < caches.size(); ++i) {
            Segment segment;
            segment.cache = &caches[i];
            segment.adapterScales = model.adapters.defaultScales();
            segment.ids.assign(ids.begin() + first, ids.begin() + first + count);
            for (std::int64_t row = 0; row < count; ++row) segment.logitRows.push_back(row);
            FACET_TRY(output, model.text.forward(model.exec, std::span(&segment, 1)));
            if (i == 0) exact = output.logits; // float32 comes first
            for (std::int64_t row = 0; row < count; ++row) {
                const auto at = static_cast<std::size_t>(row * vocabulary), width = static_cast<std::size_t>(vocabulary);
                const std::int64_t position = first + row;
                const std::int32_t next = position + 1 < total ? ids[static_cast<std::size_t>(position + 1)] : -1;
                add(std::span(exact).subspan(at, width), std::span(output.logits).subspan(at, width), next, sums[i]);
                const auto begin = output.logits.begin() + static_cast<std::ptrdiff_t>(at);
                losses[i].best.push_back(
                    static_cast<std::int32_t>(std::max_element(begin, begin + vocabulary) - begin));
            }
        }
    }
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const auto count = static_cast<double>(total);
        losses[i].meanLogitDifference = sums[i].difference / count;
        losses[i].divergence = sums[i].divergence / count;
        losses[i].sameBest = static_cast<double>(sums[i].same) / count;
        losses[i].perplexity = std::exp(sums[i].surprise / static_cast<double>(sums[i].surprises));
        losses[i].bytes = caches[i].byteCount();
    }
    return losses;
}

} // namespace facet
