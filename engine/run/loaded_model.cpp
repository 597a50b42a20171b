#include "run/loaded_model.h"

#include "load/memory_plan.h"

#include "run/model_tokenizer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace facet {

namespace {

std::string gigabytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(bytes) / 1e9);
    return text;
}

// The context a load gets when the caller does not say: the model's own, but no more than most chats need.
constexpr int kDefaultContext = 8192;

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

// What conversations may take. A limit that was given is used up; else a part of what is free, so that other programs
// and the page cache keep theirs. Never less than one conversation of full length, which the check above has let pass.
std::uint64_t budgetOfCaches(const MemoryEstimate &need, const LoadOptions &options, std::uint64_t available) {
    const std::uint64_t fixed = need.weightBytes + need.workBytes;
    const std::uint64_t left = available > fixed ? available - fixed : 0;
    if (options.memoryLimitBytes > 0) return std::max(need.kvBytes, left);
    constexpr std::uint64_t kEnough = std::uint64_t{2} << 30U;
    return std::max(need.kvBytes, std::min(left / 2, std::max(4 * need.kvBytes, kEnough)));
}

Status checkMemory(const Checkpoint &checkpoint, const MemoryEstimate &need, std::uint64_t available,
                   int contextLength) {
    if (available == 0) return ok();
    if (need.totalBytes() <= available) return ok();
    return Error{ErrorCode::OutOfMemory,
                 "This model needs about " + gigabytes(need.totalBytes()) + " (weights " + gigabytes(need.weightBytes) +
                     ", context of " + std::to_string(contextLength) + " tokens " + gigabytes(need.kvBytes) +
                     ", working space " + gigabytes(need.workBytes) + ") and " + gigabytes(available) +
                     " are available: close other programs, choose a shorter context, or load it as Q8_0 or Q4_0.",
                 {},
                 checkpoint.path};
}

// What else than the files decides the values in a cache.
std::string stateKeyOf(const std::string &fingerprint, const LoadOptions &options) {
    std::string key = fingerprint + ";weights " + std::to_string(static_cast<int>(options.weights)) +
                      (options.referencePrecision ? ";reference" : "");
    for (const AdapterOption &adapter : options.adapters)
        key += ";adapter " + adapter.path + "=" + std::to_string(adapter.scale);
    return key;
}

// Ids that a product never lets the model choose: placeholders without a medium behind them.
std::vector<std::int32_t> suppressedIds(const ModelConfig &config) {
    const MediaTokens &t = config.tokens;
    std::vector<std::int32_t> ids(config.suppressedIds.begin(), config.suppressedIds.end());
    for (const int id : {t.imageBegin, t.imageSoft, t.imageEnd, t.audioBegin, t.audioSoft, t.audioEnd, t.videoSoft})
        if (id >= 0) ids.push_back(id);
    return ids;
}

// Every network takes its own; pairs that are left fit nothing.
Status attachAdapters(LoraSet &adapters, const TextConfig &config, TextModel &text, std::optional<VisionTower> &vision,
                      std::optional<AudioTower> &audio) {
    FACET_CHECK(text.attach(adapters));
    if (vision) FACET_CHECK(vision->attach(adapters));
    if (audio) FACET_CHECK(audio->attach(adapters));
    return adapters.checkAllUsed(config);
}

Result<ChatTemplate> compileTemplate(const Checkpoint &checkpoint) {
    return ChatTemplate::compile(checkpoint.chatTemplate.empty() ? builtinChatTemplate()
                                                                 : std::string_view(checkpoint.chatTemplate));
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(const LoadOptions &options, const ProgressFn &progress,
                                                       const CancelToken &cancel) {
    FACET_TRY(checkpoint, openCheckpoint(options.path, options.mmproj));
    ModelInfo info = describeCheckpoint(checkpoint, options.weights);
    FACET_TRY(contextLength, chooseContext(options, checkpoint.config));
    LoadOptions chosen = options;
    if (chosen.kv == KvType::Q8_0 || chosen.kv == KvType::Q4_0)
        return Error{ErrorCode::InvalidArgument,
                     "This build keeps keys and values as 16-bit or 32-bit floats: choose f16 or f32 for the cache."};
    if (chosen.kv == KvType::Auto) chosen.kv = options.referencePrecision ? KvType::F32 : KvType::F16;
    MemoryEstimate need = estimateMemory(checkpoint, chosen.weights, chosen.kv, contextLength);
    FACET_TRY(adapters, LoraSet::open(options.adapters));
    std::optional<Checkpoint> drafterFiles;
    if (!options.drafter.empty()) {
        FACET_TRY(opened, openCheckpoint(options.drafter));
        drafterFiles = std::move(opened);
    }
    need.weightBytes += adapters.bytes() + (drafterFiles ? drafterFiles->fileBytes : 0);
    const std::uint64_t available = chosen.memoryLimitBytes ? chosen.memoryLimitBytes : availableMemoryBytes();
    FACET_CHECK(checkMemory(checkpoint, need, available, contextLength));

    FACET_TRY(tokenizer, openTokenizer(checkpoint));
    FACET_TRY(chatTemplate, compileTemplate(checkpoint));

    auto pool = std::make_unique<WorkerPool>(options.threads);
    Exec exec;
    exec.kernels = &kernelsFor(options.isa);
    exec.pool = pool.get();
    exec.reference = options.referencePrecision;
    exec.cancel = cancel.flag();

    FACET_TRY(text, TextModel::load(checkpoint, exec, options.weights, progress));
    std::optional<VisionTower> vision;
    if (checkpoint.config.vision) {
        FACET_TRY(tower, VisionTower::load(checkpoint, exec, options.weights));
        vision.emplace(std::move(tower));
    }
    std::optional<AudioTower> audio;
    if (checkpoint.config.audio) {
        FACET_TRY(tower, AudioTower::load(checkpoint, exec, options.weights));
        audio.emplace(std::move(tower));
    }
    FACET_CHECK(attachAdapters(adapters, checkpoint.config.text, text, vision, audio));
    std::optional<Drafter> drafter;
    if (drafterFiles) {
        FACET_TRY(loaded, Drafter::load(*drafterFiles, exec, options.weights, text));
        drafter.emplace(std::move(loaded));
    }
    if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
    exec.cancel = nullptr;

    std::int64_t maxBlock = kPrefillChunk;
    if (checkpoint.config.text.bidirectionalVision)
        maxBlock += *std::max_element(info.vision.budgets.begin(), info.vision.budgets.end());
    info.contextLength = contextLength;
    std::string fingerprint = checkpoint.weights->fingerprint();
    std::string stateKey = stateKeyOf(fingerprint, chosen);
    auto suppressed = suppressedIds(checkpoint.config);
    const CacheType cacheType = cacheTypeFor(checkpoint.config.text, chosen.kv);
    return std::unique_ptr<LoadedModel>(new LoadedModel{
        chosen, std::move(info), std::move(checkpoint), std::move(tokenizer), std::move(chatTemplate), std::move(pool),
        exec, std::move(text), std::move(vision), std::move(audio),
        std::move(adapters), std::move(drafter), cacheType, contextLength, maxBlock,
        std::move(suppressed), std::move(fingerprint), std::move(stateKey), need.weightBytes,
        budgetOfCaches(need, chosen, available)});
}

}  // namespace facet
