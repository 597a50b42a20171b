#include "load/adapter.h"

#include "load/config_reader.h"
#include "load/json_text.h"
#include "load/mapped_file.h"
#include "load/name_pattern.h"
#include "load/safetensors.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = 4'000'000;
constexpr JsonLimits kConfigLimits{.depth = 16, .values = 200'000};
constexpr std::size_t kMaxPatterns = 2048;
constexpr double kMaxAlpha = 1e9;

struct AlphaPattern {
    std::string text;
    NamePattern pattern;
    double alpha = 0;
};

struct AdapterConfig {
    double alpha = 8;
    bool rankStabilised = false;
    std::vector<AlphaPattern> patterns;
};

// What changes more than the pairs say, and would be lost silently.
void refuseUnsupported(const ConfigReader &root, ConfigProblems &problems) {
    const std::string type = root.text("peft_type", "LORA");
    if (type != "LORA") problems.unsupported("peft_type is \"" + type.substr(0, 40) + "\", Facet applies \"LORA\"");
    if (root.boolean("use_dora", false)) problems.unsupported("use_dora is true: DoRA is not supported");
    const std::string bias = root.text("bias", "none");
    if (bias != "none") problems.unsupported("bias is \"" + bias.substr(0, 40) + "\": trained biases are not supported");
    for (const char *flag : {"lora_bias", "use_qalora"}) {
        if (root.boolean(flag, false)) problems.unsupported(std::string(flag) + " is true, which is not supported");
    }
    for (const char *list : {"modules_to_save", "target_parameters", "trainable_token_indices", "layer_replication"}) {
        const nlohmann::json *value = root.find(list);
        if (value && !value->empty())
            problems.unsupported(std::string(list) + " is not empty: only LoRA pairs are supported");
    }
}

Result<AdapterConfig> readConfig(const nlohmann::json &json, const std::string &file) {
    ConfigProblems problems(file);
    const ConfigReader root(json, "", problems);
    refuseUnsupported(root, problems);
    AdapterConfig config;
    config.alpha = root.number("lora_alpha", -kMaxAlpha, kMaxAlpha, 8.0);
    config.rankStabilised = root.boolean("use_rslora", false);
    if (const nlohmann::json *patterns = root.find("alpha_pattern")) {
        if (!patterns->is_object() || patterns->size() > kMaxPatterns)
            problems.corrupt("alpha_pattern is no object of at most " + std::to_string(kMaxPatterns) + " entries");
        const ConfigReader values(*patterns, "alpha_pattern", problems);
        for (const auto &[key, value] : patterns->items()) {
            if (problems.first()) break;
            auto pattern = NamePattern::parse(key);
            if (!pattern) {
                pattern.error().file = file;
                return pattern.error();
            }
            config.patterns.push_back(
                {key, std::move(*pattern), values.number(key.c_str(), -kMaxAlpha, kMaxAlpha)});
        }
    }
    if (problems.first()) {
        Error error = *problems.first();
        error.message = (error.code == ErrorCode::ModelUnsupported ? "This adapter cannot be applied: "
                                                                   : "The adapter's configuration is damaged: ") +
                        error.detail + ".";
        error.detail.clear();
        return error;
    }
    return config;
}

// Spellings of the same module by different classes of the reference.
std::string checkpointName(std::string_view module) {
    constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
        {"model.layers.", "model.language_model.layers."},
        {"model.per_layer_model_projection", "model.language_model.per_layer_model_projection"},
        {"language_model.model.", "model.language_model."},
        {"model.language_model.model.", "model.language_model."},
        {"language_model.lm_head", "lm_head"},
    };
    for (const auto &[from, to] : kSpellings) {
        if (module.starts_with(from)) return std::string(to) + std::string(module.substr(from.size()));
    }
    return std::string(module);
}

struct Half {
    std::string module; // as the file spells it
    bool isB = false;
};

std::optional<Half> halfOf(std::string_view tensor) {
    constexpr std::string_view kPrefix = "base_model.model.";
    if (tensor.starts_with(kPrefix)) tensor.remove_prefix(kPrefix.size());
    for (const std::string_view ending : {".weight", ".default.weight"}) {
        for (const bool b : {false, true}) {
            const std::string tail = std::string(b ? ".lora_B" : ".lora_A") + std::string(ending);
            if (tensor.size() > tail.size() && tensor.ends_with(tail))
                return Half{std::string(tensor.substr(0, tensor.size() - tail.size())), b};
        }
    }
    return std::nullopt;
}

Result<double> alphaOf(const AdapterConfig &config, const std::string &module, const std::string &file) {
    const AlphaPattern *found = nullptr;
    for (const AlphaPattern &candidate : config.patterns) {
        if (!candidate.pattern.matchesEnd(module)) continue;
        if (found && found->alpha != candidate.alpha) {
            return Error{ErrorCode::ModelUnsupported,
                         "Two patterns of the adapter give the same module different strengths.",
                         module + ": \"" + found->text.substr(0, 100) + "\" and \"" + candidate.text.substr(0, 100) +
                             "\"",
                         file};
        }
        found = &candidate;
    }
    return found ? found->alpha : config.alpha;
}

using Halves = std::map<std::string, std::pair<const TensorInfo *, const TensorInfo *>>; // by the file's module

Result<Halves> pairUp(const WeightSource &weights, const std::string &file) {
    Halves halves;
    for (const TensorInfo &tensor : weights.tensors()) {
        const auto half = halfOf(tensor.name);
        if (!half) {
            return Error{ErrorCode::ModelUnsupported,
                         "The adapter changes more than linear layers, which Facet cannot apply.",
                         "tensor " + tensor.name + " is no LoRA pair", file};
        }
        auto &entry = halves[half->module];
        const TensorInfo *&slot = half->isB ? entry.second : entry.first;
        if (slot) {
            return Error{ErrorCode::ModelFileCorrupt, "The adapter has the same matrix twice.",
                         "tensors " + slot->name + " and " + tensor.name, file};
        }
        slot = &tensor;
    }
    return halves;
}

Result<AdapterPair> readPair(const WeightSource &weights, const AdapterConfig &config, const std::string &module,
                             const TensorInfo *a, const TensorInfo *b, const std::string &file) {
    const auto corrupt = [&](std::string detail) {
        return Error{ErrorCode::ModelFileCorrupt, "The adapter is damaged or incomplete; download it again.",
                     std::move(detail), file};
    };
    if (!a || !b) return corrupt("tensor " + (a ? a : b)->name + " lacks its other half");
    if (a->shape.size() != 2 || b->shape.size() != 2)
        return corrupt("tensor " + (a->shape.size() != 2 ? a : b)->name + " is no matrix");
    if (a->shape[0] < 1 || a->shape[1] < 1 || b->shape[0] < 1 || a->shape[0] != b->shape[1]) {
        return corrupt("tensor " + a->name + " has rank " + std::to_string(a->shape[0]) + ", " + b->name + " has rank " +
                       std::to_string(b->shape[1]));
    }
    AdapterPair pair;
    pair.module = checkpointName(module);
    FACET_TRY(down, weights.matrix(a->name, a->shape[0], a->shape[1]));
    FACET_TRY(up, weights.matrix(b->name, b->shape[0], b->shape[1]));
    FACET_TRY(alpha, alphaOf(config, module, file));
    pair.a = std::move(down);
    pair.b = std::move(up);
    const auto rank = static_cast<double>(pair.a.rows);
    pair.scale = static_cast<float>(alpha / (config.rankStabilised ? std::sqrt(rank) : rank));
    return pair;
}

std::string folderName(const fs::path &folder) {
    std::error_code problem;
    const fs::path whole = fs::weakly_canonical(folder, problem);
    const fs::path &used = problem ? folder : whole;
    return (used.has_filename() ? used : used.parent_path()).filename().string();
}

} // namespace

Result<AdapterFile> readAdapter(std::string_view configText, const std::string &configPath, SafetensorsFile tensors,
                                const std::string &tensorPath) {
    FACET_TRY(json, parseJsonObject(configText, kConfigLimits, configPath));
    FACET_TRY(config, readConfig(json, configPath));
    AdapterFile out;
    out.bytes = tensors.bytes().size();
    const auto weights = weightsOf(std::move(tensors));
    FACET_TRY(halves, pairUp(*weights, tensorPath));
    for (const auto &[module, both] : halves) {
        FACET_TRY(pair, readPair(*weights, config, module, both.first, both.second, tensorPath));
        out.pairs.push_back(std::move(pair));
    }
    if (out.pairs.empty())
        return Error{ErrorCode::ModelFileCorrupt, "The adapter is empty.", "no LoRA pairs", tensorPath};
    char scales[32];
    double sum = 0;
    for (std::size_t i = 0; i < out.pairs.size(); ++i) sum += (1.0 + static_cast<double>(i)) * out.pairs[i].scale;
    std::snprintf(scales, sizeof scales, "-%a", sum);
    out.fingerprint = weights->fingerprint() + scales;
    out.weights = weights;
    return out;
}

Result<AdapterFile> openAdapter(const std::string &path) {
    fs::path folder(path);
    std::error_code ignored;
    if (fs::is_regular_file(folder, ignored)) folder = folder.parent_path();
    const std::string configPath = (folder / "adapter_config.json").string();
    const std::string tensorPath = (folder / "adapter_model.safetensors").string();
    if (path.empty() || !fs::exists(configPath, ignored)) {
        return Error{ErrorCode::FileNotFound,
                     "This is no adapter: there is no adapter_config.json; choose the adapter's folder.",
                     {},
                     configPath};
    }
    if (!fs::exists(tensorPath, ignored)) {
        return Error{ErrorCode::FileNotFound,
                     "The adapter lacks adapter_model.safetensors; finish the download, or save it as safetensors.",
                     {},
                     tensorPath};
    }
    FACET_TRY(text, readTextFile(configPath, kMaxConfigBytes));
    FACET_TRY(tensors, SafetensorsFile::open(tensorPath));
    FACET_TRY(adapter, readAdapter(text, configPath, std::move(tensors), tensorPath));
    adapter.path = folder.string();
    adapter.name = folderName(folder);
    return adapter;
}

} // namespace facet
