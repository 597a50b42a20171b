#include "chat/scripted_user.h"

#include <QDateTime>
#include <QDir>
#include <QJsonObject>

namespace facet::chat {
namespace {
constexpr int kStepMs = 20;
}

ScriptedUser::ScriptedUser(ChatController *controller, const QJsonArray &actions, const QString &folder,
                           QObject *parent)
    : QObject(parent), m_controller(controller), m_actions(actions), m_folder(folder) {
    connect(&m_timer, &QTimer::timeout, this, &ScriptedUser::step);
    m_timer.start(kStepMs);
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

bool ScriptedUser::perform(const QJsonObject &action) {
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
