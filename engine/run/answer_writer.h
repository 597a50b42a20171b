// Streams one answer: tokens in, events and the collected answer out. Thoughts, text and tool calls are told apart on
// the way; the text ends before a stop string.
#pragma once

#include "facet/engine.h"
#include "run/loaded_model.h"
#include "run/stop_strings.h"
#include "facet/output_parser.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace facet {

class AnswerWriter {
public:
    // emit: Progress, Thought, Text, ToolCall, Malformed; request and seq are filled in by others.
    AnswerWriter(const LoadedModel &model, const Request &request, bool startsInThought,
                 std::function<void(Event)> emit);

    // An end marker or a stop string was met.
    bool ended() const { return m_parser.ended() || m_stops.hit(); }
    bool inThought() const { return m_parser.inThought(); }
    int tokens() const { return m_tokens; }
    // logprob: present when the request wants them; kept for tokens of the content only.
    void push(std::int32_t id, std::optional<TokenLogprob> logprob);
    // Tells what was held back. finish, contextFull and the rest of usage are the caller's.
    Answer finish();

private:
    void tellProgress(bool thought);
    void text(std::string piece);
    void handle(std::vector<OutputEvent> events);
    void pushRaw(std::int32_t id);

    const LoadedModel &m_model;
    std::function<void(Event)> m_emit;
    StreamDecoder m_decoder;
    OutputParser m_parser;
    StopStrings m_stops;
    bool m_raw;  // a raw prompt is continued as it is: no thoughts, no calls, no trimming
    std::string m_content;
    std::vector<TokenLogprob> m_waiting;   // of tokens whose text was not shown yet
    std::vector<TokenLogprob> m_logprobs;  // of those that were
    int m_tokens = 0, m_reasoningTokens = 0;
};

}  // namespace facet
