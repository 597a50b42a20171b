// clip.vision.* and clip.audio.* of an mmproj file (vision.md 5, audio.md 6). What the files do not state is read from
// the tensors or is the same in all models.
#include "load/gguf_config.h"
#include "load/gguf_reader.h"

#include <algorithm>

namespace facet {
namespace {

constexpr int kMaxPatchSize = 128;
constexpr int kMaxPooling = 16;
constexpr int kMaxMelBins = 1024;
constexpr int kMaxChannels = 4096;
constexpr int kMaxFrames = 4096;         // of a block of local attention

// Dimension `at` (slowest first) of a tensor with `dimensions` of them.
int sizeOf(const GgufModelFiles &files, const char *name, std::size_t dimensions, std::size_t at, int high,
           ConfigProblems &problems) {
    const GgufTensor *tensor = findTensor(files, name);
    if (!tensor || tensor->info.shape.size() != dimensions || tensor->info.shape[at] > high) {
        problems.corrupt(std::string("tensor ") + name + " is missing or does not have " + std::to_string(dimensions) +
                         " sensible dimensions");
        return 1;
    }
    return static_cast<int>(tensor->info.shape[at]);
}

bool hasBounds(const GgufModelFiles &files, std::string_view prefix) {
    for (const GgufFile &file : files.files) {
        for (const GgufTensor &tensor : file.tensors()) {
            if (tensor.info.name.starts_with(prefix) && tensor.info.name.ends_with(".input_max")) return true;
        }
    }
    return false;
}

VisionConfig readVision(const GgufModelFiles &files, ConfigProblems &problems) {
    const GgufReader keys(files.main(), "clip.vision.", problems);
    VisionConfig config;
    config.hiddenSize = keys.integer("embedding_length", 4, kMaxWidth);
    config.layerCount = keys.integer("block_count", 1, kMaxLayers);
    config.heads = keys.integer("attention.head_count", 1, kMaxHeads);
    const GgufReader own(files.main(), "facet.vision.", problems);
    config.headDim = own.integer("head_dim", 0, kMaxHeadDim, 0);
    if (config.headDim == 0) {
        config.headDim = config.hiddenSize / config.heads;
        if (config.headDim * config.heads != config.hiddenSize || config.headDim > kMaxHeadDim) config.headDim = 0;
    }
    if (config.headDim < 4 || config.headDim % 4 != 0) {
        keys.corrupt("attention.head_count", std::to_string(config.heads) + " heads do not divide the width " +
                                                 std::to_string(config.hiddenSize) + " into multiples of 4");
    }
    config.ropeTheta = own.number("rope_theta", 1, 1e12, config.ropeTheta);
    config.defaultBudget = own.integer("default_budget", 1, kMaxSoftTokens, config.defaultBudget);
    config.intermediateSize = keys.integer("feed_forward_length", 1, kMaxInnerWidth);
    config.patchSize = keys.integer("patch_size", 1, kMaxPatchSize, 16);
    config.poolingKernel = keys.integer("projector.scale_factor", 1, kMaxPooling, 3);
    config.positionTableSize = sizeOf(files, "v.position_embd.weight", 3, 1, kMaxPositions, problems);
    config.rmsNormEps = static_cast<float>(keys.number("attention.layer_norm_epsilon", 0, 1, 1e-6));
    config.clippedLinears = hasBounds(files, "v.blk.");
    config.standardize = findTensor(files, "v.std_bias") || findTensor(files, "v.std_bias.weight");
    return config;
}

AudioConfig readAudio(const GgufModelFiles &files, ConfigProblems &problems) {
    const GgufReader keys(files.main(), "clip.audio.", problems);
    AudioConfig config;
    config.hiddenSize = keys.integer("embedding_length", 2, kMaxWidth);
    config.layerCount = keys.integer("block_count", 1, kMaxLayers);
    config.heads = keys.integer("attention.head_count", 1, kMaxHeads);
    if (config.hiddenSize % config.heads != 0)
        keys.corrupt("attention.head_count", std::to_string(config.heads) + " heads do not divide the width");
    config.melBins = keys.integer("num_mel_bins", 4, kMaxMelBins, 128);
    config.outputSize = sizeOf(files, "a.pre_encode.out.weight", 2, 0, kMaxWidth, problems);
    config.convChannels[0] = sizeOf(files, "a.conv1d.0.weight", 4, 0, kMaxChannels, problems);
    config.convChannels[1] = sizeOf(files, "a.conv1d.1.weight", 4, 0, kMaxChannels, problems);
    config.convKernel = sizeOf(files, "a.blk.0.conv_dw.weight", 2, 1, 255, problems);
    // What released models have in common is in no key of the format. Their eps is 1e-6; some files state 1e-5 by mistake.
    const GgufReader own(files.main(), "facet.audio.", problems);
    config.contextLeft = own.integer("context_left", 1, kMaxFrames, config.contextLeft);
    config.chunkSize = own.integer("chunk_size", 1, kMaxFrames, config.chunkSize);
    config.logitCap = static_cast<float>(own.number("logit_cap", 1e-3, 1e6, config.logitCap));
    config.residualWeight = static_cast<float>(own.number("residual_weight", 0, 100, config.residualWeight));
    config.rmsNormEps = static_cast<float>(own.number("rms_norm_eps", 0, 1, config.rmsNormEps));
    config.clippedLinears = hasBounds(files, "a.blk.");
    return config;
}

} // namespace

Result<ProjectorConfig> readProjectorConfig(const GgufModelFiles &projector) {
    const GgufFile &file = projector.main();
    if (file.architecture() != "clip") {
        return Error{ErrorCode::ModelUnsupported, "This is no projector file (mmproj); choose the one of the model.",
                     "key general.architecture: \"" + printable(file.architecture()) + "\"", file.path()};
    }
    ConfigProblems problems(file.path());
    const GgufReader clip(file, "clip.", problems);
    ProjectorConfig out;
    const std::string shared = clip.text("projector_type", "");
    const std::string vision = clip.text("vision.projector_type", shared);
    const std::string audio = clip.text("audio.projector_type", shared);
    out.unified = vision == "gemma4uv" || audio == "gemma4ua";
    if (vision == "gemma4v" && clip.boolean("has_vision_encoder", true)) {
        out.vision = readVision(projector, problems);
        out.textWidth = sizeOf(projector, "mm.input_projection.weight", 2, 0, kMaxWidth, problems);
    }
    if (audio == "gemma4a" && clip.boolean("has_audio_encoder", true)) {
        out.audio = readAudio(projector, problems);
        const int width = sizeOf(projector, "mm.a.input_projection.weight", 2, 0, kMaxWidth, problems);
        if (out.vision && width != out.textWidth)
            problems.corrupt("tensor mm.a.input_projection.weight is made for another width than the one for pictures");
        out.textWidth = width;
    }
    if (!out.vision && !out.audio && !out.unified) {
        problems.unsupported("projector \"" + printable(vision.empty() ? audio : vision) +
                             "\", Facet runs gemma4v and gemma4a");
    }
    if (problems.first()) return *problems.first();
    return out;
}

} // namespace facet
