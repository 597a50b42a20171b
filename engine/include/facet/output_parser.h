// What the model writes -> thought, text, tool calls, while it streams (text.md section 6, "Parsing output").
// Whatever way the output is cut into chunks, the result is the same and no marker is ever visible.
#pragma once

#include "facet/answer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

struct ParsedOutput {
    std::string thinking;
    std::string content;
    std::vector<ToolCall> toolCalls;
    std::vector<std::string> malformed;   // raw text, <|"|> shown as plain quotes
};

struct OutputEvent {
    enum class Kind : std::uint8_t { Thought, Text, ToolCall, Malformed };
    Kind kind = Kind::Text;
    std::string text;
    ToolCall call;
};

class OutputParser {
public:
    // startInThought: the prompt opened a thought that it did not close.
    explicit OutputParser(bool startInThought = false);
    ~OutputParser();
    OutputParser(OutputParser &&) noexcept;
    OutputParser &operator=(OutputParser &&) noexcept;

    // Text between tokens; markers in it are only text unless `markersInText` was given to pushText (fixtures, remote text).
    std::vector<OutputEvent> pushText(std::string_view text, bool markersInText = false);
    // A token that is a marker ("<|tool_call>", "<channel|>", ...), recognised by its id.
    std::vector<OutputEvent> pushMarker(std::string_view marker);
    std::vector<OutputEvent> finish();
    bool ended() const noexcept;          // <turn|>, <eos> or <|tool_response> was seen
    bool inThought() const noexcept;
    const ParsedOutput &result() const noexcept;   // complete after finish()

    // Does a prompt leave a thought open?
    static bool promptOpensThought(std::string_view prompt);

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
