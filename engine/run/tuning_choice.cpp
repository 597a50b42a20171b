// chooseTuning(): what follows from the figures. Measures nothing.
#include "facet/tuning.h"

#include <algorithm>
#include <cstdio>

namespace facet {

namespace {

using Threads = TuningFigures::Threads;
using Cache = TuningFigures::Cache;

std::string percent(double share, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f %%", digits, 100 * share);
    return text;
}

std::string threadsText(int threads) { return std::to_string(threads) + (threads == 1 ? " thread" : " threads"); }

// The fastest, if it gains enough over all cores.
const Threads &fastest(const std::vector<Threads> &all, double Threads::*rate) {
    const auto slower = [rate](const Threads &a, const Threads &b) { return a.*rate < b.*rate; };
    const Threads &best = *std::max_element(all.begin(), all.end(), slower);
    return best.*rate >= kThreadsMustGain * all.front().*rate ? best : all.front();
}

void chooseThreads(Tuning &tuning) {
    const std::vector<Threads> &all = tuning.figures.threads;
    if (all.empty()) return;
    const auto choose = [&](double Threads::*rate, const char *verb, const char *what) {
        const Threads &best = fastest(all, rate);
        if (&best != &all.front()) {
            tuning.reasons.push_back({TuningReason::About::Threads,
                                      threadsText(best.threads) + " " + verb + (best.threads == 1 ? "s " : " ") + what + ": measured here to be " +
                                          percent(best.*rate / (all.front().*rate) - 1, 0) + " faster than " +
                                          std::to_string(all.front().threads) + "."});
        }
        return best.threads;
    };
    tuning.readThreads = choose(&Threads::readRate, "read", "prompts");
    tuning.writeThreads = choose(&Threads::writeRate, "write", "answers");
}

bool withinTheLine(const Cache &cache) { return cache.sameBest >= kLeastSameBest && cache.divergence <= kMostDivergence; }

void chooseCache(Tuning &tuning) {
    const std::vector<Cache> &all = tuning.figures.caches;
    const auto usual = std::find_if(all.begin(), all.end(), [](const Cache &each) { return each.type == KvType::F16; });
    if (usual == all.end() || usual->writeRate <= 0 || tuning.figures.depth <= 0) return;
    const Cache *best = &*usual;
    for (const Cache &each : all) {
        const bool fast = each.writeRate >= kLeastCacheSpeed * usual->writeRate;
        if (fast && withinTheLine(each) && each.bytes < best->bytes) best = &each;
    }
    if (best == &*usual) return;
    tuning.kv = best->type;
    char loss[64];
    std::snprintf(loss, sizeof loss, "%.1e", best->divergence);
    tuning.reasons.push_back(
        {TuningReason::About::Cache,
         std::string("Keys and values are kept as ") + kvTypeName(best->type) + ", which takes " +
             percent(static_cast<double>(best->bytes) / static_cast<double>(usual->bytes), 0) +
             " of f16's memory: measured on this model, the most probable token stays the same at " +
             percent(best->sameBest, 1) + " of " + std::to_string(tuning.figures.positions) + " positions (divergence " + loss +
             " nats), and behind " + std::to_string(tuning.figures.depth) + " tokens it writes at " +
             percent(best->writeRate / usual->writeRate, 0) + " of f16's speed."});
}

}  // namespace

Tuning chooseTuning(TuningFigures figures) {
    Tuning tuning;
    tuning.figures = std::move(figures);
    tuning.readThreads = tuning.writeThreads = tuning.figures.threads.empty() ? 1 : tuning.figures.threads.front().threads;
    chooseThreads(tuning);
    chooseCache(tuning);
    return tuning;
}

}  // namespace facet
