#include "model/text_weights.h"

#include "kernels/packed.h"
#include "load/memory_plan.h"
#include "load/packed_weights.h"

#include <atomic>
#include <cmath>
#include <string>

namespace facet {
namespace {

constexpr std::int64_t kMaxInner = 1 << 20;
constexpr std::int64_t kPageBytes = 4096;

class Loader {
public:
    Loader(const Checkpoint &checkpoint, const Exec &exec, WeightType type, bool pack, const ProgressFn &progress)
        : m_source(*checkpoint.weights), m_config(checkpoint.config.text), m_exec(exec), m_type(type),
          m_pack(pack && exec.kernels->packs && !exec.reference),
          m_clusters(checkpoint.config.drafter && checkpoint.config.drafter->centroids > 0), m_progress(progress) {
        // Text-only checkpoints leave out one level of the names, some of Gemma 3 have them the other way round.
        m_prefix = "model.language_model.";
        for (const char *prefix : {"model.", "language_model.model."}) {
            const bool usual = m_source.find(m_prefix + "embed_tokens.weight") != nullptr;
            if (!usual && m_source.find(std::string(prefix) + "embed_tokens.weight")) m_prefix = prefix;
        }
        for (const auto &tensor : m_source.tensors()) {
            if (tensor.name.starts_with(m_prefix + "layers.") && !isIgnored(m_config, tensor.name))
                m_total += tensor.bytes;
            else if (tensor.name.starts_with(m_prefix + "embed_tokens.") ||
                     (m_config.separateHead && tensor.name == "lm_head.weight"))
                m_total += tensor.bytes;
        }
        m_packed = PackedMemory(expectedBytes());
        // Weights that stay in the file are read ahead, unless they would only push each other out.
        const std::uint64_t available = availableMemoryBytes();
        m_readAhead = available == 0 || m_total < available;
    }

    Result<TextWeights> load();

private:
    Result<Matrix> matrix(const std::string &name, std::int64_t rows, std::int64_t cols);
    Result<Matrix> layerMatrix(int layer, const char *name, std::int64_t rows, std::int64_t cols) {
        return matrix(layerName(layer, name), rows, cols);
    }
    Result<std::vector<float>> layerVector(int layer, const char *name, std::int64_t n) {
        auto values = m_source.vector(layerName(layer, name), n);
        if (values) m_resident += static_cast<std::uint64_t>(n) * 4;
        return values;
    }
    // A norm's weight, as it multiplies.
    Result<std::vector<float>> norm(const std::string &name, std::int64_t n) {
        FACET_TRY(values, m_source.vector(name, n));
        m_resident += static_cast<std::uint64_t>(n) * 4;
        if (m_config.normsPlusOne) {
            for (float &value : values) value += 1.0F;
        }
        return values;
    }
    Result<std::vector<float>> layerNorm(int layer, const char *name, std::int64_t n) {
        return norm(layerName(layer, name), n);
    }
    std::string layerName(int layer, const char *name) const {
        return m_prefix + "layers." + std::to_string(layer) + "." + name;
    }
    void touch(const Matrix &matrix) const;
    // Rows of a drafter with clusters are sorted once they are there.
    bool packs(const TensorInfo &tensor) const {
        return m_pack && !(m_clusters && tensor.name == m_prefix + "embed_tokens.weight") && packedSize(tensor, m_type) > 0;
    }
    std::uint64_t expectedBytes() const {
        std::uint64_t bytes = 0;
        for (const TensorInfo &tensor : m_source.tensors()) {
            if (!isIgnored(m_config, tensor.name) && packs(tensor)) bytes += packedSize(tensor, m_type);
        }
        return bytes;
    }

    Status loadAttention(int layer, LayerWeights &out);
    Status loadFeedForward(int layer, LayerWeights &out);
    Status loadExperts(int layer, MoeWeights &out);
    Status loadLayer(int layer, LayerWeights &out);

    const WeightSource &m_source;
    const TextConfig &m_config;
    const Exec &m_exec;
    WeightType m_type;
    bool m_pack, m_clusters;
    PackedMemory m_packed{0};
    const ProgressFn &m_progress;
    std::string m_prefix;
    std::uint64_t m_total = 0, m_done = 0, m_resident = 0;
    bool m_readAhead = false;
};

// Reads the pages of a mapped matrix, so that the first answer does not wait for the disk.
void Loader::touch(const Matrix &matrix) const {
    const std::int64_t bytes = rowBytes(matrix.type, matrix.cols) * matrix.rows;
    std::atomic<unsigned> sum{0};
    m_exec.pool->parallelFor((bytes + kPageBytes - 1) / kPageBytes, 256,
                             [&](std::int64_t begin, std::int64_t end, int) {
                                 unsigned part = 0;
                                 for (std::int64_t page = begin; page < end && !m_exec.cancelled(); ++page) {
                                     part += std::to_integer<unsigned>(matrix.data[page * kPageBytes]);
                                 }
                                 sum.fetch_add(part, std::memory_order_relaxed);
                             });
}

Result<Matrix> Loader::matrix(const std::string &name, std::int64_t rows, std::int64_t cols) {
    if (m_exec.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
    FACET_TRY(stored, m_source.matrix(name, rows, cols));
    const TensorInfo *info = m_source.find(name);
    Matrix result = stored;
    if (info && packs(*info)) {
        FACET_TRY(packed, packMatrix(m_exec, stored, loadedType(*info, m_type), m_packed, m_source.fileOf(name)));
        result = std::move(packed);
    } else if (m_type != WeightType::AsStored && info && isQuantisable(*info)) {
        FACET_TRY(quantised, quantiseMatrix(m_exec, stored, quantisedType(*info, m_type)));
        result = std::move(quantised);
        // What it was made from need not stay resident beside it.
        const MappedFile *file = result.data != stored.data ? m_source.fileOf(name) : nullptr;
        if (file) file->forget({stored.data, static_cast<std::size_t>(rowBytes(stored.type, cols) * rows)});
    } else if (m_readAhead) {
        touch(stored);
    }
    m_resident += static_cast<std::uint64_t>(matrixBytes(result));
    m_done += info ? info->bytes : 0;
    if (m_progress) m_progress(Phase::Loading, std::min(m_done, m_total), m_total);
    return result;
}

Status Loader::loadAttention(int layer, LayerWeights &out) {
    const LayerConfig &config = m_config.layers[static_cast<std::size_t>(layer)];
    const std::int64_t hidden = m_config.hiddenSize;
    const std::int64_t queryWidth = std::int64_t{m_config.heads} * config.headDim;
    const std::int64_t keyWidth = std::int64_t{config.kvHeads} * config.headDim;
    FACET_TRY(query, layerMatrix(layer, "self_attn.q_proj.weight", queryWidth, hidden));
    FACET_TRY(output, layerMatrix(layer, "self_attn.o_proj.weight", hidden, queryWidth));
    FACET_TRY(queryNorm, layerNorm(layer, "self_attn.q_norm.weight", config.headDim));
    out.query = std::move(query);
    out.output = std::move(output);
    out.queryNorm = std::move(queryNorm);
    if (config.sharesKv) return ok();
    FACET_TRY(key, layerMatrix(layer, "self_attn.k_proj.weight", keyWidth, hidden));
    FACET_TRY(keyNorm, layerNorm(layer, "self_attn.k_norm.weight", config.headDim));
    out.key = std::move(key);
    out.keyNorm = std::move(keyNorm);
    if (config.keyIsValue) return ok();
    FACET_TRY(value, layerMatrix(layer, "self_attn.v_proj.weight", keyWidth, hidden));
    out.value = std::move(value);
    return ok();
}

Status Loader::loadFeedForward(int layer, LayerWeights &out) {
    // The inner size is the tensor's own: doubled on shared layers of some models.
    std::int64_t inner = m_config.intermediateSize;
    const TensorInfo *info = m_source.find(layerName(layer, "mlp.gate_proj.weight"));
    if (info && info->shape.size() == 2 && info->shape[0] > 0 && info->shape[0] <= kMaxInner) inner = info->shape[0];
    FACET_TRY(gate, layerMatrix(layer, "mlp.gate_proj.weight", inner, m_config.hiddenSize));
    FACET_TRY(up, layerMatrix(layer, "mlp.up_proj.weight", inner, m_config.hiddenSize));
    FACET_TRY(down, layerMatrix(layer, "mlp.down_proj.weight", m_config.hiddenSize, inner));
    out.gate = std::move(gate);
    out.up = std::move(up);
    out.down = std::move(down);
    return ok();
}

Status Loader::loadExperts(int layer, MoeWeights &out) {
    const std::int64_t hidden = m_config.hiddenSize, inner = m_config.expertSize, count = m_config.experts;
    FACET_TRY(router, layerMatrix(layer, "router.proj.weight", count, hidden));
    FACET_TRY(scale, layerVector(layer, "router.scale", hidden));
    FACET_TRY(perExpert, layerVector(layer, "router.per_expert_scale", count));
    FACET_TRY(postNorm1, layerNorm(layer, "post_feedforward_layernorm_1.weight", hidden));
    FACET_TRY(preNorm2, layerNorm(layer, "pre_feedforward_layernorm_2.weight", hidden));
    FACET_TRY(postNorm2, layerNorm(layer, "post_feedforward_layernorm_2.weight", hidden));
    FACET_TRY(down, layerMatrix(layer, "experts.down_proj", count * hidden, inner));
    const float factor = 1.0F / std::sqrt(static_cast<float>(hidden));
    for (float &value : scale) value *= factor;
    out.router = std::move(router);
    out.routerScale = std::move(scale);
    out.perExpertScale = std::move(perExpert);
    out.postNorm1 = std::move(postNorm1);
    out.preNorm2 = std::move(preNorm2);
    out.postNorm2 = std::move(postNorm2);
    for (std::int64_t e = 0; e < count; ++e) out.downs.push_back(down.slice(e * hidden, hidden));
    // Gates and ups of an expert lie together; some GGUF files have all gates in one tensor and all ups in another.
    const bool together = m_source.find(layerName(layer, "experts.gate_up_proj")) != nullptr ||
                          m_source.find(layerName(layer, "experts.gate_proj")) == nullptr;
    if (together) {
        FACET_TRY(gateUp, layerMatrix(layer, "experts.gate_up_proj", count * 2 * inner, hidden));
        for (std::int64_t e = 0; e < count; ++e) {
            out.gates.push_back(gateUp.slice(e * 2 * inner, inner));
            out.ups.push_back(gateUp.slice(e * 2 * inner + inner, inner));
        }
        return ok();
    }
    FACET_TRY(gate, layerMatrix(layer, "experts.gate_proj", count * inner, hidden));
    FACET_TRY(up, layerMatrix(layer, "experts.up_proj", count * inner, hidden));
    for (std::int64_t e = 0; e < count; ++e) {
        out.gates.push_back(gate.slice(e * inner, inner));
        out.ups.push_back(up.slice(e * inner, inner));
    }
    return ok();
}

Status Loader::loadLayer(int layer, LayerWeights &out) {
    const std::int64_t hidden = m_config.hiddenSize;
    FACET_TRY(inputNorm, layerNorm(layer, "input_layernorm.weight", hidden));
    FACET_TRY(postAttentionNorm, layerNorm(layer, "post_attention_layernorm.weight", hidden));
    FACET_TRY(preNorm, layerNorm(layer, "pre_feedforward_layernorm.weight", hidden));
    FACET_TRY(postNorm, layerNorm(layer, "post_feedforward_layernorm.weight", hidden));
    out.inputNorm = std::move(inputNorm);
    out.postAttentionNorm = std::move(postAttentionNorm);
    out.preFeedForwardNorm = std::move(preNorm);
    out.postFeedForwardNorm = std::move(postNorm);
    if (m_config.layerScalar) {
        FACET_TRY(scalar, layerVector(layer, "layer_scalar", 1));
        out.scalar = scalar.front();
    }
    FACET_CHECK(loadAttention(layer, out));
    FACET_CHECK(loadFeedForward(layer, out));
    if (m_config.experts > 0) {
        out.experts = std::make_unique<MoeWeights>();
        FACET_CHECK(loadExperts(layer, *out.experts));
    }
    if (m_config.perLayerInputSize > 0) {
        const std::int64_t size = m_config.perLayerInputSize;
        FACET_TRY(gate, layerMatrix(layer, "per_layer_input_gate.weight", size, hidden));
        FACET_TRY(projection, layerMatrix(layer, "per_layer_projection.weight", hidden, size));
        FACET_TRY(norm, layerNorm(layer, "post_per_layer_input_norm.weight", hidden));
        out.perLayerGate = std::move(gate);
        out.perLayerProjection = std::move(projection);
        out.perLayerNorm = std::move(norm);
    }
    return ok();
}

Result<TextWeights> Loader::load() {
    TextWeights out;
    FACET_TRY(embedding, matrix(m_prefix + "embed_tokens.weight", m_config.vocabularySize, m_config.hiddenSize));
    FACET_TRY(finalNorm, norm(m_prefix + "norm.weight", m_config.hiddenSize));
    if (m_config.separateHead) {
        FACET_TRY(head, matrix("lm_head.weight", m_config.vocabularySize, m_config.hiddenSize));
        out.head = std::move(head);
    }
    out.embedding = std::move(embedding);
    out.finalNorm = std::move(finalNorm);
    if (m_config.perLayerInputSize > 0) {
        const std::int64_t width = std::int64_t{m_config.layerCount} * m_config.perLayerInputSize;
        FACET_TRY(table,
                  m_source.matrix(m_prefix + "embed_tokens_per_layer.weight", m_config.perLayerVocabularySize, width));
        FACET_TRY(projection, matrix(m_prefix + "per_layer_model_projection.weight", width, m_config.hiddenSize));
        FACET_TRY(norm, m_source.vector(m_prefix + "per_layer_projection_norm.weight", m_config.perLayerInputSize));
        out.perLayerTable = RowTable(std::move(table), m_source.fileOf(m_prefix + "embed_tokens_per_layer.weight"));
        out.perLayerModelProjection = std::move(projection);
        out.perLayerNorm = std::move(norm);
    }
    out.layers.resize(m_config.layers.size());
    for (int layer = 0; layer < m_config.layerCount; ++layer) {
        FACET_CHECK(loadLayer(layer, out.layers[static_cast<std::size_t>(layer)]));
    }
    if (m_exec.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
    out.residentBytes = m_resident;
    if (m_progress) m_progress(Phase::Loading, m_total, m_total);
    return out;
}

} // namespace

std::vector<LoraModule> loraModules(const TextWeights &weights) {
    const std::string root = "model.language_model.";
    std::vector<LoraModule> out{{"lm_head", &weights.headMatrix()},
                                {root + "per_layer_model_projection", &weights.perLayerModelProjection}};
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
        const LayerWeights &w = weights.layers[i];
        const std::string at = root + "layers." + std::to_string(i) + ".";
        out.push_back({at + "self_attn.q_proj", &w.query});
        out.push_back({at + "self_attn.k_proj", &w.key});
        out.push_back({at + "self_attn.v_proj", &w.value});
        out.push_back({at + "self_attn.o_proj", &w.output});
        out.push_back({at + "mlp.gate_proj", &w.gate});
        out.push_back({at + "mlp.up_proj", &w.up});
        out.push_back({at + "mlp.down_proj", &w.down});
        out.push_back({at + "per_layer_input_gate", &w.perLayerGate});
        out.push_back({at + "per_layer_projection", &w.perLayerProjection});
        if (w.experts) out.push_back({at + "router.proj", &w.experts->router});
    }
    return out;
}

Result<TextWeights> loadTextWeights(const Checkpoint &checkpoint, const Exec &exec, WeightType type,
                                    const ProgressFn &progress, bool pack) {
    return Loader(checkpoint, exec, type, pack, progress).load();
}

} // namespace facet
