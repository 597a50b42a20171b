#include "model/audio_weights.h"

#include <cmath>
#include <numbers>

namespace facet {

namespace {

constexpr std::int64_t kMaxInner = 1 << 18;

// Reading one layer: every step is "read it, stop at the first failure".
class LayerReader {
public:
    LayerReader(TowerReader &reader, std::string at) : m_reader(reader), m_at(std::move(at)) {}

    Status norm(const std::string &name, std::int64_t n, std::vector<float> &out) {
        FACET_TRY(values, m_reader.values(m_at + name, {n}));
        out = std::move(values);
        return ok();
    }
    Status linear(const std::string &name, std::int64_t rows, std::int64_t cols, ClippedLinear &out) {
        FACET_TRY(w, m_reader.linear(m_at + name, rows, cols));
        out = std::move(w);
        return ok();
    }
    Status feedForward(const std::string &name, std::int64_t width, AudioFeedForward &out) {
        // The configuration does not say how wide the feed-forward is: the first matrix does.
        const TensorInfo *info = m_reader.find(m_at + name + ".ffw_layer_1.linear.weight");
        const std::int64_t inner = info && info->shape.size() == 2 ? info->shape[0] : 4 * width;
        if (inner <= 0 || inner > kMaxInner) {
            return Error{ErrorCode::ModelUnsupported, "The model's sound encoder is wider than this version supports.",
                         "tensor " + m_reader.fullName(m_at + name) + ".ffw_layer_1: " + std::to_string(inner)};
        }
        FACET_CHECK(norm(name + ".pre_layer_norm.weight", width, out.preNorm));
        FACET_CHECK(norm(name + ".post_layer_norm.weight", width, out.postNorm));
        FACET_CHECK(linear(name + ".ffw_layer_1", inner, width, out.up));
        return linear(name + ".ffw_layer_2", width, inner, out.down);
    }

private:
    TowerReader &m_reader;
    std::string m_at;
};

// P(d) = [sin(p t_0) .., cos(p t_0) ..], t_m = exp(-m ln(10000) / (C/2 - 1)), p = d + shift; one row per distance, zero
// where p is negative. The reference numbers positions from the middle of its windows: `shift` is 0 for blocks as long as
// the context to the left, as all released models have them.
std::vector<float> relativePositions(int distances, int shift, std::int64_t width) {
    const std::int64_t half = width / 2;
    std::vector<float> out(static_cast<std::size_t>(distances * width), 0.0F);
    for (std::int64_t d = std::max(0, -shift); d < distances; ++d) {
        for (std::int64_t m = 0; m < half; ++m) {
            const double steps = static_cast<double>(std::max<std::int64_t>(half - 1, 1));
            const double angle = static_cast<double>(d + shift) * std::exp(-static_cast<double>(m) * std::log(10000.0) / steps);
            out[static_cast<std::size_t>(d * width + m)] = static_cast<float>(std::sin(angle));
            out[static_cast<std::size_t>(d * width + half + m)] = static_cast<float>(std::cos(angle));
        }
    }
    return out;
}

Status loadAttention(TowerReader &reader, LayerReader &tensors, const std::string &at, const Exec &exec,
                     const AudioWeights &weights, AudioLayer &layer) {
    const std::int64_t width = weights.config.hiddenSize;
    const std::int64_t headDim = width / weights.config.heads;
    FACET_CHECK(tensors.norm("norm_pre_attn.weight", width, layer.preAttentionNorm));
    FACET_CHECK(tensors.norm("norm_post_attn.weight", width, layer.postAttentionNorm));
    FACET_CHECK(tensors.linear("self_attn.q_proj", width, width, layer.q));
    FACET_CHECK(tensors.linear("self_attn.k_proj", width, width, layer.k));
    FACET_CHECK(tensors.linear("self_attn.v_proj", width, width, layer.v));
    FACET_CHECK(tensors.linear("self_attn.post", width, width, layer.post));
    FACET_CHECK(tensors.norm("self_attn.per_dim_scale", headDim, layer.queryScale));
    for (float &scale : layer.queryScale) {
        const double x = static_cast<double>(scale);
        const double softplus = x > 30 ? x : std::log1p(std::exp(x));
        scale = static_cast<float>(softplus / (std::sqrt(static_cast<double>(headDim)) * std::numbers::ln2));
    }
    FACET_TRY(relative, reader.matrix(at + "self_attn.relative_k_proj.weight", width, width));
    layer.relativeKeys.resize(weights.positions.size());
    linear(exec, relative, weights.positions.data(), weights.distances(), layer.relativeKeys.data());
    layer.relative = std::move(relative);
    return ok();
}

Result<AudioLayer> loadLayer(TowerReader &reader, const Exec &exec, const AudioWeights &weights, int index) {
    const std::string at = "audio_tower.layers." + std::to_string(index) + ".";
    const std::int64_t width = weights.config.hiddenSize;
    const std::int64_t kernel = weights.config.convKernel;
    LayerReader tensors(reader, at);
    AudioLayer layer;
    FACET_CHECK(tensors.feedForward("feed_forward1", width, layer.first));
    FACET_CHECK(tensors.feedForward("feed_forward2", width, layer.second));
    FACET_CHECK(loadAttention(reader, tensors, at, exec, weights, layer));
    FACET_CHECK(tensors.norm("norm_out.weight", width, layer.outNorm));
    FACET_CHECK(tensors.norm("lconv1d.pre_layer_norm.weight", width, layer.convPreNorm));
    FACET_CHECK(tensors.norm("lconv1d.conv_norm.weight", width, layer.convNorm));
    FACET_CHECK(tensors.linear("lconv1d.linear_start", 2 * width, width, layer.convStart));
    FACET_CHECK(tensors.linear("lconv1d.linear_end", width, width, layer.convEnd));
    FACET_TRY(depthwise, reader.values(at + "lconv1d.depthwise_conv1d.weight", {width, 1, kernel}));
    layer.depthwise.resize(depthwise.size());
    for (std::int64_t c = 0; c < width; ++c) {
        for (std::int64_t u = 0; u < kernel; ++u) {
            layer.depthwise[static_cast<std::size_t>(u * width + c)] = depthwise[static_cast<std::size_t>(c * kernel + u)];
        }
    }
    return layer;
}

Result<AudioWeights::Convolution> loadConvolution(TowerReader &reader, int index, std::int64_t in, std::int64_t out) {
    const std::string at = "audio_tower.subsample_conv_projection.layer" + std::to_string(index);
    FACET_TRY(values, reader.values(at + ".conv.weight", {out, in, 3, 3}));
    std::vector<float> gathered(values.size());  // [out, 9, in] from [out, in, 9]
    for (std::int64_t o = 0; o < out; ++o) {
        for (std::int64_t i = 0; i < in; ++i) {
            for (std::int64_t j = 0; j < 9; ++j) {
                gathered[static_cast<std::size_t>((o * 9 + j) * in + i)] = values[static_cast<std::size_t>((o * in + i) * 9 + j)];
            }
        }
    }
    AudioWeights::Convolution convolution;
    convolution.w = ownedMatrix(std::move(gathered), out, 9 * in, reader.fullName(at + ".conv.weight"));
    convolution.inChannels = static_cast<int>(in);
    convolution.outChannels = static_cast<int>(out);
    FACET_TRY(norm, reader.values(at + ".norm.weight", {out}));
    convolution.norm = std::move(norm);
    return convolution;
}

}  // namespace

Result<AudioWeights> AudioWeights::load(const Checkpoint &checkpoint, const Exec &exec) {
    if (!checkpoint.config.audio || !checkpoint.weights) {
        return Error{ErrorCode::MediaUnsupported, "This model does not hear sound.", "no audio_config", checkpoint.path};
    }
    AudioWeights out;
    out.config = *checkpoint.config.audio;
    out.textWidth = checkpoint.config.text.hiddenSize;
    const AudioConfig &config = out.config;
    const std::int64_t width = config.hiddenSize;
    if (config.heads <= 0 || width % config.heads != 0 || config.contextLeft < 2 || config.convKernel < 1) {
        return Error{ErrorCode::ModelUnsupported, "The model's sound encoder has a shape that this version does not support.",
                     "heads " + std::to_string(config.heads) + " of width " + std::to_string(width) + ", context " +
                         std::to_string(config.contextLeft),
                     checkpoint.path};
    }
    const int past = config.contextLeft - 1;
    out.positions = relativePositions(out.distances(), (config.chunkSize + past) / 2 - past, width);
    TowerReader reader(*checkpoint.weights, "model.");
    FACET_TRY(first, loadConvolution(reader, 0, 1, config.convChannels[0]));
    FACET_TRY(second, loadConvolution(reader, 1, config.convChannels[0], config.convChannels[1]));
    out.convolutions = {std::move(first), std::move(second)};
    const std::int64_t bands = ((config.melBins + 1) / 2 + 1) / 2;
    FACET_TRY(input, reader.matrix("audio_tower.subsample_conv_projection.input_proj_linear.weight", width,
                                   bands * config.convChannels[1]));
    out.inputProjection = std::move(input);
    out.layers.reserve(static_cast<std::size_t>(config.layerCount));
    for (int i = 0; i < config.layerCount; ++i) {
        FACET_TRY(layer, loadLayer(reader, exec, out, i));
        out.layers.push_back(std::move(layer));
    }
    FACET_TRY(output, reader.matrix("audio_tower.output_proj.weight", config.outputSize, width));
    FACET_TRY(bias, reader.values("audio_tower.output_proj.bias", {config.outputSize}));
    FACET_TRY(projection, reader.matrix("embed_audio.embedding_projection.weight", out.textWidth, config.outputSize));
    out.outputProjection = std::move(output);
    out.outputBias = std::move(bias);
    out.projection = std::move(projection);
    out.bytes = reader.bytes();
    return out;
}

std::vector<LoraModule> AudioWeights::loraModules() const {
    const std::string root = "model.audio_tower.";
    std::vector<LoraModule> out{{root + "subsample_conv_projection.input_proj_linear", &inputProjection},
                                {root + "output_proj", &outputProjection},
                                {"model.embed_audio.embedding_projection", &projection}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const AudioLayer &layer = layers[i];
        const std::string at = root + "layers." + std::to_string(i) + ".";
        out.push_back({at + "feed_forward1.ffw_layer_1.linear", &layer.first.up.w});
        out.push_back({at + "feed_forward1.ffw_layer_2.linear", &layer.first.down.w});
        out.push_back({at + "feed_forward2.ffw_layer_1.linear", &layer.second.up.w});
        out.push_back({at + "feed_forward2.ffw_layer_2.linear", &layer.second.down.w});
        out.push_back({at + "self_attn.q_proj.linear", &layer.q.w});
        out.push_back({at + "self_attn.k_proj.linear", &layer.k.w});
        out.push_back({at + "self_attn.v_proj.linear", &layer.v.w});
        out.push_back({at + "self_attn.post.linear", &layer.post.w});
        out.push_back({at + "self_attn.relative_k_proj", &layer.relative});
        out.push_back({at + "lconv1d.linear_start.linear", &layer.convStart.w});
        out.push_back({at + "lconv1d.linear_end.linear", &layer.convEnd.w});
    }
    return out;
}

}  // namespace facet
