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

int runModels(bool json, Terminal &terminal) {
    const std::vector<FoundModel> found = discoverModels(modelFoldersOfUser());
    if (json) {
        Json list = Json::array();
        for (const FoundModel &m : found) {
            list.push_back({{"path", m.path},
                            {"name", m.name},
                            {"source", m.source},
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
    verb->footer("Looks into the folders of Hugging Face (HF_HOME), LM Studio, Ollama (OLLAMA_MODELS) and llama.cpp "
                 "(LLAMA_CACHE).\n"
                 "Examples:\n"
                 "  facet-cli models\n"
                 "  facet-cli models --json");
    verb->callback([json, &chosen] { chosen = [json](Terminal &terminal) { return runModels(*json, terminal); }; });
}

} // namespace facet::cli
