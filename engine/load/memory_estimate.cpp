// estimateMemory(): what a load makes resident, from configuration and headers alone. Follows the code that allocates:
// model/decoder_layers.cpp (buffers of a pass), model/kv_cache.cpp, text/tokenizer_data.h.
#include "kernels/packed.h"
#include "load/gguf_vocabulary.h"
#include "load/memory_plan.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

namespace facet {
namespace {

// Rows of one pass, as the generation loop feeds them: a chunk, plus a picture that must not be cut.
constexpr std::int64_t kChunkRows = 256;
constexpr std::int64_t kLargestPicture = 1120;
constexpr std::int64_t kShortQuestion = 64; // positions

bool isTower(const std::string &name) {
    return name.find("vision_tower") != std::string::npos || name.find("audio_tower") != std::string::npos ||
           name.find("embed_vision") != std::string::npos || name.find("embed_audio") != std::string::npos;
}

std::uint64_t elements(const TensorInfo &tensor) {
    std::uint64_t count = 1;
    for (const auto size : tensor.shape) count *= static_cast<std::uint64_t>(size);
    return count;
}

// Norms and scalars become float32 of their own, matrices stay in the file, are quantised or packed.
void addWeight(const TensorInfo &tensor, WeightType weights, bool pack, bool int8Pictures, MemoryEstimate &estimate) {
    std::uint64_t bytes = tensor.bytes;
    bool mapped = tensor.shape.size() > 1;
    if (weights != WeightType::AsStored && isQuantisable(tensor)) {
        const auto shape = blockShape(loadedType(tensor, weights));
        bytes = elements(tensor) / static_cast<std::uint64_t>(shape.values) * static_cast<std::uint64_t>(shape.bytes);
        mapped = false;
    }
    if (const std::uint64_t packed = pack ? packedSize(tensor, weights) : 0; packed > 0) {
        bytes = packed;
        mapped = false;
        estimate.packedBytes += packed;
    }
    if (int8Pictures && mapped && tensor.name.find("vision_tower") != std::string::npos &&
        tensor.name.ends_with(".linear.weight") && isFloatType(tensor.type) && tensor.shape.back() % 32 == 0) {
        bytes = static_cast<std::uint64_t>(packedBytes(TensorType::Q8_0, tensor.shape.front(), tensor.shape.back()));
        mapped = false;
        estimate.packedBytes += bytes;
    }
    estimate.weightBytes += bytes;
    if (mapped) estimate.mappedBytes += bytes;
    if (isTower(tensor.name)) estimate.towerBytes += bytes;
}

// Loading reads an encoder's norms and clamp bounds, and the system maps the file's pages around each of them as well: of a
// small encoder that is most. Tensors lie in the file as they are listed.
std::uint64_t towerBytesReadAlong(const Checkpoint &checkpoint) {
    constexpr std::uint64_t kAround = std::uint64_t{64} << 10U; // Linux's fault_around_bytes
    std::uint64_t offset = 0, seen = 0, bytes = 0;
    for (const auto &tensor : checkpoint.weights->tensors()) {
        const std::uint64_t from = offset / kAround * kAround;
        offset += tensor.bytes;
        if (!isTower(tensor.name) || tensor.shape.size() > 1) continue;
        const std::uint64_t to = (offset + kAround - 1) / kAround * kAround;
        if (to > std::max(from, seen)) bytes += to - std::max(from, seen);
        seen = std::max(seen, to);
    }
    return bytes;
}

// The inner size of each layer's feed-forward network: the tensors' own.
std::vector<std::int64_t> innerSizes(const Checkpoint &checkpoint) {
    const TextConfig &config = checkpoint.config.text;
    std::vector<std::int64_t> sizes(config.layers.size(), config.intermediateSize);
    constexpr std::string_view kEnding = ".mlp.gate_proj.weight";
    for (const auto &tensor : checkpoint.weights->tensors()) {
        const auto at = tensor.name.find("layers.");
        if (isTower(tensor.name) || at == std::string::npos || !tensor.name.ends_with(kEnding)) continue;
        std::size_t layer = sizes.size();
        std::from_chars(tensor.name.data() + at + 7, tensor.name.data() + tensor.name.size(), layer);
        if (layer < sizes.size() && tensor.shape.size() == 2) sizes[layer] = tensor.shape[0];
    }
    return sizes;
}

// Floats of a pass of `rows` rows. After the last layer that writes keys only rows whose logits are wanted go on.
std::uint64_t textWorkBytes(const TextConfig &config, const std::vector<std::int64_t> &inner, std::int64_t rows) {
    std::size_t lastProducer = 0;
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        if (!config.layers[i].sharesKv) lastProducer = i;
    }
    const std::int64_t hidden = config.hiddenSize;
    std::int64_t queries = 0, keys = 0, wide = 0, widest = hidden, heads = 0;
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        const LayerConfig &layer = config.layers[i];
        const std::int64_t here = i <= lastProducer ? rows : 1;
        const std::int64_t queryWidth = std::int64_t{config.heads} * layer.headDim;
        queries = std::max(queries, here * queryWidth);
        if (!layer.sharesKv)
            keys = std::max(keys, (layer.keyIsValue ? 1 : 2) * here * std::int64_t{layer.kvHeads} * layer.headDim);
        wide = std::max(wide, here * inner[i]);
        if (here == rows) widest = std::max({widest, queryWidth, inner[i]});
        heads = std::max(heads, std::int64_t{layer.headDim});
    }
    const std::int64_t perLayer = rows * config.layerCount * config.perLayerInputSize;
    const std::int64_t experts =
        config.experts > 0 ? rows * (4 * hidden + config.experts + std::int64_t{3} * config.expertSize) : 0;
    const std::int64_t quantised = rows * widest * 11 / 32; // int8 rows with scales and sums, in floats
    const std::int64_t layers =
        rows * (3 * hidden + 2 * heads) + 2 * queries + keys + 3 * wide + experts + perLayer + quantised;
    const std::int64_t embedding = rows * hidden + 3 * perLayer + rows * hidden * 11 / 32;
    const std::int64_t sampling = std::int64_t{5} * config.vocabularySize;
    return static_cast<std::uint64_t>(4 * (std::max(layers, embedding) + sampling));
}

std::uint64_t visionWorkBytes(const VisionConfig &vision) {
    const std::int64_t patches = std::int64_t{vision.defaultBudget} * vision.poolingKernel * vision.poolingKernel;
    const std::int64_t perPatch = 8 * std::int64_t{vision.hiddenSize} + 3 * std::int64_t{vision.intermediateSize};
    return static_cast<std::uint64_t>(4 * patches * perPatch);
}

// A table that is at most half full.
std::uint64_t slots(std::uint64_t entries) {
    std::uint64_t size = 16;
    while (size < 2 * entries) size *= 2;
    return size;
}

// Pieces with their ids, kinds and values; pairs that merge.
std::uint64_t tokenizerBytes(std::uint64_t pieces, std::uint64_t merges) {
    return pieces * (sizeof(std::string) + 4) + slots(pieces) * 8 + (merges > 0 ? slots(merges) * 16 : pieces * 4);
}

std::uint64_t vocabularyBytes(const Checkpoint &checkpoint) {
    if (checkpoint.vocabulary) {
        const GgufVocabulary &v = *checkpoint.vocabulary;
        const std::uint64_t pieces = v.pieces.size(), merges = v.merges.size();
        // The header's pages and the views into them, then the tokenizer.
        std::uint64_t header = pieces * 16 + merges * 8, kept = 0;
        for (const std::string_view piece : v.pieces) {
            header += piece.size();
            if (piece.size() > 15) kept += piece.size() + 17; // texts that do not fit into a string object
        }
        for (const std::string_view merge : v.merges) header += merge.size();
        return header + kept + (pieces + merges) * sizeof(std::string_view) + pieces * 5 + tokenizerBytes(pieces, merges);
    }
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(checkpoint.tokenizerFile, error);
    if (error || size == 0) return 0;
    // A line of the list of pieces is some 25 bytes, one of the merges some 50.
    const auto pieces = static_cast<std::uint64_t>(checkpoint.config.text.vocabularySize);
    return tokenizerBytes(pieces, size > pieces * 25 ? (size - pieces * 25) / 50 : 0);
}

} // namespace

MemoryEstimate estimateMemory(const Checkpoint &checkpoint, WeightType weights, KvType kv, int contextLength, bool pack,
                              bool int8Pictures) {
    const TextConfig &text = checkpoint.config.text;
    MemoryEstimate estimate;
    estimate.contextLength = contextLength;
    estimate.kv = kv == KvType::Auto ? KvType::F16 : kv;
    static const std::uint64_t program = programBytesUnder(""); // once: a second model would find more of it resident
    estimate.programBytes = program;
    estimate.vocabularyBytes = vocabularyBytes(checkpoint);
    for (const auto &tensor : checkpoint.weights->tensors()) {
        if (!isLookupTable(tensor.name) && !isIgnored(text, tensor.name)) addWeight(tensor, weights, pack, int8Pictures, estimate);
    }
    estimate.towerBytes -= std::min(estimate.towerBytes, towerBytesReadAlong(checkpoint));
    const std::int64_t rows = kChunkRows + (text.bidirectionalVision ? kLargestPicture : 0);
    const CacheType type = cacheTypeOf(kv);
    estimate.kvBytes = cacheBytes(text, type, contextLength, rows);
    estimate.startKvBytes = cacheBytes(text, type, std::min<std::int64_t>(kShortQuestion, contextLength), rows);
    const auto inner = innerSizes(checkpoint);
    const auto work = [&](std::int64_t count) {
        return textWorkBytes(text, inner, std::min<std::int64_t>(count, contextLength));
    };
    estimate.workBytes = work(kChunkRows);
    estimate.startWorkBytes = work(kShortQuestion);
    if (checkpoint.config.vision) {
        const std::uint64_t pictures = std::max(visionWorkBytes(*checkpoint.config.vision), work(rows));
        estimate.towerWorkBytes = pictures > estimate.workBytes ? pictures - estimate.workBytes : 0;
    }
    return estimate;
}

} // namespace facet
