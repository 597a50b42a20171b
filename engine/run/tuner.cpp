#include "run/tuner.h"

#include "facet/machine.h"
#include "load/memory_plan.h"
#include "load/tuning_file.h"
#include "model/kv_snapshot.h"
#include "run/kv_loss.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace facet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 3;                 // of which the best counts: others use the machine too
constexpr std::int64_t kReadTokens = 64;
constexpr double kWriteSeconds = 0.2;      // of one sample
constexpr std::int64_t kMostWritten = 16;
constexpr std::int64_t kDepth = 4096, kLeastDepth = 1024, kBehind = 64;
constexpr std::size_t kPositions = 256;    // of the text below that losses are measured on

// Ordinary talk, a list, numbers and a piece of a program: what answers are made of.
constexpr const char *kText =
    "<bos><|turn>user\nWhat should I know before I plant an apple tree?<turn|>\n<|turn>model\nAn apple tree lives for many "
    "years, so it pays to think about its place first. It needs six hours of sun a day and soil that drains well. Keep these "
    "things in mind:\n\n1. **Two trees are better than one.** Most kinds need the pollen of another kind nearby.\n2. **Dig a "
    "wide hole**, twice as wide as the roots, and no deeper than they are.\n3. **Water it well** in the first summer: about 20 "
    "litres a week.\n\nThe first fruit comes after three to five years.<turn|>\n<|turn>user\nThanks. And how do I add up a list "
    "of prices in Python?<turn|>\n<|turn>model\nUse `sum`:\n\n```python\nprices = [3.50, 12.00, 7.25]\ntotal = sum(prices)\n"
    "print(f\"Total: {total:.2f}\")  # Total: 22.75\n```\n\nIf the prices are text, turn each of them into a number "
    "first.<turn|>\n<|turn>user\nWhere does the river Danube end?<turn|>\n<|turn>model\nIt flows through ten countries, from "
    "the Black Forest in Germany to the Black Sea, which it reaches in a delta in Romania and Ukraine. It is 2,850 kilometres "
    "long.<turn|>\n";

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::vector<int> threadCandidates(int cores, int physicalCores) {
    std::vector<int> out{cores};
    for (const int each : {physicalCores, (3 * physicalCores + 3) / 4, (physicalCores + 1) / 2})
        if (each >= 1 && each < out.back()) out.push_back(each);
    return out;
}

Tuner::Tuner(const LoadedModel &model) : m_model(model), m_passes(model, {.readUpTo = 0, .repeated = 64}) {
    for (const int each : threadCandidates(usableCores(), usablePhysicalCores())) m_figures.threads.push_back({.threads = each});
}

Result<double> Tuner::readRate(const Exec &exec) {
    FACET_TRY(cache, m_passes.cacheAt(exec, m_model.cacheType, 0, 1));
    const std::int64_t count = std::min(kReadTokens, m_model.contextLength);
    const auto start = Clock::now();
    FACET_CHECK(m_passes.read(exec, cache, count, false));
    return static_cast<double>(count) / secondsSince(start);
}

// The first token warms up and says how many follow.
Result<double> Tuner::writeRate(const Exec &exec, KvCache &cache) {
    auto start = Clock::now();
    FACET_CHECK(m_passes.write(exec, cache, 1));
    const std::int64_t room = std::min(kMostWritten, cache.contextLength() - cache.length());
    const auto count = std::clamp<std::int64_t>(static_cast<std::int64_t>(kWriteSeconds / secondsSince(start)), 1, std::max<std::int64_t>(1, room));
    start = Clock::now();
    FACET_CHECK(m_passes.write(exec, cache, count));
    return static_cast<double>(count) / secondsSince(start);
}

// The candidates take turns, so that a disturbance meets all of them.
Status Tuner::measureThreads(const Exec &exec, const Progress &progress) {
    for (; m_rounds < kRounds; ++m_rounds) {
        if (progress) progress("threads", m_rounds, kRounds + 2);
        for (TuningFigures::Threads &each : m_figures.threads) {
            WorkerPool pool(each.threads);
            Exec used = exec;
            used.pool = &pool;
            FACET_TRY(read, readRate(used));
            FACET_TRY(cache, m_passes.cacheAt(used, m_model.cacheType, std::min<std::int64_t>(16, m_model.contextLength / 2), 1));
            FACET_TRY(write, writeRate(used, cache));
            each.readRate = std::max(each.readRate, read);
            each.writeRate = std::max(each.writeRate, write);
        }
    }
    return ok();
}

Status Tuner::measureLoss(const Exec &exec) {
    std::vector<std::int32_t> ids = m_model.tokenizer.encode(kText, true);
    ids.resize(std::min({ids.size(), kPositions, static_cast<std::size_t>(m_model.contextLength)}));
    FACET_TRY(losses, measureKvLoss(m_model, exec, ids));
    for (const KvLoss &loss : losses) {
        if (loss.type == KvType::F32) continue;
        m_figures.caches.push_back({.type = loss.type, .divergence = loss.divergence, .sameBest = loss.sameBest});
    }
    m_figures.positions = static_cast<std::int64_t>(ids.size());
    return ok();
}

// All types at once in memory, so that they can take turns; a shorter context where there is no room for that.
Status Tuner::measureDepth(const Exec &exec, std::uint64_t room) {
    std::int64_t depth = std::min(kDepth, m_model.contextLength - kBehind);
    const auto bytes = [&](std::int64_t positions) {
        std::uint64_t total = 0;
        for (TuningFigures::Cache &each : m_figures.caches) {
            const auto cache = KvCache::create(m_model.text.config(), cacheTypeOf(each.type), m_model.contextLength, m_model.maxBlock);
            each.bytes = cache ? byteCountAt(*cache, positions) : 0;
            total += each.bytes;
        }
        return total;
    };
    while (depth >= kLeastDepth && bytes(depth + kBehind) > room) depth /= 2;
    m_depthDone = true;
    if (depth < kLeastDepth) return ok();
    std::vector<KvCache> caches;
    for (const TuningFigures::Cache &each : m_figures.caches) {
        FACET_TRY(cache, m_passes.cacheAt(exec, cacheTypeOf(each.type), depth, 1));
        caches.push_back(std::move(cache));
    }
    std::vector<double> rates(caches.size());
    for (int round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < caches.size(); ++i) {
            FACET_TRY(rate, writeRate(exec, caches[i]));
            rates[i] = std::max(rates[i], rate);
        }
    }
    for (std::size_t i = 0; i < rates.size(); ++i) m_figures.caches[i].writeRate = rates[i];
    m_figures.depth = depth;
    return ok();
}

Status Tuner::run(const Exec &exec, std::uint64_t room, const Progress &progress) {
    FACET_CHECK(measureThreads(exec, progress));
    if (m_figures.caches.empty()) {
        if (progress) progress("cache", kRounds, kRounds + 2);
        FACET_CHECK(measureLoss(exec));
    }
    if (!m_depthDone) {
        if (progress) progress("cache", kRounds + 1, kRounds + 2);
        // As answers will be written from now on.
        WorkerPool pool(chooseTuning(m_figures).writeThreads);
        Exec used = exec;
        used.pool = &pool;
        const Status measured = measureDepth(used, room);
        if (!measured) {
            m_depthDone = false;
            return measured;
        }
    }
    FACET_CHECK(m_model.stillIntact());
    m_tuning = chooseTuning(m_figures);
    return writeTuning(m_model.options.tuningFolder, tuningIdentity(m_model.checkpoint, m_model.options), m_tuning);
}

}  // namespace facet
