#include "support/fake_chat_controller.h"

#include <QFileInfo>
#include <QImageReader>

#include <algorithm>

namespace facet::tests {

FakeChatController::FakeChatController(QObject *parent) : ChatController(parent) {
    m_engine.kind = chat::EngineState::Kind::Ready;
    m_engine.modelName = QStringLiteral("gemma-4-E2B-it");
    m_engine.modelPath = QStringLiteral("/models/gemma-4-E2B-it");
    m_engine.hasVision = m_engine.hasAudio = true;
    m_engine.contextLength = 131072;
    m_engine.budgets = {70, 140, 280, 560, 1120};
    connect(&m_timer, &QTimer::timeout, this, &FakeChatController::step);
}

void FakeChatController::setEngineState(const chat::EngineState &state) {
    m_engine = state;
    emit engineChanged(state);
}

void FakeChatController::setProgress(const chat::TurnProgress &progress) {
    m_progress = progress;
    emit progressChanged(progress);
}

void FakeChatController::setConversations(const QVector<chat::ConversationInfo> &conversations) {
    m_conversations = conversations;
    if (m_current == 0 && !conversations.isEmpty()) m_current = conversations.first().id;
    emit conversationsChanged();
}

void FakeChatController::setMessages(const QVector<chat::Message> &messages) {
    m_messages = messages;
    emit conversationOpened(m_current);
}

void FakeChatController::changeMessage(int index, const chat::Message &message) {
    m_messages[index] = message;
    emit messageChanged(index);
}

void FakeChatController::setAutomatic(int stepMs) {
    m_timer.setInterval(stepMs);
    if (stepMs == 0) m_timer.stop();
}

void FakeChatController::openConversation(qint64 id) {
    calls << QStringLiteral("open %1").arg(id);
    m_stored.insert(m_current, m_messages);
    m_current = id;
    m_messages = m_stored.value(id);
    emit conversationOpened(id);
}

void FakeChatController::openMessage(qint64 conversation, qint64 message) {
    calls << QStringLiteral("openMessage %1 %2").arg(conversation).arg(message);
    if (conversation != m_current) {
        m_stored.insert(m_current, m_messages);
        m_current = conversation;
        m_messages = m_stored.value(conversation);
    }
    emit conversationOpened(conversation);
    for (int i = 0; i < m_messages.size(); ++i) {
        if (m_messages[i].id == message) emit messageShown(i);
    }
}

void FakeChatController::newConversation() {
    calls << QStringLiteral("new");
    m_stored.insert(m_current, m_messages);
    m_current = 0;
    m_messages.clear();
    emit conversationOpened(0);
}

void FakeChatController::renameConversation(qint64 id, const QString &title) {
    calls << QStringLiteral("rename %1 %2").arg(id).arg(title);
    for (chat::ConversationInfo &info : m_conversations) {
        if (info.id == id) info.title = title;
    }
    emit conversationsChanged();
}

void FakeChatController::deleteConversation(qint64 id) {
    calls << QStringLiteral("delete %1").arg(id);
    const auto it =
        std::find_if(m_conversations.begin(), m_conversations.end(), [id](const auto &info) { return info.id == id; });
    if (it != m_conversations.end()) {
        m_deleted = *it;
        m_conversations.erase(it);
    }
    if (id == m_current) {
        m_stored.insert(id, m_messages);
        m_current = 0;
        m_messages.clear();
        emit conversationOpened(0);
    }
    emit conversationsChanged();
}

void FakeChatController::undoDelete() {
    calls << QStringLiteral("undoDelete");
    m_conversations.prepend(m_deleted);
    emit conversationsChanged();
}

int FakeChatController::attach(const chat::Attachment &attachment, const QString &path) {
    const int ticket = m_nextTicket++;
    m_pending.insert(ticket, attachment);
    m_paths.insert(attachment.hash, path);
    // As the real one: the news never arrives before the ticket does.
    QMetaObject::invokeMethod(
        this,
        [this, ticket] {
            if (!m_attachmentProblem.isEmpty()) {
                m_pending.remove(ticket);
                emit attachmentFailed(ticket, m_attachmentProblem);
            } else if (m_pending.contains(ticket)) {
                emit attachmentReady(ticket, m_pending.value(ticket));
            }
        },
        Qt::QueuedConnection);
    return ticket;
}

int FakeChatController::addAttachment(const QString &path) {
    calls << QStringLiteral("attach ") + QFileInfo(path).fileName();
    chat::Attachment attachment;
    attachment.name = QFileInfo(path).fileName();
    attachment.hash = QStringLiteral("hash-") + attachment.name;
    attachment.suffix = QFileInfo(path).suffix();
    attachment.bytes = QFileInfo(path).size();
    const QString suffix = attachment.suffix.toLower();
    if (QStringList{QStringLiteral("wav"), QStringLiteral("mp3"), QStringLiteral("flac"), QStringLiteral("ogg")}
            .contains(suffix)) {
        attachment.kind = chat::AttachmentKind::Sound;
        attachment.seconds = 12.4;
        attachment.tokens = 310;
    } else if (suffix == QLatin1String("mp4") || suffix == QLatin1String("webm")) {
        attachment.kind = chat::AttachmentKind::Film;
        attachment.seconds = 31;
        attachment.tokens = 2100;
    } else {
        QImageReader reader(path);
        reader.setAutoTransform(true);
        const QSize size = reader.transformation() & QImageIOHandler::TransformationRotate90
                               ? reader.size().transposed()
                               : reader.size();
        attachment.width = size.width();
        attachment.height = size.height();
        attachment.tokens = 256;
    }
    return attach(attachment, path);
}

int FakeChatController::addAttachmentData(const QByteArray &bytes, const QString &name) {
    calls << QStringLiteral("attachData %1 %2").arg(name).arg(bytes.size());
    chat::Attachment attachment;
    attachment.name = name;
    attachment.hash = QStringLiteral("data-%1").arg(m_nextTicket);
    attachment.bytes = bytes.size();
    attachment.width = attachment.height = 64;
    attachment.tokens = 70;
    return attach(attachment, {});
}

void FakeChatController::removePendingAttachment(int ticket) {
    calls << QStringLiteral("remove %1").arg(ticket);
    m_pending.remove(ticket);
}

void FakeChatController::setPendingBudget(int ticket, int tokenBudget) {
    calls << QStringLiteral("budget %1 %2").arg(ticket).arg(tokenBudget);
    if (m_pending.contains(ticket)) {
        m_pending[ticket].tokenBudget = tokenBudget;
        m_pending[ticket].tokens = tokenBudget;
        emit attachmentReady(ticket, m_pending.value(ticket));
    }
}

void FakeChatController::send(const QString &text) {
    calls << QStringLiteral("send ") + text;
    chat::Message message;
    message.id = m_nextId++;
    message.text = text;
    QList<int> tickets = m_pending.keys();
    std::sort(tickets.begin(), tickets.end());
    for (const int ticket : tickets) message.attachments.append(m_pending.value(ticket));
    m_pending.clear();
    if (m_current == 0) {
        m_current = m_nextId++;
        chat::ConversationInfo info;
        info.id = m_current;
        info.title = text.left(40);
        info.updated = QDateTime::currentDateTime();
        m_conversations.prepend(info);
    }
    m_messages.append(message);
    emit messageAdded(int(m_messages.size()) - 1);
    emit conversationsChanged();
    beginAnswer();
}

void FakeChatController::beginAnswer() {
    m_answer = ScriptedAnswer();
    if (m_script.isEmpty()) {
        m_answer.text = QStringLiteral("You said: ") + m_messages.last().text;
    } else {
        m_answer = m_script.takeFirst();
    }
    chat::Message answer;
    answer.id = m_nextId++;
    answer.role = chat::Role::Assistant;
    answer.state = chat::MessageState::Streaming;
    answer.tools = m_answer.tools;
    m_messages.append(answer);
    emit messageAdded(int(m_messages.size()) - 1);
    chat::TurnProgress progress;
    const bool asks = std::any_of(answer.tools.begin(), answer.tools.end(),
                                  [](const auto &use) { return use.state == chat::ToolState::Asking; });
    progress.phase = asks                           ? chat::TurnPhase::AskingTool
                     : !m_answer.thinking.isEmpty() ? chat::TurnPhase::Thinking
                                                    : chat::TurnPhase::Writing;
    setProgress(progress);
    if (m_timer.interval() > 0 && !asks) m_timer.start();
}

void FakeChatController::step() {
    if (m_progress.phase != chat::TurnPhase::Thinking && m_progress.phase != chat::TurnPhase::Writing) {
        return;
    }
    chat::Message &message = m_messages.last();
    if (message.thinking.size() < m_answer.thinking.size()) {
        message.thinking = m_answer.thinking.left(message.thinking.size() + m_answer.charactersPerStep);
    } else {
        if (m_progress.phase != chat::TurnPhase::Writing) {
            chat::TurnProgress progress;
            progress.phase = chat::TurnPhase::Writing;
            setProgress(progress);
        }
        message.text = m_answer.text.left(message.text.size() + m_answer.charactersPerStep);
    }
    const bool done =
        message.text.size() == m_answer.text.size() && message.thinking.size() == m_answer.thinking.size();
    if (done) {
        message.state = chat::MessageState::Complete;
        message.completionTokens = int(message.text.size() / 4 + 1);
        message.promptTokens = 312;
        message.tokensPerSecond = 23.4;
        message.firstTokenMs = 840;
        m_timer.stop();
    }
    emit messageChanged(int(m_messages.size()) - 1);
    if (done) {
        setProgress({});
        emit turnFinished(int(m_messages.size()) - 1);
    }
}

void FakeChatController::finishTurn() {
    for (int i = 0;
         i < 100000 && (m_progress.phase == chat::TurnPhase::Thinking || m_progress.phase == chat::TurnPhase::Writing);
         ++i)
        step();
}

void FakeChatController::stop() {
    calls << QStringLiteral("stop");
    m_timer.stop();
    if (!m_messages.isEmpty() && m_messages.last().state == chat::MessageState::Streaming) {
        m_messages.last().state = chat::MessageState::Stopped;
        emit messageChanged(int(m_messages.size()) - 1);
    }
    setProgress({});
    if (!m_messages.isEmpty()) emit turnFinished(int(m_messages.size()) - 1);
}

void FakeChatController::regenerate(int messageIndex) {
    calls << QStringLiteral("regenerate %1").arg(messageIndex);
    m_messages.resize(messageIndex);
    emit messagesRemoved(messageIndex);
    beginAnswer();
}

void FakeChatController::editAndResend(int messageIndex, const QString &text) {
    calls << QStringLiteral("edit %1 %2").arg(messageIndex).arg(text);
    chat::Message message = m_messages[messageIndex];
    m_messages.resize(messageIndex);
    emit messagesRemoved(messageIndex);
    message.text = text;
    m_messages.append(message);
    emit messageAdded(messageIndex);
    beginAnswer();
}

void FakeChatController::resolveTool(int messageIndex, const QString &callId, bool allow) {
    calls << QStringLiteral("tool %1 %2 %3")
                 .arg(messageIndex)
                 .arg(callId, allow ? QStringLiteral("allow") : QStringLiteral("deny"));
    for (chat::ToolUse &use : m_messages[messageIndex].tools) {
        if (use.callId == callId) use.state = allow ? chat::ToolState::Done : chat::ToolState::Denied;
    }
    emit messageChanged(messageIndex);
    if (m_progress.phase == chat::TurnPhase::AskingTool) {
        chat::TurnProgress progress;
        progress.phase = chat::TurnPhase::Writing;
        setProgress(progress);
        if (m_timer.interval() > 0) m_timer.start();
    }
}

void FakeChatController::useRemote(const QString &address, const QString &key, const QString &model) {
    calls << QStringLiteral("remote %1 %2 %3").arg(address, key, model);
}

void FakeChatController::provideToolFile(int messageIndex, const QString &callId, const QString &path) {
    calls << QStringLiteral("file %1 %2 %3").arg(messageIndex).arg(callId, path);
}

} // namespace facet::tests
