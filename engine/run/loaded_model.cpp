#include "run/loaded_model.h"

#include "load/memory_rule.h"
#include "load/tuning_file.h"
#include "run/model_tokenizer.h"

#include <algorithm>
#include <utility>

namespace facet {

namespace {

// What conversations may take. A limit that was given is used up; else a part of what is free, so that other programs
// and the page cache keep theirs. Never less than one conversation of full length, which the check above has let pass.
std::uint64_t budgetOfCaches(const MemoryEstimate &need, const LoadOptions &options, std::uint64_t available) {
    const std::uint64_t fixed = need.totalBytes() - need.kvBytes;
    const std::uint64_t left = available > fixed ? available - fixed : 0;
    if (options.memoryLimitBytes > 0) return std::max(need.kvBytes, left);
    constexpr std::uint64_t kEnough = std::uint64_t{2} << 30U;
    return std::max(need.kvBytes, std::min(left / 2, std::max(4 * need.kvBytes, kEnough)));
}

// What else than the files decides the values in a cache.
std::string stateKeyOf(const std::string &fingerprint, const LoadOptions &options, const LoadPlan &plan) {
    std::string key = fingerprint + ";weights " + std::to_string(static_cast<int>(options.weights)) +
                      (options.referencePrecision ? ";reference" : "") + (plan.int8Pictures ? ";int8 pictures" : "") +
                      (plan.bfloatPictures ? ";bfloat16 pictures" : "") + (plan.bfloatSound ? ";bfloat16 sound" : "");
    for (const AdapterOption &adapter : options.adapters)
        key += ";adapter " + adapter.path + "=" + std::to_string(adapter.scale);
    return key;
}

// Of an encoder that multiplies stored floats.
TowerArithmetic floatArithmetic(bool bfloat) { return bfloat ? TowerArithmetic::Bfloat : TowerArithmetic::Float; }

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
    FACET_TRY(adapters, LoraSet::open(options.adapters));
    std::optional<Checkpoint> drafterFiles;
    if (!options.drafter.empty()) {
        FACET_TRY(opened, openCheckpoint(options.drafter));
        drafterFiles = std::move(opened);
    }
    FACET_TRY(plan, planLoad(checkpoint, options, adapters.bytes() + (drafterFiles ? drafterFiles->fileBytes : 0)));
    if (!plan.fits()) return plan.tooLarge(checkpoint, options);
    LoadOptions chosen = options;
    chosen.kv = plan.kv;
    chosen.packing = plan.pack ? Packing::On : Packing::Off;

    FACET_TRY(tokenizer, openTokenizer(checkpoint));
    FACET_TRY(chatTemplate, compileTemplate(checkpoint));

    auto pool = std::make_unique<WorkerPool>(plan.threads);
    auto writePool = plan.writeThreads != plan.threads ? std::make_unique<WorkerPool>(plan.writeThreads) : nullptr;
    Exec exec;
    exec.kernels = &kernelsFor(options.isa);
    exec.pool = pool.get();
    exec.reference = options.referencePrecision;
    exec.cancel = cancel.flag();

    FACET_TRY(text, TextModel::load(checkpoint, exec, options.weights, progress, plan.pack));
    std::optional<VisionTower> vision;
    if (checkpoint.config.vision) {
        const auto arithmetic = plan.int8Pictures ? TowerArithmetic::Int8 : floatArithmetic(plan.bfloatPictures);
        FACET_TRY(tower, VisionTower::load(checkpoint, exec, arithmetic));
        vision.emplace(std::move(tower));
    }
    std::optional<AudioTower> audio;
    if (checkpoint.config.audio) {
        FACET_TRY(tower, AudioTower::load(checkpoint, exec, floatArithmetic(plan.bfloatSound)));
        audio.emplace(std::move(tower));
    }
    FACET_CHECK(attachAdapters(adapters, checkpoint.config.text, text, vision, audio));
    std::optional<Drafter> drafter;
    std::shared_ptr<const WeightSource> drafterWeights;
    if (drafterFiles) {
        FACET_TRY(loaded, Drafter::load(*drafterFiles, exec, options.weights, text, plan.pack));
        drafter.emplace(std::move(loaded));
        drafterWeights = drafterFiles->weights;
    }
    if (cancel.cancelled()) return Error{ErrorCode::Cancelled, "Loading was stopped."};
    exec.cancel = nullptr;
    Exec writeExec = exec;
    if (writePool) writeExec.pool = writePool.get();

    std::int64_t maxBlock = kPrefillChunk;
    if (checkpoint.config.text.bidirectionalVision)
        maxBlock += *std::max_element(info.vision.budgets.begin(), info.vision.budgets.end());
    info.contextLength = plan.contextLength;
    info.kv = plan.kv;
    info.threads = plan.threads;
    info.writeThreads = plan.writeThreads;
    info.tuned = plan.tuned;
    info.availableBytes = plan.available;
    info.notes = plan.notes;
    info.memory.push_back(plan.need);
    std::shared_ptr<const CacheFolder> cacheFolder;
    if (!chosen.cacheFolder.empty()) {
        auto opened = CacheFolder::open(chosen.cacheFolder, chosen.cacheFolderBytes);
        if (opened) cacheFolder = std::move(*opened);
        else info.unsupported.push_back(opened.error().describe());
    }
    std::string fingerprint = checkpoint.weights->fingerprint();
    const std::string stateKey = stateKeyOf(fingerprint, chosen, plan);
    auto suppressed = suppressedIds(checkpoint.config);
    std::unique_ptr<LoadedModel> model(new LoadedModel{
        chosen, std::move(info), std::move(checkpoint), std::move(tokenizer), std::move(chatTemplate), std::move(pool),
        exec, std::move(writePool), writeExec, std::move(text), std::move(vision), std::move(audio),
        std::move(adapters), std::move(drafter), std::move(drafterWeights), cacheTypeOf(plan.kv), plan.contextLength, maxBlock,
        std::move(suppressed), std::move(fingerprint), stateKey, std::move(cacheFolder),
        plan.need.weightBytes, plan.need.totalBytes() - plan.need.kvBytes, budgetOfCaches(plan.need, chosen, plan.available),
        mayTune(options) && !plan.tuned});
    FACET_CHECK(model->stillIntact()); // a file that was cut short while it was read
    return model;
}

Status LoadedModel::stillIntact() const {
    FACET_CHECK(checkpoint.weights->stillIntact());
    if (drafterWeights) FACET_CHECK(drafterWeights->stillIntact());
    return adapters.stillIntact();
}

}  // namespace facet
