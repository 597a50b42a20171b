// Everything that a load brings into memory, const afterwards: configuration, tokenizer, template, weights, towers.
// Owned by the engine thread's side; forward passes take the worker pool from here as well.
#pragma once

#include "facet/engine.h"
#include "grammar/constraint.h"
#include "kernels/ops.h"
#include "load/weights.h"
#include "model/drafter.h"
#include "model/lora.h"
#include "model/text_model.h"
#include "model/towers.h"
#include "run/cache_folder.h"
#include "text/chat_format.h"
#include "text/tokenizer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace facet {

// Tokens of one prefill step: progress is reported and other requests are looked at between them.
inline constexpr std::int64_t kPrefillChunk = 256;

struct LoadedModel {
    LoadOptions options;
    ModelInfo info;
    Checkpoint checkpoint;
    Tokenizer tokenizer;
    ChatTemplate chatTemplate;
    std::unique_ptr<WorkerPool> pool;
    Exec exec;  // reads and encodes; without cancel flag: each request sets its own
    std::unique_ptr<WorkerPool> writePool;           // null: the same as for reading
    Exec writeExec;                                  // writes: exec with that pool
    TextModel text;
    std::optional<VisionTower> vision;
    std::optional<AudioTower> audio;
    LoraSet adapters;
    std::optional<Drafter> drafter;
    std::shared_ptr<const WeightSource> drafterWeights; // null: no drafter
    CacheType cacheType = CacheType::F16;
    std::int64_t contextLength = 0;
    std::int64_t maxBlock = kPrefillChunk;           // longest run one pass may add to a cache
    std::vector<std::int32_t> suppressed;            // media ids a product never samples
    std::string fingerprint;                         // of the weights, for caches
    std::string stateKey;                            // fingerprint and how the weights are used: for files of caches
    std::shared_ptr<const CacheFolder> cacheFolder;  // null: none was asked for, or it cannot be used (info.unsupported)
    std::uint64_t weightBytes = 0;                   // resident
    std::uint64_t fixedBytes = 0;                    // those, working space, program: all but what cacheBudget is for
    std::uint64_t cacheBudget = 0;                   // for conversations, snapshots and soft tokens
    bool wantsTuning = false;                        // nothing was measured for it yet, and the options ask for that
    // Filled by the first answer that is held to a grammar.
    std::unique_ptr<grammar::LazyVocabulary> grammarVocabulary = std::make_unique<grammar::LazyVocabulary>();
    std::unique_ptr<grammar::GrammarCache> grammars = std::make_unique<grammar::GrammarCache>();

    // Whether the files of the model, its drafter and its adapters still are what was loaded: asked before a request and
    // behind every pass, before anybody sees or keeps what was computed. Error: ModelFileCorrupt, naming the file.
    Status stillIntact() const;

    // Errors: as LoadOptions says; OutOfMemory comes before anything large is allocated and names the figures.
    static Result<std::unique_ptr<LoadedModel>> load(const LoadOptions &options, const ProgressFn &progress,
                                                     const CancelToken &cancel);
};

}  // namespace facet
