// text_config of a Gemma 4 checkpoint: text.md section 1 for the spellings, 2.5 for rotary frequencies and shared keys.
#include "load/config_parts.h"

#include <algorithm>
#include <cmath>

namespace facet {
namespace {

constexpr const char *kSliding = "sliding_attention";
constexpr const char *kFull = "full_attention";

// layer_types, or every sixth full; the last layer is always full.
std::vector<bool> readSlidingPattern(const ConfigReader &text, int layerCount, TextFamily family) {
    std::vector<bool> sliding(static_cast<std::size_t>(layerCount));
    const int period = text.integer("sliding_window_pattern", 1, kMaxLayers, 6);
    for (int i = 0; i < layerCount; ++i) sliding[i] = i % period != period - 1;
    if (const auto *types = text.find("layer_types")) {
        const std::string place = text.place("layer_types");
        if (!types->is_array() || types->size() != sliding.size()) {
            text.problems().corrupt(place + " is no list of " + std::to_string(layerCount) + " entries");
            return sliding;
        }
        for (std::size_t i = 0; i < sliding.size(); ++i) {
            const auto &type = (*types)[i];
            if (type != kSliding && type != kFull) {
                text.problems().unsupported(place + "[" + std::to_string(i) + "] is neither " + kSliding + " nor " +
                                            kFull);
                return sliding;
            }
            sliding[i] = type == kSliding;
        }
    }
    if (family != TextFamily::Gemma3) sliding.back() = false;
    return sliding;
}

// per_layer_config: {"4": {"head_dim": 64, "num_key_value_heads": 1}}, the newer spelling of global_head_dim and
// num_global_key_value_heads: where it stands, these two mean nothing and a layer it does not name is as all others.
void applyPerLayerConfig(const ConfigReader &text, std::vector<LayerConfig> &layers) {
    const auto *overrides = text.find("per_layer_config");
    if (!overrides) return;
    const std::string place = text.place("per_layer_config");
    if (!overrides->is_object()) return text.problems().corrupt(place + " is no object");
    for (const auto &[key, value] : overrides->items()) {
        const bool digits = !key.empty() && key.size() <= 4 &&
                            std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
        const std::size_t index = digits ? static_cast<std::size_t>(std::stoi(key)) : layers.size();
        if (index >= layers.size())
            return text.problems().corrupt(place + " names the layer \"" + key.substr(0, 20) +
                                           "\", which does not exist");
        const ConfigReader layer(value, place + "." + key, text.problems());
        layers[index].headDim = layer.integer("head_dim", 2, kMaxHeadDim, layers[index].headDim);
        layers[index].kvHeads = layer.integer("num_key_value_heads", 1, kMaxHeads, layers[index].kvHeads);
    }
}

std::vector<LayerConfig> readLayers(const ConfigReader &text, const TextConfig &config, TextFamily family) {
    const auto sliding = readSlidingPattern(text, config.layerCount, family);
    const bool gemma3 = family == TextFamily::Gemma3;
    const bool keyIsValue = text.boolean("attention_k_eq_v", false);
    const int headDim = text.integer("head_dim", 2, kMaxHeadDim, 256);
    const int kvHeads = text.integer("num_key_value_heads", 1, kMaxHeads, gemma3 ? 4 : config.heads);
    const bool perLayer = text.find("per_layer_config") != nullptr;
    const int globalHeadDim = perLayer ? headDim : text.integer("global_head_dim", 2, kMaxHeadDim, gemma3 ? headDim : 512);
    const int globalKvHeads =
        keyIsValue && !perLayer ? text.integer("num_global_key_value_heads", 1, kMaxHeads, kvHeads) : kvHeads;

    std::vector<LayerConfig> layers(sliding.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        layers[i].sliding = sliding[i];
        layers[i].headDim = sliding[i] ? headDim : globalHeadDim;
        layers[i].kvHeads = sliding[i] ? kvHeads : globalKvHeads;
        layers[i].keyIsValue = keyIsValue && !sliding[i];
    }
    applyPerLayerConfig(text, layers);
    return layers;
}

// One table of frequencies and one cache geometry per layer type.
void checkLayers(const TextConfig &config, ConfigProblems &problems) {
    const LayerConfig *first[2] = {nullptr, nullptr};
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        const auto &layer = config.layers[i];
        const std::string place = "layer " + std::to_string(i) + ": ";
        if (layer.headDim % 2 != 0)
            problems.corrupt(place + "head_dim " + std::to_string(layer.headDim) + " is odd");
        if (config.heads % layer.kvHeads != 0) {
            problems.corrupt(place + std::to_string(config.heads) + " attention heads cannot share " +
                                    std::to_string(layer.kvHeads) + " key/value heads evenly");
        }
        const LayerConfig *&same = first[layer.sliding ? 1 : 0];
        if (!same) same = &layer;
        if (same->headDim != layer.headDim)
            problems.unsupported(place + "head_dim differs between layers of the same type");
    }
}

// The last sharedKvLayers layers read the keys of the last producing layer of their own type (text.md 2.5).
void resolveSharing(TextConfig &config, bool drafter, ConfigProblems &problems) {
    if (drafter) config.sharedKvLayers = config.layerCount;
    const int producing = config.layerCount - config.sharedKvLayers;
    int last[2] = {-1, -1};
    for (int i = 0; i < config.layerCount; ++i) {
        LayerConfig &layer = config.layers[i];
        int &source = last[layer.sliding ? 1 : 0];
        layer.sharesKv = i >= producing;
        if (!layer.sharesKv) source = i;
        layer.kvSource = source;
        if (!layer.sharesKv || drafter) continue;
        const std::string place = "layer " + std::to_string(i);
        if (source < 0) {
            problems.corrupt(place + " shares keys, but no layer of its type before layer " +
                                    std::to_string(producing) + " makes any");
        } else if (config.layers[source].kvHeads != layer.kvHeads || config.layers[source].headDim != layer.headDim) {
            problems.corrupt(place + " shares the keys of layer " + std::to_string(source) +
                                    ", which have another shape");
        }
    }
}

// rope_parameters of one layer type -> radians per position of each pair (text.md 2.5).
std::vector<double> readFrequencies(const ConfigReader &text, const char *layerType, int headDim, bool full,
                                    bool gemma3) {
    const ConfigReader all = text.child("rope_parameters");
    const bool flat = all.has("rope_theta") || all.has("rope_type");
    const ConfigReader rope = flat ? all : all.child(layerType);
    const std::string type = rope.text("rope_type", full && !gemma3 ? "proportional" : "default");
    const double theta = rope.number("rope_theta", 1, 1e12, full ? 1e6 : 1e4);
    const double part = rope.number("partial_rotary_factor", 0, 1, type == "proportional" && full ? 0.25 : 1.0);
    const double factor = rope.number("factor", 1e-6, 1e6, 1.0);
    if (type != "default" && type != "proportional" && type != "linear") {
        text.problems().unsupported(rope.place("rope_type") + " is \"" + type.substr(0, 40) + "\"");
    } else if (type != "proportional" && part != 1.0) {
        text.problems().unsupported(rope.place("partial_rotary_factor") + " with rope_type \"" + type + "\"");
    }
    const int pairs = headDim / 2;
    const int rotating = static_cast<int>(std::floor(part * headDim / 2));
    std::vector<double> frequencies(static_cast<std::size_t>(pairs), 0.0);
    for (int j = 0; j < rotating && j < pairs; ++j) {
        frequencies[j] = std::pow(theta, -2.0 * j / headDim) / factor;
    }
    return frequencies;
}

// Gemma 3 in either spelling: rope_parameters by layer type, or rope_theta, rope_local_base_freq and rope_scaling.
void readGemma3(const ConfigReader &text, TextConfig &config, const int (&headDim)[2]) {
    config.valueNorm = false;
    config.layerScalar = false;
    config.normsPlusOne = true;
    config.queryScale = static_cast<float>(1 / std::sqrt(text.number("query_pre_attn_scalar", 1e-3, 1e6, 256)));
    if (text.number("attn_logit_softcapping", 0, 1e6, 0) != 0)
        text.problems().unsupported(text.place("attn_logit_softcapping") + " is set");
    if (text.has("rope_parameters")) return;
    const ConfigReader scaling = text.child("rope_scaling");
    const std::string type = scaling.text("rope_type", "linear");
    if (type != "linear" && type != "default")
        text.problems().unsupported(scaling.place("rope_type") + " is \"" + type.substr(0, 40) + "\"");
    const double factor = scaling.number("factor", 1e-6, 1e6, 1.0);
    const double fullTheta = text.number("rope_theta", 1, 1e12, 1e6);
    const double slidingTheta = text.number("rope_local_base_freq", 1, 1e12, 1e4);
    for (int j = 0; j < headDim[1] / 2; ++j)
        config.slidingFrequencies[static_cast<std::size_t>(j)] = std::pow(slidingTheta, -2.0 * j / headDim[1]);
    for (int j = 0; j < headDim[0] / 2; ++j)
        config.fullFrequencies[static_cast<std::size_t>(j)] = std::pow(fullTheta, -2.0 * j / headDim[0]) / factor;
}

void readExperts(const ConfigReader &text, TextConfig &config) {
    if (!text.boolean("enable_moe_block", false)) return;
    config.experts = text.integer("num_experts", 1, kMaxExperts);
    config.activeExperts = text.integer("top_k_experts", 1, config.experts);
    config.expertSize = text.integer("moe_intermediate_size", 1, kMaxInnerWidth);
}

void refuseUnsupported(const ConfigReader &text) {
    if (text.boolean("attention_bias", false)) text.problems().unsupported(text.place("attention_bias") + " is true");
    if (!text.boolean("tie_word_embeddings", true))
        text.problems().unsupported(text.place("tie_word_embeddings") + " is false");
    const std::string activation = text.text("hidden_activation", "gelu_pytorch_tanh");
    if (activation != "gelu_pytorch_tanh") {
        text.problems().unsupported(text.place("hidden_activation") + " is \"" + activation.substr(0, 40) + "\"");
    }
}

} // namespace

void finishLayers(TextConfig &config, bool drafter, ConfigProblems &problems) {
    checkLayers(config, problems);
    if (!problems.first()) resolveSharing(config, drafter, problems);
}

TextConfig readTextConfig(const ConfigReader &text, TextFamily family) {
    TextConfig config;
    const bool gemma3 = family == TextFamily::Gemma3;
    config.layerCount = text.integer("num_hidden_layers", 1, kMaxLayers);
    config.hiddenSize = text.integer("hidden_size", 1, kMaxWidth);
    // Gemma 3's files leave out what equals these figures.
    const auto otherwise = [&](int figure) { return gemma3 ? std::optional(figure) : std::nullopt; };
    config.vocabularySize = text.integer("vocab_size", 1, kMaxVocabulary, otherwise(262208));
    config.heads = text.integer("num_attention_heads", 1, kMaxHeads, otherwise(8));
    config.intermediateSize = text.integer("intermediate_size", 1, kMaxInnerWidth);
    config.doubleWideMlp = text.boolean("use_double_wide_mlp", false);
    config.perLayerInputSize = text.integer("hidden_size_per_layer_input", 0, kMaxWidth, 0);
    config.perLayerVocabularySize =
        text.integer("vocab_size_per_layer_input", 0, kMaxVocabulary, config.vocabularySize);
    config.sharedKvLayers = text.integer("num_kv_shared_layers", 0, config.layerCount, 0);
    config.slidingWindow = text.integer("sliding_window", 1, kMaxPositions, 512);
    config.maxContext = text.integer("max_position_embeddings", 1, kMaxPositions, 131072);
    config.rmsNormEps = static_cast<float>(text.number("rms_norm_eps", 0, 1, 1e-6));
    config.logitSoftcap = static_cast<float>(text.number("final_logit_softcapping", 0, 1e6, 0));
    const std::string bidirectional = gemma3 ? "" : text.text("use_bidirectional_attention", "");
    config.bidirectionalVision = bidirectional == "vision";
    if (!bidirectional.empty() && !config.bidirectionalVision) {
        text.problems().unsupported(text.place("use_bidirectional_attention") + " is \"" + bidirectional.substr(0, 40) +
                                    "\"");
    }
    if (config.perLayerInputSize > 0 && config.perLayerVocabularySize < 1) {
        text.problems().corrupt(text.place("vocab_size_per_layer_input") + " is 0, but the model has per-layer inputs");
    }
    refuseUnsupported(text);
    readExperts(text, config);
    if (text.problems().first()) return config;

    config.layers = readLayers(text, config, family);
    if (text.problems().first()) return config;
    finishLayers(config, family == TextFamily::Drafter, text.problems());
    int headDim[2] = {2, 2};
    for (const auto &layer : config.layers) headDim[layer.sliding ? 1 : 0] = layer.headDim;
    config.slidingFrequencies = readFrequencies(text, kSliding, headDim[1], false, gemma3);
    config.fullFrequencies = readFrequencies(text, kFull, headDim[0], true, gemma3);
    if (gemma3) readGemma3(text, config, headDim);
    return config;
}

} // namespace facet
