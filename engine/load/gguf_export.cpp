#include "load/gguf_export.h"

#include "kernels/kernels.h"
#include "load/gguf_names.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace facet {
namespace {

constexpr float kNeverTurns = 1e30F;

std::uint32_t u32(int value) { return static_cast<std::uint32_t>(value); }

bool isTowerTensor(const std::string &name) {
    return name.find("_tower.") != std::string::npos || name.find(".embed_vision.") != std::string::npos ||
           name.find(".embed_audio.") != std::string::npos;
}

std::string sizeLabel(const Checkpoint &checkpoint, bool towers) {
    double values = 0;
    for (const TensorInfo &tensor : checkpoint.weights->tensors()) {
        if (isTowerTensor(tensor.name) != towers) continue;
        double size = 1;
        for (const std::int64_t side : tensor.shape) size *= static_cast<double>(side);
        values += size;
    }
    char text[32];
    const bool billions = values >= 1e9;
    const bool millions = values >= 1e6;
    std::snprintf(text, sizeof text, billions || millions ? "%.1f%c" : "%.0f%c",
                  values / (billions ? 1e9 : millions ? 1e6 : 1e3), billions ? 'B' : millions ? 'M' : 'K');
    return text;
}

void general(const Checkpoint &checkpoint, const char *architecture, const char *kind, std::uint32_t fileType,
             GgufMetadata &out) {
    out.text("general.architecture", architecture);
    out.text("general.type", kind);
    out.i32("general.sampling.top_k", checkpoint.config.topK);
    out.f32("general.sampling.top_p", checkpoint.config.topP);
    out.f32("general.sampling.temp", checkpoint.config.temperature);
    out.text("general.name", checkpoint.name);
    out.text("general.size_label", sizeLabel(checkpoint, std::string_view(kind) == "mmproj"));
    out.u32("general.file_type", fileType);
    out.u32("general.quantization_version", 2);
}

// Base of the rotary frequencies theta^(-2 j / headDim), which the configuration has been turned into.
double thetaOf(const std::vector<double> &frequencies, double usual) {
    if (frequencies.size() < 2 || !(frequencies[0] > 0) || !(frequencies[1] > 0)) return usual;
    const double theta = std::pow(frequencies[0] / frequencies[1], static_cast<double>(frequencies.size()));
    const double whole = std::round(theta);
    return std::fabs(theta - whole) < 1e-6 * whole ? whole : theta;
}

class TextExport {
public:
    TextExport(const Checkpoint &checkpoint, const char *architecture)
        : m_checkpoint(checkpoint), m_text(checkpoint.config.text), m_prefix(std::string(architecture) + ".") {}

    void keys(GgufMetadata &out);
    // What the frequencies of full layers are divided by.
    PlannedTensor ropeDivisors() const;

private:
    std::string key(const char *name) const { return m_prefix + name; }
    // One number if all layers agree.
    void perLayer(GgufMetadata &out, const char *name, const std::vector<std::int32_t> &values) const {
        const bool same = std::all_of(values.begin(), values.end(), [&](std::int32_t v) { return v == values.front(); });
        if (same) out.u32(key(name), u32(values.front()));
        else out.i32s(key(name), values);
    }
    void attention(GgufMetadata &out);

    const Checkpoint &m_checkpoint;
    const TextConfig &m_text;
    std::string m_prefix;
    double m_fullTheta = 1e6;
};

void TextExport::attention(GgufMetadata &out) {
    std::vector<std::int32_t> kvHeads;
    std::vector<bool> sliding;
    int headDim[2] = {0, 0};
    for (const LayerConfig &layer : m_text.layers) {
        kvHeads.push_back(layer.kvHeads);
        sliding.push_back(layer.sliding);
        headDim[layer.sliding ? 1 : 0] = layer.headDim;
    }
    if (headDim[0] == 0) headDim[0] = headDim[1];
    if (headDim[1] == 0) headDim[1] = headDim[0];
    out.u32(key("attention.head_count"), u32(m_text.heads));
    perLayer(out, "attention.head_count_kv", kvHeads);
    m_fullTheta = thetaOf(m_text.fullFrequencies, 1e6);
    out.f32(key("rope.freq_base"), static_cast<float>(m_fullTheta));
    out.f32(key("rope.freq_base_swa"), static_cast<float>(thetaOf(m_text.slidingFrequencies, 1e4)));
    out.f32(key("attention.layer_norm_rms_epsilon"), m_text.rmsNormEps);
    out.u32(key("attention.key_length"), u32(headDim[0]));
    out.u32(key("attention.value_length"), u32(headDim[0]));
    out.u32(key("attention.sliding_window"), u32(m_text.slidingWindow));
    out.u32(key("attention.shared_kv_layers"),
            u32(m_checkpoint.config.drafter ? m_text.layerCount : m_text.sharedKvLayers));
    out.booleans(key("attention.sliding_window_pattern"), sliding);
    out.u32(key("attention.key_length_swa"), u32(headDim[1]));
    out.u32(key("attention.value_length_swa"), u32(headDim[1]));
    out.u32(key("rope.dimension_count"), u32(headDim[0]));
    out.u32(key("rope.dimension_count_swa"), u32(headDim[1]));
}

void TextExport::keys(GgufMetadata &out) {
    out.u32(key("block_count"), u32(m_text.layerCount));
    out.u32(key("context_length"), u32(m_text.maxContext));
    out.u32(key("embedding_length"), u32(m_text.hiddenSize));
    std::vector<std::int32_t> inner;
    for (int i = 0; i < m_text.layerCount; ++i) {
        const bool wide = m_text.doubleWideMlp && i >= m_text.layerCount - m_text.sharedKvLayers;
        inner.push_back(m_text.intermediateSize * (wide ? 2 : 1));
    }
    perLayer(out, "feed_forward_length", inner);
    attention(out);
    out.u32(key("embedding_length_per_layer_input"), u32(m_text.perLayerInputSize));
    if (m_text.logitSoftcap != 0) out.f32(key("final_logit_softcapping"), m_text.logitSoftcap);
    if (m_text.experts > 0) {
        out.u32(key("expert_count"), u32(m_text.experts));
        out.u32(key("expert_used_count"), u32(m_text.activeExperts));
        out.u32(key("expert_feed_forward_length"), u32(m_text.expertSize));
    }
    if (m_checkpoint.config.drafter) {
        out.u32(key("embedding_length_out"), u32(m_checkpoint.config.drafter->backboneSize));
        out.u32(key("nextn_predict_layers"), u32(m_text.layerCount));
    }
}

PlannedTensor TextExport::ropeDivisors() const {
    PlannedTensor tensor;
    const std::vector<double> &frequencies = m_text.fullFrequencies;
    const auto pairs = static_cast<double>(frequencies.size());
    for (std::size_t j = 0; j < frequencies.size(); ++j) {
        const double plain = std::pow(m_fullTheta, -static_cast<double>(j) / pairs);
        const double divisor = frequencies[j] > 0 ? plain / frequencies[j] : kNeverTurns;
        tensor.values.push_back(std::fabs(divisor - 1) < 1e-6 ? 1.0F : static_cast<float>(divisor));
    }
    tensor.output = {"rope_freqs.weight", TensorType::F32, {static_cast<std::int64_t>(frequencies.size())}};
    return tensor;
}

// The stored tensor, rearranged where GGUF wants it otherwise.
Result<PlannedTensor> planned(const Checkpoint &checkpoint, const TensorInfo &info, const GgufName &name) {
    PlannedTensor tensor;
    tensor.output.name = name.name;
    tensor.source = info.name;
    tensor.output.shape = info.shape;
    if (info.shape.empty()) {
        tensor.output.shape = {1};
        FACET_TRY(values, checkpoint.weights->vector(info.name, 1));
        tensor.values = std::move(values);
        return tensor;
    }
    const std::int64_t cols = info.shape.back();
    const std::int64_t rows = tensor.rows();
    FACET_TRY(from, checkpoint.weights->matrix(info.name, rows, cols));
    if (name.rule == GgufTensorRule::MiddleOne && info.shape.size() == 3 && info.shape[1] == 1)
        tensor.output.shape = {info.shape[0], info.shape[2]};
    if (name.rule != GgufTensorRule::PatchOrder && name.rule != GgufTensorRule::InverseSoftplus) {
        tensor.from = std::move(from);
        return tensor;
    }
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (std::int64_t r = 0; r < rows; ++r)
        kernelsFor(InstructionSet::Scalar).dequantise(from.type, from.row(r), cols, values.data() + r * cols);
    if (name.rule == GgufTensorRule::InverseSoftplus) {
        for (float &x : values) x = x > 30.0F ? x : static_cast<float>(std::log1p(std::exp(static_cast<double>(x))));
        tensor.values = std::move(values);
        return tensor;
    }
    const std::int64_t side = checkpoint.config.vision ? checkpoint.config.vision->patchSize : 0;
    const std::int64_t pixels = side * side;
    if (pixels == 0 || cols != 3 * pixels) {
        return Error{ErrorCode::ModelFileCorrupt, "The vision part of the model does not fit its configuration.",
                     "tensor " + info.name + ": rows of " + std::to_string(cols) + " values, patches of " +
                         std::to_string(side) + " pixels",
                     checkpoint.path};
    }
    tensor.output.shape = {rows, 3, side, side};
    tensor.values.resize(values.size());
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
            for (std::int64_t channel = 0; channel < 3; ++channel) {
                tensor.values[static_cast<std::size_t>(r * cols + channel * pixels + pixel)] =
                    values[static_cast<std::size_t>(r * cols + pixel * 3 + channel)];
            }
        }
    }
    return tensor;
}

bool isTowerName(const std::string &gguf) {
    return gguf.starts_with("v.") || gguf.starts_with("a.") || gguf.starts_with("mm.");
}

// Keys and values that a layer takes from an earlier one, and a head that equals the embedding, are not stored.
bool isUnused(const TextConfig &text, const std::string &gguf) {
    if (gguf == "output.weight") return !text.separateHead;
    if (!gguf.starts_with("blk.")) return false;
    const int layer = std::atoi(gguf.c_str() + 4);
    const bool key = gguf.find(".attn_k") != std::string::npos || gguf.find(".attn_v") != std::string::npos;
    return key && layer >= text.layerCount - text.sharedKvLayers;
}

Status addTensors(const Checkpoint &checkpoint, const std::string &textPrefix, bool towers, GgufExport &out) {
    for (const TensorInfo &info : checkpoint.weights->tensors()) {
        const auto name = ggufName(info.name, textPrefix);
        const bool tower = name ? isTowerName(name->name) : isTowerTensor(info.name);
        if (tower != towers) continue;
        if (!name || !info.usable) {
            out.skipped.push_back(info.name);
            continue;
        }
        if (!towers && isUnused(checkpoint.config.text, name->name)) continue;
        FACET_TRY(tensor, planned(checkpoint, info, *name));
        out.tensors.push_back(std::move(tensor));
    }
    return ok();
}

// By layer, then by name: neighbours in use are neighbours in the file.
void inOrder(std::vector<PlannedTensor> &tensors) {
    const auto layer = [](const PlannedTensor &tensor) {
        const auto at = tensor.output.name.find("blk.");
        return at == std::string::npos ? -1 : std::atoi(tensor.output.name.c_str() + at + 4);
    };
    std::sort(tensors.begin(), tensors.end(), [&](const PlannedTensor &a, const PlannedTensor &b) {
        const int left = layer(a);
        const int right = layer(b);
        return left != right ? left < right : a.output.name < b.output.name;
    });
}

} // namespace

Result<GgufExport> exportTextModel(const Checkpoint &checkpoint, QuantizeType type) {
    const ModelConfig &config = checkpoint.config;
    const bool drafter = config.architecture == "gemma4_assistant";
    if (config.architecture != "gemma4" && !drafter) {
        return Error{ErrorCode::ModelUnsupported,
                     "Only folders of Gemma 4 models can be written as GGUF files; take a GGUF file of this model "
                     "as the input.",
                     "architecture " + config.architecture, checkpoint.path};
    }
    const char *architecture = drafter ? "gemma4-assistant" : "gemma4";
    GgufExport out;
    general(checkpoint, architecture, "model", ggufFileType(type), out.metadata);
    TextExport text(checkpoint, architecture);
    text.keys(out.metadata);
    FACET_CHECK(exportTokenizer(checkpoint, out.metadata));
    const bool nested = checkpoint.weights->find("model.language_model.embed_tokens.weight") != nullptr;
    FACET_CHECK(addTensors(checkpoint, nested ? "model.language_model." : "model.", false, out));
    out.tensors.push_back(text.ropeDivisors());
    inOrder(out.tensors);
    return out;
}

namespace {

// What every released model has the same, where it differs: under our own names what mmproj files have no key for.
void writeUnusual(const VisionConfig &vision, GgufMetadata &keys) {
    const VisionConfig usual;
    if (vision.poolingKernel != usual.poolingKernel) keys.u32("clip.vision.projector.scale_factor", u32(vision.poolingKernel));
    if (vision.headDim * vision.heads != vision.hiddenSize) keys.u32("facet.vision.head_dim", u32(vision.headDim));
    if (vision.ropeTheta != usual.ropeTheta) keys.f32("facet.vision.rope_theta", static_cast<float>(vision.ropeTheta));
    if (vision.defaultBudget != usual.defaultBudget) keys.u32("facet.vision.default_budget", u32(vision.defaultBudget));
}

void writeUnusual(const AudioConfig &audio, GgufMetadata &keys) {
    const AudioConfig usual;
    if (audio.contextLeft != usual.contextLeft) keys.u32("facet.audio.context_left", u32(audio.contextLeft));
    if (audio.chunkSize != usual.chunkSize) keys.u32("facet.audio.chunk_size", u32(audio.chunkSize));
    if (audio.logitCap != usual.logitCap) keys.f32("facet.audio.logit_cap", audio.logitCap);
    if (audio.residualWeight != usual.residualWeight) keys.f32("facet.audio.residual_weight", audio.residualWeight);
    if (audio.rmsNormEps != usual.rmsNormEps) keys.f32("facet.audio.rms_norm_eps", audio.rmsNormEps);
}

} // namespace

Result<GgufExport> exportTowers(const Checkpoint &checkpoint) {
    const ModelConfig &config = checkpoint.config;
    if (config.architecture != "gemma4" || (!config.vision && !config.audio)) {
        return Error{ErrorCode::InvalidArgument, "This model neither sees nor hears: there is no projector to write.",
                     "architecture " + config.architecture, checkpoint.path};
    }
    GgufExport out;
    GgufMetadata &keys = out.metadata;
    general(checkpoint, "clip", "mmproj", ggufFileType(QuantizeType::Q8_0), keys);
    const auto width = u32(config.text.hiddenSize);
    keys.boolean("clip.has_vision_encoder", config.vision.has_value());
    if (config.vision) {
        const VisionConfig &vision = *config.vision;
        keys.text("clip.vision.projector_type", "gemma4v");
        keys.u32("clip.vision.projection_dim", width);
        keys.u32("clip.vision.image_size", 224); // readers want it, it means nothing here
        keys.u32("clip.vision.patch_size", u32(vision.patchSize));
        keys.u32("clip.vision.embedding_length", u32(vision.hiddenSize));
        keys.u32("clip.vision.feed_forward_length", u32(vision.intermediateSize));
        keys.u32("clip.vision.block_count", u32(vision.layerCount));
        keys.u32("clip.vision.attention.head_count", u32(vision.heads));
        keys.f32("clip.vision.attention.layer_norm_epsilon", vision.rmsNormEps);
        keys.f32s("clip.vision.image_mean", {0, 0, 0});
        keys.f32s("clip.vision.image_std", {1, 1, 1});
        writeUnusual(vision, keys);
    }
    keys.boolean("clip.has_audio_encoder", config.audio.has_value());
    if (config.audio) {
        const AudioConfig &audio = *config.audio;
        // No configuration states the inner width; the first layer shows it.
        std::uint32_t inner = 0;
        for (const TensorInfo &info : checkpoint.weights->tensors()) {
            const auto name = ggufName(info.name, "model.language_model.");
            if (name && name->name == "a.blk.0.ffn_up.weight" && !info.shape.empty())
                inner = static_cast<std::uint32_t>(info.shape.front());
        }
        keys.text("clip.audio.projector_type", "gemma4a");
        keys.u32("clip.audio.projection_dim", width);
        keys.u32("clip.audio.embedding_length", u32(audio.hiddenSize));
        keys.u32("clip.audio.feed_forward_length", inner);
        keys.u32("clip.audio.block_count", u32(audio.layerCount));
        keys.u32("clip.audio.attention.head_count", u32(audio.heads));
        keys.u32("clip.audio.num_mel_bins", u32(audio.melBins));
        keys.f32("clip.audio.attention.layer_norm_epsilon", audio.rmsNormEps);
        writeUnusual(audio, keys);
    }
    FACET_CHECK(addTensors(checkpoint, "model.language_model.", true, out));
    inOrder(out.tensors);
    return out;
}

} // namespace facet
