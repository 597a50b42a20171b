// One request from prompt to answer on the engine thread: reuse what the cache holds, encode media, prefill in chunks,
// then choose, parse and stream token by token.
#pragma once

#include "facet/engine.h"
#include "run/loaded_model.h"
#include "run/media_encoder.h"
#include "run/session.h"

#include <functional>
#include <string>
#include <vector>

namespace facet {

struct GenerationHooks {
    // Progress, Thought, Text, ToolCall, Malformed; request and seq are filled in by the scheduler.
    std::function<void(Event)> emit;
    // Called between tokens and chunks: a chance to answer others that wait.
    std::function<void()> breathe;
    const std::atomic<bool> *cancel = nullptr;
};

// Errors leave the session usable. A cancelled request gives an Answer with FinishReason::Cancelled.
Result<Answer> runGeneration(const LoadedModel &model, SessionState &session, MediaEncoder &encoder,
                             const Request &request, const GenerationHooks &hooks);

// Prefills ids[from..) of a prompt; logits and hidden row of the last one.
Result<TextModel::Output> prefill(const LoadedModel &model, const Exec &exec, KvCache &cache, const BuiltPrompt &prompt,
                                  const std::vector<SoftTokens> &soft, std::int64_t from, const ProgressFn &progress);

}  // namespace facet
