#include "chat/scripted_user.h"

#include <QDateTime>
#include <QDir>
#include <QJsonObject>

#include <utility>

namespace facet::chat {
namespace {
constexpr int kStepMs = 20;
}

ScriptedUser::ScriptedUser(ChatController *controller, const QJsonArray &actions, const QString &folder,
                           QObject *parent)
    : QObject(parent), m_controller(controller), m_actions(actions), m_folder(folder) {
    connect(&m_timer, &QTimer::timeout, this, &ScriptedUser::step);
    connect(controller, &ChatController::messageChanged, this, &ScriptedUser::hurry);
    connect(controller, &ChatController::progressChanged, this, &ScriptedUser::hurry);
    m_timer.start(kStepMs);
}

// A short answer may begin and end between two steps of the timer.
void ScriptedUser::hurry() {
    if (!std::exchange(m_hurrying, true)) {
        QMetaObject::invokeMethod(
            this,
            [this] {
                m_hurrying = false;
                if (m_timer.isActive()) {
                    step();
                }
            },
            Qt::QueuedConnection);
    }
}

void ScriptedUser::step() {
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    if (m_next >= m_actions.size()) {
        const TurnPhase phase = m_controller->progress().phase;
        if (phase == TurnPhase::Idle || phase == TurnPhase::AskingTool) {
            m_timer.stop();
            emit finished();
        }
        return;
    }
    const QJsonObject action = m_actions[m_next].toObject();
    if (m_waitUntil < 0) {
        m_waitUntil = now + action.value(QLatin1String("wait")).toInt();
    }
    if (now >= m_waitUntil && perform(action)) {
        ++m_next;
        m_waitUntil = -1;
    }
}

bool ScriptedUser::reached(const QString &state) const {
    const TurnPhase phase = m_controller->progress().phase;
    if (state == QLatin1String("ready")) {
        return m_controller->engine().kind == EngineState::Kind::Ready && m_controller->canSend();
    }
    if (state == QLatin1String("words")) { // or an end without any
        return phase == TurnPhase::Idle || phase == TurnPhase::AskingTool ||
               (!m_controller->messages().isEmpty() && !m_controller->messages().last().text.isEmpty() &&
                m_controller->messages().last().state == MessageState::Streaming);
    }
    return phase == TurnPhase::Idle || phase == TurnPhase::AskingTool; // "idle"
}

bool ScriptedUser::perform(const QJsonObject &action) {
    if (m_hand) {
        if (const std::optional<bool> done = m_hand(action)) {
            return *done;
        }
    }
    if (action.contains(QLatin1String("until"))) {
        return reached(action.value(QLatin1String("until")).toString());
    }
    if (action.contains(QLatin1String("attach"))) {
        m_controller->addAttachment(QDir(m_folder).filePath(action.value(QLatin1String("attach")).toString()));
    } else if (action.contains(QLatin1String("send"))) {
        if (!m_controller->canSend()) {
            return false;
        }
        m_controller->send(action.value(QLatin1String("send")).toString());
    } else if (action.contains(QLatin1String("allow"))) {
        return resolve(action.value(QLatin1String("allow")).toBool());
    } else if (action.contains(QLatin1String("stop"))) {
        m_controller->stop();
    } else if (action.contains(QLatin1String("new"))) {
        if (m_controller->progress().phase != TurnPhase::Idle) {
            return false;
        }
        m_controller->newConversation();
    } else if (action.contains(QLatin1String("thinking"))) {
        GenerationSettings settings = m_controller->settings();
        settings.thinking = action.value(QLatin1String("thinking")).toBool();
        m_controller->setSettings(settings);
    }
    return true;
}

bool ScriptedUser::resolve(bool allow) {
    const auto &messages = m_controller->messages();
    for (int i = 0; i < messages.size(); ++i) {
        for (const ToolUse &use : messages[i].tools) {
            if (use.state == ToolState::Asking) {
                m_controller->resolveTool(i, use.callId, allow);
                return true;
            }
        }
    }
    return false;
}

} // namespace facet::chat
