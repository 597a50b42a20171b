#include "run/generation.h"

#include "sample/sampler.h"
#include "run/stop_strings.h"
#include "text/output_parser.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace facet {

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Progress of the answer itself is told every so many tokens.
constexpr int kProgressEvery = 16;

Status checkRequest(const Request &request) {
    const SamplingOptions &s = request.sampling;
    const auto in = [](float value, float low, float high) { return value >= low && value <= high; };
    if (!in(s.temperature, 0.0F, 100.0F))
        return Error{ErrorCode::InvalidArgument, "The temperature must lie between 0 and 100."};
    if (s.topK < 0) return Error{ErrorCode::InvalidArgument, "top_k must not be negative."};
    if (!in(s.topP, 0.0F, 1.0F)) return Error{ErrorCode::InvalidArgument, "top_p must lie between 0 and 1."};
    if (!in(s.minP, 0.0F, 1.0F)) return Error{ErrorCode::InvalidArgument, "min_p must lie between 0 and 1."};
    if (!in(s.repetitionPenalty, 0.01F, 100.0F))
        return Error{ErrorCode::InvalidArgument, "The repetition penalty must lie between 0.01 and 100."};
    if (!in(s.frequencyPenalty, -100.0F, 100.0F) || !in(s.presencePenalty, -100.0F, 100.0F))
        return Error{ErrorCode::InvalidArgument, "Frequency and presence penalties must lie between -100 and 100."};
    if (request.maxTokens < 0) return Error{ErrorCode::InvalidArgument, "The answer's length must not be negative."};
    return ok();
}

// Streams one answer: tokens in, events and the collected answer out.
class AnswerWriter {
public:
    AnswerWriter(const LoadedModel &model, const Request &request, bool startsInThought,
                 const std::function<void(Event)> &emit)
        : m_model(model), m_emit(emit), m_decoder(model.tokenizer), m_parser(startsInThought), m_stops(request.stop) {}

    bool ended() const { return m_parser.ended() || m_stops.hit(); }

    void push(std::int32_t id) {
        ++m_tokens;
        const bool thought = m_parser.inThought();
        if (thought) ++m_reasoningTokens;
        if (m_tokens % kProgressEvery == 1) tellProgress(thought);
        // A control token is a marker only when it came as its own id.
        if (m_model.tokenizer.isSpecial(id)) {
            handle(m_parser.pushText(m_decoder.finish()));
            handle(m_parser.pushMarker(m_model.tokenizer.pieceBytes(id)));
        } else {
            handle(m_parser.pushText(m_decoder.push(id)));
        }
    }

    Answer finish() {
        handle(m_parser.pushText(m_decoder.finish()));
        handle(m_parser.finish());
        text(m_stops.finish());
        const ParsedOutput &parsed = m_parser.result();
        Answer answer;
        answer.thinking = parsed.thinking;
        answer.content = m_stops.hit() ? trimEnd(m_content) : parsed.content;
        answer.toolCalls = parsed.toolCalls;
        answer.malformed = parsed.malformed;
        answer.usage.completionTokens = m_tokens;
        answer.usage.reasoningTokens = m_reasoningTokens;
        return answer;
    }

private:
    static std::string trimEnd(std::string text) {
        const std::size_t last = text.find_last_not_of(" \t\r\n");
        text.resize(last == std::string::npos ? 0 : last + 1);
        return text;
    }

    void tellProgress(bool thought) {
        Event event;
        event.kind = Event::Kind::Progress;
        event.phase = thought ? Phase::Thinking : Phase::Writing;
        event.done = static_cast<std::uint64_t>(m_tokens);
        m_emit(std::move(event));
    }

    void text(std::string piece) {
        if (piece.empty()) return;
        m_content += piece;
        Event event;
        event.kind = Event::Kind::Text;
        event.text = std::move(piece);
        m_emit(std::move(event));
    }

    void handle(std::vector<OutputEvent> events) {
        for (OutputEvent &e : events) {
            if (m_stops.hit()) return;
            Event event;
            switch (e.kind) {
            case OutputEvent::Kind::Text: text(m_stops.push(e.text)); continue;
            case OutputEvent::Kind::Thought: event.kind = Event::Kind::Thought; break;
            case OutputEvent::Kind::ToolCall: event.kind = Event::Kind::ToolCall; break;
            case OutputEvent::Kind::Malformed: event.kind = Event::Kind::Malformed; break;
            }
            event.text = std::move(e.text);
            event.call = std::move(e.call);
            m_emit(std::move(event));
        }
    }

    const LoadedModel &m_model;
    const std::function<void(Event)> &m_emit;
    StreamDecoder m_decoder;
    OutputParser m_parser;
    StopStrings m_stops;
    std::string m_content;
    int m_tokens = 0, m_reasoningTokens = 0;
};

// Tokens that the answer must begin with when a tool has to be called.
std::vector<std::int32_t> forcedStart(const LoadedModel &model, const Request &request) {
    if (request.toolChoice != ToolChoice::Required || request.tools.empty()) return {};
    const auto marker = model.tokenizer.idOf("<|tool_call>");
    if (!marker) return {};
    std::vector<std::int32_t> ids{*marker};
    std::string start = "call:";
    if (request.tools.size() == 1) start += request.tools.front().name + "{";
    for (const std::int32_t id : model.tokenizer.encode(start, false)) ids.push_back(id);
    return ids;
}

Result<std::int64_t> prepareCache(const LoadedModel &model, SessionState &session, const BuiltPrompt &prompt) {
    if (!session.cache) {
        FACET_TRY(cache, KvCache::create(model.checkpoint.config.text, model.cacheType, model.contextLength,
                                         model.maxBlock));
        session.cache.emplace(std::move(cache));
    }
    std::int64_t kept = commonPrefix(session, prompt);
    if (!session.cache->truncate(kept)) {
        session.cache->clear();
        kept = 0;
    }
    session.ids.assign(prompt.ids.begin(), prompt.ids.begin() + kept);
    session.spans.clear();
    return kept;
}

void rememberSpans(SessionState &session, const BuiltPrompt &prompt) {
    for (const SoftSpan &span : prompt.spans)
        session.spans.push_back({span.kind, span.first, span.count, nullptr, nullptr, span.key});
}

}  // namespace

std::int64_t commonPrefix(const SessionState &session, const BuiltPrompt &prompt) {
    const auto limit = static_cast<std::int64_t>(std::min(session.ids.size(), prompt.ids.size()));
    std::int64_t n = 0;
    while (n < limit && session.ids[static_cast<std::size_t>(n)] == prompt.ids[static_cast<std::size_t>(n)]) ++n;
    n = std::min(n, static_cast<std::int64_t>(prompt.ids.size()) - 1);
    for (const SoftSpan &span : prompt.spans) {
        if (span.first >= n) break;
        const auto same = std::find_if(session.spans.begin(), session.spans.end(), [&span](const SoftSpan &s) {
            return s.first == span.first && s.count == span.count && s.kind == span.kind && !s.key.empty() &&
                   s.key == span.key;
        });
        if (same == session.spans.end() || span.first + span.count > n) return span.first;
    }
    return std::max<std::int64_t>(n, 0);
}

Result<std::vector<float>> prefill(const LoadedModel &model, const Exec &exec, KvCache &cache, const BuiltPrompt &prompt,
                                   const std::vector<SoftTokens> &soft, std::int64_t from, const ProgressFn &progress) {
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    const bool bidirectional = model.checkpoint.config.text.bidirectionalVision;
    std::vector<float> logits;
    for (std::int64_t begin = from; begin < total;) {
        std::int64_t end = std::min(begin + kPrefillChunk, total);
        Segment segment;
        segment.cache = &cache;
        for (std::size_t i = 0; i < prompt.spans.size(); ++i) {
            const SoftSpan &span = prompt.spans[i];
            if (span.first + span.count <= begin || span.first >= end) continue;
            // A pass must not end inside a picture where its tokens see each other both ways.
            if (bidirectional && span.isPicture()) end = std::max(end, span.first + span.count);
            const std::int64_t first = std::max(span.first, begin);
            const std::int64_t last = std::min(span.first + span.count, end);
            const std::int64_t width = model.checkpoint.config.text.hiddenSize;
            segment.soft.push_back({first - begin, last - first, soft[i]->data() + (first - span.first) * width,
                                    bidirectional && span.isPicture()});
        }
        segment.ids.assign(prompt.ids.begin() + begin, prompt.ids.begin() + end);
        if (end == total) segment.logitRows.push_back(end - begin - 1);
        if (progress) progress(Phase::ReadingPrompt, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(total));
        FACET_TRY(output, model.text.forward(exec, std::span<Segment>(&segment, 1)));
        if (end == total) logits = std::move(output.logits);
        begin = end;
    }
    if (progress) progress(Phase::ReadingPrompt, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(total));
    return logits;
}

namespace {

// The decode loop; session.ids and the cache grow together.
Result<Answer> decode(const LoadedModel &model, const Exec &exec, SessionState &session, const Request &request,
                      const BuiltPrompt &prompt, std::vector<float> logits, const GenerationHooks &hooks) {
    AnswerWriter writer(model, request, prompt.startsInThought, hooks.emit);
    Sampler sampler(request.sampling);
    const std::vector<int> &stopIds = model.checkpoint.config.stopIds;
    const std::vector<std::int32_t> forced = forcedStart(model, request);
    std::vector<std::int32_t> history;
    FinishReason finish = FinishReason::Length;
    while (true) {
        if (exec.cancelled()) {
            finish = FinishReason::Cancelled;
            break;
        }
        const std::int32_t id = history.size() < forced.size()
                                    ? forced[history.size()]
                                    : sampler.pick(logits, history, model.suppressed);
        history.push_back(id);
        writer.push(id);
        const bool stopId = std::find(stopIds.begin(), stopIds.end(), id) != stopIds.end();
        if (stopId || writer.ended()) {
            finish = FinishReason::Stop;
            break;
        }
        if (request.maxTokens > 0 && static_cast<int>(history.size()) >= request.maxTokens) break;
        if (session.cache->length() >= model.contextLength) break;
        hooks.breathe();
        Segment segment;
        segment.cache = &*session.cache;
        segment.ids = {id};
        segment.logitRows = {0};
        auto output = model.text.forward(exec, std::span<Segment>(&segment, 1));
        if (!output) {
            if (output.error().code != ErrorCode::Cancelled) return output.error();
            finish = FinishReason::Cancelled;
            break;
        }
        session.ids.push_back(id);
        logits = std::move(output->logits);
    }
    Answer answer = writer.finish();
    if (finish == FinishReason::Stop && !answer.toolCalls.empty()) finish = FinishReason::ToolCalls;
    answer.finish = finish;
    return answer;
}

Answer cancelledAnswer(int promptTokens) {
    Answer answer;
    answer.finish = FinishReason::Cancelled;
    answer.usage.promptTokens = promptTokens;
    return answer;
}

}  // namespace

Result<Answer> runGeneration(const LoadedModel &model, SessionState &session, MediaEncoder &encoder,
                             const Request &request, const GenerationHooks &hooks) {
    FACET_CHECK(checkRequest(request));
    FACET_TRY(prompt, buildPrompt(model, request));
    const auto promptTokens = static_cast<int>(prompt.ids.size());
    if (promptTokens >= model.contextLength)
        return Error{ErrorCode::ContextExceeded,
                     "The conversation is " + std::to_string(promptTokens) + " tokens long and the context holds " +
                         std::to_string(model.contextLength) +
                         ": shorten it, lower the detail of its pictures, or load the model with a longer context."};
    Exec exec = model.exec;
    exec.cancel = hooks.cancel;
    const ProgressFn progress = [&hooks](Phase phase, std::uint64_t done, std::uint64_t total) {
        Event event;
        event.kind = Event::Kind::Progress;
        event.phase = phase;
        event.done = done;
        event.total = total;
        hooks.emit(std::move(event));
        hooks.breathe();
    };
    FACET_TRY(kept, prepareCache(model, session, prompt));

    const auto encodeStart = Clock::now();
    auto soft = encoder.encode(model, exec, prompt.spans, kept, progress);
    const double encodeMs = millisecondsSince(encodeStart);
    const auto prefillStart = Clock::now();
    auto logits = soft ? prefill(model, exec, *session.cache, prompt, *soft, kept, progress)
                       : Result<std::vector<float>>(soft.error());
    session.ids.assign(prompt.ids.begin(), prompt.ids.begin() + session.cache->length());
    rememberSpans(session, prompt);
    if (!logits) {
        if (logits.error().code == ErrorCode::Cancelled) return cancelledAnswer(promptTokens);
        return logits.error();
    }
    const double prefillMs = millisecondsSince(prefillStart);

    const auto decodeStart = Clock::now();
    FACET_TRY(answer, decode(model, exec, session, request, prompt, std::move(*logits), hooks));
    answer.usage.promptTokens = promptTokens;
    answer.usage.cachedTokens = static_cast<int>(kept);
    answer.usage.encodeMs = encodeMs;
    answer.usage.prefillMs = prefillMs;
    answer.usage.decodeMs = millisecondsSince(decodeStart);
    return answer;
}

}  // namespace facet
