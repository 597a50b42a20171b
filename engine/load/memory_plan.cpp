#include "load/memory_plan.h"

#include "kernels/packed.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace facet {
namespace {

constexpr std::int64_t kTile = 64; // ring sizes are multiples: results then do not depend on where a ring wraps

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

} // namespace

std::int64_t cacheCapacity(const TextConfig &config, const LayerConfig &layer, std::int64_t contextLength,
                           std::int64_t maxBlock) {
    if (!layer.sliding) return contextLength;
    const std::int64_t ring = (config.slidingWindow + maxBlock + kTile - 1) / kTile * kTile;
    return std::min(ring, contextLength);
}

const char *kvTypeName(KvType type) noexcept {
    switch (type) {
    case KvType::Auto: return "auto";
    case KvType::F32: return "f32";
    case KvType::F16: return "f16";
    case KvType::Q8_0: return "q8_0";
    case KvType::Q4_0: return "q4_0";
    case KvType::Q4_R: return "q4_r";
    }
    return "";
}

std::optional<KvType> kvTypeNamed(std::string_view name) noexcept {
    for (const KvType type : {KvType::Auto, KvType::F32, KvType::F16, KvType::Q8_0, KvType::Q4_0, KvType::Q4_R})
        if (name == kvTypeName(type)) return type;
    return std::nullopt;
}

const char *packingName(Packing packing) noexcept {
    switch (packing) {
    case Packing::Auto: return "auto";
    case Packing::On: return "on";
    case Packing::Off: return "off";
    }
    return "";
}

std::optional<Packing> packingNamed(std::string_view name) noexcept {
    for (const Packing packing : {Packing::Auto, Packing::On, Packing::Off})
        if (name == packingName(packing)) return packing;
    return std::nullopt;
}

CacheType cacheTypeOf(KvType kv) noexcept {
    switch (kv) {
    case KvType::F32: return CacheType::F32;
    case KvType::Q8_0: return CacheType::Q8_0;
    case KvType::Q4_0: return CacheType::Q4_0;
    case KvType::Q4_R: return CacheType::Q4_R;
    case KvType::Auto:
    case KvType::F16: break;
    }
    return CacheType::F16;
}

Status checkCacheType(const TextConfig &config, CacheType type) {
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        const LayerConfig &layer = config.layers[i];
        if (layer.sharesKv || cacheRowBytes(type, layer.headDim) > 0) continue;
        return Error{ErrorCode::InvalidArgument,
                     "Keys and values of this model cannot be kept in 8 or 4 bits, because its heads are no multiple of 32 "
                     "values wide: choose f16 for the cache.",
                     "layer " + std::to_string(i) + " has heads of " + std::to_string(layer.headDim) + " values"};
    }
    return ok();
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

TensorType loadedType(const TensorInfo &tensor, WeightType weights) {
    if (weights == WeightType::AsStored || !isQuantisable(tensor)) return tensor.type;
    return quantisedType(tensor, weights) == WeightType::Q8_0 ? TensorType::Q8_0 : TensorType::Q4_0;
}

std::uint64_t packedSize(const TensorInfo &tensor, WeightType weights) {
    const std::vector<std::int64_t> &shape = tensor.shape;
    const TensorType type = loadedType(tensor, weights);
    if (!tensor.usable || !canPack(type) || shape.size() < 2 || !isTextTensor(tensor.name) || isLookupTable(tensor.name)) return 0;
    // Matrices that are stacked in one tensor, two in each part of it at most, must begin with a group of rows.
    if (shape.size() > 2 && shape[shape.size() - 2] % (2 * kPackedRows) != 0) return 0;
    std::int64_t rows = 1; // cannot overflow: the tensor lies in the file
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
    return static_cast<std::uint64_t>(packedBytes(type, rows, shape.back()));
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

} // namespace facet
