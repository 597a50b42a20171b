#include "load/quantize_plan.h"

#include <algorithm>
#include <charconv>
#include <span>

namespace facet {
namespace {

struct Kind {
    QuantizeType type;
    const char *name;
    TensorType base;      // most matrices
    TensorType more;      // half of attn_v and ffn_down
    TensorType embedding; // token_embd and output
    std::uint32_t fileType;
};
constexpr Kind kKinds[] = {
    {QuantizeType::Q8_0, "q8_0", TensorType::Q8_0, TensorType::Q8_0, TensorType::Q8_0, 7},
    {QuantizeType::Q4_0, "q4_0", TensorType::Q4_0, TensorType::Q4_0, TensorType::Q6_K, 2},
    {QuantizeType::Q4_K, "q4_k", TensorType::Q4_K, TensorType::Q4_K, TensorType::Q6_K, 14},
    {QuantizeType::Q5_K, "q5_k", TensorType::Q5_K, TensorType::Q5_K, TensorType::Q6_K, 16},
    {QuantizeType::Q6_K, "q6_k", TensorType::Q6_K, TensorType::Q6_K, TensorType::Q6_K, 18},
    {QuantizeType::Q4_K_M, "q4_k_m", TensorType::Q4_K, TensorType::Q6_K, TensorType::Q6_K, 15},
    {QuantizeType::Q5_K_M, "q5_k_m", TensorType::Q5_K, TensorType::Q6_K, TensorType::Q6_K, 17},
};

const Kind &kindOf(QuantizeType type) noexcept {
    for (const Kind &kind : kKinds) {
        if (kind.type == type) return kind;
    }
    return kKinds[0];
}

bool isTower(const std::string &name) {
    return name.starts_with("v.") || name.starts_with("a.") || name.starts_with("mm.");
}

// Tensors that cost little and decide much.
bool staysFloat(const PlannedTensor &tensor) {
    const std::string &name = tensor.output.name;
    const auto has = [&name](const char *part) { return name.find(part) != std::string::npos; };
    return tensor.output.shape.size() < 2 || has("norm") || has("ffn_gate_inp") || has("rope_freqs") || has("conv") ||
           has("patch_embd") || has("position_embd") || has("per_dim_scale") || name.starts_with("a.input_projection") ||
           name.ends_with(".scale") || name.ends_with(".bias");
}
// conv_pw1 and conv_pw2 of the audio tower are ordinary matrices, named after the block they belong to.
bool isPointwise(const std::string &name) {
    return name.find(".conv_pw") != std::string::npos && name.ends_with(".weight");
}

TensorType fallback(TensorType type) noexcept {
    switch (type) {
    case TensorType::Q4_K: return TensorType::Q5_0;
    case TensorType::Q5_K: return TensorType::Q5_1;
    case TensorType::Q6_K: return TensorType::Q8_0;
    default: return type;
    }
}

// N of "blk.N.rest" if `rest` begins with `part`; -1: another tensor.
int layerOf(const std::string &name, std::string_view part) {
    constexpr std::string_view kBefore = "blk.";
    if (!name.starts_with(kBefore)) return -1;
    const char *begin = name.data() + kBefore.size();
    int layer = -1;
    const auto [end, problem] = std::from_chars(begin, name.data() + name.size(), layer);
    if (problem != std::errc() || end == name.data() + name.size() || *end != '.') return -1;
    return std::string_view(end + 1).starts_with(part) ? layer : -1;
}

// The first and last eighth of the layers and every third between them matter most.
bool wantsMore(std::int64_t index, std::int64_t count) {
    return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
}

// Positions of the layers that have a tensor of this kind.
std::vector<int> layersWith(const std::vector<PlannedTensor> &tensors, std::string_view part) {
    std::vector<int> layers;
    for (const PlannedTensor &tensor : tensors) {
        const int layer = layerOf(tensor.output.name, part);
        if (layer >= 0 && std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(layer);
    }
    std::sort(layers.begin(), layers.end());
    return layers;
}

} // namespace

const char *quantizeTypeName(QuantizeType type) noexcept { return kindOf(type).name; }

std::optional<QuantizeType> quantizeTypeOf(std::string_view name) noexcept {
    for (const Kind &kind : kKinds) {
        if (name == kind.name) return kind.type;
    }
    return std::nullopt;
}

std::uint32_t ggufFileType(QuantizeType type) noexcept { return kindOf(type).fileType; }

std::uint32_t ggufFileType(TensorType most) noexcept {
    switch (most) {
    case TensorType::F32: return 0;
    case TensorType::F16: return 1;
    case TensorType::Q4_0: return 2;
    case TensorType::Q4_1: return 3;
    case TensorType::Q8_0: return 7;
    case TensorType::Q5_0: return 8;
    case TensorType::Q5_1: return 9;
    case TensorType::Q2_K: return 10;
    case TensorType::Q3_K: return 12;
    case TensorType::Q5_K: return 17;
    case TensorType::Q6_K: return 18;
    case TensorType::IQ4_NL: return 25;
    case TensorType::BF16: return 32;
    default: return 15; // Q4_K, and mixes of all kinds
    }
}

std::int64_t PlannedTensor::rows() const {
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < output.shape.size(); ++i) rows *= output.shape[i];
    return rows;
}

const float *PlannedTensor::importanceOf(std::int64_t row) const {
    if (!importance || importance->rowsEach < 1) return nullptr;
    const auto part = static_cast<std::size_t>(row / importance->rowsEach);
    return part < importance->parts.size() && !importance->parts[part].empty() ? importance->parts[part].data() : nullptr;
}

std::string tensorKind(const std::string &ggufName) {
    std::size_t begin = 0;
    if (ggufName.starts_with("blk.")) begin = ggufName.find('.', 4) == std::string::npos ? 0 : ggufName.find('.', 4) + 1;
    std::string kind = ggufName.substr(begin);
    if (kind.ends_with(".weight")) kind.resize(kind.size() - std::string_view(".weight").size());
    return kind;
}

int tensorLayer(const std::string &ggufName) { return layerOf(ggufName, ""); }

bool mayChooseType(const PlannedTensor &tensor) {
    const std::string &name = tensor.output.name;
    return !tensor.from.empty() && !isTower(name) && !staysFloat(tensor) && name != "per_layer_model_proj.weight";
}

std::vector<TensorType> typesFor(const PlannedTensor &tensor) {
    const TensorType stored = tensor.sourceType() == TensorType::F32 ? TensorType::BF16 : tensor.sourceType();
    std::vector<TensorType> types{stored};
    // Where blocks of 256 fit, they lose less than those of 32 of the same size.
    constexpr TensorType kLarge[] = {TensorType::Q8_0, TensorType::Q6_K, TensorType::Q5_K,
                                     TensorType::Q4_K, TensorType::Q3_K, TensorType::Q2_K};
    constexpr TensorType kSmall[] = {TensorType::Q8_0, TensorType::Q5_1, TensorType::Q5_0, TensorType::Q4_1, TensorType::IQ4_NL};
    const bool large = rowBytes(TensorType::Q4_K, tensor.cols()) > 0;
    for (const TensorType type : large ? std::span<const TensorType>(kLarge) : std::span<const TensorType>(kSmall)) {
        const std::int64_t bytes = tensor.bytesAs(type);
        if (bytes > 0 && bytes < tensor.bytesAs(types.back())) types.push_back(type);
    }
    return types;
}

PlanResult planTypes(std::vector<PlannedTensor> &tensors, QuantizeType type) {
    const Kind &kind = kindOf(type);
    PlanResult result;
    struct Important {
        const char *part;
        std::vector<int> layers;
    };
    const Important important[] = {{"attn_v.", layersWith(tensors, "attn_v.")},
                                   {"ffn_down", layersWith(tensors, "ffn_down")}};
    for (PlannedTensor &tensor : tensors) {
        const std::string &name = tensor.output.name;
        TensorType &out = tensor.output.type;
        if (staysFloat(tensor) && !isPointwise(name)) {
            out = TensorType::F32;
            continue;
        }
        if (name == "per_layer_model_proj.weight") {
            out = isFloatType(tensor.sourceType()) ? TensorType::BF16 : tensor.sourceType();
            continue;
        }
        out = kind.base;
        if (isTower(name) || name == "per_layer_token_embd.weight") out = TensorType::Q8_0;
        else if (name == "token_embd.weight" || name == "output.weight") out = kind.embedding;
        for (const Important &part : important) {
            const int layer = layerOf(name, part.part);
            if (layer < 0) continue;
            const auto index = std::find(part.layers.begin(), part.layers.end(), layer) - part.layers.begin();
            if (wantsMore(index, static_cast<std::int64_t>(part.layers.size()))) out = kind.more;
        }
        if (rowBytes(out, tensor.cols()) != 0) continue;
        ++result.fallbacks;
        out = fallback(out);
        if (rowBytes(out, tensor.cols()) != 0) continue;
        --result.fallbacks;
        ++result.plain;
        out = TensorType::BF16;
    }
    return result;
}

} // namespace facet
