// A checkpoint folder as a whole: finds its files and opens them; reads no weights.
#include "load/gguf_checkpoint.h"
#include "load/json_text.h"
#include "load/mapped_file.h"
#include "load/safetensors.h"
#include "load/weights.h"

#include <filesystem>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = 16'000'000;
constexpr std::size_t kMaxTemplateBytes = 4'000'000;
constexpr JsonLimits kTokenizerConfigLimits{.depth = 32, .values = 1'000'000};

bool isThere(const fs::path &path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

bool holdsSafetensors(const fs::path &folder) {
    return isThere(folder / "model.safetensors") || isThere(folder / "model.safetensors.index.json");
}

// The folder that is meant: itself, or the one around a file of it.
Result<fs::path> modelFolder(const std::string &path) {
    const fs::path given(path);
    std::error_code ignored;
    fs::path folder = given;
    if (!fs::is_directory(given, ignored)) {
        const auto name = given.filename().string();
        if (name != "config.json" && name != "model.safetensors" && name != "model.safetensors.index.json") {
            return Error{ErrorCode::ModelUnsupported,
                         "This file is no model; choose the folder with config.json and model.safetensors, or a .gguf "
                         "file.",
                         {},
                         path};
        }
        folder = given.parent_path();
        if (folder.empty()) folder = ".";
    }
    if (!isThere(folder / "config.json")) {
        if (isThere(folder / "adapter_config.json")) {
            return Error{ErrorCode::ModelUnsupported,
                         "This folder is an adapter for a model, not a model.",
                         {},
                         folder.string()};
        }
        return Error{ErrorCode::FileNotFound,
                     "The folder has no config.json and no .gguf file, so it is no model; choose another one or finish "
                     "the download.",
                     {},
                     (folder / "config.json").string()};
    }
    return folder;
}

// The GGUF file that is meant; empty: none, it is a folder of another kind. Repositories of GGUF files often bring
// the original's config.json along.
Result<std::string> ggufPath(const std::string &path) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return looksLikeGguf(path) ? path : std::string();
    const bool gguf = !holdsSafetensors(path) && holdsGguf(path);
    return gguf ? onlyGgufModel(path) : std::string();
}

Result<std::string> readIfThere(const fs::path &path, std::size_t maxBytes) {
    if (!isThere(path)) return std::string();
    return readTextFile(path.string(), maxBytes);
}

// tokenizer_config.json's chat_template: a text, or a list of {"name", "template"} with one called "default".
std::string templateOf(const nlohmann::json &config) {
    const auto found = config.find("chat_template");
    if (found == config.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    if (!found->is_array()) return {};
    for (const auto &entry : *found) {
        if (!entry.is_object()) continue;
        const auto name = entry.find("name");
        const auto text = entry.find("template");
        if (name != entry.end() && *name == "default" && text != entry.end() && text->is_string())
            return text->get<std::string>();
    }
    return {};
}

Result<std::string> readChatTemplate(const fs::path &folder) {
    FACET_TRY(text, readIfThere(folder / "chat_template.jinja", kMaxTemplateBytes));
    if (!text.empty()) return text;
    const fs::path configPath = folder / "tokenizer_config.json";
    FACET_TRY(json, readIfThere(configPath, kMaxConfigBytes));
    if (json.empty()) return std::string();
    FACET_TRY(config, parseJsonObject(json, kTokenizerConfigLimits, configPath.string()));
    return templateOf(config);
}

std::string nameOf(const fs::path &folder) {
    std::error_code problem;
    const fs::path whole = fs::weakly_canonical(folder, problem);
    const std::string name = (problem ? folder : whole).filename().string();
    return name.empty() ? folder.string() : name;
}

} // namespace

Result<Checkpoint> openCheckpoint(const std::string &path, const std::string &mmproj) {
    if (path.empty() || !isThere(path)) {
        return Error{
            ErrorCode::FileNotFound, "There is no such model; check the path or choose another one.", {}, path};
    }
    FACET_TRY(gguf, ggufPath(path));
    if (!gguf.empty()) return openGgufCheckpoint(gguf, mmproj);
    if (!mmproj.empty()) {
        return Error{ErrorCode::InvalidArgument,
                     "A projector file (mmproj) goes with a GGUF model; this model brings its own vision and sound.",
                     {},
                     mmproj};
    }
    FACET_TRY(folder, modelFolder(path));
    FACET_TRY(configJson, readTextFile((folder / "config.json").string(), kMaxConfigBytes));
    FACET_TRY(generationJson, readIfThere(folder / "generation_config.json", kMaxConfigBytes));
    FACET_TRY(processorJson, readIfThere(folder / "processor_config.json", kMaxConfigBytes));

    Checkpoint checkpoint;
    checkpoint.path = folder.string();
    checkpoint.name = nameOf(folder);
    FACET_TRY(config, parseModelConfig(configJson, generationJson, processorJson, (folder / "config.json").string()));
    checkpoint.config = std::move(config);
    checkpoint.tokenizerFile = (folder / "tokenizer.json").string();
    if (!isThere(checkpoint.tokenizerFile)) {
        checkpoint.notes.emplace_back(
            "The folder lacks its tokenizer; finish the download or copy tokenizer.json into it.");
    }
    FACET_TRY(chatTemplate, readChatTemplate(folder));
    checkpoint.chatTemplate = std::move(chatTemplate);
    FACET_TRY(opened, openSafetensorsFolder(folder.string()));
    checkpoint.weights = std::move(opened.weights);
    checkpoint.fileBytes = opened.fileBytes;
    return checkpoint;
}

} // namespace facet
