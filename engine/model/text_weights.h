// All weights of the text decoder, checked against the configuration. Names of text.md sections 2.2 to 2.8.
#pragma once

#include "kernels/ops.h"
#include "load/row_table.h"
#include "load/weights.h"
#include "model/lora.h"

#include <memory>
#include <vector>

namespace facet {

struct MoeWeights {
    Matrix router;                     // [experts, H]
    std::vector<float> routerScale;    // [H], with H^-0.5
    std::vector<float> perExpertScale; // [experts]
    std::vector<float> postNorm1, preNorm2, postNorm2;
    std::vector<Matrix> gates, ups, downs; // per expert: [I, H], [I, H], [H, I]
};

struct LayerWeights {
    std::vector<float> inputNorm, postAttentionNorm, preFeedForwardNorm, postFeedForwardNorm; // [H]
    std::vector<float> queryNorm, keyNorm;   // [headDim]; keyNorm empty if the layer shares keys
    Matrix query, key, value, output;        // key, value empty if shared; value empty if it is the key
    Matrix gate, up, down;                   // inner size from the tensors
    Matrix perLayerGate, perLayerProjection; // [P, H], [H, P]; empty without per-layer inputs
    std::vector<float> perLayerNorm;
    std::unique_ptr<MoeWeights> experts;
    float scalar = 1;
};

struct TextWeights {
    Matrix embedding;                // [V, H], also the head unless there is one
    Matrix head;                     // [V, H]; usually empty
    RowTable perLayerTable;          // [Vp, L * P], stays in the file
    Matrix perLayerModelProjection;  // [L * P, H]
    std::vector<float> perLayerNorm; // [P]
    std::vector<float> finalNorm;
    std::vector<LayerWeights> layers;
    std::uint64_t residentBytes = 0; // without perLayerTable

    const Matrix &headMatrix() const noexcept { return head.empty() ? embedding : head; }
};

// The linear layers by the names that adapters use. The weights must stay where they are.
std::vector<LoraModule> loraModules(const TextWeights &weights);

// pack: block matrices are packed (kernels/packed.h) if the kernels gain from it.
// Errors: ModelFileCorrupt (a tensor is missing or misshaped: it is named), ModelUnsupported, OutOfMemory, Cancelled.
Result<TextWeights> loadTextWeights(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                                    const ProgressFn &progress, bool pack = true);

} // namespace facet
