#include "load/memory_rule.h"

#include "facet/machine.h"
#include "load/adapter.h"
#include "load/tuning_file.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace facet {
namespace {

// The context a load gets when the caller does not say: the model's own, but no more than most chats need.
constexpr int kDefaultContext = 8192;

std::string gigabytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

Result<int> chooseContext(const LoadOptions &options, const ModelConfig &config) {
    const int longest = config.text.maxContext > 0 ? config.text.maxContext : kDefaultContext;
    if (options.contextLength < 0)
        return Error{ErrorCode::InvalidArgument, "The context length must be a positive number of tokens."};
    if (options.contextLength == 0) return std::min(longest, kDefaultContext);
    if (options.contextLength > longest)
        return Error{ErrorCode::InvalidArgument,
                     "A context of " + std::to_string(options.contextLength) + " tokens is more than this model's " +
                         std::to_string(longest) + ": choose a smaller one."};
    return options.contextLength;
}

MemoryEstimate needOf(const Checkpoint &checkpoint, const LoadOptions &options, KvType kv, int contextLength,
                      std::uint64_t otherBytes, bool pack = false, bool int8Pictures = false) {
    MemoryEstimate need = estimateMemory(checkpoint, options.weights, kv, contextLength, pack, int8Pictures);
    need.weightBytes += otherBytes;
    need.mappedBytes += otherBytes;
    return need;
}

// Files that are loaded beside the model's.
Result<std::uint64_t> otherBytesOf(const LoadOptions &options) {
    std::uint64_t bytes = 0;
    for (const AdapterOption &adapter : options.adapters) {
        FACET_TRY(file, openAdapter(adapter.path));
        bytes += file.bytes;
    }
    if (options.drafter.empty()) return bytes;
    FACET_TRY(drafter, openCheckpoint(options.drafter));
    return bytes + drafter.fileBytes;
}

// Packed weights stay in memory whatever others need: only where there is plenty of it.
bool packs(const LoadOptions &options, const MemoryEstimate &need) {
    if (options.packing == Packing::Off || options.referencePrecision || !kernelsFor(options.isa).packs) return false;
    return options.packing == Packing::On || need.totalBytes() <= availableMemoryBytes() / 2;
}

// FACET_TOWERS=float|bfloat|int8 says how wide encoders multiply; otherwise the processor decides.
std::string_view wantedTowers() {
    const char *wanted = std::getenv("FACET_TOWERS");
    return wanted != nullptr ? wanted : "";
}

// Where int8 products are several times as fast, a wide picture encoder takes them.
bool multipliesPicturesInInt8(const ModelConfig &config, const LoadOptions &options) {
    if (!config.vision || config.vision->hiddenSize < kWideTower) return false;
    if (wantedTowers() == "float" || wantedTowers() == "bfloat") return false;
    return wantedTowers() == "int8" || kernelsFor(options.isa).dotsBytes;
}

// Only where products of bfloat16 are faster: elsewhere rounding would gain nothing.
bool roundsTower(int hiddenSize, const LoadOptions &options) {
    return hiddenSize >= kWideTower && !options.referencePrecision && wantedTowers() != "float" &&
           kernelsFor(options.isa).bfloat != nullptr;
}

Result<LoadPlan> planUnpacked(const Checkpoint &checkpoint, const LoadOptions &options, std::uint64_t otherBytes);

} // namespace

Result<LoadPlan> planLoad(const Checkpoint &checkpoint, const LoadOptions &options, std::uint64_t otherBytes) {
    FACET_TRY(plan, planUnpacked(checkpoint, options, otherBytes));
    const ModelConfig &config = checkpoint.config;
    plan.bfloatPictures = config.vision && roundsTower(config.vision->hiddenSize, options);
    plan.bfloatSound = config.audio && roundsTower(config.audio->hiddenSize, options);
    if (!packs(options, plan.need)) return plan;
    plan.pack = true;
    plan.int8Pictures = multipliesPicturesInInt8(config, options);
    plan.need = needOf(checkpoint, options, plan.kv, plan.contextLength, otherBytes, true, plan.int8Pictures);
    return plan;
}

namespace {

// What was measured on this machine, where the caller does not say otherwise.
void useTuning(const Checkpoint &checkpoint, const LoadOptions &options, LoadPlan &plan) {
    if (!mayTune(options) || options.tune == TuneMode::Again) return;
    const auto tuning = readTuning(options.tuningFolder, tuningIdentity(checkpoint, options));
    if (!tuning) {
        if (tuning.error().code != ErrorCode::FileNotFound) plan.notes.push_back(tuning.error().describe());
        return;
    }
    plan.tuned = true;
    if (options.threads <= 0) {
        plan.threads = tuning->readThreads;
        plan.writeThreads = tuning->writeThreads;
    }
    if (options.kv == KvType::Auto && checkCacheType(checkpoint.config.text, cacheTypeOf(tuning->kv))) plan.kv = tuning->kv;
    for (const TuningReason &reason : tuning->reasons) {
        const bool threads = reason.about == TuningReason::About::Threads;
        if (threads ? options.threads <= 0 : options.kv == KvType::Auto) plan.notes.push_back(reason.sentence);
    }
}

Result<LoadPlan> planUnpacked(const Checkpoint &checkpoint, const LoadOptions &options, std::uint64_t otherBytes) {
    LoadPlan plan;
    FACET_TRY(contextLength, chooseContext(options, checkpoint.config));
    plan.contextLength = contextLength;
    plan.available = options.memoryLimitBytes > 0 ? options.memoryLimitBytes : availableMemoryBytes();
    const TextConfig &text = checkpoint.config.text;
    plan.kv = options.kv != KvType::Auto ? options.kv : options.referencePrecision ? KvType::F32 : KvType::F16;
    FACET_CHECK(checkCacheType(text, cacheTypeOf(plan.kv)));
    plan.threads = plan.writeThreads = options.threads > 0 ? options.threads : usableCores();
    useTuning(checkpoint, options, plan);
    plan.need = needOf(checkpoint, options, plan.kv, contextLength, otherBytes);
    const bool mayChoose = options.kv == KvType::Auto && !options.referencePrecision;
    if (plan.fits() || !mayChoose || !checkCacheType(text, CacheType::Q8_0)) return plan;

    // Less exact only where the model would not run otherwise, and never silently; ProbeModel::kvLoss() measures how much.
    const std::uint64_t wanted = plan.need.totalBytes();
    const KvType first = plan.kv;
    for (const KvType smaller : {KvType::Q8_0, KvType::Q4_0}) {
        plan.kv = smaller;
        plan.need = needOf(checkpoint, options, smaller, contextLength, otherBytes);
        if (plan.fits()) break;
    }
    if (plan.fits()) {
        plan.notes.push_back(std::string("Keys and values are kept as ") + kvTypeName(plan.kv) +
                             ", which changes answers a little: with " + kvTypeName(first) + " all of it would need " +
                             gigabytes(wanted) + " of " + gigabytes(plan.available) + ". A shorter context leaves room for " +
                             kvTypeName(first) + ".");
    }
    return plan;
}

// Whether the weights would be a tenth smaller or more as another type.
bool smallerWeights(const Checkpoint &checkpoint, const LoadOptions &options) {
    const std::uint64_t now = estimateMemory(checkpoint, options.weights, KvType::F16, 1).weightBytes;
    return estimateMemory(checkpoint, WeightType::Q4_0, KvType::F16, 1).weightBytes < now / 10 * 9;
}

} // namespace

Error LoadPlan::tooLarge(const Checkpoint &checkpoint, const LoadOptions &options) const {
    const bool limited = options.memoryLimitBytes > 0;
    return {ErrorCode::OutOfMemory,
            "This model needs about " + gigabytes(need.totalBytes()) + " (weights " + gigabytes(need.weightBytes) +
                ", context of " + std::to_string(contextLength) + " tokens as " + kvTypeName(kv) + " " +
                gigabytes(need.kvBytes) + ", working space " + gigabytes(need.workBytes + need.towerWorkBytes) +
                ", program and vocabulary " + gigabytes(need.programBytes + need.vocabularyBytes) + ") and " +
                gigabytes(available) + (limited ? " are allowed: raise the limit" : " are available: close other programs") +
                (smallerWeights(checkpoint, options) ? ", choose a shorter context, or load it as Q8_0 or Q4_0."
                                                     : ", or choose a shorter context or a smaller model."),
            {},
            checkpoint.path};
}

Result<ModelInfo> inspectLoad(const LoadOptions &options) {
    FACET_TRY(checkpoint, openCheckpoint(options.path, options.mmproj));
    FACET_TRY(otherBytes, otherBytesOf(options));
    ModelInfo info = describeCheckpoint(checkpoint, options.weights);
    FACET_TRY(plan, planLoad(checkpoint, options, otherBytes));
    info.kv = plan.kv;
    info.threads = plan.threads;
    info.writeThreads = plan.writeThreads;
    info.tuned = plan.tuned;
    info.availableBytes = plan.available;
    info.notes = plan.notes;
    if (!plan.fits()) info.notes.push_back(plan.tooLarge(checkpoint, options).message);
    std::vector<int> lengths{plan.contextLength};
    for (const MemoryEstimate &each : info.memory) lengths.push_back(each.contextLength);
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    info.memory.clear();
    for (const int length : lengths) {
        LoadOptions at = options;
        at.contextLength = length;
        FACET_TRY(each, planLoad(checkpoint, at, otherBytes));
        info.memory.push_back(each.need);
    }
    return info;
}

} // namespace facet
