// What `inspect` says a model will take, against what a process of its own really took.
#include "program.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

using namespace facet::test;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

Words joined(Words first, const Words &second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

json inspected(const Words &flags) {
    const ProgramResult r = runProgram(joined({"inspect", "--json"}, flags));
    REQUIRE(r.exitCode == 0);
    return json::parse(r.out);
}

// The estimate for a context length.
json memoryAt(const json &info, int context) {
    for (const json &each : info["memory"])
        if (each["context"] == context) return each;
    FAIL("no estimate for " << context);
    return {};
}

void checkPeak(const json &estimate, const char *key, std::uint64_t measured) {
    const auto predicted = estimate[key].get<double>();
    CAPTURE(key);
    CAPTURE(predicted);
    CAPTURE(measured);
    CHECK(static_cast<double>(measured) <= predicted * 1.1);
    CHECK(static_cast<double>(measured) >= predicted * 0.9);
}

std::string fixture(const std::string &name) { return std::string(std::getenv("FACET_FIXTURES")) + "/" + name; }

// Sanitizers keep memory of their own beside everything that is allocated.
bool plainBuild() {
    const ProgramResult r = runProgram({"--version"});
    return r.peakBytes < (std::uint64_t{64} << 20U);
}

} // namespace

TEST_CASE("the peak of a short question and of a full context is what inspect says, within 10 %") {
    if (!plainBuild()) return;
    const std::vector<Words> models = {
        {},
        {"--weights", "q8_0"},
        {"--weights", "q4_0", "--kv", "q8_0"},
        {"--model", fixture("gguf/tiny-e2b-Q4_K_M.gguf")},
        {"--model", fixture("gguf/tiny-26b-a4b-Q4_0.gguf"), "--kv", "f32"},
    };
    for (const Words &model : models) {
        for (const int context : {512, 4096}) {
            INFO((model.empty() ? std::string("demo") : model[1]), " at ", context);
            const Words flags = joined(model, {"--ctx", std::to_string(context)});
            const json info = inspected(flags);
            const ProgramResult asked =
                runProgram(joined({"chat", "Hello", "--max-tokens", "8", "--temperature", "0"}, flags));
            REQUIRE(asked.exitCode == 0);
            checkPeak(memoryAt(info, context), "start_bytes", asked.peakBytes);
        }
        // A prompt that fills most of the context.
        const Words flags = joined(model, {"--ctx", "2048"});
        std::string text;
        while (text.size() < 1800) text += "a1 b2 ";
        const ProgramResult filled = runProgram(joined({"chat", "--max-tokens", "200", "--temperature", "0"}, flags), text);
        REQUIRE(filled.exitCode == 0);
        checkPeak(memoryAt(inspected(flags), 2048), "text_bytes", filled.peakBytes);
    }
}

TEST_CASE("a limit is kept by a smaller type of keys and values, which is said, or the load is refused with figures") {
    const json info = inspected({"--ctx", "8192", "--kv", "f16"});
    const auto need = memoryAt(info, 8192);
    const auto total = need["total_bytes"].get<std::uint64_t>(), cache = need["kv_bytes"].get<std::uint64_t>();
    // The program's own part differs a little from run to run; half of the cache is far more.
    const Words limited = {"--ctx", "8192", "--memory", std::to_string(total - cache / 4)};
    const json smaller = inspected(limited);
    CHECK(smaller["kv"] == "q8_0");
    REQUIRE(smaller["notes"].size() == 1);
    CHECK(contains(smaller["notes"][0].get<std::string>(), "q8_0"));
    CHECK(contains(smaller["notes"][0].get<std::string>(), "GB"));
    const ProgramResult loaded = runProgram(joined({"chat", "How are you?", "--temperature", "0"}, limited));
    CHECK(loaded.exitCode == 0);
    CHECK(contains(loaded.err, "Keys and values are kept as q8_0"));
    CHECK(contains(loaded.out, "I am fine"));
    const ProgramResult exact =
        runProgram(joined({"chat", "How are you?", "--temperature", "0", "--kv", "f16"}, limited));
    CHECK(exact.exitCode == 3); // asked for explicitly: never replaced
    CHECK(contains(exact.err, "GB"));
    const ProgramResult tiny = runProgram({"chat", "How are you?", "--memory", "20M"});
    CHECK(tiny.exitCode == 3);
    CHECK(contains(tiny.err, "0.02 GB are allowed"));
    const json refused = inspected({"--memory", "20M"});
    REQUIRE(refused["notes"].size() == 1);
    CHECK(contains(refused["notes"][0].get<std::string>(), "0.02 GB are allowed"));
}

TEST_CASE("types of keys and values and sizes are checked") {
    CHECK(runProgram({"chat", "Hello", "--kv", "q2"}).exitCode == 2);
    for (const char *size : {"eight", "8X", "-1", "0", "1e300", "8 apples", ""})
        CHECK(runProgram({"chat", "Hello", "--memory", size}).exitCode == 2);
    for (const char *size : {"8G", "8GB", "1.5 gb", "900M", "2GiB", "4000000000"})
        CHECK(runProgram({"inspect", "--memory", size}).exitCode == 0);
    // Heads of 16 values are no whole blocks.
    const ProgramResult narrow =
        runProgram({"chat", "Hello", "--model", fixture("checkpoints/tiny-31b"), "--kv", "q4_0"});
    CHECK(narrow.exitCode == 3);
    CHECK(contains(narrow.err, "multiple of 32"));
    for (const char *type : {"f32", "f16", "q8_0", "q4_0", "q4_r"}) {
        const ProgramResult r = runProgram({"chat", "How are you?", "--temperature", "0", "--kv", type});
        CAPTURE(type);
        CHECK(r.out == "I am fine, thank you! What shall I read or listen to?\n");
        CHECK(r.err.empty());
    }
}

TEST_CASE("inspect measures what each type of keys and values costs on a text") {
    const ProgramResult r = runProgram({"inspect", "--json", "--kv-loss", "-"}, "How are you? I am fine, thank you!");
    REQUIRE(r.exitCode == 0);
    const json losses = json::parse(r.out)["kv_loss"];
    REQUIRE(losses.size() == 5);
    CHECK(losses[0]["kv"] == "f32");
    CHECK(losses[0]["divergence"] == 0);
    CHECK(losses[3]["kv"] == "q4_0");
    CHECK(losses[1]["divergence"] <= losses[2]["divergence"]);
    CHECK(losses[2]["divergence"] < losses[3]["divergence"]);
    CHECK(losses[3]["bytes"] < losses[2]["bytes"]);
    CHECK(losses[4]["kv"] == "q4_r");
    CHECK(losses[4]["bytes"] == losses[3]["bytes"]);
    CHECK(contains(runProgram({"inspect", "--kv-loss", "-"}, "How are you?").out, "Context as q8_0"));
    CHECK(runProgram({"inspect", "--kv-loss", "/nowhere"}).exitCode == 3);
}
