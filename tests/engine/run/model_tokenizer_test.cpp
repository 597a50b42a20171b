// The tokenizer of a GGUF file gives the same ids as the folder's tokenizer.json.
#include "run/model_tokenizer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>

using namespace facet;

namespace {

std::string fixtures() { return std::getenv("FACET_FIXTURES"); }

Tokenizer tokenizerOf(const std::string &path) {
    const auto checkpoint = openCheckpoint(fixtures() + "/" + path);
    if (!checkpoint) FAIL(checkpoint.error().describe());
    auto tokenizer = openTokenizer(*checkpoint);
    if (!tokenizer) FAIL(tokenizer.error().describe());
    return std::move(tokenizer).value();
}

}  // namespace

TEST_CASE("the golden lines come out of a GGUF file as out of tokenizer.json") {
    const Tokenizer gguf = tokenizerOf("gguf/tiny-e2b-bf16.gguf");
    const Tokenizer folder = tokenizerOf("checkpoints/tiny-e2b");
    CHECK(gguf.size() == folder.size());
    std::ifstream lines(fixtures() + "/golden/tokenizer.jsonl");
    std::string line;
    int count = 0;
    while (std::getline(lines, line)) {
        const auto json = nlohmann::json::parse(line);
        const auto ids = json.at("ids").get<std::vector<std::int32_t>>();
        INFO(line.substr(0, 200));
        if (json.at("text").is_string())
            CHECK(gguf.encode(json.at("text").get<std::string>(), json.value("match_control", true)) == ids);
        CHECK(gguf.decode(ids) == json.at("decoded").get<std::string>());
        ++count;
    }
    CHECK(count > 100);
    // Markers that the answer's parser needs stay visible in GGUF files: they are not control pieces there.
    const auto marker = gguf.idOf("<|tool_call>");
    REQUIRE(marker);
    CHECK(gguf.decode(std::vector{*marker}, true) == "<|tool_call>");
    CHECK(gguf.isAdded(*marker));
}
