// What a model is, without loading its weights: for `inspect`, for the model list and for preparing media.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet {

// How pictures must be prepared for this model (vision.md sections 1 and 2).
struct VisionInfo {
    int patchSize = 16;
    int poolingKernel = 3;      // patches per soft token and side
    int defaultBudget = 280;    // soft tokens
    std::vector<int> budgets = {70, 140, 280, 560, 1120};
    int positionTableSize = 10240;  // patches per axis at most
};

// How sound must be prepared (audio.md sections 1 and 2).
struct AudioInfo {
    int sampleRate = 16000;
    int melBins = 128;
    std::int64_t maxSamples = 480000;
};

struct MemoryEstimate {
    int contextLength = 0;           // tokens
    std::uint64_t weightBytes = 0;   // resident weights, towers included, PLE table not (it stays in the page cache)
    std::uint64_t kvBytes = 0;
    std::uint64_t workBytes = 0;     // activations and buffers at their peak
    std::uint64_t totalBytes() const { return weightBytes + kvBytes + workBytes; }
};

struct ModelInfo {
    std::string path;
    std::string name;            // folder or file name
    std::string architecture;    // "gemma4", ...
    std::string weightType;      // "BF16", "Q8_0", ...: what most of the matrices are
    std::uint64_t parameterCount = 0;
    std::uint64_t fileBytes = 0;
    int layers = 0, hiddenSize = 0, vocabularySize = 0;
    int slidingWindow = 0, sharedKvLayers = 0, experts = 0, activeExperts = 0;
    int maxContext = 0;          // max_position_embeddings
    int contextLength = 0;       // what this engine was loaded with (0: not loaded)
    bool hasVision = false, hasAudio = false;
    bool demoModel = false;      // the built-in one (says so in its own config metadata)
    bool baseModel = false;      // has no chat template: it continues text and does not answer (Request::rawPrompt)
    std::string mmproj;          // GGUF: the file its vision and audio parts come from, if any
    VisionInfo vision;
    AudioInfo audio;
    std::vector<MemoryEstimate> memory;    // at several context lengths
    std::vector<std::string> unsupported;  // what this engine cannot do with it, one sentence each; empty: all fine
};

// How the matrices are kept in memory. AsStored leaves bf16 as bf16.
enum class WeightType : std::uint8_t { AsStored, Q8_0, Q4_0 };

// Reads configuration and tensor headers only. `path`: a folder or a .gguf file; `mmproj`: the file with a GGUF model's
// towers, empty: the one beside it that fits. Errors: FileNotFound, ModelFileCorrupt, ModelUnsupported.
Result<ModelInfo> inspectModel(const std::string &path, WeightType weights = WeightType::AsStored,
                               const std::string &mmproj = {});

}  // namespace facet
