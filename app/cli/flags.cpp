#include "flags.h"

#include "resources.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace facet::cli {

namespace {
constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
}

void addModelFlags(CLI::App &verb, ModelFlags &flags) {
    verb.add_option("--model", flags.model, "Model folder or .gguf file; without it the small built-in demo model")
        ->group("Model");
    addLoadFlags(verb, flags);
    addTuneFlag(verb, flags.tune);
}

void addTuneFlag(CLI::App &verb, std::string &tune) {
    verb.add_option("--tune", tune,
                    "Threads and --kv as they were measured to be best here: auto, off, or again (measured anew); what is "
                    "given above always wins")
        ->check(CLI::IsMember({"auto", "off", "again"}))
        ->group("Model");
}

std::string defaultTune() {
    const char *given = std::getenv("FACET_TUNE");
    const std::string mode = given != nullptr ? given : "";
    return mode == "off" || mode == "again" ? mode : "auto";
}

TuneMode tuneMode(const std::string &name) {
    return name == "off" ? TuneMode::Off : name == "again" ? TuneMode::Again : TuneMode::Auto;
}

void addLoadFlags(CLI::App &verb, ModelFlags &flags) {
    verb.add_option("--mmproj", flags.mmproj, "GGUF file with the model's vision and sound; without it the one beside it")
        ->group("Model");
    verb.add_option("--weights", flags.weights, "How the weights are kept in memory: as_stored, q8_0 or q4_0")
        ->check(CLI::IsMember({"as_stored", "q8_0", "q4_0"}))
        ->group("Model");
    verb.add_option("--ctx", flags.contextLength, "Context length in tokens; 0: the model's own, at most 8192")
        ->check(CLI::Range(0, 1 << 20))
        ->group("Model");
    verb.add_option("--threads", flags.threads, "Worker threads; 0: as measured here, or all cores")
        ->check(CLI::Range(0, 1024))
        ->group("Model");
    verb.add_option("--isa", flags.isa, "Kernels: auto, scalar, avx2, avx2_vnni, avx512 or avx512_vnni")
        ->check(CLI::IsMember({"auto", "scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni"}))
        ->group("Model");
    verb.add_option("--drafter", flags.drafter, "A drafter (\"assistant\") of this model: the same text, faster")
        ->group("Model");
    verb.add_option("--lora", flags.adapters, "An adapter's folder, or FOLDER=SCALE (repeatable)")
        ->allow_extra_args(false)
        ->group("Model");
    addPackFlag(verb, flags.packing);
    addMemoryFlags(verb, flags.kv, flags.memory);
}

void addPackFlag(CLI::App &verb, std::string &packing) {
    verb.add_option("--pack", packing,
                    "A faster layout of the weights in memory of their own: auto, on or off; auto: where there is plenty of it")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->group("Model");
}

void addMemoryFlags(CLI::App &verb, std::string &kv, std::uint64_t &memory) {
    verb.add_option("--kv", kv, "How the context is kept: auto, f32, f16, q8_0, q4_0 or q4_r; auto: f16 where it fits, or as measured here")
        ->check(CLI::IsMember({"auto", "f32", "f16", "q8_0", "q4_0", "q4_r"}))
        ->group("Model");
    verb.add_option_function<std::string>(
            "--memory", [&memory](const std::string &text) { memory = sizeFromText(text).value_or(0); },
            "Memory for everything: 8G, 900M; without it what the machine has free")
        ->check([](const std::string &text) {
            return sizeFromText(text) ? std::string() : "\"" + text + "\" is no size such as 8G or 900M";
        })
        ->group("Model");
}

std::optional<std::uint64_t> sizeFromText(const std::string &text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    std::string unit(end, text.data() + text.size());
    std::transform(unit.begin(), unit.end(), unit.begin(), [](unsigned char c) { return std::tolower(c); });
    while (!unit.empty() && unit.front() == ' ') unit.erase(0, 1);
    if (!unit.empty() && unit.back() == 'b') unit.pop_back();
    const bool binary = unit.size() == 2 && unit.back() == 'i';
    if (binary) unit.pop_back();
    constexpr std::string_view kUnits = "kmgt";
    if (unit.size() > 1) return std::nullopt;
    if (!unit.empty()) {
        const auto power = kUnits.find(unit.front());
        if (power == std::string_view::npos) return std::nullopt;
        value *= std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
    } else if (binary) {
        return std::nullopt;
    }
    constexpr double kMost = 1e18;
    if (!(value >= 1) || value > kMost) return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

KvType kvType(const std::string &name) { return kvTypeNamed(name).value_or(KvType::Auto); }

Packing packing(const std::string &name) { return packingNamed(name).value_or(Packing::Auto); }

// A folder's name may hold "=": only a number behind the last one is a scale.
AdapterOption adapterOption(const std::string &text) {
    const std::size_t at = text.rfind('=');
    if (at == std::string::npos || at + 1 == text.size()) return {text, 1.0F};
    char *end = nullptr;
    const float scale = std::strtof(text.c_str() + at + 1, &end);
    if (end != text.c_str() + text.size()) return {text, 1.0F};
    return {text.substr(0, at), scale};
}

WeightType weightType(const std::string &name) {
    return name == "q8_0" ? WeightType::Q8_0 : name == "q4_0" ? WeightType::Q4_0 : WeightType::AsStored;
}

InstructionSet instructionSet(const std::string &name) {
    if (name == "scalar") return InstructionSet::Scalar;
    if (name == "avx2") return InstructionSet::Avx2;
    if (name == "avx2_vnni") return InstructionSet::Avx2Vnni;
    if (name == "avx512_vnni") return InstructionSet::Avx512Vnni;
    return name == "avx512" ? InstructionSet::Avx512 : InstructionSet::Auto;
}

Result<LoadOptions> loadOptions(const ModelFlags &flags) {
    LoadOptions options;
    options.path = flags.model;
    options.mmproj = flags.mmproj;
    if (options.path.empty()) {
        const std::optional<std::string> demo = findResource("demo-model");
        if (!demo) {
            return Error{.code = ErrorCode::FileNotFound,
                         .message = "The built-in demo model is not installed; name a model folder with --model."};
        }
        options.path = *demo;
    }
    options.weights = weightType(flags.weights);
    options.contextLength = flags.contextLength;
    options.threads = flags.threads;
    options.kv = kvType(flags.kv);
    options.packing = packing(flags.packing);
    options.tune = tuneMode(flags.tune);
    options.tuningFolder = tuningFolder();
    options.memoryLimitBytes = flags.memory;
    options.drafter = flags.drafter;
    for (const std::string &adapter : flags.adapters) options.adapters.push_back(adapterOption(adapter));
    options.isa = instructionSet(flags.isa);
    return options;
}

Result<std::unique_ptr<Engine>> loadEngine(const ModelFlags &flags, Terminal &terminal, const CancelToken &cancel) {
    FACET_TRY(options, loadOptions(flags));
    Result<std::unique_ptr<Engine>> engine = Engine::load(options, progressLine(terminal), cancel);
    terminal.clearProgress();
    if (engine) {
        for (const std::string &note : (*engine)->info().notes) terminal.say("facet-cli: " + note);
    }
    return engine;
}

void addSamplingFlags(CLI::App &verb, SamplingFlags &flags) {
    verb.add_option("--temperature", flags.temperature, "0: always the most probable token")
        ->check(CLI::Range(0.0, 5.0))
        ->group("Sampling");
    verb.add_option("--top-k", flags.topK, "Only the k most probable tokens; 0: off")
        ->check(CLI::Range(0, 1 << 20))
        ->group("Sampling");
    verb.add_option("--top-p", flags.topP, "Smallest set of this probability; 1: off")
        ->check(CLI::Range(0.0, 1.0))
        ->group("Sampling");
    verb.add_option("--min-p", flags.minP, "At least this share of the best; 0: off")
        ->check(CLI::Range(0.0, 1.0))
        ->group("Sampling");
    verb.add_option("--repetition-penalty", flags.repetitionPenalty, "1: off")
        ->check(CLI::Range(0.1, 10.0))
        ->group("Sampling");
    verb.add_option("--frequency-penalty", flags.frequencyPenalty, "0: off")
        ->check(CLI::Range(-2.0, 2.0))
        ->group("Sampling");
    verb.add_option("--presence-penalty", flags.presencePenalty, "0: off")
        ->check(CLI::Range(-2.0, 2.0))
        ->group("Sampling");
    verb.add_option("--seed", flags.seed, "Same seed, same answer")->group("Sampling");
    verb.add_option("--max-tokens", flags.maxTokens, "Length of the answer; 0: until the context is full")
        ->check(CLI::Range(0, 1 << 20))
        ->group("Sampling");
    verb.add_option("--stop", flags.stop, "End the answer before this text (repeatable)")
        ->allow_extra_args(false)
        ->group("Sampling");
}

void applySampling(const SamplingFlags &flags, float defaultTemperature, Request &request) {
    SamplingOptions &s = request.sampling;
    s.temperature = flags.temperature.value_or(defaultTemperature);
    s.topK = flags.topK.value_or(s.topK);
    s.topP = flags.topP.value_or(s.topP);
    s.minP = flags.minP.value_or(s.minP);
    s.repetitionPenalty = flags.repetitionPenalty.value_or(s.repetitionPenalty);
    s.frequencyPenalty = flags.frequencyPenalty.value_or(s.frequencyPenalty);
    s.presencePenalty = flags.presencePenalty.value_or(s.presencePenalty);
    s.seed = flags.seed;
    request.maxTokens = flags.maxTokens;
    request.stop = flags.stop;
}

void addBudgetFlag(CLI::App &verb, int &budget) {
    verb.add_option("--budget", budget, "Soft tokens a picture is worth: 70, 140, 280, 560 or 1120")
        ->check(CLI::IsMember({70, 140, 280, 560, 1120}));
}

Result<int> pictureBudget(int budget, int fallback, const ModelInfo &model) {
    if (budget == 0) return fallback;
    const std::vector<int> &known = model.vision.budgets;
    if (std::find(known.begin(), known.end(), budget) != known.end()) return budget;
    return Error{.code = ErrorCode::InvalidArgument,
                 .message = "The model " + model.name + " does not know a picture budget of " + std::to_string(budget) +
                            " tokens."};
}

Status checkMedia(const std::vector<std::string> &files, std::initializer_list<media::MediaKind> kinds,
                  const char *expected) {
    for (const std::string &file : files) {
        FACET_TRY(details, media::probeMedia(media::Source::file(file)));
        const bool fits = std::find(kinds.begin(), kinds.end(), details.kind) != kinds.end();
        const bool sound = std::find(kinds.begin(), kinds.end(), media::MediaKind::Sound) != kinds.end();
        if (fits || (sound && details.hasSound)) continue;
        return Error{
            .code = ErrorCode::MediaUnsupported, .message = std::string("This is not ") + expected + ".", .file = file};
    }
    return ok();
}

Result<std::string> readTextFile(const std::string &path) {
    std::string text;
    if (path == "-") {
        text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
        return text;
    }
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
        return Error{.code = ErrorCode::FileNotFound, .message = "There is no such file.", .file = path};
    }
    if (std::filesystem::file_size(path, error) > kMaxTextBytes) {
        return Error{.code = ErrorCode::LimitExceeded, .message = "The file is too large for a text.", .file = path};
    }
    std::ifstream file(path, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (!file) return Error{.code = ErrorCode::FileUnreadable, .message = "The file cannot be read.", .file = path};
    return text;
}

Status writeFile(const std::string &path, std::string_view bytes) {
    std::error_code error;
    const bool special =
        std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error); // a device
    const std::string part = special ? path : path + ".part";
    errno = 0;
    std::FILE *file = std::fopen(part.c_str(), "wb");
    bool good = file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    good = good && std::fflush(file) == 0 && (special || ::fsync(::fileno(file)) == 0);
    int number = good ? 0 : errno;
    if (file != nullptr && std::fclose(file) != 0 && good) {
        good = false;
        number = errno;
    }
    if (good && !special && std::rename(part.c_str(), path.c_str()) != 0) {
        good = false;
        number = errno;
    }
    if (good) return ok();
    if (!special) std::remove(part.c_str());
    return Error{.code = number == ENOSPC ? ErrorCode::DiskFull : ErrorCode::FileWriteFailed,
                 .message =
                     number == ENOSPC ? "There is no room left to write the file." : "The file cannot be written.",
                 .detail = std::strerror(number),
                 .file = path};
}

} // namespace facet::cli
