// What `facet-cli bench` says of figures that are put in.
#include "bench_report.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace facet;
using namespace facet::cli;

namespace {

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

ModelInfo model() {
    ModelInfo info;
    info.name = "a model";
    info.path = "/models/a";
    info.weightType = "Q4_0";
    info.contextLength = 8192;
    info.kv = KvType::Q8_0;
    info.threads = 8;
    info.writeThreads = 4;
    info.tuned = true;
    info.notes = {"A note."};
    return info;
}

BenchReport report() {
    BenchReport out;
    out.processor = "A processor";
    out.cores = 16;
    out.limits.read = 20;
    out.limits.read4bit = 25;
    out.loadSeconds = 0.8;
    out.reads = {{0.5, 128, 1e9, 1e12}, {2, 512, 1e9, 4e12}};
    out.writes = {{0, {2, 40, 4e10, 1e11}}, {4096, {2, 20, 3e10, 1e11}}};
    out.picture = PassFigures{1.5, 280, 1e9, 1e12};
    out.memory = {3'000'000'000, 1'000'000'000, 1'500'000'000};
    out.skipped = {"Sound: this model hears none."};
    return out;
}

} // namespace

TEST_CASE("speed beside what the memory allows") {
    const BenchReport measured = report();
    CHECK(writeLimit(measured.limits, measured.writes[0].figures) == doctest::Approx(25)); // 1 GB a token
    CHECK(writeLimit({}, measured.writes[0].figures) == 0);
    CHECK(writeLimit(measured.limits, {}) == 0);
    const std::string text = benchText(model(), measured);
    for (const char *part :
         {"a model, Q4_0, context of 8192 tokens as q8_0", "A processor, 8 threads of 16 (writing 4), memory streams 25.0 GB/s",
          "ready after 800 ms", "Read 128        256 tokens/s, first word of the answer after 500 ms", "first word of the answer after 2.0 s",
          "20.0 tokens/s in an empty context; each reads 1.00 GB, which this memory allows 25.0 times a second: 80 % of the limit",
          "10.0 tokens/s behind 4096 tokens; each reads 1.50 GB", "1.5 s for 280 tokens", "3.00 GB at the peak",
          "Left out        Sound: this model hears none.", "Note            A note."}) {
        CAPTURE(std::string(part));
        CHECK(contains(text, part));
    }
    // A model that the caches of the processor hold.
    BenchReport small = measured;
    small.writes = {{0, {1, 400, 4e8, 1e9}}, {0, {0.001, 400, 4e11, 1e9}}};
    CHECK(contains(benchText(model(), small), "the processor's caches hold part of it"));
}

TEST_CASE("the same as JSON") {
    const auto json = benchJson(model(), report());
    CHECK(json["threads"] == 8);
    CHECK(json["write_threads"] == 4);
    CHECK(json["tuned"] == true);
    CHECK(json["streaming_gb_s"] == 25);
    CHECK(json["read"][1]["tokens_per_second"].get<double>() == doctest::Approx(256));
    CHECK(json["read"][0]["first_token_ms"].get<double>() == doctest::Approx(500));
    CHECK(json["write"][1]["depth"] == 4096);
    CHECK(json["write"][0]["bytes_per_token"].get<double>() == doctest::Approx(1e9));
    CHECK(json["write"][0]["of_limit"].get<double>() == doctest::Approx(0.8));
    CHECK(json["picture"]["tokens"] == 280);
    CHECK(json["sound"].is_null());
    CHECK(json["memory"]["peak_bytes"] == 3'000'000'000U);
    CHECK(json["skipped"].size() == 1);
}

TEST_CASE("what was chosen and why") {
    TuningFigures figures;
    figures.threads = {{16, 100, 10}, {8, 90, 12}};
    figures.caches = {{KvType::F16, 1e-7, 1, 10, 400'000'000}, {KvType::Q8_0, 1e-4, 1, 11, 200'000'000}};
    figures.positions = 256;
    figures.depth = 4096;
    const Tuning tuning = chooseTuning(figures);
    const std::string text = tuningText(tuning);
    for (const char *part : {"16 threads      reads 100 tokens/s, writes 10.0 tokens/s", "Context q8_0    same best token at 100.0 % of 256",
                             "behind 4096 tokens writes 11.0 tokens/s and takes 200 MB",
                             "16 threads to read, 8 to write, context as q8_0", "Because         8 threads write answers"}) {
        CAPTURE(std::string(part));
        CHECK(contains(text, part));
    }
    const auto json = tuningJson(tuning);
    CHECK(json["write_threads"] == 8);
    CHECK(json["kv"] == "q8_0");
    CHECK(json["reasons"].size() == 2);
    CHECK(json["measured"]["caches"][1]["bytes"] == 200'000'000);
}
