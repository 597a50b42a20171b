#include "facet/media/prepare.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace facet::media;

namespace {

constexpr std::int64_t kRate = 16000;

// A synthetic recording: syllables (a tone whose loudness swings four times a second) over a noise floor.
class Recording {
public:
    explicit Recording(float noise = 0.001F) : m_noise(noise) {}
    Recording &speech(double seconds, float loudness = 0.2F) { return add(seconds, loudness, true); }
    Recording &silence(double seconds) { return add(seconds, 0, false); }
    const std::vector<float> &samples() const { return m_samples; }
    const std::vector<std::pair<std::int64_t, std::int64_t>> &spoken() const { return m_spoken; }
    std::int64_t size() const { return static_cast<std::int64_t>(m_samples.size()); }

private:
    Recording &add(double seconds, float loudness, bool spoken) {
        const std::int64_t count = static_cast<std::int64_t>(seconds * kRate);
        if (spoken) m_spoken.emplace_back(size(), size() + count);
        std::uniform_real_distribution<float> hiss(-1.7F, 1.7F);
        for (std::int64_t i = 0; i < count; ++i) {
            const float t = static_cast<float>(i) / kRate;
            const float swing = 0.55F + 0.45F * std::sin(25.0F * t);
            m_samples.push_back(loudness * 1.4F * swing * std::sin(1400.0F * t) + m_noise * hiss(m_random));
        }
        return *this;
    }

    float m_noise;
    std::vector<float> m_samples;
    std::vector<std::pair<std::int64_t, std::int64_t>> m_spoken;
    std::mt19937 m_random{7};
};

std::vector<AudioChunk> plan(const Recording &recording, const ChunkOptions &options = {}) {
    ChunkPlanner planner(options);
    planner.push(recording.samples());
    CHECK(planner.sampleCount() == recording.size());
    return planner.finish();
}

bool same(const std::vector<AudioChunk> &a, const std::vector<AudioChunk> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const AudioChunk &x, const AudioChunk &y) {
        return x.beginSample == y.beginSample && x.endSample == y.endSample && x.hasSpeech == y.hasSpeech &&
               x.overlapsPrevious == y.overlapsPrevious && x.speech == y.speech;
    });
}

// What must hold of every plan.
void checkPlan(const std::vector<AudioChunk> &chunks, const Recording &recording, double limitSeconds = 30) {
    const std::int64_t limit = static_cast<std::int64_t>(limitSeconds * kRate);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const AudioChunk &chunk = chunks[i];
        CHECK(chunk.beginSample >= 0);
        CHECK(chunk.endSample <= recording.size());
        CHECK(chunk.beginSample < chunk.endSample);
        CHECK(chunk.endSample - chunk.beginSample <= limit);
        CHECK(chunk.hasSpeech == !chunk.speech.empty());
        for (const auto &[begin, end] : chunk.speech) {
            CHECK(begin >= chunk.beginSample);
            CHECK(end <= chunk.endSample);
            CHECK(begin < end);
        }
        if (i == 0) continue;
        CHECK(chunk.beginSample > chunks[i - 1].beginSample);
        CHECK((chunk.beginSample < chunks[i - 1].endSample) == chunk.overlapsPrevious);
    }
    // Every spoken 100 ms lies in a chunk with speech (edges may be lost in the noise, the padding holds them).
    for (const auto &[begin, end] : recording.spoken()) {
        for (std::int64_t at = begin; at < end; at += kRate / 10) {
            const bool covered = std::any_of(chunks.begin(), chunks.end(), [at](const AudioChunk &c) {
                return c.hasSpeech && at >= c.beginSample && at < c.endSample;
            });
            CAPTURE(at);
            REQUIRE(covered);
        }
    }
}

}  // namespace

TEST_CASE("a recording up to the limit is one chunk, whole") {
    Recording recording;
    recording.silence(2).speech(3).silence(5).speech(19).silence(1);
    const std::vector<AudioChunk> chunks = plan(recording);
    REQUIRE(chunks.size() == 1);
    CHECK(chunks[0].beginSample == 0);
    CHECK(chunks[0].endSample == recording.size());
    CHECK(chunks[0].hasSpeech);
    CHECK(chunks[0].speech.size() == 2);
    CHECK(std::abs(chunks[0].speech[0].first - 2 * kRate) <= 640);
    CHECK(std::abs(chunks[0].speech[0].second - 5 * kRate) <= 1600);
    CHECK(plan(Recording()).empty());
}

TEST_CASE("silence has no speech, whether it is digital, hiss or a hum") {
    for (const float noise : {0.0F, 0.0004F, 0.003F, 0.02F}) {
        CAPTURE(noise);
        Recording shortOne(noise), longOne(noise);
        const std::vector<AudioChunk> one = plan(shortOne.silence(10));
        REQUIRE(one.size() == 1);
        CHECK_FALSE(one[0].hasSpeech);
        const std::vector<AudioChunk> many = plan(longOne.silence(100));
        checkPlan(many, longOne);
        CHECK(many.size() == 4);
        for (const AudioChunk &chunk : many) CHECK_FALSE(chunk.hasSpeech);
    }
}

TEST_CASE("cuts are in the longest silence near the target") {
    Recording recording;
    for (int i = 0; i < 12; ++i) recording.speech(6).silence(i % 3 == 2 ? 1.2 : 0.4);
    const std::vector<AudioChunk> chunks = plan(recording);
    checkPlan(chunks, recording);
    REQUIRE(chunks.size() >= 3);
    for (const AudioChunk &chunk : chunks) CHECK_FALSE(chunk.overlapsPrevious);
    // Three sentences with their pauses take 20 s; the long pause after them is the place.
    CHECK(chunks[0].endSample > static_cast<std::int64_t>(18.8 * kRate));
    CHECK(chunks[0].endSample < static_cast<std::int64_t>(20.1 * kRate));
}

TEST_CASE("speech without a pause is cut at its quietest and overlaps") {
    Recording recording;
    recording.speech(22).speech(0.2, 0.04F).speech(60).silence(1);
    const std::vector<AudioChunk> chunks = plan(recording);
    checkPlan(chunks, recording);
    REQUIRE(chunks.size() >= 3);
    CHECK_FALSE(chunks[0].overlapsPrevious);
    CHECK(std::abs(chunks[0].endSample - static_cast<std::int64_t>(22.1 * kRate)) < kRate / 4);
    for (std::size_t i = 1; i < chunks.size(); ++i) {
        CHECK(chunks[i].overlapsPrevious);
        const std::int64_t overlap = chunks[i - 1].endSample - chunks[i].beginSample;
        CHECK(overlap >= kRate);
        CHECK(overlap <= 2 * kRate);
    }
}

TEST_CASE("long silences are chunks without speech and lone clicks are not speech") {
    Recording recording;
    recording.silence(40).speech(4).silence(10).speech(0.06).silence(40).speech(5).silence(3);
    std::vector<AudioChunk> chunks = plan(recording);
    // The click of 60 ms is not speech: it need not be covered.
    std::size_t spoken = 0;
    for (const AudioChunk &chunk : chunks) spoken += chunk.hasSpeech;
    CHECK(spoken == 2);
    CHECK_FALSE(chunks.front().hasSpeech);
    for (const AudioChunk &chunk : chunks) CHECK(chunk.endSample - chunk.beginSample <= 30 * kRate);
    const auto first = std::find_if(chunks.begin(), chunks.end(), [](const AudioChunk &c) { return c.hasSpeech; });
    CHECK(std::abs(first->beginSample - static_cast<std::int64_t>(39.85 * kRate)) <= 640);  // padding of real signal
}

TEST_CASE("quiet speech, loud noise and a change of level") {
    Recording quiet(0.00005F);
    for (int i = 0; i < 10; ++i) quiet.speech(5, 0.01F).silence(0.6);
    checkPlan(plan(quiet), quiet);
    CHECK_FALSE(plan(quiet)[1].overlapsPrevious);

    Recording noisy(0.03F);
    for (int i = 0; i < 10; ++i) noisy.speech(5, 0.3F).silence(0.6);
    const std::vector<AudioChunk> chunks = plan(noisy);
    checkPlan(chunks, noisy);
    for (const AudioChunk &chunk : chunks) CHECK_FALSE(chunk.overlapsPrevious);

    Recording hum;
    for (std::int64_t i = 0; i < 70; ++i) hum.speech(1, 0.3F);
    checkPlan(plan(hum), hum);
}

TEST_CASE("the plan does not depend on how the samples arrive") {
    Recording recording;
    recording.speech(20).silence(0.5).speech(33).silence(4).speech(10).silence(0.013);
    const std::vector<AudioChunk> expected = plan(recording);
    checkPlan(expected, recording);
    std::mt19937 random(3);
    for (const int most : {1, 7, 319, 320, 321, 5000}) {
        ChunkPlanner planner;
        std::span<const float> rest = recording.samples();
        std::uniform_int_distribution<int> size(0, most);
        while (!rest.empty()) {
            const std::size_t take = std::min<std::size_t>(most == 1 ? 1 : static_cast<std::size_t>(size(random)), rest.size());
            planner.push(rest.first(take));
            rest = rest.subspan(take);
        }
        CHECK(same(planner.finish(), expected));
        CHECK(same(planner.finish(), expected));
    }
}

TEST_CASE("random recordings and options keep every promise") {
    std::mt19937 random(11);
    std::uniform_real_distribution<double> speech(0.3, 45), silence(0.02, 6), unit(0, 1);
    for (int round = 0; round < 12; ++round) {
        CAPTURE(round);
        Recording recording(static_cast<float>(0.003 * unit(random)));
        while (recording.size() < 150 * kRate) recording.speech(speech(random)).silence(unit(random) < 0.3 ? 0.1 : silence(random));
        ChunkOptions options;
        options.hardLimitSeconds = 6 + 24 * unit(random);
        options.targetSeconds = options.hardLimitSeconds * (0.4 + 0.8 * unit(random));
        options.paddingSeconds = 0.3 * unit(random);
        checkPlan(plan(recording, options), recording, options.hardLimitSeconds);
    }
    ChunkOptions absurd;
    absurd.hardLimitSeconds = std::nan("");
    absurd.targetSeconds = -1e9;
    absurd.paddingSeconds = 1e9;
    absurd.minSilenceSeconds = -1;
    absurd.minSpeechSeconds = std::nan("");
    Recording recording;
    recording.speech(50).silence(2).speech(50);
    checkPlan(plan(recording, absurd), recording);
}

TEST_CASE("broken samples do not poison the plan") {
    Recording recording;
    recording.silence(20).speech(5).silence(20);
    std::vector<float> samples = recording.samples();
    for (std::size_t i = 100; i < 5000; ++i) samples[i] = std::nanf("");
    ChunkPlanner planner;
    planner.push(samples);
    checkPlan(planner.finish(), recording);
}
