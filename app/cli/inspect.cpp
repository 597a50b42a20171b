// facet-cli inspect: what a model is and what it needs, from its headers.
#include "chat_messages.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
    std::string model, mmproj, weights = "as_stored";
    bool json = false;
};

std::string size(std::uint64_t bytes) {
    char text[32];
    const auto value = static_cast<double>(bytes);
    if (value >= 1e9)
        std::snprintf(text, sizeof text, "%.2f GB", value / 1e9);
    else
        std::snprintf(text, sizeof text, "%.1f MB", value / 1e6);
    return text;
}

Json toJson(const ModelInfo &m) {
    Json memory = Json::array();
    for (const MemoryEstimate &e : m.memory) {
        memory.push_back({{"context", e.contextLength},
                          {"weight_bytes", e.weightBytes},
                          {"kv_bytes", e.kvBytes},
                          {"work_bytes", e.workBytes},
                          {"total_bytes", e.totalBytes()}});
    }
    Json json = {{"path", m.path},
                 {"name", m.name},
                 {"architecture", m.architecture},
                 {"weight_type", m.weightType},
                 {"parameters", m.parameterCount},
                 {"file_bytes", m.fileBytes},
                 {"layers", m.layers},
                 {"hidden_size", m.hiddenSize},
                 {"vocabulary", m.vocabularySize},
                 {"sliding_window", m.slidingWindow},
                 {"shared_kv_layers", m.sharedKvLayers},
                 {"experts", m.experts},
                 {"active_experts", m.activeExperts},
                 {"max_context", m.maxContext},
                 {"demo", m.demoModel},
                 {"base", m.baseModel},
                 {"mmproj", m.mmproj.empty() ? Json() : Json(m.mmproj)},
                 {"vision", nullptr},
                 {"audio", nullptr},
                 {"memory", std::move(memory)},
                 {"unsupported", m.unsupported}};
    if (m.hasVision) {
        json["vision"] = {{"patch_size", m.vision.patchSize},
                          {"pooling", m.vision.poolingKernel},
                          {"default_budget", m.vision.defaultBudget},
                          {"budgets", m.vision.budgets}};
    }
    if (m.hasAudio) {
        json["audio"] = {{"sample_rate", m.audio.sampleRate},
                         {"mel_bins", m.audio.melBins},
                         {"max_seconds", static_cast<double>(m.audio.maxSamples) / m.audio.sampleRate}};
    }
    return json;
}

std::string toText(const ModelInfo &m) {
    std::string out;
    const auto line = [&out](const std::string &name, const std::string &value) {
        out += name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') + value + "\n";
    };
    line("Model", m.name + (m.demoModel ? " (built-in demo model)" : ""));
    line("Architecture", m.architecture);
    if (m.baseModel) line("Kind", "base model without a chat template: it continues text and does not answer");
    if (!m.mmproj.empty()) line("Projector", m.mmproj);
    line("Weights", m.weightType + ", " + std::to_string(m.parameterCount / 1'000'000) + " million parameters, " +
                        size(m.fileBytes) + " of files");
    std::string layers = std::to_string(m.layers) + " of width " + std::to_string(m.hiddenSize);
    if (m.sharedKvLayers > 0) layers += ", " + std::to_string(m.sharedKvLayers) + " share keys and values";
    if (m.experts > 0)
        layers += ", " + std::to_string(m.activeExperts) + " of " + std::to_string(m.experts) + " experts active";
    line("Layers", layers);
    line("Vocabulary", std::to_string(m.vocabularySize));
    line("Context",
         std::to_string(m.maxContext) + " tokens at most, sliding window " + std::to_string(m.slidingWindow));
    std::string budgets;
    for (const int b : m.vision.budgets) budgets += (budgets.empty() ? "" : ", ") + std::to_string(b);
    line("Pictures",
         m.hasVision ? "yes, budgets " + budgets + " tokens (default " + std::to_string(m.vision.defaultBudget) + ")"
                     : "no");
    line("Sound",
         m.hasAudio ? "yes, up to " + std::to_string(m.audio.maxSamples / m.audio.sampleRate) + " s a clip" : "no");
    for (const MemoryEstimate &e : m.memory) {
        line("Memory", size(e.totalBytes()) + " at " + std::to_string(e.contextLength) +
                           " tokens of context (weights " + size(e.weightBytes) + ", cache " + size(e.kvBytes) +
                           ", work " + size(e.workBytes) + ")");
    }
    for (const std::string &sentence : m.unsupported) line("Unsupported", sentence);
    if (m.unsupported.empty()) line("Unsupported", "nothing; this model runs completely");
    return out;
}

int runInspect(const InspectArguments &a, Terminal &terminal) {
    ModelFlags flags;
    flags.model = a.model;
    const Result<LoadOptions> options = loadOptions(flags);
    if (!options) return terminal.fail(options.error(), kModelProblem);
    const Result<ModelInfo> info = inspectModel(options->path, weightType(a.weights), a.mmproj);
    if (!info) return terminal.fail(info.error(), kModelProblem);
    terminal.write(a.json ? jsonText(toJson(*info)) + "\n" : toText(*info));
    return terminal.broken() ? kFailed : kDone;
}

} // namespace

void addInspect(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<InspectArguments>();
    CLI::App *verb = app.add_subcommand("inspect", "Say what a model is, what it needs and what is unsupported");
    verb->add_option("model", a->model, "Model folder or .gguf file; without it the built-in demo model");
    verb->add_option("--mmproj", a->mmproj, "GGUF file with the model's vision and sound");
    verb->add_option("--weights", a->weights, "Memory for as_stored, q8_0 or q4_0")
        ->check(CLI::IsMember({"as_stored", "q8_0", "q4_0"}));
    verb->add_flag("--json", a->json, "One JSON object");
    verb->footer("Examples:\n"
                 "  facet-cli inspect gemma-4-E2B-it\n"
                 "  facet-cli inspect gemma-4-E4B-it --weights q4_0 --json\n"
                 "  facet-cli inspect gemma-4-E2B-it-Q4_K_M.gguf --mmproj mmproj-F16.gguf");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runInspect(*a, terminal); }; });
}

} // namespace facet::cli
