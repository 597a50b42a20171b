// One request from prompt to answer, step by step: media are encoded, the prompt is read in chunks, the answer is
// written. The scheduler decides which step of which request comes next.
#pragma once

#include "run/active_answer.h"
#include "run/media_encoder.h"
#include "run/session.h"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace facet {

class RunningRequest {
public:
    enum class Stage : std::uint8_t { Encoding, Reading, Writing, Ended };

    // Checks the request and builds its prompt. emit: events without request and seq.
    static Result<std::unique_ptr<RunningRequest>> create(const LoadedModel &model, Request request,
                                                          std::function<void(Event)> emit);

    const BuiltPrompt &prompt() const { return m_prompt; }
    int maxTokens() const { return m_request.maxTokens; }
    // session: cut to `kept` leading positions of the prompt. Used until the request has ended.
    void start(SessionState &session, std::int64_t kept, MediaEncoder &encoder);
    Stage stage() const { return m_stage; }
    SessionState &session() { return *m_session; }

    // Encoding: one medium more.
    void encodeNext(MediaEncoder &encoder, const Exec &exec, const std::function<void()> &breathe);
    // Reading: the next chunk of the prompt, and what came of it.
    Segment nextChunk();
    void tookChunk(Result<TextModel::Output> output);
    // Writing: see ActiveAnswer.
    Segment nextRows(const Exec &exec) { return m_answer->nextSegment(exec); }
    void tookRows(std::span<float> logits, std::span<const float> hidden);

    void fail(Error error);
    void cancel();  // the answer ends with what it has
    // Once, when the stage is Ended.
    Result<Answer> finish();

private:
    using Clock = std::chrono::steady_clock;

    RunningRequest(const LoadedModel &model, Request request, BuiltPrompt prompt, AnswerTools tools,
                   std::function<void(Event)> emit);
    void tell(Phase phase, std::uint64_t done, std::uint64_t total);
    void skipKnownMedia(MediaEncoder &encoder);
    void remember(std::int64_t length);

    const LoadedModel &m_model;
    Request m_request;
    BuiltPrompt m_prompt;
    AnswerTools m_tools;
    std::function<void(Event)> m_emit;
    SessionState *m_session = nullptr;
    std::int64_t m_kept = 0;
    Stage m_stage = Stage::Encoding;
    std::vector<SoftTokens> m_soft;  // of each span; null: kept in the cache, or read already
    std::size_t m_nextSpan = 0;
    std::uint64_t m_mediaTotal[2] = {0, 0}, m_mediaDone[2] = {0, 0};  // pictures, sounds
    std::optional<ActiveAnswer> m_answer;
    std::optional<Error> m_error;
    double m_encodeMs = 0, m_prefillMs = 0, m_decodeMs = 0;
    Clock::time_point m_chunkStart, m_decodeStart;
};

}  // namespace facet
