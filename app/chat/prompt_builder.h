// From the messages of a conversation to a request: roles, tools and their results, what is left out.
#pragma once

#include "chat/types.h"
#include "client/chat_request.h"
#include "tools/registry.h"

#include <functional>

namespace facet::chat {

struct PromptContext {
    GenerationSettings settings;
    EngineState engine;
    const tools::Registry *tools = nullptr;
    const tools::Registry *demoTools = nullptr;
    std::function<QString(const Attachment &)> pathOf;
};

// `count`: how many messages count, from the oldest (the answer to be written is not among them).
// Thoughts of earlier turns are left out; inside a running tool loop they go back to the own host.
client::ChatRequest buildRequest(const QVector<Message> &messages, int count, const PromptContext &context);

// First line of the first question, at most 60 characters, or the name of what was attached.
QString titleFor(const QString &text, const QVector<Attachment> &attachments);

} // namespace facet::chat
