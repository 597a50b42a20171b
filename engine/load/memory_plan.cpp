#include "load/memory_plan.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace facet {
namespace {

constexpr std::int64_t kTile = 64; // ring sizes are multiples: results then do not depend on where a ring wraps

// Rows of one pass, as the generation loop feeds them: a chunk, plus a picture that must not be cut.
constexpr std::int64_t kChunkRows = 256;
constexpr std::int64_t kLargestPicture = 1120;

bool endsWith(const std::string &text, const char *ending) {
    const std::string_view tail(ending);
    return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

// The number after "layers." in a text tensor's name.
std::optional<int> layerOf(const std::string &name) {
    const auto at = name.find("layers.");
    if (at == std::string::npos) return std::nullopt;
    int layer = 0;
    const char *begin = name.data() + at + 7;
    const auto [end, error] = std::from_chars(begin, name.data() + name.size(), layer);
    if (error != std::errc() || end == begin) return std::nullopt;
    return layer;
}

bool isTextTensor(const std::string &name) {
    return name.find("vision_tower") == std::string::npos && name.find("audio_tower") == std::string::npos &&
           name.find("embed_vision") == std::string::npos && name.find("embed_audio") == std::string::npos;
}

std::uint64_t elements(const TensorInfo &tensor) {
    std::uint64_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::uint64_t>(size);
    return count;
}

std::uint64_t residentBytesOf(const TensorInfo &tensor, WeightType weights) {
    if (weights == WeightType::AsStored || !isQuantisable(tensor)) return tensor.bytes;
    const auto shape =
        blockShape(quantisedType(tensor, weights) == WeightType::Q8_0 ? TensorType::Q8_0 : TensorType::Q4_0);
    return elements(tensor) / static_cast<std::uint64_t>(shape.values) * static_cast<std::uint64_t>(shape.bytes);
}

std::uint64_t textWorkBytes(const TextConfig &config, std::int64_t rows) {
    std::int64_t widest = 0;
    for (const auto &layer : config.layers) {
        widest = std::max(widest, std::int64_t{2} * config.heads * layer.headDim +
                                      std::int64_t{2} * layer.kvHeads * layer.headDim);
    }
    const std::int64_t inner = std::int64_t{config.intermediateSize} * (config.doubleWideMlp ? 2 : 1);
    const std::int64_t experts = std::int64_t{3} * config.expertSize + 3 * (config.experts > 0 ? config.hiddenSize : 0);
    const std::int64_t perLayer = std::int64_t{3} * config.layerCount * config.perLayerInputSize;
    const std::int64_t perRow = 4 * std::int64_t{config.hiddenSize} + widest + 3 * inner + experts + perLayer;
    return static_cast<std::uint64_t>(4 * (rows * perRow + 2 * std::int64_t{config.vocabularySize}));
}

std::uint64_t visionWorkBytes(const VisionConfig &vision) {
    const std::int64_t patches = std::int64_t{vision.defaultBudget} * vision.poolingKernel * vision.poolingKernel;
    const std::int64_t perPatch = 8 * std::int64_t{vision.hiddenSize} + 3 * std::int64_t{vision.intermediateSize};
    return static_cast<std::uint64_t>(4 * patches * perPatch);
}

} // namespace

std::int64_t cacheCapacity(const TextConfig &config, const LayerConfig &layer, std::int64_t contextLength,
                           std::int64_t maxBlock) {
    if (!layer.sliding) return contextLength;
    const std::int64_t ring = (config.slidingWindow + maxBlock + kTile - 1) / kTile * kTile;
    return std::min(ring, contextLength);
}

CacheType cacheTypeFor(const TextConfig &config, KvType kv) noexcept {
    if (kv == KvType::F32) return CacheType::F32;
    const bool whole = std::all_of(config.layers.begin(), config.layers.end(), [](const LayerConfig &layer) {
        return layer.sharesKv || cacheRowBytes(CacheType::Q8_0, layer.headDim) != 0;
    });
    if (!whole) return CacheType::F16;
    return kv == KvType::Q8_0 ? CacheType::Q8_0 : kv == KvType::Q4_0 ? CacheType::Q4_0 : CacheType::F16;
}

std::uint64_t cacheBytes(const TextConfig &config, CacheType type, std::int64_t contextLength, std::int64_t maxBlock) {
    std::uint64_t bytes = 0;
    for (const auto &layer : config.layers) {
        if (layer.sharesKv) continue;
        bytes += 2 * static_cast<std::uint64_t>(layer.kvHeads) *
                 static_cast<std::uint64_t>(cacheRowBytes(type, layer.headDim)) *
                 static_cast<std::uint64_t>(cacheCapacity(config, layer, contextLength, maxBlock));
    }
    return bytes;
}

bool isLookupTable(const std::string &name) { return endsWith(name, "embed_tokens_per_layer.weight"); }

bool isQuantisable(const TensorInfo &tensor) {
    const std::string &name = tensor.name;
    if (!tensor.usable || !isFloatType(tensor.type) || !isTextTensor(name) || tensor.shape.size() < 2 || tensor.shape.back() % 32 != 0) return false;
    if (isLookupTable(name) || endsWith(name, "router.proj.weight") ||
        endsWith(name, "per_layer_model_projection.weight"))
        return false;
    return endsWith(name, "_proj.weight") || endsWith(name, ".gate_up_proj") || endsWith(name, ".down_proj") ||
           endsWith(name, ".experts.gate_proj") || endsWith(name, ".experts.up_proj") ||
           endsWith(name, ".linear.weight") || endsWith(name, "per_layer_input_gate.weight") ||
           endsWith(name, "per_layer_projection.weight") || endsWith(name, "embed_tokens.weight") || name == "lm_head.weight";
}

WeightType quantisedType(const TensorInfo &tensor, WeightType wanted) {
    const bool head = endsWith(tensor.name, "embed_tokens.weight") || tensor.name == "lm_head.weight";
    return wanted == WeightType::Q4_0 && head ? WeightType::Q8_0 : wanted;
}

bool isIgnored(const TextConfig &config, const std::string &name) {
    if (name.find(".self_attn.") == std::string::npos || !isTextTensor(name)) return false;
    const auto layer = layerOf(name);
    if (!layer || *layer < 0 || *layer >= static_cast<int>(config.layers.size())) return false;
    const LayerConfig &settings = config.layers[static_cast<std::size_t>(*layer)];
    const bool value = endsWith(name, ".v_proj.weight");
    const bool key = endsWith(name, ".k_proj.weight") || endsWith(name, ".k_norm.weight");
    return (settings.sharesKv && (key || value)) || (settings.keyIsValue && value);
}

MemoryEstimate estimateMemory(const Checkpoint &checkpoint, WeightType weights, KvType kv, int contextLength) {
    const TextConfig &text = checkpoint.config.text;
    MemoryEstimate estimate;
    estimate.contextLength = contextLength;
    for (const auto &tensor : checkpoint.weights->tensors()) {
        if (isLookupTable(tensor.name) || isIgnored(text, tensor.name)) continue;
        estimate.weightBytes += residentBytesOf(tensor, weights);
    }
    const std::int64_t rows = kChunkRows + (text.bidirectionalVision ? kLargestPicture : 0);
    estimate.kvBytes = cacheBytes(text, cacheTypeFor(text, kv), contextLength, rows);
    estimate.workBytes = textWorkBytes(text, std::min<std::int64_t>(rows, contextLength));
    if (checkpoint.config.vision)
        estimate.workBytes = std::max(estimate.workBytes, visionWorkBytes(*checkpoint.config.vision));
    return estimate;
}

} // namespace facet
