#include "load/gguf_config.h"

#include "load/gguf_reader.h"

#include "kernels/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace facet {
namespace {

constexpr double kNeverTurns = 1e20; // divisors above mean a pair that stays (files write 1e30)
constexpr std::size_t kMaxSuppressed = 4096;

struct Architecture {
    const char *gguf;
    const char *name;
    bool drafter, gemma3;
};
constexpr std::array<Architecture, 3> kArchitectures = {{
    {"gemma4", "gemma4", false, false},
    {"gemma4-assistant", "gemma4_assistant", true, false},
    {"gemma3", "gemma3", false, true},
}};

class ModelReader {
public:
    ModelReader(const GgufModelFiles &model, const GgufVocabulary *vocabulary, const Architecture &architecture)
        : m_model(model), m_vocabulary(vocabulary), m_architecture(architecture), m_problems(model.main().path()),
          m_keys(model.main(), std::string(architecture.gguf) + ".", m_problems),
          m_general(model.main(), "", m_problems) {}

    Result<ModelConfig> read();

private:
    const GgufTensor *tensor(const std::string &name) const { return findTensor(m_model, name); }
    bool layerHas(int layer, const char *name) const {
        return tensor("blk." + std::to_string(layer) + "." + name) != nullptr;
    }
    bool lacksValue(int layer, const LayerConfig &config) const;
    int rowsOf(const char *name, int high);
    void readSizes();
    void readLayers();
    std::vector<bool> readPattern();
    void readFrequencies();
    std::vector<double> plainFrequencies(int headDim, double theta) const;
    void applyDivisors(std::vector<double> &frequencies);
    void readExperts();
    void readGemma3();
    void readTokens();
    void readSampling();
    void readSuppressed();

    const GgufModelFiles &m_model;
    const GgufVocabulary *m_vocabulary;
    const Architecture &m_architecture;
    ConfigProblems m_problems;
    GgufReader m_keys, m_general;
    ModelConfig m_config;
};

// Rows of a table, which no key states.
int ModelReader::rowsOf(const char *name, int high) {
    const GgufTensor *table = tensor(name);
    if (!table || table->info.shape.size() != 2 || table->info.shape[0] > high) {
        m_problems.corrupt(std::string("tensor ") + name + " is missing or no table of at most " +
                           std::to_string(high) + " rows");
        return 1;
    }
    return static_cast<int>(table->info.shape[0]);
}

void ModelReader::readSizes() {
    TextConfig &text = m_config.text;
    text.layerCount = m_keys.integer("block_count", 1, kMaxLayers);
    text.hiddenSize = m_keys.integer("embedding_length", 1, kMaxWidth);
    text.maxContext = m_keys.integer("context_length", 1, kMaxPositions);
    text.slidingWindow = m_keys.integer("attention.sliding_window", 1, kMaxPositions, 512);
    text.rmsNormEps = static_cast<float>(m_keys.number("attention.layer_norm_rms_epsilon", 0, 1, 1e-6));
    text.logitSoftcap = static_cast<float>(m_keys.number("final_logit_softcapping", 0, 1e6, 0));
    if (m_keys.number("attn_logit_softcapping", 0, 1e6, 0) != 0)
        m_keys.unsupported("attn_logit_softcapping", "attention scores with a cap");
    if (m_problems.first()) return;
    const auto heads = m_keys.perLayer("attention.head_count", text.layerCount, 1, kMaxHeads);
    text.heads = heads.front();
    if (std::any_of(heads.begin(), heads.end(), [&](int n) { return n != text.heads; }))
        m_keys.unsupported("attention.head_count", "differs between layers");
    const auto inner = m_keys.perLayer("feed_forward_length", text.layerCount, 1, kMaxInnerWidth);
    text.intermediateSize = *std::min_element(inner.begin(), inner.end());
    text.doubleWideMlp = *std::max_element(inner.begin(), inner.end()) > text.intermediateSize;
    if (!m_architecture.gemma3) {
        text.perLayerInputSize = m_keys.integer("embedding_length_per_layer_input", 0, kMaxWidth, 0);
        text.sharedKvLayers = m_keys.integer("attention.shared_kv_layers", 0, text.layerCount, 0);
    }
    text.vocabularySize = rowsOf("token_embd.weight", kMaxVocabulary);
    text.perLayerVocabularySize =
        text.perLayerInputSize > 0 ? rowsOf("per_layer_token_embd.weight", kMaxVocabulary) : text.vocabularySize;
    text.separateHead = tensor("output.weight") != nullptr;
    if (m_architecture.drafter) {
        m_config.drafter = DrafterConfig{};
        m_config.drafter->backboneSize = m_keys.integer("embedding_length_out", 1, kMaxWidth);
    }
}

// sliding_window_pattern: one truth value a layer, or every n-th layer is full; absent: every sixth.
std::vector<bool> ModelReader::readPattern() {
    const auto layers = static_cast<std::size_t>(m_config.text.layerCount);
    constexpr const char *kKey = "attention.sliding_window_pattern";
    const GgufValue *value = m_keys.find(kKey);
    std::vector<bool> sliding(layers);
    if (!value || value->type != GgufType::Array) {
        const auto period = static_cast<std::size_t>(m_keys.integer(kKey, 1, kMaxLayers, 6));
        for (std::size_t i = 0; i < layers; ++i) sliding[i] = i % period != period - 1;
        if (!m_architecture.gemma3) sliding.back() = false;
        return sliding;
    }
    if (value->element == GgufType::String || value->element == GgufType::Array || value->count != layers) {
        m_keys.corrupt(kKey, "no list of " + std::to_string(layers) + " truth values");
        return sliding;
    }
    for (std::size_t i = 0; i < layers; ++i) {
        const GgufValue entry = value->at(i);
        sliding[i] = entry.boolean() ? *entry.boolean() : entry.integer().value_or(0) != 0;
    }
    return sliding;
}

void ModelReader::readLayers() {
    TextConfig &text = m_config.text;
    const auto sliding = readPattern();
    const auto kvHeads = m_keys.perLayer("attention.head_count_kv", text.layerCount, 1, kMaxHeads, text.heads);
    const int headDim = m_keys.integer("attention.key_length", 2, kMaxHeadDim,
                                       std::clamp(text.hiddenSize / text.heads, 2, kMaxHeadDim));
    const int slidingDim = m_keys.integer("attention.key_length_swa", 2, kMaxHeadDim, headDim);
    if (m_keys.integer("attention.value_length", 2, kMaxHeadDim, headDim) != headDim)
        m_keys.unsupported("attention.value_length", "differs from the key's");
    if (m_keys.integer("attention.value_length_swa", 2, kMaxHeadDim, slidingDim) != slidingDim)
        m_keys.unsupported("attention.value_length_swa", "differs from the key's");
    if (m_keys.integer("rope.dimension_count", 2, kMaxHeadDim, headDim) != headDim)
        m_keys.unsupported("rope.dimension_count", "only a part of each head rotates");
    if (m_keys.integer("rope.dimension_count_swa", 2, kMaxHeadDim, slidingDim) != slidingDim)
        m_keys.unsupported("rope.dimension_count_swa", "only a part of each head rotates");
    text.layers.resize(static_cast<std::size_t>(text.layerCount));
    const int producing = text.layerCount - text.sharedKvLayers;
    for (int i = 0; i < text.layerCount; ++i) {
        LayerConfig &layer = text.layers[static_cast<std::size_t>(i)];
        layer.sliding = sliding[static_cast<std::size_t>(i)];
        layer.headDim = layer.sliding ? slidingDim : headDim;
        layer.kvHeads = kvHeads[static_cast<std::size_t>(i)];
        // attention_k_eq_v has no key of its own: such layers just lack the value's matrix.
        layer.keyIsValue = !m_architecture.drafter && i < producing && !layer.sliding && lacksValue(i, layer);
    }
    if (m_problems.first()) return;
    finishLayers(text, m_architecture.drafter, m_problems);
}

bool ModelReader::lacksValue(int layer, const LayerConfig &config) const {
    const GgufTensor *fused = tensor("blk." + std::to_string(layer) + ".attn_qkv.weight");
    if (!fused) return layerHas(layer, "attn_k.weight") && !layerHas(layer, "attn_v.weight");
    return fused->info.shape.front() == std::int64_t{m_config.text.heads + config.kvHeads} * config.headDim;
}

std::vector<double> ModelReader::plainFrequencies(int headDim, double theta) const {
    std::vector<double> out(static_cast<std::size_t>(headDim / 2));
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = std::pow(theta, -2.0 * static_cast<double>(j) / headDim);
    return out;
}

// rope_freqs.weight: divisors of the full layers, 1e30 for pairs that do not rotate; without it a quarter rotates.
void ModelReader::applyDivisors(std::vector<double> &frequencies) {
    const GgufTensor *divisors = tensor("rope_freqs.weight");
    if (!divisors) {
        const auto rotating = static_cast<std::ptrdiff_t>(frequencies.size() / 4);
        std::fill(frequencies.begin() + rotating, frequencies.end(), 0.0);
        return;
    }
    const bool fits = divisors->info.usable && divisors->info.shape.size() == 1 &&
                      divisors->info.shape[0] == static_cast<std::int64_t>(frequencies.size());
    if (!fits) {
        m_problems.corrupt("tensor rope_freqs.weight is no list of " + std::to_string(frequencies.size()) + " numbers");
        return;
    }
    const GgufFile *holder = nullptr;
    for (const GgufFile &file : m_model.files) {
        if (file.tensor("rope_freqs.weight")) holder = &file;
    }
    std::vector<float> values(frequencies.size());
    kernelsFor(InstructionSet::Scalar)
        .dequantise(divisors->info.type, holder->data(*divisors).data(), divisors->info.shape[0], values.data());
    for (std::size_t j = 0; j < frequencies.size(); ++j) {
        const double divisor = values[j];
        if (!(divisor > 0)) {
            m_problems.corrupt("tensor rope_freqs.weight: value " + std::to_string(j) + " is not positive");
            return;
        }
        frequencies[j] = divisor > kNeverTurns ? 0.0 : frequencies[j] / divisor;
    }
}

void ModelReader::readFrequencies() {
    TextConfig &text = m_config.text;
    int headDim[2] = {2, 2};
    for (const auto &layer : text.layers) headDim[layer.sliding ? 1 : 0] = layer.headDim;
    const double slidingTheta = m_keys.number("rope.freq_base_swa", 1, 1e12, 1e4);
    const double fullTheta = m_keys.number("rope.freq_base", 1, 1e12, 1e6);
    text.slidingFrequencies = plainFrequencies(headDim[1], slidingTheta);
    text.fullFrequencies = plainFrequencies(headDim[0], fullTheta);
    const bool anyFull = std::any_of(text.layers.begin(), text.layers.end(), [](const auto &l) { return !l.sliding; });
    if (!m_architecture.gemma3 && anyFull) applyDivisors(text.fullFrequencies);
    const std::string scaling = m_keys.text("rope.scaling.type", m_keys.has("rope.scaling.factor") ? "linear" : "none");
    if (scaling != "none" && scaling != "linear") {
        m_keys.unsupported("rope.scaling.type", "\"" + printable(scaling) + "\"");
    } else if (scaling == "linear") {
        const double factor = m_keys.number("rope.scaling.factor", 1e-6, 1e6, 1.0);
        for (double &f : text.fullFrequencies) f /= factor;
    }
}

void ModelReader::readExperts() {
    TextConfig &text = m_config.text;
    const int experts = m_keys.integer("expert_count", 0, kMaxExperts, 0);
    if (experts == 0) return;
    text.experts = experts;
    text.activeExperts = m_keys.integer("expert_used_count", 1, experts);
    text.expertSize = m_keys.integer("expert_feed_forward_length", 1, kMaxInnerWidth);
}

void ModelReader::readGemma3() {
    TextConfig &text = m_config.text;
    text.valueNorm = false;
    text.layerScalar = false;
    // Scores are divided by the square root of the head size, in the 27B model by that of width over heads.
    constexpr int k27bLayers = 62;
    const double divisor = text.layerCount == k27bLayers ? static_cast<double>(text.hiddenSize) / text.heads
                                                         : static_cast<double>(text.layers.front().headDim);
    text.queryScale = static_cast<float>(m_keys.number("attention.scale", 1e-6, 1e3, 1.0 / std::sqrt(divisor)));
}

void ModelReader::readTokens() {
    const int last = m_config.text.vocabularySize - 1;
    m_config.padId = 0;
    m_config.bosId = std::min(2, last);
    if (!m_vocabulary) return;
    const GgufVocabulary &v = *m_vocabulary;
    if (static_cast<int>(v.pieces.size()) > m_config.text.vocabularySize) {
        m_problems.corrupt("key tokenizer.ggml.tokens: " + std::to_string(v.pieces.size()) + " pieces, but tensor " +
                           "token_embd.weight has " + std::to_string(m_config.text.vocabularySize) + " rows");
        return;
    }
    if (v.padding >= 0) m_config.padId = v.padding;
    if (v.bos >= 0) m_config.bosId = v.bos;
    auto &stops = m_config.stopIds;
    const auto stop = [&stops](int id) {
        if (id >= 0 && std::find(stops.begin(), stops.end(), id) == stops.end()) stops.push_back(id);
    };
    for (const int id : {v.eos, v.endOfTurn}) stop(id);
    if (m_architecture.gemma3) {
        for (const char *marker : {"<eos>", "<end_of_turn>"}) stop(v.idOfMarker(marker));
        return;
    }
    for (const char *marker : {"<eos>", "<turn|>", "<|tool_response>"}) stop(v.idOfMarker(marker));
    MediaTokens &media = m_config.tokens;
    media.imageBegin = v.idOfMarker("<|image>");
    media.imageSoft = v.idOfMarker("<|image|>");
    media.imageEnd = v.idOfMarker("<image|>");
    media.audioBegin = v.idOfMarker("<|audio>");
    media.audioSoft = v.idOfMarker("<|audio|>");
    media.audioEnd = v.idOfMarker("<audio|>");
    media.videoSoft = v.idOfMarker("<|video|>");
}

void ModelReader::readSampling() {
    m_config.temperature = static_cast<float>(m_general.number("general.sampling.temp", 0, 100, 1.0));
    m_config.topP = static_cast<float>(m_general.number("general.sampling.top_p", 0, 1, 0.95));
    m_config.topK = m_general.integer("general.sampling.top_k", 0, kMaxVocabulary, 64);
}

// The "unified" model lists tokens that must not be sampled; nothing else in its text part tells it apart.
void ModelReader::readSuppressed() {
    for (const std::string_view key : m_model.main().keys()) {
        if (!key.starts_with("tokenizer.") || key.find("suppress") == std::string_view::npos) continue;
        const std::string name(key);
        const GgufValue *value = m_model.main().find(key);
        const bool numbers = value->type == GgufType::Array && value->element != GgufType::String &&
                             value->element != GgufType::Array;
        if (!numbers || value->count > kMaxSuppressed) return m_general.corrupt(name.c_str(), "no list of tokens");
        for (std::uint64_t i = 0; i < value->count; ++i) {
            const auto id = value->at(i).integer().value_or(-1);
            if (id < 0 || id >= m_config.text.vocabularySize)
                return m_general.corrupt(name.c_str(), "entry " + std::to_string(i) + " is no token");
            m_config.suppressedIds.push_back(static_cast<int>(id));
        }
        if (m_config.architecture == "gemma4" && value->count > 0) m_config.architecture = "gemma4_unified";
    }
}

Result<ModelConfig> ModelReader::read() {
    m_config.architecture = m_architecture.name;
    m_config.demoModel = m_general.boolean("facet.demo_model", false);
    readSizes();
    if (!m_problems.first()) readLayers();
    if (m_problems.first()) return *m_problems.first();
    readFrequencies();
    if (m_architecture.gemma3) {
        readGemma3();
    } else {
        readExperts();
        // No key says it: all models but the small ones with per-layer inputs look both ways within a picture.
        m_config.text.bidirectionalVision = m_config.text.perLayerInputSize == 0 && !m_architecture.drafter;
    }
    readTokens();
    readSampling();
    readSuppressed();
    if (m_problems.first()) return *m_problems.first();
    return m_config;
}

Error notAModel(const GgufFile &file, std::string message) {
    return {ErrorCode::ModelUnsupported, std::move(message),
            "key general.architecture: \"" + printable(file.architecture()) + "\"", file.path()};
}

} // namespace

const GgufTensor *findTensor(const GgufModelFiles &model, std::string_view name) {
    for (const GgufFile &file : model.files) {
        if (const GgufTensor *found = file.tensor(name)) return found;
    }
    return nullptr;
}

Result<ModelConfig> readGgufConfig(const GgufModelFiles &model, const GgufVocabulary *vocabulary,
                                   const GgufModelFiles *projector) {
    const GgufFile &file = model.main();
    const std::string_view name = file.architecture();
    if (name.empty()) {
        return Error{ErrorCode::ModelFileCorrupt, "The model file does not say what it is; download it again.",
                     "key general.architecture: missing or no text", file.path()};
    }
    if (name == "clip") {
        return notAModel(file, "This file only holds the parts that see and hear (mmproj); choose the model's own "
                               "file, this one is used beside it.");
    }
    if (file.text("general.type") == "adapter")
        return notAModel(file, "This file is an adapter for a model, not a model.");
    const auto known = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                    [&](const Architecture &a) { return name == a.gguf; });
    if (known == kArchitectures.end())
        return notAModel(file, "Facet runs Gemma 4 and Gemma 3 models; this file holds another kind of model.");
    FACET_TRY(config, ModelReader(model, vocabulary, *known).read());
    if (!projector) return config;
    FACET_TRY(towers, readProjectorConfig(*projector));
    if (towers.unified && config.architecture == "gemma4") config.architecture = "gemma4_unified";
    if ((towers.vision || towers.audio) && towers.textWidth != config.text.hiddenSize) {
        return Error{ErrorCode::ModelFileCorrupt,
                     "The projector file (mmproj) belongs to another model than the model file.",
                     "it is made for width " + std::to_string(towers.textWidth) + ", the model has " +
                         std::to_string(config.text.hiddenSize),
                     projector->main().path()};
    }
    if (config.architecture == "gemma4") {
        config.vision = towers.vision;
        config.audio = towers.audio;
    }
    return config;
}

} // namespace facet
