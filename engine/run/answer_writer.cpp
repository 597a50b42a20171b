#include "run/answer_writer.h"

#include <iterator>
#include <utility>

namespace facet {

namespace {

// Progress of the answer itself is told every so many tokens.
constexpr int kProgressEvery = 16;

std::string trimEnd(std::string text) {
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    text.resize(last == std::string::npos ? 0 : last + 1);
    return text;
}

}  // namespace

AnswerWriter::AnswerWriter(const LoadedModel &model, const Request &request, bool startsInThought,
                           std::function<void(Event)> emit)
    : m_model(model), m_emit(std::move(emit)), m_decoder(model.tokenizer), m_parser(startsInThought),
      m_stops(request.stop), m_raw(request.rawPrompt.has_value()) {}

void AnswerWriter::push(std::int32_t id, std::optional<TokenLogprob> logprob) {
    ++m_tokens;
    const bool thought = m_parser.inThought();
    if (thought) ++m_reasoningTokens;
    if (m_tokens % kProgressEvery == 1) tellProgress(thought);
    const bool special = m_model.tokenizer.isSpecial(id);
    if (logprob && !special && !thought) m_waiting.push_back(std::move(*logprob));
    if (m_raw) return pushRaw(id);
    // A control token is a marker only when it came as its own id.
    if (special) {
        handle(m_parser.pushText(m_decoder.finish()));
        handle(m_parser.pushMarker(m_model.tokenizer.pieceBytes(id)));
        m_waiting.clear();  // what led to no text by now was no content
    } else {
        handle(m_parser.pushText(m_decoder.push(id)));
    }
}

void AnswerWriter::pushRaw(std::int32_t id) {
    if (m_model.tokenizer.isSpecial(id)) return;
    text(m_stops.push(m_decoder.push(id)));
}

Answer AnswerWriter::finish() {
    Answer answer;
    if (m_raw) {
        text(m_stops.push(m_decoder.finish()));
        text(m_stops.finish());
        answer.content = m_content;
    } else {
        handle(m_parser.pushText(m_decoder.finish()));
        handle(m_parser.finish());
        text(m_stops.finish());
        const ParsedOutput &parsed = m_parser.result();
        answer.thinking = parsed.thinking;
        answer.content = m_stops.hit() ? trimEnd(m_content) : parsed.content;
        answer.toolCalls = parsed.toolCalls;
        answer.malformed = parsed.malformed;
    }
    answer.logprobs = std::move(m_logprobs);
    answer.usage.completionTokens = m_tokens;
    answer.usage.reasoningTokens = m_reasoningTokens;
    return answer;
}

void AnswerWriter::tellProgress(bool thought) {
    Event event;
    event.kind = Event::Kind::Progress;
    event.phase = thought ? Phase::Thinking : Phase::Writing;
    event.done = static_cast<std::uint64_t>(m_tokens);
    m_emit(std::move(event));
}

void AnswerWriter::text(std::string piece) {
    if (piece.empty()) return;
    m_content += piece;
    Event event;
    event.kind = Event::Kind::Text;
    event.text = std::move(piece);
    event.logprobs = std::exchange(m_waiting, {});
    m_logprobs.insert(m_logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    m_emit(std::move(event));
}

void AnswerWriter::handle(std::vector<OutputEvent> events) {
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

}  // namespace facet
