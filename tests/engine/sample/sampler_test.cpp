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
