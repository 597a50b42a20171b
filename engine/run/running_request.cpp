#include "run/running_request.h"

#include <algorithm>
#include <set>
#include <utility>

namespace facet {

namespace {

double millisecondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// Media are encoded with the adapters as well: what was made with others must not be found.
Status chooseAdapters(const LoadedModel &model, const Request &request, BuiltPrompt &prompt) {
    FACET_TRY(scales, model.adapters.scalesFor(request.adapters));
    const std::string key = model.adapters.key(scales);
    prompt.variant = key;
    if (key.empty()) return ok();
    prompt.adapterScales = std::move(scales);
    for (SoftSpan &span : prompt.spans)
        if (!span.key.empty()) span.key += "|" + key;
    return ok();
}

}  // namespace

Result<std::unique_ptr<RunningRequest>> RunningRequest::create(const LoadedModel &model, Request request,
                                                               std::function<void(Event)> emit) {
    FACET_CHECK(checkRequest(model, request));
    FACET_CHECK(model.stillIntact());
    FACET_TRY(prompt, buildPrompt(model, request));
    if (static_cast<std::int64_t>(prompt.ids.size()) >= model.contextLength)
        return Error{ErrorCode::ContextExceeded,
                     "The conversation is " + std::to_string(prompt.ids.size()) + " tokens long and the context holds " +
                         std::to_string(model.contextLength) +
                         ": shorten it, lower the detail of its pictures, or load the model with a longer context."};
    FACET_CHECK(chooseAdapters(model, request, prompt));
    FACET_TRY(tools, makeAnswerTools(model, request, prompt));
    return std::unique_ptr<RunningRequest>(
        new RunningRequest(model, std::move(request), std::move(prompt), std::move(tools), std::move(emit)));
}

RunningRequest::RunningRequest(const LoadedModel &model, Request request, BuiltPrompt prompt, AnswerTools tools,
                               std::function<void(Event)> emit)
    : m_model(model), m_request(std::move(request)), m_prompt(std::move(prompt)), m_tools(std::move(tools)),
      m_emit(std::move(emit)) {}

void RunningRequest::tell(Phase phase, std::uint64_t done, std::uint64_t total) {
    Event event;
    event.kind = Event::Kind::Progress;
    event.phase = phase;
    event.done = done;
    event.total = total;
    m_emit(std::move(event));
}

void RunningRequest::start(SessionState &session, std::int64_t kept, MediaEncoder &encoder) {
    m_session = &session;
    m_kept = kept;
    m_soft.resize(m_prompt.spans.size());
    session.variant = m_prompt.variant;
    session.promptEnd = static_cast<std::int64_t>(m_prompt.ids.size());
    addReturnPoints(session, turnEnds(m_model, m_prompt));
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < m_prompt.spans.size(); ++i) {
        const SoftSpan &span = m_prompt.spans[i];
        if (span.first + span.count <= kept) continue;
        m_soft[i] = encoder.find(m_model, span);
        if (!m_soft[i] && (span.key.empty() || wanted.insert(span.key).second)) ++m_mediaTotal[span.isPicture() ? 0 : 1];
    }
    skipKnownMedia(encoder);
}

void RunningRequest::skipKnownMedia(MediaEncoder &encoder) {
    for (; m_nextSpan < m_prompt.spans.size(); ++m_nextSpan) {
        const SoftSpan &span = m_prompt.spans[m_nextSpan];
        if (span.first + span.count <= m_kept || m_soft[m_nextSpan]) continue;
        m_soft[m_nextSpan] = encoder.find(m_model, span);  // the same picture twice in one prompt, or another request's
        if (!m_soft[m_nextSpan]) return;
    }
    m_stage = Stage::Reading;
}

void RunningRequest::encodeNext(MediaEncoder &encoder, const Exec &exec, const std::function<void()> &breathe) {
    const SoftSpan &span = m_prompt.spans[m_nextSpan];
    const int kind = span.isPicture() ? 0 : 1;
    const Phase phase = kind == 0 ? Phase::ReadingPicture : Phase::ReadingSound;
    tell(phase, m_mediaDone[kind], m_mediaTotal[kind]);
    const auto start = Clock::now();
    auto soft = encoder.encode(m_model, exec, span, breathe, m_prompt.adapterScales);
    m_encodeMs += millisecondsSince(start);
    if (!soft) {
        if (soft.error().code == ErrorCode::Cancelled) return cancel();
        return fail(soft.error());
    }
    tell(phase, ++m_mediaDone[kind], m_mediaTotal[kind]);
    m_soft[m_nextSpan] = std::move(*soft);
    skipKnownMedia(encoder);
}

Segment RunningRequest::nextChunk() {
    const auto total = static_cast<std::int64_t>(m_prompt.ids.size());
    const bool bidirectional = m_model.checkpoint.config.text.bidirectionalVision;
    const std::int64_t width = m_model.checkpoint.config.text.hiddenSize;
    const std::int64_t begin = m_session->cache->length();
    std::int64_t end = std::min(begin + kPrefillChunk, total);
    Segment segment;
    segment.cache = &*m_session->cache;
    for (std::size_t i = 0; i < m_prompt.spans.size(); ++i) {
        const SoftSpan &span = m_prompt.spans[i];
        if (span.first + span.count <= begin || span.first >= end) continue;
        // A pass must not end inside a picture where its tokens see each other both ways.
        if (bidirectional && span.isPicture()) end = std::max(end, span.first + span.count);
        const std::int64_t first = std::max(span.first, begin);
        const std::int64_t last = std::min(span.first + span.count, end);
        segment.soft.push_back({first - begin, last - first, m_soft[i]->data() + (first - span.first) * width,
                                bidirectional && span.isPicture()});
    }
    segment.adapterScales = m_prompt.adapterScales;
    segment.ids.assign(m_prompt.ids.begin() + begin, m_prompt.ids.begin() + end);
    if (end == total) segment.logitRows.push_back(end - begin - 1);
    tell(Phase::ReadingPrompt, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(total));
    m_chunkStart = Clock::now();
    return segment;
}

// What the session holds of this prompt.
void RunningRequest::remember(std::int64_t length) {
    m_session->ids.assign(m_prompt.ids.begin(), m_prompt.ids.begin() + length);
    m_session->spans.clear();
    for (std::size_t i = 0; i < m_prompt.spans.size(); ++i) {
        const SoftSpan &span = m_prompt.spans[i];
        if (span.first >= length) break;
        m_session->spans.push_back({span.kind, span.first, span.count, nullptr, nullptr, span.key});
        if (span.first + span.count <= length) m_soft[i] = nullptr;
    }
}

void RunningRequest::tookChunk(Result<TextModel::Output> output) {
    m_prefillMs += millisecondsSince(m_chunkStart);
    remember(m_session->cache->length());
    if (!output) {
        if (output.error().code == ErrorCode::Cancelled) return cancel();
        return fail(output.error());
    }
    if (const Status intact = m_model.stillIntact(); !intact) return fail(intact.error());
    const auto total = static_cast<std::int64_t>(m_prompt.ids.size());
    if (m_session->cache->length() < total) return;
    tell(Phase::ReadingPrompt, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(total));
    m_decodeStart = Clock::now();
    m_stage = Stage::Writing;
    m_answer.emplace(m_model, m_request, m_prompt, *m_session, std::move(m_tools), m_emit);
    tookRows(output->logits, output->hidden);
}

void RunningRequest::tookRows(std::span<float> logits, std::span<const float> hidden) {
    if (const Status intact = m_model.stillIntact(); !intact) return fail(intact.error());
    m_answer->take(logits, hidden);
    if (!m_answer->ended()) return;
    m_stage = Stage::Ended;
    m_decodeMs = millisecondsSince(m_decodeStart);
}

void RunningRequest::fail(Error error) {
    m_error = std::move(error);
    m_stage = Stage::Ended;
}

void RunningRequest::cancel() {
    if (m_stage == Stage::Writing) {
        m_answer->end(FinishReason::Cancelled);
        m_decodeMs = millisecondsSince(m_decodeStart);
    }
    m_stage = Stage::Ended;
}

Result<Answer> RunningRequest::finish() {
    if (m_error) return std::move(*m_error);
    Answer answer;
    answer.finish = FinishReason::Cancelled;
    if (m_answer) answer = m_answer->finish();
    answer.usage.promptTokens = static_cast<int>(m_prompt.ids.size());
    answer.usage.cachedTokens = static_cast<int>(m_kept);
    answer.usage.encodeMs = m_encodeMs;
    answer.usage.prefillMs = m_prefillMs;
    answer.usage.decodeMs = m_decodeMs;
    return answer;
}

}  // namespace facet
