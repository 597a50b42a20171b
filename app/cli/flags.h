// Options that several verbs share: which model and how, how to sample, how much of a picture to see.
#pragma once

#include "facet/engine.h"
#include "facet/media/decode.h"
#include "terminal.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace facet::cli {

// What the chosen verb will do; empty: none was chosen.
using RunVerb = std::function<int(Terminal &)>;

// $FACET_TUNE where it says off or again, else auto: a whole shell, a test, leaves what was measured alone.
std::string defaultTune();

struct ModelFlags {
    std::string model; // empty: the built-in demo model
    std::string mmproj;
    std::string weights = "as_stored";
    int contextLength = 0;
    int threads = 0;
    std::string isa = "auto";
    std::string kv = "auto";
    std::string packing = "auto";
    std::uint64_t memory = 0; // bytes; 0: what the machine has available
    std::string tune = defaultTune(); // auto, off or again
    std::string drafter;              // folder or .gguf of an "assistant" checkpoint
    std::vector<std::string> adapters; // FOLDER or FOLDER=SCALE
};
void addModelFlags(CLI::App &verb, ModelFlags &flags);
// Without --model and --tune.
void addLoadFlags(CLI::App &verb, ModelFlags &flags);
// --kv and --memory alone.
void addMemoryFlags(CLI::App &verb, std::string &kv, std::uint64_t &memory);
KvType kvType(const std::string &name);
void addTuneFlag(CLI::App &verb, std::string &tune);
TuneMode tuneMode(const std::string &name);
void addPackFlag(CLI::App &verb, std::string &packing);
Packing packing(const std::string &name);
// "8G", "1.5 GB", "900M", "2GiB", "1000000": bytes (G = 10^9, Gi = 2^30). Nothing for anything else, and for 0.
std::optional<std::uint64_t> sizeFromText(const std::string &text);
// Error: FileNotFound when the built-in model is wanted and missing.
Result<LoadOptions> loadOptions(const ModelFlags &flags);
WeightType weightType(const std::string &name);
InstructionSet instructionSet(const std::string &name); // auto, scalar, avx2, avx512
AdapterOption adapterOption(const std::string &text); // FOLDER or FOLDER=SCALE
Result<std::unique_ptr<Engine>> loadEngine(const ModelFlags &flags, Terminal &terminal, const CancelToken &cancel);

struct SamplingFlags {
    std::optional<float> temperature, topP, minP, repetitionPenalty, frequencyPenalty, presencePenalty;
    std::optional<int> topK;
    std::optional<std::uint64_t> seed;
    int maxTokens = 0;
    std::vector<std::string> stop;
};
void addSamplingFlags(CLI::App &verb, SamplingFlags &flags);
// `defaultTemperature` where the user names none; 0: greedy.
void applySampling(const SamplingFlags &flags, float defaultTemperature, Request &request);

// "--budget" with the values of the family.
void addBudgetFlag(CLI::App &verb, int &budget);
// Error: InvalidArgument when the model does not know this budget. 0: `fallback`.
Result<int> pictureBudget(int budget, int fallback, const ModelInfo &model);

// Every file is there and is a medium of one of these kinds, before any model is loaded. Error: FileNotFound, Media*.
Status checkMedia(const std::vector<std::string> &files, std::initializer_list<media::MediaKind> kinds,
                  const char *expected);

// The whole of a text or JSON file, at most 64 MiB. "-" is standard input.
Result<std::string> readTextFile(const std::string &path);
// Written beside and renamed, so that an old file is never half overwritten. Errors: FileWriteFailed, DiskFull.
Status writeFile(const std::string &path, std::string_view bytes);

} // namespace facet::cli
