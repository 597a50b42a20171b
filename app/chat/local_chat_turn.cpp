// The running turn: question, request, streaming, end.
#include "chat/local_chat_controller.h"

#include "chat/prompt_builder.h"
#include "chat/turn_errors.h"

#include <algorithm>
#include <utility>

namespace facet::chat {
namespace {

// What stands in the place of this message so far.
QVector<qint64> withVersions(const Message &message) {
    return message.versions.isEmpty() ? QVector<qint64>{message.id} : message.versions;
}

} // namespace

bool LocalChatController::canSend() const {
    return m_historyAsked && m_progress.phase == TurnPhase::Idle && !m_pending.isCopying();
}

TurnProgress LocalChatController::progress() const {
    TurnProgress now = m_progress;
    now.secondsInPhase = now.phase == TurnPhase::Idle ? 0 : static_cast<double>(m_phaseClock.elapsed()) / 1000.0;
    return now;
}

void LocalChatController::setPhase(TurnPhase phase, quint64 done, quint64 total) {
    if (phase != m_progress.phase) {
        m_phaseClock.start();
    }
    m_progress = {phase, done, total, 0};
    if (phase == TurnPhase::Idle) {
        m_progressTimer.stop();
    } else if (!m_progressTimer.isActive()) {
        m_progressTimer.start();
    }
    emit progressChanged(progress());
}

Message *LocalChatController::answer() {
    return m_turn.index >= 0 && m_turn.index < m_messages.size() ? &m_messages[m_turn.index] : nullptr;
}

void LocalChatController::send(const QString &text) {
    if (!canSend() || (text.trimmed().isEmpty() && m_pending.tickets().isEmpty())) {
        return;
    }
    Message question;
    question.role = Role::User;
    question.text = text;
    question.attachments = m_pending.take();
    ask(std::move(question));
}

// Adds the question, makes the conversation if there is none yet, and starts the answer.
void LocalChatController::ask(Message question) {
    question.created = QDateTime::currentDateTime();
    question.parent = lastId();
    declineOpenTools();
    if (m_current == 0) {
        ConversationInfo created{m_services.history->newId(), titleFor(question.text, question.attachments),
                                 question.created, 1};
        question.id = m_services.history->newId();
        m_current = created.id;
        ++m_openNumber; // a conversation that is being opened must not take its place
        m_conversations.prepend(created);
        m_services.history->createConversation(created, {question}, savedOrProblem());
    } else {
        question.id = m_services.history->newId();
        if (!question.versions.isEmpty()) {
            question.versions.append(question.id);
        }
        m_services.history->saveMessage(m_current, question, savedOrProblem());
    }
    m_messages.append(std::move(question));
    emit messageAdded(static_cast<int>(m_messages.size()) - 1);
    m_turn.toolRounds = 0;
    beginAnswer();
}

void LocalChatController::beginAnswer(const QVector<qint64> &olderVersions) {
    Message message;
    message.id = m_services.history->newId();
    message.role = Role::Assistant;
    message.state = MessageState::Streaming;
    message.created = QDateTime::currentDateTime();
    message.parent = lastId();
    message.versions = olderVersions;
    if (!message.versions.isEmpty()) {
        message.versions.append(message.id);
    }
    m_turn.thought.invalidate();
    m_services.history->saveMessage(m_current, message, savedOrProblem());
    m_saver.begin(message.id);
    m_messages.append(std::move(message));
    m_turn.index = static_cast<int>(m_messages.size()) - 1;
    m_turn.waitsForEngine = true;
    touchCurrent();
    emit messageAdded(m_turn.index);
    const EngineState state = link()->state();
    switch (state.kind) {
    case EngineState::Kind::Ready: beginRequest(); break;
    case EngineState::Kind::Loading: setPhase(TurnPhase::Loading, state.loadedBytes, state.totalBytes); break;
    default: setPhase(TurnPhase::Starting); link()->start();
    }
}

void LocalChatController::beginRequest() {
    m_turn.waitsForEngine = false;
    m_turn.request = ++m_lastRequest;
    setPhase(TurnPhase::Waiting);
    PromptContext context{m_settings, link()->state(), m_services.tools, m_services.demoTools,
                          [this](const Attachment &attachment) { return attachmentPath(attachment); }};
    link()->generate(m_turn.request, buildRequest(m_messages, m_turn.index, context));
}

void LocalChatController::onUpdate(quint64 request, const client::StreamUpdate &update) {
    Message *message = answer();
    if (request != m_turn.request || !message) {
        return; // of a request that was stopped
    }
    if (update.progress) {
        setPhase(update.progress->phase, update.progress->done, update.progress->total);
        message = answer();
        if (request != m_turn.request || !message) {
            return; // stopped by a listener
        }
    }
    const bool words = !update.thinking.isEmpty() || !update.text.isEmpty();
    if (words) {
        message->thinking += update.thinking;
        message->text += update.text;
        if (!update.thinking.isEmpty() && !m_turn.thought.isValid()) {
            m_turn.thought.start();
        }
        if (!message->text.isEmpty()) {
            noteThought(*message);
        }
        m_saver.note(message->text, message->thinking);
    }
    if (!update.malformed.isEmpty()) {
        message->notice = malformedCallNotice();
    }
    if (words || !update.malformed.isEmpty()) {
        emit messageChanged(m_turn.index);
    }
    const TurnPhase phase = update.text.isEmpty() ? TurnPhase::Thinking : TurnPhase::Writing;
    if (words && request == m_turn.request && m_progress.phase != phase && !update.progress) {
        setPhase(phase);
    }
}

void LocalChatController::onFinished(quint64 request, const client::StreamResult &result) {
    Message *message = answer();
    if (request != m_turn.request || !message) {
        return;
    }
    m_turn.request = 0;
    message->promptTokens = result.promptTokens;
    message->completionTokens = result.completionTokens;
    message->cachedTokens = result.cachedTokens;
    message->tokensPerSecond = result.tokensPerSecond;
    message->firstTokenMs = result.firstTokenMs;
    switch (result.end) {
    case client::StreamResult::End::Failed:
        finishMessage(MessageState::Failed, failureSentence(result.failure, link()->state().remote));
        endTurn();
        return;
    case client::StreamResult::End::ToolCalls:
        if (!result.calls.isEmpty()) {
            askForTools(result.calls);
            return;
        }
        break;
    case client::StreamResult::End::Length:
        finishMessage(MessageState::Complete, lengthNotice());
        endTurn();
        return;
    case client::StreamResult::End::Stop: break;
    }
    const bool nothing = message->text.trimmed().isEmpty() && message->notice.isEmpty();
    finishMessage(MessageState::Complete, nothing ? emptyAnswerNotice() : QString());
    endTurn();
}

// The thought has ended: with the first word of the answer, or with the answer.
void LocalChatController::noteThought(Message &message) {
    if (message.thinkingSeconds == 0 && m_turn.thought.isValid()) {
        message.thinkingSeconds = std::max(0.1, static_cast<double>(m_turn.thought.elapsed()) / 1000.0);
    }
}

// An empty notice leaves the one that is there.
void LocalChatController::finishMessage(MessageState state, const QString &notice) {
    Message *message = answer();
    if (!message) {
        return;
    }
    message->state = state;
    noteThought(*message);
    if (!notice.isEmpty()) {
        message->notice += (message->notice.isEmpty() ? QString() : QStringLiteral(" ")) + notice;
    }
    m_saver.end();
    m_services.history->saveMessage(m_current, *message, savedOrProblem());
    emit messageChanged(m_turn.index);
}

void LocalChatController::endTurn() {
    const int index = m_turn.index;
    m_turn = {};
    m_saver.end();
    setPhase(TurnPhase::Idle);
    if (index >= 0) {
        emit turnFinished(index);
    }
}

void LocalChatController::stop() {
    if (m_progress.phase == TurnPhase::Idle) {
        return;
    }
    if (m_progress.phase == TurnPhase::AskingTool || m_progress.phase == TurnPhase::RunningTool) {
        stopTools();
    } else {
        if (m_turn.request != 0) {
            m_turn.request = 0;
            link()->cancel();
        }
        finishMessage(MessageState::Stopped, stoppedNotice());
    }
    endTurn();
}

void LocalChatController::removeMessagesFrom(int index) {
    m_messages.remove(index, m_messages.size() - index);
    emit messagesRemoved(index);
}

void LocalChatController::regenerate(int messageIndex) {
    if (!canSend() || messageIndex < 1 || messageIndex >= m_messages.size() ||
        m_messages[messageIndex].role != Role::Assistant) {
        return;
    }
    const QVector<qint64> older = withVersions(m_messages[messageIndex]);
    removeMessagesFrom(messageIndex);
    m_turn.toolRounds = 0;
    beginAnswer(older);
}

void LocalChatController::editAndResend(int messageIndex, const QString &text) {
    if (!canSend() || messageIndex < 0 || messageIndex >= m_messages.size() ||
        m_messages[messageIndex].role != Role::User) {
        return;
    }
    Message question;
    question.role = Role::User;
    question.text = text;
    question.attachments = m_messages[messageIndex].attachments;
    question.versions = withVersions(m_messages[messageIndex]);
    if (text.trimmed().isEmpty() && question.attachments.isEmpty()) {
        return;
    }
    removeMessagesFrom(messageIndex);
    ask(std::move(question));
}

} // namespace facet::chat
