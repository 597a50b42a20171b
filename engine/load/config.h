// config.json of a Gemma 4 checkpoint in either spelling (text.md section 1), checked: every size positive, below a
// limit, consistent with the others. Reads nothing but JSON; tensors are checked against it when they are loaded.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

struct LayerConfig {
    bool sliding = true;
    int headDim = 0;
    int kvHeads = 0;
    bool keyIsValue = false; // attention_k_eq_v on a full layer: no v_proj
    bool sharesKv = false;   // computes no k and v ...
    int kvSource = -1;       // ... and reads those of this layer (own index if it does not share)
};

struct TextConfig {
    int hiddenSize = 0;
    int vocabularySize = 0;
    int perLayerVocabularySize = 0;
    int layerCount = 0;
    int heads = 0; // num_attention_heads
    int intermediateSize = 0;
    bool doubleWideMlp = false;
    int perLayerInputSize = 0; // P; 0: no per-layer embeddings
    int sharedKvLayers = 0;
    int slidingWindow = 0;
    int maxContext = 0;
    int experts = 0, activeExperts = 0, expertSize = 0; // 0: dense
    bool bidirectionalVision = false;
    float rmsNormEps = 1e-6F;
    float logitSoftcap = 0; // 0: none
    // Where Gemma 3 differs from Gemma 4 (text.md 10).
    float queryScale = 1;      // attention scores are multiplied by it
    bool valueNorm = true;     // values are normalised
    bool layerScalar = true;   // a layer's output is multiplied by a number of its own
    bool normsPlusOne = false; // files store norm weights less 1
    bool separateHead = false; // lm_head.weight instead of the embedding
    std::vector<LayerConfig> layers;
    std::vector<double> slidingFrequencies; // [headDim of sliding layers / 2], radians per position
    std::vector<double> fullFrequencies;    // [headDim of full layers / 2], zero where the pair does not rotate
};

struct VisionConfig {
    int hiddenSize = 0, layerCount = 0, heads = 0, headDim = 0, intermediateSize = 0;
    int patchSize = 16, poolingKernel = 3, positionTableSize = 0, defaultBudget = 280;
    double ropeTheta = 100;
    float rmsNormEps = 1e-6F;
    bool clippedLinears = false, standardize = false;
};

struct AudioConfig {
    int hiddenSize = 0, layerCount = 0, heads = 0, outputSize = 0;
    int convChannels[2] = {128, 32};
    int convKernel = 5;
    int contextLeft = 13; // keys seen: contextLeft - 1
    int chunkSize = 12;   // frames of a block in the reference; moves the relative positions where it is not contextLeft - 1
    float logitCap = 50, residualWeight = 0.5F, rmsNormEps = 1e-6F;
    int melBins = 128;
    bool clippedLinears = true;
};

// A drafter speeds up a bigger model (text.md 4).
struct DrafterConfig {
    int backboneSize = 0;             // width of the model it drafts for
    int centroids = 0, topCentroids = 0; // 0: every token is scored
};

struct MediaTokens { // ids; -1: the model has none
    int imageBegin = -1, imageSoft = -1, imageEnd = -1;
    int audioBegin = -1, audioSoft = -1, audioEnd = -1;
    int videoSoft = -1;
};

struct ModelConfig {
    std::string architecture; // "gemma4", "gemma3", "gemma4_unified", "gemma4_assistant"
    bool demoModel = false;
    TextConfig text;
    std::optional<VisionConfig> vision;
    std::optional<AudioConfig> audio;
    std::optional<DrafterConfig> drafter;
    MediaTokens tokens;
    std::vector<int> suppressedIds; // never sampled, says the model
    int padId = 0, bosId = 2;
    std::vector<int> stopIds; // from generation_config.json, else config.json
    // generation_config.json; released defaults where absent
    float temperature = 1.0F, topP = 0.95F;
    int topK = 64;
};

// `file` is only for messages.
Result<ModelConfig> parseModelConfig(std::string_view configJson, std::string_view generationConfigJson,
                                     std::string_view processorConfigJson, const std::string &file);

} // namespace facet
