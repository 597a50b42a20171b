#include "ask.h"

namespace facet::cli {

namespace {

// Writes an answer while it comes in and keeps lines whole between thought, text and calls.
class AnswerPrinter {
public:
    AnswerPrinter(Terminal &terminal, Show show, CancelToken cancel)
        : m_terminal(terminal), m_show(show), m_cancel(std::move(cancel)), m_progress(progressLine(terminal)) {}

    void take(const Event &event) {
        switch (event.kind) {
        case Event::Kind::Progress: m_progress(event.phase, event.done, event.total); return;
        case Event::Kind::Thought: thought(event.text); return;
        case Event::Kind::Text:
            if (m_show == Show::Nothing) return;
            endThought();
            write(event.text);
            return;
        case Event::Kind::ToolCall:
            if (m_show == Show::TextAndCalls) line("call " + event.call.name + " " + event.call.argumentsJson);
            return;
        case Event::Kind::Malformed:
            if (m_show == Show::TextAndCalls) m_terminal.say("A tool call could not be read: " + event.text);
            return;
        default: return;
        }
    }
    void finish() {
        endThought();
        if (!m_atLineStart) write("\n");
    }

private:
    void thought(const std::string &text) {
        if (m_show == Show::Nothing || !m_terminal.errIsTerminal()) return;
        m_terminal.clearProgress();
        std::fprintf(stderr, "%s%s", m_inThought ? "" : "\033[2m", text.c_str());
        std::fflush(stderr);
        m_inThought = true;
    }
    void endThought() {
        if (!m_inThought) return;
        std::fputs("\033[0m\n", stderr);
        m_inThought = false;
    }
    void line(const std::string &text) {
        endThought();
        if (!m_atLineStart) write("\n");
        write(text + "\n");
    }
    void write(const std::string &text) {
        if (text.empty()) return;
        m_atLineStart = text.back() == '\n';
        if (!m_terminal.write(text)) m_cancel.cancel(); // nobody reads any more
    }

    Terminal &m_terminal;
    Show m_show;
    CancelToken m_cancel;
    ProgressFn m_progress;
    bool m_inThought = false;
    bool m_atLineStart = true;
};

} // namespace

Result<Answer> ask(Engine &engine, Request request, Terminal &terminal, Show show, const CancelToken &cancel) {
    AnswerPrinter printer(terminal, show, cancel);
    Result<Answer> answer = engine.generate(
        std::move(request), [&printer](const Event &event) { printer.take(event); }, cancel);
    terminal.clearProgress();
    printer.finish();
    if (answer && answer->finish == FinishReason::Cancelled)
        return Error{.code = ErrorCode::Cancelled, .message = "The answer was stopped."};
    return answer;
}

Message userMessage(std::vector<Part> media, const std::string &text) {
    Message message;
    message.parts = std::move(media);
    if (!text.empty() || message.parts.empty()) message.parts.push_back({.text = text});
    return message;
}

} // namespace facet::cli
