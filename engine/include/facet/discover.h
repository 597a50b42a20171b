// Models that other programs have downloaded, used where they lie: nothing is copied and nothing is written.
//
//     for (const FoundModel &m : discoverModels(modelFoldersOfUser())) std::cout << m.source << ": " << m.path << "\n";
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

struct FoundModel {
    std::string path;    // for LoadOptions::path: folder or file
    std::string name;    // "google/gemma-4-E2B-it", "gemma-4-E2B-it-Q4_K_M", "gemma4:e2b"
    std::string source;  // "Hugging Face", "LM Studio", "Ollama", "llama.cpp"
    std::uint64_t bytes = 0;  // of the model and its projector
    std::string mmproj;       // for LoadOptions::mmproj; empty: none

    enum class Role : std::uint8_t { Model, Drafter, Projector };  // the latter two are parts for a model, none by themselves
    enum class Obstacle : std::uint8_t { None, OtherFamily, Damaged, Incomplete };
    Role role = Role::Model;
    Obstacle obstacle = Obstacle::None;  // why Facet cannot run it
    bool gguf = false;                   // one file (or its parts); else a folder with safetensors
    std::string architecture;            // "gemma4", "gemma4_assistant", "llama"; empty: unknown
};

const char *foundRoleName(FoundModel::Role role) noexcept;              // "drafter"
const char *foundObstacleName(FoundModel::Obstacle obstacle) noexcept;  // "other_family"; "" for None

// Where the programs keep their models; empty ones are not looked at.
struct ModelFolders {
    std::string huggingFace;            // "hub" folder
    std::vector<std::string> lmStudio;
    std::vector<std::string> ollama;    // folders with "manifests" and "blobs"
    std::string llamaCpp;
};
// From the home folder and the variables HF_HUB_CACHE, HF_HOME, OLLAMA_MODELS, LLAMA_CACHE, XDG_CACHE_HOME.
ModelFolders modelFoldersOfUser();

enum class DiscoverScope : std::uint8_t {
    Runnable,    // Gemma 4 and Gemma 3 models
    Everything,  // also drafters and projectors, models of other families, damaged and unfinished ones
};
// What lies in these folders, by source and name. Only the first bytes of files are read. At most 500.
std::vector<FoundModel> discoverModels(const ModelFolders &folders, DiscoverScope scope = DiscoverScope::Runnable);

}  // namespace facet
