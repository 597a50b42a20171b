#include "sample/sampler.h"

#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>

using namespace facet;
using nlohmann::json;

namespace {

std::string readFile(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Just enough of safetensors for one file of float and integer vectors.
struct Vectors {
    explicit Vectors(const std::string &path) : bytes(readFile(path)) {
        std::uint64_t size = 0;
        std::memcpy(&size, bytes.data(), 8);
        header = json::parse(bytes.substr(8, size));
        begin = 8 + size;
    }
    std::vector<float> floats(const std::string &name) const {
        const json &entry = header.at(name);
        REQUIRE(entry["dtype"] == "F32");
        const auto from = entry["data_offsets"][0].get<std::size_t>(), to = entry["data_offsets"][1].get<std::size_t>();
        std::vector<float> out((to - from) / 4);
        std::memcpy(out.data(), bytes.data() + begin + from, to - from);
        return out;
    }
    std::string bytes;
    json header;
    std::size_t begin = 0;
};

SamplingOptions off() {
    SamplingOptions options;
    options.topK = 0;
    options.topP = 1;
    return options;
}

SamplingOptions fromConfig(const json &config) {
    SamplingOptions options = off();
    options.temperature = config.value("temperature", 1.0F);
    options.topK = config.value("top_k", 0);
    options.topP = config.value("top_p", 1.0F);
    options.minP = config.value("min_p", 0.0F);
    options.repetitionPenalty = config.value("repetition_penalty", 1.0F);
    return options;
}

std::vector<std::int32_t> idsOf(const std::vector<Candidate> &list) {
    std::vector<std::int32_t> out;
    for (const Candidate &c : list) out.push_back(c.id);
    return out;
}

}  // namespace

TEST_CASE("every golden case keeps the same tokens with the same probabilities") {
    const std::string base = std::string(std::getenv("FACET_FIXTURES")) + "/golden/tiny-e2b/sampling";
    const json golden = json::parse(readFile(base + ".json"));
    const Vectors vectors(base + ".safetensors");
    const double tolerance = golden["tolerances"]["prob_max_abs"].get<double>();
    int cases = 0;
    for (const json &c : golden["cases"]) {
        CAPTURE(c.dump().substr(0, 600));
        const auto found = probeSampling(vectors.floats(c["logits"]), c["history"].get<std::vector<std::int32_t>>(), fromConfig(c["config"]));
        const std::vector<float> expected = vectors.floats(c["probs"]);
        REQUIRE(found.size() == c["kept"].get<std::size_t>());
        double worst = 0, sum = 0;
        for (std::size_t i = 0; i < expected.size(); ++i)
            worst = std::max(worst, std::abs(static_cast<double>(found[i].probability) - static_cast<double>(expected[i])));
        for (const ProbeCandidate &p : found) sum += static_cast<double>(p.probability);
        CHECK(worst <= tolerance);
        CHECK(sum == doctest::Approx(1.0).epsilon(1e-5));
        ++cases;
    }
    CHECK(cases > 30);
}

TEST_CASE("temperature 0 takes the largest, the lowest id among equals") {
    SamplingOptions options = off();
    options.temperature = 0;
    const std::vector<float> logits{1, 5, 2, 5, -1};
    REQUIRE(candidates(logits, {}, options).size() == 1);
    CHECK(candidates(logits, {}, options)[0].id == 1);
    CHECK(Sampler(options).pick(logits, {}) == 1);
    CHECK(Sampler(options).pick(logits, {}, std::vector<std::int32_t>{1}) == 3);
}

TEST_CASE("suppressed tokens and those without a number are never chosen") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    SamplingOptions options = off();
    options.seed = 5;
    Sampler sampler(options);
    const std::vector<float> logits{nan, 1, 9, -infinity, 0.5F, nan};
    CHECK(idsOf(candidates(logits, {}, options, std::vector<std::int32_t>{2, -1, 77})) == std::vector<std::int32_t>{1, 4});
    for (int i = 0; i < 200; ++i) {
        const std::int32_t id = sampler.pick(logits, {}, std::vector<std::int32_t>{2});
        CHECK((id == 1 || id == 4));
    }
    options.temperature = 0;
    CHECK(Sampler(options).pick(logits, {}) == 2);
}

TEST_CASE("rows without any possible token still give a defined answer") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (const float temperature : {0.0F, 1.0F}) {
        SamplingOptions options;
        options.temperature = temperature;
        CHECK(Sampler(options).pick(std::vector<float>(4, nan), {}) == 0);
        CHECK(Sampler(options).pick(std::vector<float>(4, -infinity), {}, std::vector<std::int32_t>{0, 1}) == 2);
        CHECK(Sampler(options).pick(std::vector<float>{}, {}) == 0);
        const auto one = candidates(std::vector<float>{1, infinity, 2}, {}, options);
        REQUIRE(one.size() == 1);
        CHECK(one[0].id == 1);
        CHECK(one[0].probability == 1.0F);
    }
}

TEST_CASE("frequency and presence penalties lower what was written, before the temperature") {
    SamplingOptions options = off();
    options.frequencyPenalty = 0.5F;
    options.presencePenalty = 0.25F;
    options.temperature = 2.0F;
    const std::vector<std::int32_t> history{1, 1, 2, 900, -3};
    const auto found = candidates(std::vector<float>{0, 0, 0}, history, options);
    std::map<std::int32_t, double> p;
    for (const Candidate &c : found) p[c.id] = c.probability;
    CHECK(std::log(p[0] / p[1]) == doctest::Approx(1.25 / 2).epsilon(1e-4));
    CHECK(std::log(p[0] / p[2]) == doctest::Approx(0.75 / 2).epsilon(1e-4));
}

TEST_CASE("the partly sorted nucleus equals the rule written out") {
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        std::vector<float> logits(1 + random() % 3000);
        std::normal_distribution<float> normal(0, 0.1F + static_cast<float>(random() % 40) / 10);
        for (float &v : logits) v = normal(random);
        SamplingOptions options = off();
        options.topP = 0.01F + static_cast<float>(random() % 98) / 100;
        std::vector<double> p(logits.begin(), logits.end());
        const double top = *std::max_element(p.begin(), p.end());
        double total = 0;
        for (double &v : p) total += v = std::exp(v - top);
        std::sort(p.begin(), p.end());
        std::size_t dropped = 0;
        for (double sum = 0; dropped + 1 < p.size() && (sum += p[dropped] / total) <= 1.0 - static_cast<double>(options.topP);) ++dropped;
        const auto kept = candidates(logits, {}, options);
        CHECK(kept.size() == p.size() - dropped);
        CHECK(std::is_sorted(kept.begin(), kept.end(), [](auto &a, auto &b) { return a.probability > b.probability; }));
    }
}

TEST_CASE("a seed repeats its choices and choices follow the probabilities") {
    SamplingOptions options = off();
    options.seed = 42;
    const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F)};
    Sampler a(options), b(options);
    std::map<std::int32_t, int> counts;
    for (int i = 0; i < 8000; ++i) {
        const std::int32_t id = a.pick(logits, {});
        REQUIRE(id == b.pick(logits, {}));
        ++counts[id];
    }
    CHECK(counts[0] / 8000.0 == doctest::Approx(1 / 8.0).epsilon(0.1));
    CHECK(counts[1] / 8000.0 == doctest::Approx(2 / 8.0).epsilon(0.1));
    CHECK(counts[2] / 8000.0 == doctest::Approx(5 / 8.0).epsilon(0.1));
}

TEST_CASE("the choice at a place depends on seed, place and token, not on the order of what was scored") {
    SamplingOptions options = off();
    options.seed = 9;
    const std::vector<float> logits{0.3F, 1.2F, -0.4F, 0.9F, 1.1F, 0.2F};
    const std::vector<std::int32_t> ids{4, 2, 0, 5, 1, 3};
    std::vector<float> shuffled;
    for (const std::int32_t id : ids) shuffled.push_back(logits[static_cast<std::size_t>(id)]);
    const std::vector<std::int32_t> history{1, 1, 4}, suppressed{2};
    options.repetitionPenalty = 1.3F;
    options.presencePenalty = 0.2F;
    const Sampler sampler(options), same(options);
    std::map<std::int32_t, int> counts;
    for (std::uint64_t place = 0; place < 500; ++place) {
        const std::int32_t id = sampler.pickAt(place, logits, history, suppressed);
        CHECK(id == same.pickAt(place, logits, history, suppressed));
        CHECK(id == sampler.pickAt(place, shuffled, history, suppressed, ids));
        ++counts[id];
    }
    CHECK(counts.size() == 5); // every token but the suppressed one
    options.temperature = 0;
    const std::vector<float> level{2, 1, 2};
    CHECK(Sampler(options).pickAt(0, level, {}, {}, std::vector<std::int32_t>{7, 3, 5}) == 5); // lowest id among equals
}

TEST_CASE("choices follow the probabilities over places and over seeds, pairs of places too") {
    SamplingOptions options = off();
    options.topK = 6;
    options.minP = 0.02F;
    std::vector<float> logits(40);
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>((i * 7919) % 23) / 5;
    const auto right = candidates(logits, {}, options);
    REQUIRE(right.size() >= 5);
    std::map<std::int32_t, int> overPlaces, overSeeds;
    std::map<std::pair<std::int32_t, std::int32_t>, int> pairs;
    constexpr int kRuns = 6000;
    for (int run = 0; run < kRuns; ++run) {
        options.seed = 77;
        ++overPlaces[Sampler(options).pickAt(static_cast<std::uint64_t>(run), logits, {}, {})];
        options.seed = static_cast<std::uint64_t>(run); // neighbours, as the choices of one request have
        const Sampler sampler(options);
        const std::int32_t first = sampler.pickAt(5, logits, {}, {});
        ++overSeeds[first];
        ++pairs[{first, sampler.pickAt(6, logits, {}, {})}];
    }
    // Mean k, variance 2k for k degrees of freedom: five deviations above.
    const auto limit = [](double k) { return k + 5 * std::sqrt(2 * k); };
    double places = 0, seeds = 0, both = 0;
    for (const Candidate &a : right) {
        const double expected = kRuns * static_cast<double>(a.probability);
        places += std::pow(overPlaces[a.id] - expected, 2) / expected;
        seeds += std::pow(overSeeds[a.id] - expected, 2) / expected;
        for (const Candidate &b : right) {
            const double together = expected * static_cast<double>(b.probability);
            both += std::pow(pairs[{a.id, b.id}] - together, 2) / together;
        }
    }
    const auto n = static_cast<double>(right.size());
    CHECK(places < limit(n - 1));
    CHECK(seeds < limit(n - 1));
    CHECK(both < limit(n * n - 1));
}

TEST_CASE("two distributions that race with the same noise agree as often as they can be expected to") {
    std::mt19937 random(23);
    std::normal_distribution<float> normal(0, 1);
    SamplingOptions options = off();
    for (const float difference : {0.0F, 0.3F, 1.0F}) {
        std::vector<float> p(24), q(24);
        for (std::size_t i = 0; i < p.size(); ++i) {
            p[i] = normal(random);
            q[i] = p[i] + difference * normal(random);
        }
        std::vector<double> a(p.size()), b(p.size());
        for (const Candidate &c : candidates(p, {}, options)) a[static_cast<std::size_t>(c.id)] = c.probability;
        for (const Candidate &c : candidates(q, {}, options)) b[static_cast<std::size_t>(c.id)] = c.probability;
        double agree = 0, distance = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < a.size(); ++j) sum += std::max(a[j] / a[i], b[j] / b[i]);
            agree += 1 / sum;
            distance += std::abs(a[i] - b[i]) / 2;
        }
        CHECK(agree >= (1 - distance) / (1 + distance) - 1e-9);
        const auto guess = static_cast<std::size_t>(std::max_element(b.begin(), b.end()) - b.begin());
        constexpr int kRuns = 4000;
        int same = 0, best = 0;
        for (int run = 0; run < kRuns; ++run) {
            options.seed = static_cast<std::uint64_t>(run);
            const Sampler sampler(options);
            const std::int32_t choice = sampler.pickAt(3, p, {}, {});
            same += choice == sampler.pickAt(3, q, {}, {}) ? 1 : 0;
            best += choice == static_cast<std::int32_t>(guess) ? 1 : 0;
        }
        CHECK(std::abs(same - kRuns * agree) < 5 * std::sqrt(kRuns * agree * (1 - agree)) + 1);
        CHECK(same > best + kRuns / 10); // guessing the most probable token always stands far less often
    }
}
