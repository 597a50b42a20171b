// facet-cli models: what other programs have downloaded and Facet can run where it lies.
#include "chat_messages.h"
#include "verbs.h"

#include "facet/discover.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

// Why it is listed although it cannot be run by itself; empty: it can.
std::string remark(const FoundModel &m) {
    switch (m.obstacle) {
    case FoundModel::Obstacle::OtherFamily: return "not run: of another family, " + m.architecture;
    case FoundModel::Obstacle::Damaged: return "not run: no readable model file";
    case FoundModel::Obstacle::Incomplete: return "not run: its download is not complete";
    case FoundModel::Obstacle::None: break;
    }
    if (m.role == FoundModel::Role::Drafter) return "for --drafter, no model by itself";
    if (m.role == FoundModel::Role::Projector) return "for --mmproj, no model by itself";
    return {};
}

int runModels(bool json, bool all, Terminal &terminal) {
    const std::vector<FoundModel> found =
        discoverModels(modelFoldersOfUser(), all ? DiscoverScope::Everything : DiscoverScope::Runnable);
    if (json) {
        Json list = Json::array();
        for (const FoundModel &m : found) {
            const char *obstacle = foundObstacleName(m.obstacle);
            list.push_back({{"path", m.path},
                            {"name", m.name},
                            {"source", m.source},
                            {"format", m.gguf ? "gguf" : "safetensors"},
                            {"role", foundRoleName(m.role)},
                            {"architecture", m.architecture},
                            {"obstacle", *obstacle ? Json(obstacle) : Json()},
                            {"bytes", m.bytes},
                            {"mmproj", m.mmproj.empty() ? Json() : Json(m.mmproj)}});
        }
        terminal.write(jsonText(list) + "\n");
        return terminal.broken() ? kFailed : kDone;
    }
    std::string out;
    for (const FoundModel &m : found) {
        char size[32];
        std::snprintf(size, sizeof size, "%.2f GB", static_cast<double>(m.bytes) / 1e9);
        out += m.name + "  (" + m.source + ", " + size + ")\n    " + m.path + "\n";
        if (const std::string note = remark(m); !note.empty()) out += "    " + note + "\n";
        if (!m.mmproj.empty()) out += "    with " + m.mmproj + "\n";
    }
    if (found.empty()) out = "No Gemma model of Hugging Face, LM Studio, Ollama or llama.cpp was found.\n";
    terminal.write(out);
    return terminal.broken() ? kFailed : kDone;
}

} // namespace

void addModels(CLI::App &app, RunVerb &chosen) {
    auto json = std::make_shared<bool>(false);
    CLI::App *verb = app.add_subcommand("models", "List Gemma models that other programs have downloaded");
    verb->add_flag("--json", *json, "One JSON list");
    auto all = std::make_shared<bool>(false);
    verb->add_flag("--all", *all, "Also drafters, projectors and what Facet cannot run, with the reason");
    verb->footer("Looks into the folders of Hugging Face (HF_HOME), LM Studio, Ollama (OLLAMA_MODELS) and llama.cpp "
                 "(LLAMA_CACHE).\n"
                 "Examples:\n"
                 "  facet-cli models\n"
                 "  facet-cli models --all --json");
    verb->callback([json, all, &chosen] {
        chosen = [json, all](Terminal &terminal) { return runModels(*json, *all, terminal); };
    });
}

} // namespace facet::cli
