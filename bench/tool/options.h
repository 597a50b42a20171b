// The command line of facet-bench: llama-bench's flags and some of its own.
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace facet::bench {

enum class OutputFormat : std::uint8_t { Markdown, Json, JsonLines, Csv };

struct PictureOption {
    int width = 0, height = 0;
};

struct BenchOptions {
    std::vector<std::string> models;
    std::string mmproj, drafter;
    WeightType weights = WeightType::AsStored;
    Packing packing = Packing::Auto;
    std::vector<int> threads;           // empty: all cores
    std::vector<int> prompts;           // tokens; 0 is left out
    std::vector<int> generations;
    std::vector<std::pair<int, int>> promptGenerations;
    std::vector<int> depths{0};         // tokens in the cache before the test
    std::vector<int> verifyRows;        // rows with logits of one pass
    std::vector<int> parallel;          // conversations that write in one pass
    std::vector<KvType> kv{KvType::F16};
    std::vector<PictureOption> pictures;
    int budget = 280;                   // soft tokens a picture may become
    std::vector<double> sounds;         // seconds
    int repetitions = 5;
    bool load = false, profile = false, roofline = true, rooflineOnly = false, progress = false, help = false;
    bool loadChild = false;             // what --load starts to be measured
    OutputFormat output = OutputFormat::Markdown;

    // Context that the longest of the tests needs.
    int contextLength() const noexcept;
};

const char *usage() noexcept;
// Error: InvalidArgument, with the flag.
Result<BenchOptions> parseOptions(int argc, const char *const *argv);

}  // namespace facet::bench
