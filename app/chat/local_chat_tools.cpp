// Tools of the running turn: ask, run, give the result back, go on.
#include "chat/local_chat_controller.h"

#include "chat/turn_errors.h"

#include <QPointer>

#include <algorithm>

namespace facet::chat {
namespace {

constexpr int kMaxToolRounds = 16;
constexpr qsizetype kMaxResultChars = 200'000;

bool isOpen(const ToolUse &use) { return use.state == ToolState::Asking || use.state == ToolState::Running; }

} // namespace

const tools::Registry *LocalChatController::registryFor(const QString &tool) const {
    const bool demo = link()->state().demoModel && m_services.demoTools && m_services.demoTools->find(tool);
    return demo ? m_services.demoTools : m_services.tools;
}

void LocalChatController::askForTools(const QVector<client::CallPart> &calls) {
    Message *message = answer();
    for (const client::CallPart &call : calls) {
        message->tools.append({call.id, call.name, call.argumentsJson, ToolState::Asking, {}});
    }
    if (++m_turn.toolRounds > kMaxToolRounds) {
        for (ToolUse &use : message->tools) {
            use.state = ToolState::Denied;
            use.result = declinedResult();
        }
        finishMessage(MessageState::Complete, tooManyToolRoundsNotice());
        endTurn();
        return;
    }
    finishMessage(MessageState::Complete, {});
    setPhase(TurnPhase::AskingTool);
}

// A call that waits for an answer: in the running turn, or left from an earlier session at the end of the conversation.
ToolUse *LocalChatController::askedTool(int messageIndex, const QString &callId) {
    const bool running = m_turn.index == messageIndex;
    const bool leftOver = m_progress.phase == TurnPhase::Idle && messageIndex == m_messages.size() - 1;
    if (messageIndex < 0 || messageIndex >= m_messages.size() || (!running && !leftOver)) {
        return nullptr;
    }
    for (ToolUse &use : m_messages[messageIndex].tools) {
        if (use.callId == callId && use.state == ToolState::Asking) {
            m_turn.index = messageIndex;
            return &use;
        }
    }
    return nullptr;
}

void LocalChatController::resolveTool(int messageIndex, const QString &id, bool allow) {
    const QString callId = id; // it may be a part of messages(), which changes below
    ToolUse *use = askedTool(messageIndex, callId);
    if (!use) {
        return;
    }
    if (!allow) {
        use->state = ToolState::Denied;
        use->result = declinedResult();
        afterTool(messageIndex);
        return;
    }
    const tools::Tool *tool = registryFor(use->tool) ? registryFor(use->tool)->find(use->tool) : nullptr;
    if (tool && tool->needsFile()) {
        emit toolNeedsFile(messageIndex, callId); // provideToolFile() follows
        return;
    }
    runTool(messageIndex, callId, {});
}

void LocalChatController::provideToolFile(int messageIndex, const QString &id, const QString &path) {
    const QString callId = id;
    if (path.isEmpty()) {
        resolveTool(messageIndex, callId, false);
    } else if (askedTool(messageIndex, callId)) {
        runTool(messageIndex, callId, path);
    }
}

void LocalChatController::runTool(int messageIndex, const QString &callId, const QString &file) {
    ToolUse *use = askedTool(messageIndex, callId);
    use->state = ToolState::Running;
    const ToolUse call = *use; // the signals below may change messages()
    const quint64 run = m_toolRun;
    m_services.history->saveMessage(m_current, m_messages[messageIndex], savedOrProblem());
    emit messageChanged(messageIndex);
    setPhase(TurnPhase::RunningTool);
    if (run != m_toolRun) {
        return; // stopped by one of the listeners
    }
    const tools::Registry *registry = registryFor(call.tool);
    const auto done = [self = QPointer(this), run, messageIndex, callId](const tools::Outcome &outcome) {
        if (self && run == self->m_toolRun) {
            self->onToolDone(messageIndex, callId, outcome);
        }
    };
    if (!registry) {
        done({false, tools::forModel("This tool does not exist here.")});
        return;
    }
    registry->run(call.tool, call.argumentsJson, file, done);
}

void LocalChatController::onToolDone(int messageIndex, const QString &callId, const tools::Outcome &outcome) {
    if (messageIndex >= m_messages.size()) {
        return;
    }
    Message &message = m_messages[messageIndex];
    for (ToolUse &use : message.tools) {
        if (use.callId == callId && use.state == ToolState::Running) {
            use.state = outcome.worked ? ToolState::Done : ToolState::Failed;
            use.result = outcome.text.left(kMaxResultChars);
            if (!outcome.notice.isEmpty()) {
                message.notice += (message.notice.isEmpty() ? QString() : QStringLiteral(" ")) + outcome.notice;
            }
            afterTool(messageIndex);
            return;
        }
    }
}

// Saves what a tool came to; when none of the calls is open any more, the model gets the results.
void LocalChatController::afterTool(int messageIndex) {
    const Message &message = m_messages[messageIndex];
    m_services.history->saveMessage(m_current, message, savedOrProblem());
    emit messageChanged(messageIndex);
    const auto &uses = message.tools;
    if (std::any_of(uses.begin(), uses.end(), [](const ToolUse &use) { return use.state == ToolState::Running; })) {
        setPhase(TurnPhase::RunningTool);
    } else if (std::any_of(uses.begin(), uses.end(), isOpen)) {
        setPhase(TurnPhase::AskingTool);
    } else {
        beginAnswer();
    }
}

void LocalChatController::stopTools() {
    ++m_toolRun;
    Message *message = answer();
    if (!message) {
        return;
    }
    for (ToolUse &use : message->tools) {
        if (use.state == ToolState::Asking) {
            use.state = ToolState::Denied;
            use.result = declinedResult();
        } else if (use.state == ToolState::Running) {
            use.state = ToolState::Failed;
            use.result = toolStoppedResult();
        }
    }
    finishMessage(MessageState::Stopped, stoppedNotice());
}

// Calls left from an earlier session: a new question goes on without them.
void LocalChatController::declineOpenTools() {
    if (m_messages.isEmpty()) {
        return;
    }
    Message &last = m_messages.last();
    bool changed = false;
    for (ToolUse &use : last.tools) {
        if (use.state == ToolState::Asking) {
            use.state = ToolState::Denied;
            use.result = declinedResult();
            changed = true;
        }
    }
    if (changed) {
        m_services.history->saveMessage(m_current, last, savedOrProblem());
        emit messageChanged(static_cast<int>(m_messages.size()) - 1);
    }
}

} // namespace facet::chat
