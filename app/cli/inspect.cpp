// facet-cli inspect: what a model is and what it needs, from its headers.
#include "chat_messages.h"
#include "facet/probe.h"
#include "flags.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
    ModelFlags model;
    std::string lossText; // a file, "-": standard input; empty: nothing is measured
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
                          {"kv", kvTypeName(e.kv)},
                          {"start_bytes", e.startBytes()},
                          {"text_bytes", e.textBytes()},
                          {"total_bytes", e.totalBytes()},
                          {"weight_bytes", e.weightBytes},
                          {"mapped_bytes", e.mappedBytes},
                          {"packed_bytes", e.packedBytes},
                          {"tower_bytes", e.towerBytes},
                          {"kv_bytes", e.kvBytes},
                          {"work_bytes", e.workBytes},
                          {"tower_work_bytes", e.towerWorkBytes},
                          {"vocabulary_bytes", e.vocabularyBytes},
                          {"program_bytes", e.programBytes}});
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
                 {"kv", kvTypeName(m.kv)},
                 {"threads", m.threads},
                 {"write_threads", m.writeThreads},
                 {"tuned", m.tuned},
                 {"available_bytes", m.availableBytes},
                 {"memory", std::move(memory)},
                 {"notes", m.notes},
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

// Pages of the file count as far as they are used, and are told apart: the system can take them back.
std::string memoryText(const MemoryEstimate &e) {
    const std::uint64_t mapped = e.mappedBytes, own = e.weightBytes - e.mappedBytes;
    std::string text = size(e.textBytes()) + " with a full context of " + std::to_string(e.contextLength) + " tokens, " +
                       size(e.startBytes()) + " for a short question";
    if (e.towerBytes > 0) text += ", " + size(e.totalBytes()) + " with pictures and sound";
    text += " (weights " + size(own) + " in memory and " + size(mapped) + " of the file, context as " + kvTypeName(e.kv) +
            " " + size(e.kvBytes) + ", work " + size(e.workBytes) + ", vocabulary " + size(e.vocabularyBytes) +
            ", program " + size(e.programBytes) + ")";
    return text;
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
    for (const MemoryEstimate &e : m.memory) line("Memory", memoryText(e));
    if (m.availableBytes > 0) line("Available", size(m.availableBytes));
    line("Runs with", std::to_string(m.threads) + (m.writeThreads == m.threads ? "" : " and " + std::to_string(m.writeThreads)) +
                          (m.writeThreads == 1 && m.threads == 1 ? " thread" : " threads") +
                          (m.writeThreads == m.threads ? "" : " (to read, to write)") + ", context as " + kvTypeName(m.kv) +
                          (m.tuned ? ", where not given as measured on this machine" : ", not measured on this machine yet"));
    for (const std::string &sentence : m.notes) line("Note", sentence);
    for (const std::string &sentence : m.unsupported) line("Unsupported", sentence);
    if (m.unsupported.empty()) line("Unsupported", "nothing; this model runs completely");
    return out;
}

// Reads the text with each type of keys and values and compares what the model then expects.
Result<std::vector<KvLoss>> measureKvLoss(const LoadOptions &options, const std::string &file) {
    FACET_TRY(text, readTextFile(file));
    LoadOptions load = options;
    load.kv = KvType::F32;
    FACET_TRY(model, ProbeModel::load(load));
    std::vector<std::int32_t> ids = model->tokenize("<bos>" + text, true);
    const auto longest = static_cast<std::size_t>(model->info().contextLength);
    if (ids.size() > longest) ids.resize(longest);
    return model->kvLoss(ids);
}

Json toJson(const std::vector<KvLoss> &losses) {
    Json list = Json::array();
    for (const KvLoss &loss : losses) {
        list.push_back({{"kv", kvTypeName(loss.type)},
                        {"positions", loss.positions},
                        {"same_best", loss.sameBest},
                        {"divergence", loss.divergence},
                        {"mean_logit_difference", loss.meanLogitDifference},
                        {"perplexity", loss.perplexity},
                        {"bytes", loss.bytes}});
    }
    return list;
}

std::string toText(const std::vector<KvLoss> &losses) {
    std::string out;
    for (const KvLoss &loss : losses) {
        char text[160];
        std::snprintf(text, sizeof text, "Context as %-5s same best token %.2f %%, divergence %.2e, perplexity %.4f, ",
                      kvTypeName(loss.type), 100 * loss.sameBest, loss.divergence, loss.perplexity);
        out += text + size(loss.bytes) + " for " + std::to_string(loss.positions) + " tokens\n";
    }
    return out;
}

int runInspect(const InspectArguments &a, Terminal &terminal) {
    const Result<LoadOptions> options = loadOptions(a.model);
    if (!options) return terminal.fail(options.error(), kModelProblem);
    const Result<ModelInfo> info = inspectLoad(*options);
    if (!info) return terminal.fail(info.error(), kModelProblem);
    std::vector<KvLoss> losses;
    if (!a.lossText.empty()) {
        auto measured = measureKvLoss(*options, a.lossText);
        if (!measured) return terminal.fail(measured.error(), kModelProblem);
        losses = std::move(*measured);
    }
    if (a.json) {
        Json json = toJson(*info);
        if (!losses.empty()) json["kv_loss"] = toJson(losses);
        terminal.write(jsonText(json) + "\n");
    } else {
        terminal.write(toText(*info) + toText(losses));
    }
    return terminal.broken() ? kFailed : kDone;
}

} // namespace

void addInspect(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<InspectArguments>();
    CLI::App *verb = app.add_subcommand("inspect", "Say what a model is, what it needs and what is unsupported");
    verb->add_option("model,--model", a->model.model, "Model folder or .gguf file; without it the built-in demo model");
    addLoadFlags(*verb, a->model);
    addTuneFlag(*verb, a->model.tune);
    verb->add_option("--kv-loss", a->lossText,
                     "Read this text with every type of --kv and say what each changes (loads the model): a file or -");
    verb->add_flag("--json", a->json, "One JSON object");
    verb->footer("Examples:\n"
                 "  facet-cli inspect gemma-4-E2B-it\n"
                 "  facet-cli inspect gemma-4-E4B-it --weights q4_0 --json\n"
                 "  facet-cli inspect gemma-4-E2B-it --kv-loss book.txt\n"
                 "  facet-cli inspect gemma-4-26B-A4B-it-Q4_0.gguf --ctx 32768 --kv q8_0 --memory 16G\n"
                 "  facet-cli inspect gemma-4-E2B-it-Q4_K_M.gguf --mmproj mmproj-F16.gguf");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runInspect(*a, terminal); }; });
}

} // namespace facet::cli
