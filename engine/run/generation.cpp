#include "run/generation.h"

#include "run/active_answer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace facet {

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
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

Result<TextModel::Output> prefill(const LoadedModel &model, const Exec &exec, KvCache &cache, const BuiltPrompt &prompt,
                                  const std::vector<SoftTokens> &soft, std::int64_t from, const ProgressFn &progress) {
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    const bool bidirectional = model.checkpoint.config.text.bidirectionalVision;
    TextModel::Output atEnd;
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
        if (end == total) atEnd = std::move(output);
        begin = end;
    }
    if (progress) progress(Phase::ReadingPrompt, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(total));
    return atEnd;
}

namespace {

Result<Answer> decode(const LoadedModel &model, const Exec &exec, ActiveAnswer &answer, const GenerationHooks &hooks) {
    while (!answer.ended()) {
        if (exec.cancelled()) {
            answer.end(FinishReason::Cancelled);
            break;
        }
        hooks.breathe();
        Segment segment = answer.nextSegment(exec);
        auto output = model.text.forward(exec, std::span<Segment>(&segment, 1));
        if (output) {
            answer.take(output->logits, output->hidden);
        } else if (output.error().code == ErrorCode::Cancelled) {
            answer.end(FinishReason::Cancelled);
        } else {
            return output.error();
        }
    }
    return answer.finish();
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
    FACET_CHECK(checkRequest(model, request));
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
    FACET_TRY(tools, makeAnswerTools(model, request, prompt));
    FACET_TRY(kept, prepareCache(model, session, prompt));

    const auto encodeStart = Clock::now();
    auto soft = encoder.encode(model, exec, prompt.spans, kept, progress);
    const double encodeMs = millisecondsSince(encodeStart);
    const auto prefillStart = Clock::now();
    auto read = soft ? prefill(model, exec, *session.cache, prompt, *soft, kept, progress)
                     : Result<TextModel::Output>(soft.error());
    session.ids.assign(prompt.ids.begin(), prompt.ids.begin() + session.cache->length());
    rememberSpans(session, prompt);
    if (!read) {
        if (read.error().code == ErrorCode::Cancelled) return cancelledAnswer(promptTokens);
        return read.error();
    }
    const double prefillMs = millisecondsSince(prefillStart);

    const auto decodeStart = Clock::now();
    ActiveAnswer active(model, request, prompt, session, std::move(tools), hooks.emit);
    active.take(read->logits, read->hidden);
    FACET_TRY(answer, decode(model, exec, active, hooks));
    answer.usage.promptTokens = promptTokens;
    answer.usage.cachedTokens = static_cast<int>(kept);
    answer.usage.encodeMs = encodeMs;
    answer.usage.prefillMs = prefillMs;
    answer.usage.decodeMs = millisecondsSince(decodeStart);
    return answer;
}

}  // namespace facet
