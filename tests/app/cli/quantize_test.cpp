// facet-cli quantize --auto: the plan on standard output, sentences for what does not fit together.
#include "program.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <string>

using namespace facet::test;
using nlohmann::json;

namespace {

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

std::string demoModel() {
    const char *resources = std::getenv("FACET_RESOURCES");
    REQUIRE(resources != nullptr);
    return std::string(resources) + "/demo-model";
}

} // namespace

TEST_CASE("a plan is shown and nothing is written") {
    const ProgramResult r = runProgram({"quantize", demoModel(), "--auto", "--memory", "3MB", "--dry-run"});
    REQUIRE(r.exitCode == 0);
    CHECK(contains(r.out, "ffn_down"));
    CHECK(contains(r.out, "token_embd"));
    CHECK(contains(r.out, "expected loss"));
    CHECK_FALSE(contains(r.out, "measured loss"));
    const ProgramResult told =
        runProgram({"quantize", demoModel(), "--auto", "--memory", "3MB", "--dry-run", "--json", "--text", "-"},
                   "The quick brown fox jumps over the lazy dog, and nobody minds.");
    REQUIRE(told.exitCode == 0);
    const json plan = json::parse(told.out);
    CHECK(plan["bytes"] <= 3'000'000);
    CHECK(plan["bytes"] >= plan["smallest_bytes"]);
    CHECK(plan["measured_loss"].is_null());
    CHECK(plan["tokens"] > 10);
    double loss = 0;
    for (const json &tensor : plan["tensors"]) loss += tensor["loss"].get<double>();
    CHECK(loss == doctest::Approx(plan["loss"].get<double>()));
}

TEST_CASE("what does not fit together, and what cannot be met, is said") {
    const auto refused = [](std::vector<std::string> words, int code, const char *sentence) {
        words.insert(words.begin(), "quantize");
        const ProgramResult r = runProgram(words);
        CAPTURE(r.err);
        CHECK(r.exitCode == code);
        CHECK(contains(r.err, sentence));
        CHECK(r.out.empty());
    };
    const std::string demo = demoModel();
    refused({demo, "--auto", "--dry-run"}, 2, "--auto needs --memory");
    refused({demo, "--auto", "--memory", "3MB"}, 2, "--dry-run");
    refused({demo, "--auto", "--memory", "3MB", "--dry-run", "--type", "q8_0"}, 2, "leave --type out");
    refused({demo, "out.gguf", "--dry-run"}, 2, "belong to --auto");
    refused({demo, "out.gguf", "--memory", "3MB"}, 2, "belong to --auto");
    refused({demo, "--auto", "--dry-run", "--memory", "much"}, 2, "a size such as");
    refused({demo, "--auto", "--dry-run", "--memory", "10000"}, 3, "the smallest file of it has");
    refused({demo, "--auto", "--dry-run", "--memory", "3MB", "--text", "/nowhere"}, 2, "/nowhere");
    refused({"/nowhere", "--auto", "--dry-run", "--memory", "3MB"}, 3, "/nowhere");
}
