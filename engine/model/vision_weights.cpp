#include "model/vision_weights.h"

namespace facet {

namespace {

Result<VisionLayer> loadLayer(TowerReader &reader, const VisionConfig &config, int index) {
    const std::string at = "vision_tower.encoder.layers." + std::to_string(index) + ".";
    const std::int64_t width = config.hiddenSize;
    const std::int64_t inner = config.intermediateSize;
    const std::int64_t heads = std::int64_t{config.heads} * config.headDim;
    VisionLayer layer;
    const auto norm = [&](const char *name, std::int64_t n, std::vector<float> &out) -> Status {
        FACET_TRY(values, reader.values(at + name + ".weight", {n}));
        out = std::move(values);
        return ok();
    };
    const auto linear = [&](const char *name, std::int64_t rows, std::int64_t cols, ClippedLinear &out) -> Status {
        FACET_TRY(w, reader.linear(at + name, rows, cols));
        out = std::move(w);
        return ok();
    };
    FACET_CHECK(norm("input_layernorm", width, layer.inputNorm));
    FACET_CHECK(norm("post_attention_layernorm", width, layer.postAttentionNorm));
    FACET_CHECK(norm("pre_feedforward_layernorm", width, layer.preFeedForwardNorm));
    FACET_CHECK(norm("post_feedforward_layernorm", width, layer.postFeedForwardNorm));
    FACET_CHECK(norm("self_attn.q_norm", config.headDim, layer.queryNorm));
    FACET_CHECK(norm("self_attn.k_norm", config.headDim, layer.keyNorm));
    FACET_CHECK(linear("self_attn.q_proj", heads, width, layer.q));
    FACET_CHECK(linear("self_attn.k_proj", heads, width, layer.k));
    FACET_CHECK(linear("self_attn.v_proj", heads, width, layer.v));
    FACET_CHECK(linear("self_attn.o_proj", width, heads, layer.o));
    FACET_CHECK(linear("mlp.gate_proj", inner, width, layer.gate));
    FACET_CHECK(linear("mlp.up_proj", inner, width, layer.up));
    FACET_CHECK(linear("mlp.down_proj", width, inner, layer.down));
    return layer;
}

}  // namespace

Result<VisionWeights> VisionWeights::load(const Checkpoint &checkpoint) {
    if (!checkpoint.config.vision || !checkpoint.weights) {
        return Error{ErrorCode::MediaUnsupported, "This model does not see pictures.", "no vision_config", checkpoint.path};
    }
    VisionWeights out;
    out.config = *checkpoint.config.vision;
    out.textWidth = checkpoint.config.text.hiddenSize;
    const VisionConfig &config = out.config;
    const std::int64_t width = config.hiddenSize;
    const std::int64_t table = config.positionTableSize;
    TowerReader reader(*checkpoint.weights, "model.");

    const std::int64_t patchValues = std::int64_t{config.patchSize} * config.patchSize * 3;
    FACET_TRY(patch, reader.matrix("vision_tower.patch_embedder.input_proj.weight", width, patchValues));
    out.patch = std::move(patch);
    const std::string positionName = "vision_tower.patch_embedder.position_embedding_table";
    const TensorInfo *info = reader.find(positionName);
    if (info && info->shape != std::vector<std::int64_t>{2, table, width}) {
        return Error{ErrorCode::ModelFileCorrupt, "The model's weights do not fit its configuration; download the model again.",
                     "tensor " + reader.fullName(positionName) + " is not [2, " + std::to_string(table) + ", " +
                         std::to_string(width) + "]"};
    }
    FACET_TRY(positions, checkpoint.weights->matrix(reader.fullName(positionName), 2 * table, width));
    out.positions = std::move(positions);

    out.layers.reserve(static_cast<std::size_t>(config.layerCount));
    for (int i = 0; i < config.layerCount; ++i) {
        FACET_TRY(layer, loadLayer(reader, config, i));
        out.layers.push_back(std::move(layer));
    }
    if (config.standardize) {
        FACET_TRY(bias, reader.values("vision_tower.std_bias", {width}));
        FACET_TRY(scale, reader.values("vision_tower.std_scale", {width}));
        out.standardBias = std::move(bias);
        out.standardScale = std::move(scale);
    }
    FACET_TRY(projection, reader.matrix("embed_vision.embedding_projection.weight", out.textWidth, width));
    out.projection = std::move(projection);
    out.bytes = reader.bytes() + static_cast<std::uint64_t>(rowBytes(out.positions.type, width) * 2 * table);
    return out;
}

std::vector<ClippedLinear *> VisionWeights::linears() {
    std::vector<ClippedLinear *> all;
    for (VisionLayer &l : layers) all.insert(all.end(), {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down});
    return all;
}

std::vector<LoraModule> VisionWeights::loraModules() const {
    std::vector<LoraModule> out{{"model.vision_tower.patch_embedder.input_proj", &patch},
                                {"model.embed_vision.embedding_projection", &projection}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const VisionLayer &layer = layers[i];
        const std::string at = "model.vision_tower.encoder.layers." + std::to_string(i) + ".";
        out.push_back({at + "self_attn.q_proj.linear", &layer.q.w});
        out.push_back({at + "self_attn.k_proj.linear", &layer.k.w});
        out.push_back({at + "self_attn.v_proj.linear", &layer.v.w});
        out.push_back({at + "self_attn.o_proj.linear", &layer.o.w});
        out.push_back({at + "mlp.gate_proj.linear", &layer.gate.w});
        out.push_back({at + "mlp.up_proj.linear", &layer.up.w});
        out.push_back({at + "mlp.down_proj.linear", &layer.down.w});
    }
    return out;
}

}  // namespace facet
