#include "load/gguf_checkpoint.h"

#include "load/gguf_config.h"
#include "load/gguf_vocabulary.h"
#include "load/gguf_weights.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTemplateBytes = 4'000'000;
constexpr std::size_t kMaxFilesLookedAt = 64;

std::string lower(std::string text) {
    for (char &c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
}

bool isProjectorName(const std::string &fileName) { return lower(fileName).find("mmproj") != std::string::npos; }

// "name-00002-of-00003.gguf"
bool isLaterPart(const std::string &fileName) {
    const auto of = fileName.rfind("-of-");
    return of != std::string::npos && of >= 6 && fileName.substr(of - 6, 6) != "-00001" && fileName[of - 6] == '-' &&
           std::all_of(fileName.begin() + static_cast<std::ptrdiff_t>(of) - 5,
                       fileName.begin() + static_cast<std::ptrdiff_t>(of), [](char c) { return c >= '0' && c <= '9'; });
}

// The .gguf files of a folder by name.
std::vector<fs::path> ggufFiles(const fs::path &folder) {
    std::vector<fs::path> out;
    std::error_code problem;
    for (auto entry = fs::directory_iterator(folder.empty() ? fs::path(".") : folder, problem);
         !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
        std::error_code ignored;
        if (lower(entry->path().extension().string()) == ".gguf" && entry->is_regular_file(ignored))
            out.push_back(entry->path());
    }
    std::sort(out.begin(), out.end());
    return out;
}

// The words of a file name: "gemma-4-E2B-it-Q4_K_M" -> gemma 4 e2b it q4 k m
std::set<std::string> words(const std::string &name) {
    std::set<std::string> out;
    std::string word;
    for (const char c : lower(name) + "-") {
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            word += c;
            continue;
        }
        if (!word.empty()) out.insert(word);
        word.clear();
    }
    return out;
}

// How much a projector's name speaks for this model: common words count, words of its own (apart from the kind of
// number) count against it.
int likeness(const std::string &projector, const std::string &model) {
    static const std::set<std::string> kNeutral = {"mmproj", "model", "f16", "bf16", "f32", "fp16", "q8", "0", "gguf"};
    const auto known = words(model);
    int score = 0;
    for (const std::string &word : words(projector)) {
        if (!kNeutral.contains(word)) score += known.contains(word) ? 1 : -1;
    }
    return score;
}

// The projector beside a model that fits its width; of several the one named most alike.
struct Projector {
    std::string path;
    std::optional<GgufModelFiles> files;
    std::string note; // why the only candidate is not used
};
Projector findProjector(const std::string &modelPath, int textWidth) {
    Projector out;
    for (const std::string &candidate : projectorsBeside(modelPath)) {
        auto files = openGgufModel(candidate);
        auto towers = files ? readProjectorConfig(*files) : Result<ProjectorConfig>(files.error());
        if (!towers) {
            if (out.note.empty())
                out.note = "The projector file " + fs::path(candidate).filename().string() +
                           " beside the model cannot be used, so it neither sees nor hears: " + towers.error().message;
            continue;
        }
        if (!towers->unified && towers->textWidth != textWidth) continue;
        return {candidate, std::move(files).value(), {}};
    }
    return out;
}

Result<std::string> templateOf(const GgufFile &file) {
    const std::string_view text = file.text("tokenizer.chat_template");
    if (text.size() <= kMaxTemplateBytes) return std::string(text);
    return Error{ErrorCode::LimitExceeded, "The chat template in the model file is longer than any real one.",
                 "key tokenizer.chat_template: " + std::to_string(text.size()) + " bytes", file.path()};
}

} // namespace

bool looksLikeGguf(const std::string &path) {
    if (lower(fs::path(path).extension().string()) == ".gguf") return true;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return false;
    std::ifstream file(path, std::ios::binary);
    char magic[4] = {};
    return file.read(magic, 4) && std::string_view(magic, 4) == "GGUF";
}

bool isModelFileName(const std::string &fileName) {
    return lower(fs::path(fileName).extension().string()) == ".gguf" && !isProjectorName(fileName) &&
           !isLaterPart(fileName);
}

bool isProjectorFileName(const std::string &fileName) {
    return lower(fs::path(fileName).extension().string()) == ".gguf" && isProjectorName(fileName);
}

std::string ggufModelName(const std::string &path) {
    std::string name = fs::path(path).filename().string();
    if (lower(fs::path(name).extension().string()) == ".gguf") name.resize(name.size() - 5);
    if (const auto of = name.rfind("-00001-of-"); of != std::string::npos) name.resize(of);
    return name;
}

std::vector<std::string> ggufParts(const std::string &path) {
    const std::string start = ggufModelName(path) + "-";
    const bool split = path.find("-00001-of-") != std::string::npos;
    std::vector<std::string> out{path};
    if (!split) return out;
    for (const fs::path &file : ggufFiles(fs::path(path).parent_path())) {
        const std::string name = file.filename().string();
        if (name.starts_with(start) && isLaterPart(name)) out.push_back(file.string());
    }
    return out;
}

std::vector<std::string> projectorsBeside(const std::string &modelPath) {
    std::vector<std::string> out;
    for (const fs::path &file : ggufFiles(fs::path(modelPath).parent_path())) {
        if (isProjectorName(file.filename().string())) out.push_back(file.string());
    }
    const std::string model = ggufModelName(modelPath);
    std::stable_sort(out.begin(), out.end(), [&](const std::string &a, const std::string &b) {
        return likeness(ggufModelName(a), model) > likeness(ggufModelName(b), model);
    });
    if (out.size() > kMaxFilesLookedAt) out.resize(kMaxFilesLookedAt);
    return out;
}

bool holdsGguf(const std::string &folder) { return !ggufFiles(folder).empty(); }

Result<std::string> onlyGgufModel(const std::string &folder) {
    std::vector<fs::path> models = ggufFiles(folder);
    std::erase_if(models, [](const fs::path &p) { return !isModelFileName(p.filename().string()); });
    if (models.size() > 1 && models.size() <= kMaxFilesLookedAt) {
        std::erase_if(models, [](const fs::path &p) {
            const auto file = GgufFile::open(p.string());
            return file && (file->architecture() == "gemma4-assistant" || file->architecture() == "clip");
        });
    }
    if (models.size() == 1) return models.front().string();
    if (models.empty()) {
        return Error{ErrorCode::FileNotFound, "The folder holds no model, only parts for one; choose another one.", {},
                     folder};
    }
    std::string names;
    for (const fs::path &model : models) {
        if (names.size() > 400) {
            names += ", ...";
            break;
        }
        names += (names.empty() ? "" : ", ") + model.filename().string();
    }
    return Error{ErrorCode::ModelUnsupported, "The folder holds several models; choose one of its files.", names,
                 folder};
}

Result<Checkpoint> openGgufCheckpoint(const std::string &path, const std::string &mmproj) {
    FACET_TRY(model, openGgufModel(path));
    Checkpoint checkpoint;
    checkpoint.path = path;
    checkpoint.name = ggufModelName(path);
    checkpoint.tokenizerFile = path;
    checkpoint.fileBytes = model.fileBytes;
    FACET_TRY(vocabulary, readGgufVocabulary(model.main()));
    if (vocabulary) checkpoint.vocabulary = std::make_shared<const GgufVocabulary>(std::move(*vocabulary));
    FACET_TRY(chatTemplate, templateOf(model.main()));
    checkpoint.chatTemplate = std::move(chatTemplate);

    FACET_TRY(config, readGgufConfig(model, checkpoint.vocabulary.get(), nullptr));
    std::optional<GgufModelFiles> projector;
    if (!mmproj.empty()) {
        FACET_TRY(files, openGgufModel(mmproj));
        projector = std::move(files);
        checkpoint.mmproj = mmproj;
    } else if (!config.drafter) {
        Projector found = findProjector(path, config.text.hiddenSize);
        projector = std::move(found.files);
        checkpoint.mmproj = std::move(found.path);
        if (!found.note.empty()) checkpoint.notes.push_back(std::move(found.note));
    }
    if (projector) {
        FACET_TRY(whole, readGgufConfig(model, checkpoint.vocabulary.get(), &*projector));
        config = std::move(whole);
        checkpoint.fileBytes += projector->fileBytes;
    }
    checkpoint.config = std::move(config);
    FACET_TRY(weights, ggufWeights(std::move(model), std::move(projector), checkpoint.config));
    checkpoint.weights = std::move(weights);
    return checkpoint;
}

} // namespace facet
