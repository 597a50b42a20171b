// The picture encoder's weights as they lie in the checkpoint, checked against its configuration.
#pragma once

#include "model/lora.h"
#include "model/tower_weights.h"

namespace facet {

struct VisionLayer {
    std::vector<float> inputNorm, postAttentionNorm, preFeedForwardNorm, postFeedForwardNorm;  // [C]
    std::vector<float> queryNorm, keyNorm;                                                     // [D]
    ClippedLinear q, k, v, o, gate, up, down;
};

struct VisionWeights {
    VisionConfig config;
    int textWidth = 0;
    Matrix patch;       // [C, 3 p^2]
    Matrix positions;   // [2 N, C]: N rows of the x table, then N of the y table; mapped, only rows in use are read
    std::vector<VisionLayer> layers;
    std::vector<float> standardBias, standardScale;  // [C]; empty: not standardized
    Matrix projection;  // [text width, C]
    std::uint64_t bytes = 0;

    static Result<VisionWeights> load(const Checkpoint &checkpoint);
    // The linear layers by the names that adapters use. The weights must stay where they are.
    std::vector<LoraModule> loraModules() const;
    std::vector<ClippedLinear *> linears();  // of all layers
};

}  // namespace facet
