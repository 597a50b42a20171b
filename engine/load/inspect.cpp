// inspectModel(): what the model list and `inspect` show, from configuration and headers alone.
#include "facet/model_info.h"

#include "load/memory_plan.h"
#include "load/tensor_lookup.h"
#include "load/weights.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace facet {
namespace {

constexpr std::array<int, 3> kContextLengths = {4096, 8192, 32768};

// Values of everything that computes: no bounds of clipped layers, nothing that the configuration makes superfluous.
std::uint64_t countParameters(const Checkpoint &checkpoint) {
    std::uint64_t count = 0;
    for (const auto &tensor : checkpoint.weights->tensors()) {
        if (!tensor.usable || isIgnored(checkpoint.config.text, tensor.name)) continue;
        std::uint64_t values = 1;
        for (const auto size : tensor.shape) values *= static_cast<std::uint64_t>(size);
        count += values;
    }
    return count;
}

// Of the layers' matrices by number of values: tables would outweigh them in small models.
std::string mostCommonType(const WeightSource &weights) {
    std::map<std::string, std::uint64_t> layers, all;
    for (const auto &tensor : weights.tensors()) {
        const auto values = static_cast<std::uint64_t>(elementCount(tensor.shape));
        all[tensor.typeName] += values;
        if (tensor.shape.size() > 1 && tensor.name.find("layers.") != std::string::npos)
            layers[tensor.typeName] += values;
    }
    const auto &counts = layers.empty() ? all : layers;
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    return most == counts.end() ? std::string() : most->first;
}

// Of Gemma 3's own vision part.
bool isVisionTensor(const TensorInfo &tensor) {
    return tensor.name.find("vision_tower.") != std::string::npos || tensor.name.starts_with("v.");
}

std::vector<std::string> findUnsupported(const Checkpoint &checkpoint) {
    std::vector<std::string> list = checkpoint.notes;
    const ModelConfig &config = checkpoint.config;
    if (config.drafter) {
        list.emplace_back("This is a drafter that only speeds up another model; it cannot answer by itself.");
        return list;
    }
    const auto &tensors = checkpoint.weights->tensors();
    const bool unread = config.architecture == "gemma3" && std::any_of(tensors.begin(), tensors.end(), isVisionTensor);
    if (config.architecture == "gemma4_unified" || unread) {
        list.emplace_back("Pictures and sound of this kind of model cannot be read yet; text works.");
    }
    const bool integers =
        std::any_of(checkpoint.weights->tensors().begin(), checkpoint.weights->tensors().end(),
                    [&](const TensorInfo &t) { return !t.usable && !isIgnored(config.text, t.name); });
    if (integers) list.emplace_back("Some of its tensors are stored as numbers that Facet cannot compute with.");
    return list;
}

} // namespace

ModelInfo describeCheckpoint(const Checkpoint &checkpoint, WeightType weights) {
    const ModelConfig &config = checkpoint.config;
    ModelInfo info;
    info.path = checkpoint.path;
    info.name = checkpoint.name;
    info.architecture = config.architecture;
    info.weightType = weights == WeightType::Q8_0   ? "Q8_0"
                      : weights == WeightType::Q4_0 ? "Q4_0"
                                                    : mostCommonType(*checkpoint.weights);
    info.parameterCount = countParameters(checkpoint);
    info.fileBytes = checkpoint.fileBytes;
    info.layers = config.text.layerCount;
    info.hiddenSize = config.text.hiddenSize;
    info.vocabularySize = config.text.vocabularySize;
    info.slidingWindow = config.text.slidingWindow;
    info.sharedKvLayers = config.text.sharedKvLayers;
    info.experts = config.text.experts;
    info.activeExperts = config.text.activeExperts;
    info.maxContext = config.text.maxContext;
    info.demoModel = config.demoModel;
    info.baseModel = checkpoint.chatTemplate.empty() && !config.drafter;
    info.mmproj = checkpoint.mmproj;
    if (config.vision) {
        info.hasVision = true;
        info.vision.patchSize = config.vision->patchSize;
        info.vision.poolingKernel = config.vision->poolingKernel;
        info.vision.defaultBudget = config.vision->defaultBudget;
        info.vision.positionTableSize = config.vision->positionTableSize;
    }
    if (config.audio) {
        info.hasAudio = true;
        info.audio.melBins = config.audio->melBins;
    }
    std::set<int> lengths{config.text.maxContext};
    for (const int length : kContextLengths) lengths.insert(std::min(length, config.text.maxContext));
    for (const int length : lengths) info.memory.push_back(estimateMemory(checkpoint, weights, KvType::Auto, length));
    info.unsupported = findUnsupported(checkpoint);
    return info;
}

Result<ModelInfo> inspectModel(const std::string &path, WeightType weights, const std::string &mmproj) {
    FACET_TRY(checkpoint, openCheckpoint(path, mmproj));
    return describeCheckpoint(checkpoint, weights);
}

} // namespace facet
