// The "messages" of a chat request: roles, content parts, tool calls of the past.
#pragma once

#include "host/openai_chat_request.h"

namespace facet::host {

// Appends to call.request.messages and call.media.
Status parseMessages(const JsonFields &body, const ChatParseOptions &options, ChatCall &call);

} // namespace facet::host
