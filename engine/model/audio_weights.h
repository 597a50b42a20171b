// The sound encoder's weights (audio.md section 6), checked against its configuration and made ready: convolutions in the
// order in which their inputs are gathered, query scales and relative keys worked out.
#pragma once

#include "model/lora.h"
#include "model/tower_weights.h"

#include <array>

namespace facet {

struct AudioFeedForward {
    std::vector<float> preNorm, postNorm;  // [C]
    ClippedLinear up, down;                // [inner, C], [C, inner]
};

struct AudioLayer {
    AudioFeedForward first, second;
    std::vector<float> preAttentionNorm, postAttentionNorm, outNorm;  // [C]
    ClippedLinear q, k, v, post;
    std::vector<float> queryScale;    // [D]: D^-0.5 / ln 2 * softplus(per_dim_scale)
    Matrix relative;                  // [C, C] relative_k_proj
    std::vector<float> relativeKeys;  // [distances, C]: relative_k_proj * P(d)
    std::vector<float> convPreNorm, convNorm;  // [C]
    ClippedLinear convStart, convEnd;          // [2 C, C], [C, C]
    std::vector<float> depthwise;              // [kernel, C]: tap outer, so that channels are contiguous
};

struct AudioWeights {
    AudioConfig config;
    int textWidth = 0;
    struct Convolution {
        Matrix w;                 // [out, 3 (time) * 3 (mel) * in], channel fastest
        std::vector<float> norm;  // [out]
        int inChannels = 1, outChannels = 0;
    };
    std::array<Convolution, 2> convolutions;
    Matrix inputProjection;  // [C, mel / 4 * channels]
    std::vector<AudioLayer> layers;
    Matrix outputProjection;  // [output, C]
    std::vector<float> outputBias;
    Matrix projection;  // [text width, output]
    std::vector<float> positions;  // [distances, C]: P(d)
    std::uint64_t bytes = 0;

    int distances() const noexcept { return config.contextLeft - 1; }  // keys seen: this frame and those to its left
    static Result<AudioWeights> load(const Checkpoint &checkpoint, const Exec &exec);
    // The linear layers by the names that adapters use. The weights must stay where they are.
    std::vector<LoraModule> loraModules() const;
};

}  // namespace facet
