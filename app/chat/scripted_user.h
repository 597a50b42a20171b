// Plays the "user" part of a fake engine's script: attaches, sends, allows, one action after the other as soon as each
// is possible. For screenshots and for trying the window.
#pragma once

#include "chat/chat_controller.h"

#include <QJsonArray>
#include <QTimer>

#include <functional>
#include <optional>

namespace facet::chat {

class ScriptedUser : public QObject {
    Q_OBJECT
public:
    // Does what needs the window: nothing if it does not know the action, false if it is not possible yet.
    using Hand = std::function<std::optional<bool>(const QJsonObject &action)>;

    // `folder`: where relative paths of the script begin.
    ScriptedUser(ChatController *controller, const QJsonArray &actions, const QString &folder,
                 QObject *parent = nullptr);
    void setHand(Hand hand) { m_hand = std::move(hand); }

signals:
    void finished(); // all actions are done and no answer is being written

private:
    void step();
    bool perform(const QJsonObject &action);
    bool resolve(bool allow);
    bool reached(const QString &state) const;
    void hurry();

    ChatController *m_controller;
    QJsonArray m_actions;
    QString m_folder;
    QTimer m_timer;
    Hand m_hand;
    int m_next = 0;
    bool m_hurrying = false;
    qint64 m_waitUntil = -1;
};

} // namespace facet::chat
