#include "facet/discover.h"

#include "load/byte_reader.h"
#include "load/gguf_checkpoint.h"
#include "load/json_text.h"
#include "load/mapped_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxModels = 500;
constexpr int kMaxEntries = 50'000; // looked at below one folder
constexpr int kMaxDepth = 6;
constexpr std::size_t kMaxJsonBytes = 1'000'000;
constexpr std::size_t kPeekBytes = 8192;

std::string environment(const char *name) {
    const char *value = std::getenv(name);
    return value ? value : "";
}

std::uint64_t sizeOf(const fs::path &path) {
    std::error_code problem;
    const auto size = fs::file_size(path, problem);
    return problem ? 0 : size;
}

// general.architecture out of the first bytes of a GGUF file, where every converter writes it.
std::string architectureOf(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    std::string start(kPeekBytes, '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(file.gcount()));
    constexpr std::string_view kKey = "general.architecture";
    const auto at = start.find(kKey);
    if (!start.starts_with("GGUF") || at == std::string::npos) return {};
    ByteReader reader(std::as_bytes(std::span<const char>(start)).subspan(at + kKey.size()));
    const auto type = reader.u32();
    const auto length = reader.u64();
    const auto text = type == 8U && length && *length <= 64 ? reader.take(*length) : std::nullopt;
    return text ? std::string(reinterpret_cast<const char *>(text->data()), text->size()) : std::string();
}

using Obstacle = FoundModel::Obstacle;

// What a GGUF file of this architecture is for Facet.
void judgeGguf(FoundModel &model) {
    model.gguf = true;
    if (model.architecture == "clip") {
        model.role = FoundModel::Role::Projector;
    } else if (model.architecture == "gemma4-assistant") {
        model.role = FoundModel::Role::Drafter;
    } else if (model.architecture.empty()) {
        model.obstacle = Obstacle::Damaged;
    } else if (model.architecture != "gemma4" && model.architecture != "gemma3") {
        model.obstacle = Obstacle::OtherFamily;
    }
}

std::optional<nlohmann::json> readJson(const fs::path &path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return std::nullopt;
    const auto text = readTextFile(path.string(), kMaxJsonBytes);
    if (!text) return std::nullopt;
    auto json = parseJsonObject(*text, {.depth = 32, .values = 100'000}, path.string());
    if (!json) return std::nullopt;
    return std::move(json).value();
}

class Search {
public:
    explicit Search(DiscoverScope scope) : m_all(scope == DiscoverScope::Everything) {}
    void huggingFace(const fs::path &hub);
    void lmStudio(const fs::path &root) { ggufBelow(root, "LM Studio"); folderModelsBelow(root, "LM Studio"); }
    void ollama(const fs::path &root);
    void llamaCpp(const fs::path &root) { ggufBelow(root, "llama.cpp"); }
    std::vector<FoundModel> take();

private:
    void add(FoundModel model) {
        if (!m_all && (model.role != FoundModel::Role::Model || model.obstacle != Obstacle::None)) return;
        std::error_code problem;
        const fs::path real = fs::weakly_canonical(model.path, problem);
        if (m_found.size() < kMaxModels && m_seen.insert(problem ? model.path : real.string()).second)
            m_found.push_back(std::move(model));
    }
    // Calls look(entry) for everything below a folder, links to folders not followed.
    template <typename Look>
    void walk(const fs::path &root, Look &&look) const;
    void addGguf(const fs::path &path, const std::string &name, const char *source);
    void ggufBelow(const fs::path &root, const char *source);
    void folderModelsBelow(const fs::path &root, const char *source);
    void addFolder(const fs::path &folder, const std::string &name, const char *source);
    void ollamaModel(const fs::path &root, const fs::path &manifest, const std::string &name);

    bool m_all;
    std::vector<FoundModel> m_found;
    std::set<std::string> m_seen;
};

template <typename Look>
void Search::walk(const fs::path &root, Look &&look) const {
    std::error_code problem;
    auto entry = fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied, problem);
    for (int count = 0; !problem && entry != fs::recursive_directory_iterator() && count < kMaxEntries; ++count) {
        if (entry.depth() >= kMaxDepth) entry.disable_recursion_pending();
        look(*entry);
        entry.increment(problem);
    }
}

void Search::addGguf(const fs::path &path, const std::string &name, const char *source) {
    FoundModel model{.path = path.string(), .name = name, .source = source, .architecture = architectureOf(path)};
    judgeGguf(model);
    if (isProjectorFileName(path.filename().string())) model.role = FoundModel::Role::Projector;
    for (const std::string &part : ggufParts(path.string())) model.bytes += sizeOf(part);
    const auto projectors = projectorsBeside(path.string());
    if (model.role == FoundModel::Role::Model && model.obstacle == Obstacle::None && !projectors.empty()) {
        model.mmproj = projectors.front();
        model.bytes += sizeOf(model.mmproj);
    }
    add(std::move(model));
}

void Search::ggufBelow(const fs::path &root, const char *source) {
    std::vector<fs::path> files;
    walk(root, [&](const fs::directory_entry &entry) {
        std::error_code ignored;
        const std::string name = entry.path().filename().string();
        const bool wanted = isModelFileName(name) || (m_all && isProjectorFileName(name));
        if (wanted && files.size() < kMaxModels * 4 && entry.is_regular_file(ignored)) files.push_back(entry.path());
    });
    for (const fs::path &file : files) addGguf(file, ggufModelName(file.string()), source);
}

// Adds up the safetensors of a folder; whether they are all there, as far as their names tell.
bool weighFolder(const fs::path &folder, std::uint64_t &bytes) {
    std::error_code problem, ignored;
    std::size_t shards = 0;
    std::string wanted;
    for (auto file = fs::directory_iterator(folder, problem); !problem && file != fs::directory_iterator();
         file.increment(problem)) {
        const std::string name = file->path().stem().string();
        if (file->path().extension() != ".safetensors" || !file->is_regular_file(ignored)) continue;
        bytes += sizeOf(file->path());
        if (const auto of = name.rfind("-of-"); of != std::string::npos) {
            ++shards;
            wanted = name.substr(of + 4);
        }
    }
    if (fs::is_regular_file(folder / "model.safetensors", ignored)) return true;
    while (wanted.size() > 1 && wanted.front() == '0') wanted.erase(0, 1);
    return shards > 0 && wanted == std::to_string(shards) &&
           fs::is_regular_file(folder / "model.safetensors.index.json", ignored);
}

// config.json beside safetensors.
void Search::addFolder(const fs::path &folder, const std::string &name, const char *source) {
    FoundModel model{.path = folder.string(), .name = name, .source = source};
    const bool whole = weighFolder(folder, model.bytes);
    const auto config = readJson(folder / "config.json");
    if (!config) return;
    const auto type = config->find("model_type");
    if (type != config->end() && type->is_string()) model.architecture = type->get<std::string>().substr(0, 64);
    static constexpr std::array<std::string_view, 5> kTypes = {"gemma4", "gemma4_text", "gemma4_unified", "gemma3",
                                                               "gemma3_text"};
    if (model.architecture == "gemma4_assistant") {
        model.role = FoundModel::Role::Drafter;
    } else if (std::find(kTypes.begin(), kTypes.end(), model.architecture) == kTypes.end()) {
        model.obstacle = Obstacle::OtherFamily;
    }
    if (!whole) {
        // Configurations without weights of their own lie in these folders too: of GGUF files, tokenizers, pipelines.
        if (model.obstacle != Obstacle::None || holdsGguf(folder.string())) return;
        model.obstacle = Obstacle::Incomplete;
    }
    add(std::move(model));
}

void Search::folderModelsBelow(const fs::path &root, const char *source) {
    std::vector<fs::path> folders;
    walk(root, [&](const fs::directory_entry &entry) {
        if (entry.path().filename() == "config.json") folders.push_back(entry.path().parent_path());
    });
    for (const fs::path &folder : folders) addFolder(folder, folder.filename().string(), source);
}

// hub/models--org--name/snapshots/REVISION/...: links into blobs; refs/main names the revision in use.
void Search::huggingFace(const fs::path &hub) {
    std::error_code problem;
    for (auto repo = fs::directory_iterator(hub, problem); !problem && repo != fs::directory_iterator();
         repo.increment(problem)) {
        std::string name = repo->path().filename().string();
        if (!name.starts_with("models--")) continue;
        name.erase(0, 8);
        for (auto at = name.find("--"); at != std::string::npos; at = name.find("--", at + 1)) name.replace(at, 2, "/");
        std::string revision;
        if (const auto main = readTextFile((repo->path() / "refs" / "main").string(), 256)) revision = *main;
        while (!revision.empty() && revision.back() <= ' ') revision.pop_back();
        fs::path snapshot = repo->path() / "snapshots" / revision;
        std::error_code ignored;
        if (revision.empty() || revision.find('/') != std::string::npos || !fs::is_directory(snapshot, ignored)) {
            const auto first = fs::directory_iterator(repo->path() / "snapshots", ignored);
            if (ignored || first == fs::directory_iterator()) continue;
            snapshot = first->path();
        }
        addFolder(snapshot, name, "Hugging Face");
        ggufBelow(snapshot, "Hugging Face");
    }
}

// manifests/REGISTRY/NAMESPACE/MODEL/TAG: JSON with the digests of the blobs.
void Search::ollamaModel(const fs::path &root, const fs::path &manifest, const std::string &name) {
    const auto json = readJson(manifest);
    if (!json) return;
    const auto layers = json->find("layers");
    if (layers == json->end() || !layers->is_array()) return;
    const auto blob = [&](const std::string &kind) -> std::string {
        for (const auto &layer : *layers) {
            if (!layer.is_object()) continue;
            const auto type = layer.find("mediaType"), digest = layer.find("digest");
            if (type == layer.end() || *type != "application/vnd.ollama.image." + kind) continue;
            if (digest == layer.end() || !digest->is_string()) continue;
            std::string file = digest->get<std::string>();
            const bool hex = file.size() == 71 && file.starts_with("sha256:") &&
                             file.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
            if (!hex) continue;
            file[6] = '-';
            return (root / "blobs" / file).string();
        }
        return {};
    };
    FoundModel model{.path = blob("model"), .name = name, .source = "Ollama", .mmproj = blob("projector")};
    if (model.path.empty()) return;
    std::error_code ignored;
    model.architecture = architectureOf(model.path);
    judgeGguf(model);
    if (!fs::exists(model.path, ignored)) model.obstacle = Obstacle::Incomplete;
    model.bytes = sizeOf(model.path) + (model.mmproj.empty() ? 0 : sizeOf(model.mmproj));
    add(std::move(model));
}

void Search::ollama(const fs::path &root) {
    const fs::path manifests = root / "manifests";
    walk(manifests, [&](const fs::directory_entry &entry) {
        std::error_code ignored;
        if (!entry.is_regular_file(ignored)) return;
        // registry.ollama.ai/library/gemma4/e2b -> gemma4:e2b
        const fs::path relative = entry.path().lexically_relative(manifests);
        std::vector<std::string> parts;
        for (const auto &part : relative) parts.push_back(part.string());
        if (parts.size() != 4) return;
        const std::string owner = parts[1] == "library" ? "" : parts[1] + "/";
        ollamaModel(root, entry.path(), owner + parts[2] + ":" + parts[3]);
    });
}

std::vector<FoundModel> Search::take() {
    std::stable_sort(m_found.begin(), m_found.end(), [](const FoundModel &a, const FoundModel &b) {
        return a.source != b.source ? a.source < b.source : a.name < b.name;
    });
    return std::move(m_found);
}

} // namespace

const char *foundRoleName(FoundModel::Role role) noexcept {
    switch (role) {
    case FoundModel::Role::Model: break;
    case FoundModel::Role::Drafter: return "drafter";
    case FoundModel::Role::Projector: return "projector";
    }
    return "model";
}

const char *foundObstacleName(FoundModel::Obstacle obstacle) noexcept {
    switch (obstacle) {
    case Obstacle::None: break;
    case Obstacle::OtherFamily: return "other_family";
    case Obstacle::Damaged: return "damaged";
    case Obstacle::Incomplete: return "incomplete";
    }
    return "";
}

ModelFolders modelFoldersOfUser() {
    ModelFolders out;
    const fs::path home = environment("HOME");
    const std::string xdg = environment("XDG_CACHE_HOME");
    const fs::path cache = xdg.empty() ? home / ".cache" : fs::path(xdg);
    if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty())
        out.huggingFace = hub;
    else if (const std::string base = environment("HF_HOME"); !base.empty())
        out.huggingFace = (fs::path(base) / "hub").string();
    else if (!home.empty())
        out.huggingFace = (cache / "huggingface" / "hub").string();
    if (const std::string models = environment("OLLAMA_MODELS"); !models.empty()) {
        out.ollama.push_back(models);
    } else {
        if (!home.empty()) out.ollama.push_back((home / ".ollama" / "models").string());
        out.ollama.emplace_back("/usr/share/ollama/.ollama/models"); // where its system service keeps them
    }
    if (const std::string models = environment("LLAMA_CACHE"); !models.empty())
        out.llamaCpp = models;
    else if (!home.empty())
        out.llamaCpp = (cache / "llama.cpp").string();
    if (!home.empty()) {
        out.lmStudio = {(home / ".lmstudio" / "models").string(), (home / ".cache" / "lm-studio" / "models").string()};
    }
    return out;
}

std::vector<FoundModel> discoverModels(const ModelFolders &folders, DiscoverScope scope) {
    Search search(scope);
    if (!folders.huggingFace.empty()) search.huggingFace(folders.huggingFace);
    for (const std::string &root : folders.lmStudio) search.lmStudio(root);
    for (const std::string &root : folders.ollama) search.ollama(root);
    if (!folders.llamaCpp.empty()) search.llamaCpp(folders.llamaCpp);
    return search.take();
}

} // namespace facet
