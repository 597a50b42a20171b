// One question to the engine from a verb: the answer streams to standard output, progress goes to a terminal only.
#pragma once

#include "chat_messages.h"
#include "terminal.h"

#include <string>

namespace facet::cli {

enum class Show : std::uint8_t { Nothing, Text, TextAndCalls };

// Thoughts go to standard error. Ends early when the reader of standard output is gone.
Result<Answer> ask(Engine &engine, Request request, Terminal &terminal, Show show, const CancelToken &cancel);

// A user message: media first, then the text, as the model's makers advise.
Message userMessage(std::vector<Part> media, const std::string &text);

} // namespace facet::cli
