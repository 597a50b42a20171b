#include "chat/prompt_builder.h"

#include "chat/turn_errors.h"
#include "tools/demo_tools.h"

#include <QCoreApplication>

#include <algorithm>

namespace facet::chat {
namespace {

using client::RequestMessage;

QVector<client::MediaPart> mediaOf(const Message &message, const PromptContext &context) {
    QVector<client::MediaPart> media;
    for (const Attachment &a : message.attachments) {
        media.append({a.kind, context.pathOf(a), a.suffix, a.name, a.tokenBudget});
    }
    return media;
}

QString resultOf(const ToolUse &use) {
    const bool ran = use.state == ToolState::Done || use.state == ToolState::Failed;
    return ran && !use.result.isEmpty() ? use.result : declinedResult();
}

void addUser(QVector<RequestMessage> &out, const Message &message, const PromptContext &context) {
    const auto media = mediaOf(message, context);
    // An answer that failed before its first word is left out; templates want the roles to alternate.
    if (!out.isEmpty() && out.last().role == RequestMessage::Role::User) {
        out.last().text += (out.last().text.isEmpty() ? QString() : QStringLiteral("\n\n")) + message.text;
        out.last().media += media;
        return;
    }
    RequestMessage user;
    user.text = message.text;
    user.media = media;
    out.append(user);
}

void addAssistant(QVector<RequestMessage> &out, const Message &message, bool keepThought) {
    if (message.text.isEmpty() && message.tools.isEmpty()) {
        return;
    }
    RequestMessage assistant;
    assistant.role = RequestMessage::Role::Assistant;
    assistant.text = message.text;
    if (keepThought && !message.tools.isEmpty()) {
        assistant.reasoning = message.thinking;
    }
    for (const ToolUse &use : message.tools) {
        assistant.calls.append({use.callId, use.tool, use.argumentsJson});
    }
    out.append(assistant);
    for (const ToolUse &use : message.tools) {
        RequestMessage result;
        result.role = RequestMessage::Role::Tool;
        result.text = resultOf(use);
        result.toolCallId = use.callId;
        result.toolName = use.tool;
        out.append(result);
    }
}

} // namespace

client::ChatRequest buildRequest(const QVector<Message> &messages, int count, const PromptContext &context) {
    client::ChatRequest request;
    request.settings = context.settings;
    count = std::min(count, static_cast<int>(messages.size()));
    int lastUser = count - 1;
    while (lastUser > 0 && messages[lastUser].role != Role::User) {
        --lastUser;
    }
    const bool demo = context.engine.demoModel;
    if (!context.settings.systemPrompt.trimmed().isEmpty()) {
        RequestMessage system;
        system.role = RequestMessage::Role::System;
        system.text = context.settings.systemPrompt;
        request.messages.append(system);
    }
    // The demo model knows single questions only; what came before would confuse it.
    for (int i = demo ? std::max(lastUser, 0) : 0; i < count; ++i) {
        const Message &message = messages[i];
        if (message.role == Role::User) {
            addUser(request.messages, message, context);
        } else if (message.role == Role::Assistant) {
            addAssistant(request.messages, message, i > lastUser && !context.engine.remote);
        }
    }
    if (demo && context.settings.temperature == GenerationSettings().temperature) {
        request.settings.temperature = 0; // at 1 a model this small wanders
    }
    if (context.settings.toolsEnabled && count > 0) {
        if (demo && context.demoTools) {
            const Message &question = messages[std::max(lastUser, 0)];
            request.tools =
                context.demoTools->declarations(tools::demoToolsFor(question.text, !question.attachments.isEmpty()));
        } else if (!demo && context.tools) {
            request.tools = context.tools->declarations();
        }
    }
    return request;
}

QString titleFor(const QString &text, const QVector<Attachment> &attachments) {
    constexpr qsizetype kLongest = 60;
    QString title = text.trimmed().left(4096).section(QLatin1Char('\n'), 0, 0).simplified();
    if (title.isEmpty() && !attachments.isEmpty()) {
        title = attachments.first().name.simplified();
    }
    if (title.isEmpty()) {
        return QCoreApplication::translate("ChatController", "New conversation");
    }
    if (title.size() > kLongest) {
        const qsizetype space = title.lastIndexOf(QLatin1Char(' '), kLongest);
        qsizetype cut = space > kLongest / 2 ? space : kLongest;
        if (title[cut - 1].isHighSurrogate()) {
            --cut;
        }
        title = title.left(cut) + QChar(u'…');
    }
    return title;
}

} // namespace facet::chat
