#include "run/kv_loss.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

namespace facet {

namespace {

constexpr std::int64_t kRowsAtOnce = 32; // logits of so many positions are held, for two types

// What one position adds.
struct Difference {
    double logits = 0, divergence = 0, surprise = 0;
    std::int32_t best = 0; // with the smaller type
    bool same = true;
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

// The logits with float32 keys and values, and with smaller ones. `next`: the token that follows; -1: none.
Difference differenceOf(std::span<const float> exact, std::span<const float> stored, std::int32_t next) {
    const Distribution p(exact), q(stored);
    Difference out;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        out.logits += std::abs(double{exact[i]} - stored[i]);
        const double logP = exact[i] - p.logSum;
        out.divergence += std::exp(logP) * (logP - (stored[i] - q.logSum));
    }
    out.logits /= static_cast<double>(exact.size());
    out.divergence = std::max(out.divergence, 0.0);
    const auto best = [](std::span<const float> values) {
        return static_cast<std::int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
    };
    out.best = best(stored);
    out.same = best(exact) == out.best;
    if (next >= 0) out.surprise = q.logSum - stored[static_cast<std::size_t>(next)];
    return out;
}

} // namespace

Result<std::vector<KvLoss>> measureKvLoss(const LoadedModel &model, const Exec &exec, const std::vector<std::int32_t> &ids) {
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
        losses.push_back({.type = type, .positions = total, .sameBest = 0});
    }
    for (std::int64_t first = 0; first < total; first += kRowsAtOnce) {
        const std::int64_t count = std::min(kRowsAtOnce, total - first);
        std::vector<float> exact;
        for (std::size_t i = 0; i < caches.size(); ++i) {
            Segment segment;
            segment.cache = &caches[i];
            segment.adapterScales = model.adapters.defaultScales();
            segment.ids.assign(ids.begin() + first, ids.begin() + first + count);
            for (std::int64_t row = 0; row < count; ++row) segment.logitRows.push_back(row);
            FACET_TRY(output, model.text.forward(exec, std::span(&segment, 1)));
            if (i == 0) exact = output.logits; // float32 comes first
            std::vector<Difference> differences(static_cast<std::size_t>(count));
            exec.pool->parallelFor(count, 1, [&](std::int64_t begin, std::int64_t end, int) {
                for (std::int64_t row = begin; row < end; ++row) {
                    const auto at = static_cast<std::size_t>(row * vocabulary), width = static_cast<std::size_t>(vocabulary);
                    const std::int64_t position = first + row;
                    const std::int32_t next = position + 1 < total ? ids[static_cast<std::size_t>(position + 1)] : -1;
                    differences[static_cast<std::size_t>(row)] =
                        differenceOf(std::span(exact).subspan(at, width), std::span(output.logits).subspan(at, width), next);
                }
            });
            for (const Difference &each : differences) {
                losses[i].meanLogitDifference += each.logits;
                losses[i].divergence += each.divergence;
                losses[i].perplexity += each.surprise;
                losses[i].sameBest += each.same ? 1 : 0;
                losses[i].best.push_back(each.best);
            }
        }
    }
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const auto count = static_cast<double>(total);
        losses[i].meanLogitDifference /= count;
        losses[i].divergence /= count;
        losses[i].sameBest /= count;
        losses[i].perplexity = std::exp(losses[i].perplexity / (count - 1));
        losses[i].bytes = caches[i].byteCount();
    }
    return losses;
}

} // namespace facet
