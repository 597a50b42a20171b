// Where somebody speaks, and how a long recording is cut into clips of at most 30 s: audio.md section 8, points 2 and 3.
#include "facet/media/prepare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace facet::media {

namespace {

constexpr std::int64_t kSampleRate = 16000;
constexpr std::int64_t kFrame = 320;               // samples, 20 ms
constexpr double kFramesPerSecond = 50;
constexpr std::int64_t kNoiseWindow = 1500;        // frames that the noise floor looks at: 30 s
constexpr std::int64_t kNoiseStep = 25;            // frames that share a threshold
constexpr float kFactor = 3.0F;                    // speech is this much above the noise
constexpr float kSteadyRatio = 2.0F;               // loud to quiet below this: a steady sound, no syllables
constexpr float kSteadyLoud = 0.05F;               // ... which is kept all the same when it is this loud
constexpr float kQuietest = 0.0008F, kLowestThreshold = 0.006F;
constexpr double kOverlapSeconds = 1.5;            // where no silence was found
constexpr double kLookBackSeconds = 10;            // where a cut may be
constexpr double kGrowSeconds = 4;                 // a chunk may exceed its target by this
constexpr std::int64_t kSilentChunk = kSampleRate;  // shorter silences between chunks are left out of the plan
constexpr std::int64_t kEnergySpan = 5;            // frames on either side that a cut without a silence averages over

struct Span {
    std::int64_t begin = 0, end = 0;
    std::int64_t size() const noexcept { return end - begin; }
};

// Counts of levels in half decibels from -100 to 0 dB: percentiles of a sliding window without sorting.
class LevelHistogram {
public:
    void add(float rms, int count) noexcept {
        m_counts[bin(rms)] += count;
        m_total += count;
    }
    float percentile(double share) const noexcept {
        const double wanted = share * static_cast<double>(m_total);
        std::int64_t seen = 0;
        for (std::size_t i = 0; i < m_counts.size(); ++i) {
            seen += m_counts[i];
            if (static_cast<double>(seen) > wanted) return level(i);
        }
        return 1.0F;
    }

private:
    static std::size_t bin(float rms) noexcept {
        const double halfDecibels = 40.0 * std::log10(std::max(static_cast<double>(rms), 1e-5)) + 200.0;
        return static_cast<std::size_t>(std::clamp(std::lround(halfDecibels), 0L, 200L));
    }
    static float level(std::size_t i) noexcept { return static_cast<float>(std::pow(10.0, (static_cast<double>(i) - 200.0) / 40.0)); }

    std::array<std::int64_t, 201> m_counts{};
    std::int64_t m_total = 0;
};

// Energy above which a frame is speech, one value per kNoiseStep frames.
std::vector<float> thresholds(const std::vector<float> &rms) {
    const std::int64_t frames = static_cast<std::int64_t>(rms.size());
    LevelHistogram whole;
    for (const float value : rms) whole.add(value, 1);
    // A quiet recording is judged by its own scale, down to where there is nothing but the noise of a converter.
    const float lowest = std::clamp(0.1F * whole.percentile(0.99), kQuietest, kLowestThreshold);
    LevelHistogram window;
    Span held;
    std::vector<float> out;
    for (std::int64_t at = 0; at < frames; at += kNoiseStep) {
        Span want{std::max<std::int64_t>(at - kNoiseWindow / 2, 0), std::min(at + kNoiseWindow / 2, frames)};
        for (; held.end < want.end; ++held.end) window.add(rms[static_cast<std::size_t>(held.end)], 1);
        for (; held.begin < want.begin; ++held.begin) window.add(rms[static_cast<std::size_t>(held.begin)], -1);
        const float floor = window.percentile(0.10);
        const float ratio = window.percentile(0.95) / floor;
        float threshold = floor * std::min(kFactor, std::sqrt(ratio));
        if (ratio < kSteadyRatio) threshold = std::min(floor * kFactor, kSteadyLoud);
        out.push_back(std::max(threshold, lowest));
    }
    return out;
}

// Speech in frames: runs above the threshold, short gaps closed, lone clicks dropped.
std::vector<Span> findSpeech(const std::vector<float> &rms, std::int64_t minSilence, std::int64_t minSpeech) {
    const std::vector<float> limits = thresholds(rms);
    std::vector<Span> runs;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(rms.size()); ++i) {
        if (rms[static_cast<std::size_t>(i)] <= limits[static_cast<std::size_t>(i / kNoiseStep)]) continue;
        if (!runs.empty() && i - runs.back().end < minSilence) {
            runs.back().end = i + 1;
        } else {
            runs.push_back({i, i + 1});
        }
    }
    std::erase_if(runs, [&](const Span &run) { return run.size() < minSpeech; });
    return runs;
}

// Options in frames, forced into an order that always makes progress.
struct Plan {
    std::int64_t window = 0;    // longest speech in a chunk
    std::int64_t lookBack = 0;
    std::int64_t overlap = 0;
    std::int64_t padding = 0;   // samples
    std::int64_t limit = 0;     // samples
    std::int64_t minSilence = 0, minSpeech = 0;
};

Plan planOf(const ChunkOptions &o) {
    const auto sane = [](double value, double low, double high, double fallback) {
        return std::isfinite(value) ? std::clamp(value, low, high) : fallback;
    };
    const double limit = sane(o.hardLimitSeconds, 2, 3600, 30);
    const double padding = sane(o.paddingSeconds, 0, limit / 10, 0.15);
    const double longest = limit - 2 * padding - 2 / kFramesPerSecond;
    const double target = sane(o.targetSeconds, longest / 2, longest, 24);
    const double window = std::min(target + kGrowSeconds, longest);
    const auto frames = [](double seconds) { return static_cast<std::int64_t>(seconds * kFramesPerSecond); };
    Plan plan;
    plan.window = frames(window);
    plan.lookBack = frames(std::min(kLookBackSeconds, window / 2));
    plan.overlap = frames(std::min(kOverlapSeconds, window / 8));
    plan.padding = static_cast<std::int64_t>(padding * kSampleRate);
    plan.limit = static_cast<std::int64_t>(limit * kSampleRate);
    plan.minSilence = std::max<std::int64_t>(frames(sane(o.minSilenceSeconds, 0.02, 10, 0.3)), 1);
    plan.minSpeech = std::max<std::int64_t>(frames(sane(o.minSpeechSeconds, 0.02, 10, 0.15)), 1);
    return plan;
}

// A chunk's speech in frames before padding.
struct Cut {
    Span speech;
    bool overlaps = false;  // begins before the end of the previous one
};

// The frame in [from, to) around which the least is heard.
std::int64_t quietest(const std::vector<float> &rms, std::int64_t from, std::int64_t to) {
    const std::int64_t last = static_cast<std::int64_t>(rms.size()) - 1;
    std::int64_t best = to - 1;
    double least = 1e300;
    for (std::int64_t i = from; i < to; ++i) {
        double energy = 0;
        for (std::int64_t j = i - kEnergySpan; j <= i + kEnergySpan; ++j) {
            const double value = static_cast<double>(rms[static_cast<std::size_t>(std::clamp<std::int64_t>(j, 0, last))]);
            energy += value * value;
        }
        if (energy <= least) {
            least = energy;
            best = i;
        }
    }
    return best;
}

std::vector<Cut> pack(const std::vector<Span> &speech, const std::vector<float> &rms, const Plan &plan) {
    std::vector<Cut> cuts;
    std::size_t first = 0;
    Cut current;
    if (!speech.empty()) current.speech.begin = speech.front().begin;
    while (first < speech.size()) {
        const std::int64_t windowEnd = current.speech.begin + plan.window;
        if (speech.back().end <= windowEnd) {
            current.speech.end = speech.back().end;
            cuts.push_back(current);
            break;
        }
        // Silence s lies between region s and s + 1: the longest one touching the end of the window, the later of equals.
        std::size_t chosen = speech.size();
        std::int64_t longest = 0;
        for (std::size_t s = first; s + 1 < speech.size() && speech[s].end <= windowEnd; ++s) {
            const Span silence{speech[s].end, speech[s + 1].begin};
            if (silence.end <= windowEnd - plan.lookBack || silence.size() < longest) continue;
            longest = silence.size();
            chosen = s;
        }
        if (chosen < speech.size()) {
            current.speech.end = speech[chosen].end;
            cuts.push_back(current);
            first = chosen + 1;
            current = {{speech[first].begin, 0}, false};
            continue;
        }
        const std::int64_t cut = quietest(rms, windowEnd - plan.lookBack, windowEnd);
        current.speech.end = cut;
        cuts.push_back(current);
        current = {{cut - plan.overlap, 0}, true};
        while (speech[first].end <= current.speech.begin) ++first;
    }
    return cuts;
}

void addSilence(std::vector<AudioChunk> &chunks, std::int64_t begin, std::int64_t end, std::int64_t limit) {
    if (end - begin < kSilentChunk) return;
    for (; begin < end; begin += limit) {
        chunks.push_back({begin, std::min(begin + limit, end), false, false, {}});
    }
}

void addRegions(AudioChunk &chunk, const std::vector<Span> &speech) {
    for (const Span &region : speech) {
        const std::int64_t begin = std::max(region.begin * kFrame, chunk.beginSample);
        const std::int64_t end = std::min(region.end * kFrame, chunk.endSample);
        if (begin < end) chunk.speech.emplace_back(begin, end);
    }
}

float rootMeanSquare(std::span<const float> samples) {
    double sum = 0;
    for (const float x : samples) {
        if (std::isfinite(x)) sum += static_cast<double>(x) * static_cast<double>(x);
    }
    return static_cast<float>(std::sqrt(sum / static_cast<double>(samples.size())));
}

}  // namespace

ChunkPlanner::ChunkPlanner(ChunkOptions options) : m_options(options) {}

void ChunkPlanner::push(std::span<const float> samples) {
    m_samples += static_cast<std::int64_t>(samples.size());
    while (!samples.empty()) {
        if (m_pending.empty() && samples.size() >= kFrame) {
            m_frameRms.push_back(rootMeanSquare(samples.first(kFrame)));
            samples = samples.subspan(kFrame);
            continue;
        }
        const std::size_t take = std::min<std::size_t>(samples.size(), static_cast<std::size_t>(kFrame) - m_pending.size());
        m_pending.insert(m_pending.end(), samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(take));
        samples = samples.subspan(take);
        if (m_pending.size() == kFrame) {
            m_frameRms.push_back(rootMeanSquare(m_pending));
            m_pending.clear();
        }
    }
}

std::vector<AudioChunk> ChunkPlanner::finish() const {
    std::vector<AudioChunk> chunks;
    if (m_samples == 0) return chunks;
    std::vector<float> rms = m_frameRms;
    if (!m_pending.empty()) rms.push_back(rootMeanSquare(m_pending));
    const Plan plan = planOf(m_options);
    std::vector<Span> speech = findSpeech(rms, plan.minSilence, plan.minSpeech);
    if (m_samples <= plan.limit) {
        AudioChunk whole{0, m_samples, !speech.empty(), false, {}};
        addRegions(whole, speech);
        chunks.push_back(std::move(whole));
        return chunks;
    }
    std::int64_t covered = 0;  // samples up to here are in a chunk
    const std::vector<Cut> cuts = pack(speech, rms, plan);
    std::size_t region = 0;  // first region that is not over yet
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        const bool joined = i + 1 < cuts.size() && cuts[i + 1].overlaps;
        AudioChunk chunk;
        chunk.overlapsPrevious = cuts[i].overlaps;
        chunk.beginSample = cuts[i].speech.begin * kFrame;
        chunk.endSample = std::min(cuts[i].speech.end * kFrame, m_samples);
        // Padding is real signal around the speech; between overlapping chunks there is more than enough already.
        if (!cuts[i].overlaps) chunk.beginSample = std::max(chunk.beginSample - plan.padding, covered);
        if (!joined) chunk.endSample = std::min(chunk.endSample + plan.padding, m_samples);
        while (region < speech.size() && speech[region].end * kFrame <= chunk.beginSample) ++region;
        std::size_t end = region;
        while (end < speech.size() && speech[end].begin * kFrame < chunk.endSample) ++end;
        addRegions(chunk, {speech.begin() + static_cast<std::ptrdiff_t>(region), speech.begin() + static_cast<std::ptrdiff_t>(end)});
        addSilence(chunks, covered, chunk.beginSample, plan.limit);
        covered = chunk.endSample;
        chunks.push_back(std::move(chunk));
    }
    addSilence(chunks, covered, m_samples, plan.limit);
    return chunks;
}

}  // namespace facet::media
