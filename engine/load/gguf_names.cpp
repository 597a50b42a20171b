#include "load/gguf_names.h"

#include <algorithm>
#include <array>

namespace facet {
namespace {

struct Pair {
    std::string_view gguf, checkpoint;
};

// Whole names of the text model, behind its prefix.
constexpr std::array<Pair, 5> kText = {{
    {"token_embd.weight", "embed_tokens.weight"},
    {"per_layer_token_embd.weight", "embed_tokens_per_layer.weight"},
    {"per_layer_model_proj.weight", "per_layer_model_projection.weight"},
    {"per_layer_proj_norm.weight", "per_layer_projection_norm.weight"},
    {"output_norm.weight", "norm.weight"},
}};

// Behind "blk.N." and "layers.N.".
constexpr std::array<Pair, 28> kTextLayer = {{
    {"attn_norm.weight", "input_layernorm.weight"},
    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},
    {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_qkv.weight", "self_attn.qkv.weight"},
    {"attn_output.weight", "self_attn.o_proj.weight"},
    {"attn_q_norm.weight", "self_attn.q_norm.weight"},
    {"attn_k_norm.weight", "self_attn.k_norm.weight"},
    {"post_attention_norm.weight", "post_attention_layernorm.weight"},
    {"ffn_norm.weight", "pre_feedforward_layernorm.weight"},
    {"post_ffw_norm.weight", "post_feedforward_layernorm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},
    {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
    {"inp_gate.weight", "per_layer_input_gate.weight"},
    {"proj.weight", "per_layer_projection.weight"},
    {"post_norm.weight", "post_per_layer_input_norm.weight"},
    {"layer_output_scale.weight", "layer_scalar"},
    {"ffn_gate_inp.weight", "router.proj.weight"},
    {"ffn_gate_inp.scale", "router.scale"},
    {"ffn_gate_up_exps.weight", "experts.gate_up_proj"},
    {"ffn_gate_exps.weight", "experts.gate_proj"},
    {"ffn_up_exps.weight", "experts.up_proj"},
    {"ffn_down_exps.weight", "experts.down_proj"},
    {"ffn_down_exps.scale", "router.per_expert_scale"},
    {"pre_ffw_norm_2.weight", "pre_feedforward_layernorm_2.weight"},
    {"post_ffw_norm_1.weight", "post_feedforward_layernorm_1.weight"},
    {"post_ffw_norm_2.weight", "post_feedforward_layernorm_2.weight"},
}};

constexpr std::array<Pair, 18> kOther = {{
    {"output.weight", "lm_head.weight"},
    {"nextn.pre_projection.weight", "pre_projection.weight"},
    {"nextn.post_projection.weight", "post_projection.weight"},
    {"v.patch_embd.weight", "model.vision_tower.patch_embedder.input_proj.weight"},
    {"v.position_embd.weight", "model.vision_tower.patch_embedder.position_embedding_table"},
    {"v.std_bias", "model.vision_tower.std_bias"},
    {"v.std_scale", "model.vision_tower.std_scale"},
    {"mm.input_projection.weight", "model.embed_vision.embedding_projection.weight"},
    {"a.conv1d.0.weight", "model.audio_tower.subsample_conv_projection.layer0.conv.weight"},
    {"a.conv1d.0.norm.weight", "model.audio_tower.subsample_conv_projection.layer0.norm.weight"},
    {"a.conv1d.1.weight", "model.audio_tower.subsample_conv_projection.layer1.conv.weight"},
    {"a.conv1d.1.norm.weight", "model.audio_tower.subsample_conv_projection.layer1.norm.weight"},
    {"a.input_projection.weight", "model.audio_tower.subsample_conv_projection.input_proj_linear.weight"},
    {"a.pre_encode.out.weight", "model.audio_tower.output_proj.weight"},
    {"a.pre_encode.out.bias", "model.audio_tower.output_proj.bias"},
    {"mm.a.input_projection.weight", "model.embed_audio.embedding_projection.weight"},
    {"v.std_bias.weight", "model.vision_tower.std_bias"},
    {"v.std_scale.weight", "model.vision_tower.std_scale"},
}};

// Linear layers of the towers, without ".weight": their bounds have the same stem.
constexpr std::array<Pair, 7> kVisionLinear = {{
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_out", "self_attn.o_proj"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
}};
constexpr std::array<Pair, 6> kVisionLayer = {{
    {"ln1.weight", "input_layernorm.weight"},
    {"attn_post_norm.weight", "post_attention_layernorm.weight"},
    {"ln2.weight", "pre_feedforward_layernorm.weight"},
    {"ffn_post_norm.weight", "post_feedforward_layernorm.weight"},
    {"attn_q_norm.weight", "self_attn.q_norm.weight"},
    {"attn_k_norm.weight", "self_attn.k_norm.weight"},
}};
constexpr std::array<Pair, 10> kAudioLinear = {{
    {"ffn_up", "feed_forward1.ffw_layer_1"},
    {"ffn_down", "feed_forward1.ffw_layer_2"},
    {"ffn_up_1", "feed_forward2.ffw_layer_1"},
    {"ffn_down_1", "feed_forward2.ffw_layer_2"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_out", "self_attn.post"},
    {"conv_pw1", "lconv1d.linear_start"},
    {"conv_pw2", "lconv1d.linear_end"},
}};
// conv_norm and norm_conv are crossed in GGUF (audio.md 6).
constexpr std::array<Pair, 12> kAudioLayer = {{
    {"ffn_norm.weight", "feed_forward1.pre_layer_norm.weight"},
    {"ffn_post_norm.weight", "feed_forward1.post_layer_norm.weight"},
    {"ffn_norm_1.weight", "feed_forward2.pre_layer_norm.weight"},
    {"ffn_post_norm_1.weight", "feed_forward2.post_layer_norm.weight"},
    {"attn_pre_norm.weight", "norm_pre_attn.weight"},
    {"attn_post_norm.weight", "norm_post_attn.weight"},
    {"ln2.weight", "norm_out.weight"},
    {"attn_k_rel.weight", "self_attn.relative_k_proj.weight"},
    {"per_dim_scale.weight", "self_attn.per_dim_scale"},
    {"conv_norm.weight", "lconv1d.pre_layer_norm.weight"},
    {"norm_conv.weight", "lconv1d.conv_norm.weight"},
    {"conv_dw.weight", "lconv1d.depthwise_conv1d.weight"},
}};
constexpr std::array<std::string_view, 4> kBounds = {"input_min", "input_max", "output_min", "output_max"};

template <typename Table>
const Pair *lookUp(const Table &table, std::string_view name) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Pair &p) { return p.gguf == name; });
    return found == table.end() ? nullptr : &*found;
}

// "blk.12.rest" -> "12" and "rest"
struct LayerName {
    std::string_view number, rest;
};
std::optional<LayerName> splitLayer(std::string_view name, std::string_view before) {
    if (!name.starts_with(before)) return std::nullopt;
    name.remove_prefix(before.size());
    const auto dot = name.find('.');
    if (dot == 0 || dot == std::string_view::npos || dot > 4) return std::nullopt;
    const std::string_view number = name.substr(0, dot);
    const bool digits = std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || (number.size() > 1 && number[0] == '0')) return std::nullopt;
    return LayerName{number, name.substr(dot + 1)};
}

// A linear layer with bounds: "attn_q.weight" -> "self_attn.q_proj.linear.weight", "attn_q.input_min" -> "...input_min".
template <typename Table>
std::optional<std::string> linearName(const Table &table, std::string_view rest) {
    const auto dot = rest.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const Pair *pair = lookUp(table, rest.substr(0, dot));
    if (!pair) return std::nullopt;
    const std::string_view tail = rest.substr(dot + 1);
    if (tail == "weight") return std::string(pair->checkpoint) + ".linear.weight";
    if (std::find(kBounds.begin(), kBounds.end(), tail) == kBounds.end()) return std::nullopt;
    return std::string(pair->checkpoint) + "." + std::string(tail);
}

GgufTensorRule ruleOf(std::string_view name) {
    if (name == "v.patch_embd.weight") return GgufTensorRule::PatchOrder;
    if (name.ends_with(".per_dim_scale.weight")) return GgufTensorRule::InverseSoftplus;
    if (name.ends_with(".conv_dw.weight")) return GgufTensorRule::MiddleOne;
    if (name.ends_with(".attn_qkv.weight") && name.starts_with("blk.")) return GgufTensorRule::FusedQkv;
    return GgufTensorRule::AsIs;
}

std::optional<std::string> translate(std::string_view name, std::string_view textPrefix) {
    if (const Pair *pair = lookUp(kText, name)) return std::string(textPrefix) + std::string(pair->checkpoint);
    if (const Pair *pair = lookUp(kOther, name)) return std::string(pair->checkpoint);
    if (const auto layer = splitLayer(name, "blk.")) {
        const Pair *pair = lookUp(kTextLayer, layer->rest);
        if (!pair) return std::nullopt;
        return std::string(textPrefix) + "layers." + std::string(layer->number) + "." + std::string(pair->checkpoint);
    }
    if (const auto layer = splitLayer(name, "v.blk.")) {
        const std::string at = "model.vision_tower.encoder.layers." + std::string(layer->number) + ".";
        if (const Pair *pair = lookUp(kVisionLayer, layer->rest)) return at + std::string(pair->checkpoint);
        if (const auto linear = linearName(kVisionLinear, layer->rest)) return at + *linear;
    }
    if (const auto layer = splitLayer(name, "a.blk.")) {
        const std::string at = "model.audio_tower.layers." + std::string(layer->number) + ".";
        if (const Pair *pair = lookUp(kAudioLayer, layer->rest)) return at + std::string(pair->checkpoint);
        if (const auto linear = linearName(kAudioLinear, layer->rest)) return at + *linear;
    }
    return std::nullopt;
}

} // namespace

std::optional<GgufName> checkpointName(std::string_view ggufName, std::string_view textPrefix) {
    auto name = translate(ggufName, textPrefix);
    if (!name) return std::nullopt;
    return GgufName{std::move(*name), ruleOf(ggufName)};
}

namespace {

template <typename Table>
const Pair *lookBack(const Table &table, std::string_view name) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Pair &p) { return p.checkpoint == name; });
    return found == table.end() ? nullptr : &*found;
}

// "self_attn.q_proj.linear.weight" -> "attn_q.weight", "self_attn.q_proj.input_min" -> "attn_q.input_min"
template <typename Table>
std::optional<std::string> linearBack(const Table &table, std::string_view rest) {
    constexpr std::string_view kWeight = ".linear.weight";
    if (rest.ends_with(kWeight)) {
        const Pair *pair = lookBack(table, rest.substr(0, rest.size() - kWeight.size()));
        return pair ? std::optional(std::string(pair->gguf) + ".weight") : std::nullopt;
    }
    const auto dot = rest.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view tail = rest.substr(dot + 1);
    const Pair *pair = lookBack(table, rest.substr(0, dot));
    if (!pair || std::find(kBounds.begin(), kBounds.end(), tail) == kBounds.end()) return std::nullopt;
    return std::string(pair->gguf) + "." + std::string(tail);
}

std::optional<std::string> translateBack(std::string_view name, std::string_view textPrefix) {
    if (const Pair *pair = lookBack(kOther, name)) return std::string(pair->gguf);
    const auto layerName = [](const char *before, const LayerName &layer, std::string_view rest) {
        return before + std::string(layer.number) + "." + std::string(rest);
    };
    if (const auto layer = splitLayer(name, "model.vision_tower.encoder.layers.")) {
        if (const Pair *pair = lookBack(kVisionLayer, layer->rest)) return layerName("v.blk.", *layer, pair->gguf);
        if (const auto linear = linearBack(kVisionLinear, layer->rest)) return layerName("v.blk.", *layer, *linear);
        return std::nullopt;
    }
    if (const auto layer = splitLayer(name, "model.audio_tower.layers.")) {
        if (const Pair *pair = lookBack(kAudioLayer, layer->rest)) return layerName("a.blk.", *layer, pair->gguf);
        if (const auto linear = linearBack(kAudioLinear, layer->rest)) return layerName("a.blk.", *layer, *linear);
        return std::nullopt;
    }
    if (!name.starts_with(textPrefix)) return std::nullopt;
    name.remove_prefix(textPrefix.size());
    if (const Pair *pair = lookBack(kText, name)) return std::string(pair->gguf);
    if (const auto layer = splitLayer(name, "layers.")) {
        if (const Pair *pair = lookBack(kTextLayer, layer->rest)) return layerName("blk.", *layer, pair->gguf);
    }
    return std::nullopt;
}

} // namespace

std::optional<GgufName> ggufName(std::string_view checkpointName, std::string_view textPrefix) {
    auto name = translateBack(checkpointName, textPrefix);
    if (!name) return std::nullopt;
    const GgufTensorRule rule = ruleOf(*name);
    return GgufName{std::move(*name), rule};
}

} // namespace facet
