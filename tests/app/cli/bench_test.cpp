// `facet-cli bench` as its users see it, on the built-in demo model. No figure is judged.
#include "program.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace facet::test;
using nlohmann::json;

namespace {

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// For the programs that this one starts.
class Variable {
public:
    Variable(const char *name, const std::string &value) : m_name(name) {
        if (const char *old = std::getenv(name)) m_old = old;
        ::setenv(name, value.c_str(), 1);
    }
    ~Variable() {
        if (m_old.empty()) ::unsetenv(m_name);
        else ::setenv(m_name, m_old.c_str(), 1);
    }
    Variable(const Variable &) = delete;
    Variable &operator=(const Variable &) = delete;

private:
    const char *m_name;
    std::string m_old;
};

} // namespace

TEST_CASE("bench: speed, limit and memory") {
    const ProgramResult r = runProgram({"bench", "--json", "--media", "--seconds", "120", "--ctx", "2048", "--threads", "1"});
    REQUIRE(r.exitCode == 0);
    CHECK(r.err.empty());
    const json measured = json::parse(r.out);
    CHECK(measured["threads"] == 1);
    CHECK(measured["streaming_gb_s"] > 0);
    REQUIRE(measured["read"].size() == 2);
    CHECK(measured["read"][0]["tokens"] == 128);
    CHECK(measured["read"][1]["tokens"] == 512);
    REQUIRE(measured["write"].size() == 2);
    CHECK(measured["write"][0]["depth"] == 0);
    CHECK(measured["write"][1]["depth"] == 2048 - 64);
    for (const char *kind : {"read", "write"}) {
        for (const json &each : measured[kind]) {
            CHECK(each["tokens_per_second"] > 0);
            CHECK(each["bytes"] > 0);
        }
    }
    CHECK(measured["write"][0]["limit_tokens_per_second"] > 0);
    CHECK(measured["write"][0]["of_limit"] > 0);
    CHECK(measured["picture"]["tokens"] > 0);
    CHECK(measured["sound"]["tokens"] > 0);
    CHECK(measured["memory"]["peak_bytes"] > 1'000'000);
    CHECK(measured["skipped"].empty());
    const ProgramResult text = runProgram({"bench", "--seconds", "1", "--ctx", "300"});
    CHECK(text.exitCode == 0);
    for (const char *part : {"Machine", "Start", "Left out", "the context is shorter", "this one is too short"}) {
        CAPTURE(std::string(part));
        CHECK(contains(text.out, part));
    }
}

TEST_CASE("bench: wrong usage, no model, Ctrl-C") {
    CHECK(runProgram({"bench", "--seconds", "0"}).exitCode == 2);
    CHECK(runProgram({"bench", "--tune", "--kv", "q3"}).exitCode == 2);
    CHECK(runProgram({"bench", "/nowhere"}).exitCode == 3);
    const ProgramResult r = runProgram({"bench", "--media", "--seconds", "600"}, "", 900);
    CHECK((r.exitCode == 130 || r.exitCode == 0)); // a fast machine may be done by then
}

TEST_CASE("bench --tune is used from the next start on, and never against what is asked for") {
    const TemporaryFolder cache;
    const Variable folder("XDG_CACHE_HOME", cache.file("")), mode("FACET_TUNE", "auto");
    CHECK(json::parse(runProgram({"inspect", "--json"}).out)["tuned"] == false);
    const ProgramResult r = runProgram({"bench", "--tune", "--json"});
    REQUIRE(r.exitCode == 0);
    const json chosen = json::parse(r.out);
    CHECK(chosen["threads"] >= 1);
    CHECK(chosen["measured"]["caches"].size() == 4);
    std::string file;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(cache.file("facet/tuning"))) {
        CHECK(file.empty());
        file = entry.path().string();
    }
    REQUIRE_FALSE(file.empty());
    const json info = json::parse(runProgram({"inspect", "--json"}).out);
    CHECK(info["tuned"] == true);
    CHECK(info["threads"] == chosen["threads"]);
    CHECK(info["write_threads"] == chosen["write_threads"]);
    CHECK(info["kv"] == chosen["kv"]);
    CHECK(contains(runProgram({"inspect"}).out, "as measured on this machine"));
    const json asked = json::parse(runProgram({"inspect", "--json", "--threads", "7", "--kv", "f32"}).out);
    CHECK(asked["threads"] == 7);
    CHECK(asked["kv"] == "f32");
    CHECK(json::parse(runProgram({"inspect", "--json", "--tune", "off"}).out)["tuned"] == false);
    CHECK(json::parse(runProgram({"inspect", "--json", "--tune", "again"}).out)["tuned"] == false);
    // Damaged: said, not used.
    std::ofstream(file, std::ios::trunc) << "{\"format\"";
    const ProgramResult damaged = runProgram({"chat", "How are you?", "--temperature", "0"});
    CHECK(damaged.exitCode == 0);
    CHECK(contains(damaged.err, "cannot be used"));
    CHECK(contains(damaged.out, "I am fine"));
}
