// vision_config and audio_config. Sizes that a processor also states are taken from the configuration first.
#include "load/config_parts.h"

#include <algorithm>

namespace facet {
namespace {

constexpr int kMaxPatchSize = 128;
constexpr int kMaxPooling = 16;
constexpr int kMaxMelBins = 1024;
constexpr int kMaxChannels = 4096;

} // namespace

VisionConfig readVisionConfig(const ConfigReader &vision, const ConfigReader &root, const ConfigReader &processor) {
    VisionConfig config;
    config.hiddenSize = vision.integer("hidden_size", 1, kMaxWidth);
    config.layerCount = vision.integer("num_hidden_layers", 1, kMaxLayers);
    config.heads = vision.integer("num_attention_heads", 1, kMaxHeads);
    config.headDim = vision.integer("head_dim", 4, kMaxHeadDim, std::max(4, config.hiddenSize / config.heads));
    config.intermediateSize = vision.integer("intermediate_size", 1, kMaxInnerWidth);
    config.patchSize = vision.integer("patch_size", 1, kMaxPatchSize, 16);
    config.poolingKernel = vision.integer("pooling_kernel_size", 1, kMaxPooling, 3);
    config.positionTableSize = vision.integer("position_embedding_size", 1, kMaxPositions, 10240);
    const ConfigReader pictures = processor.child("image_processor");
    const int processorBudget = pictures.integer("max_soft_tokens", 1, kMaxSoftTokens, 280);
    config.defaultBudget =
        vision.integer("default_output_length", 1, kMaxSoftTokens,
                       root.integer("vision_soft_tokens_per_image", 1, kMaxSoftTokens, processorBudget));
    config.ropeTheta = vision.child("rope_parameters").number("rope_theta", 1, 1e12, 100);
    config.rmsNormEps = static_cast<float>(vision.number("rms_norm_eps", 0, 1, 1e-6));
    config.clippedLinears = vision.boolean("use_clipped_linears", false);
    config.standardize = vision.boolean("standardize", false);

    // Two axes of half-split pairs: each half of a head must itself split in two.
    if (config.headDim % 4 != 0) vision.problems().corrupt(vision.place("head_dim") + " is no multiple of 4");
    if (vision.integer("num_key_value_heads", 1, kMaxHeads, config.heads) != config.heads) {
        vision.problems().unsupported(vision.place("num_key_value_heads") + " differs from num_attention_heads");
    }
    if (vision.boolean("attention_bias", false))
        vision.problems().unsupported(vision.place("attention_bias") + " is true");
    return config;
}

AudioConfig readAudioConfig(const ConfigReader &audio, const ConfigReader &processor) {
    AudioConfig config;
    config.hiddenSize = audio.integer("hidden_size", 1, kMaxWidth);
    config.layerCount = audio.integer("num_hidden_layers", 1, kMaxLayers);
    config.heads = audio.integer("num_attention_heads", 1, kMaxHeads);
    config.outputSize = audio.integer("output_proj_dims", 1, kMaxWidth);
    if (const auto *channels = audio.find("subsampling_conv_channels")) {
        const std::string place = audio.place("subsampling_conv_channels");
        if (!channels->is_array() || channels->size() != 2) {
            audio.problems().corrupt(place + " is no list of two numbers");
        } else {
            for (std::size_t i = 0; i < 2; ++i) {
                config.convChannels[i] = configInteger((*channels)[i], 1, kMaxChannels, place, audio.problems());
            }
        }
    }
    config.convKernel = audio.integer("conv_kernel_size", 1, 255, 5);
    config.contextLeft = audio.integer("attention_context_left", 1, 4096, 13);
    config.chunkSize = audio.integer("attention_chunk_size", 1, 4096, 12);
    config.logitCap = static_cast<float>(audio.number("attention_logit_cap", 1e-3, 1e6, 50));
    config.residualWeight = static_cast<float>(audio.number("residual_weight", 0, 100, 0.5));
    config.rmsNormEps = static_cast<float>(audio.number("rms_norm_eps", 0, 1, 1e-6));
    config.clippedLinears = audio.boolean("use_clipped_linears", true);
    config.melBins = processor.child("feature_extractor").integer("feature_size", 4, kMaxMelBins, 128);
    if (config.hiddenSize % config.heads != 0) {
        audio.problems().corrupt(audio.place("hidden_size") + " is no multiple of num_attention_heads");
    }
    if (audio.integer("attention_context_right", 0, 4096, 0) != 0) {
        audio.problems().unsupported(audio.place("attention_context_right") + " is not 0");
    }
    return config;
}

} // namespace facet
