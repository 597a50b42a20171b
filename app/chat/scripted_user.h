// Plays the "user" part of a fake engine's script: attaches, sends, allows, one action after the other as soon as each
// is possible. For screenshots and for trying the window.
#pragma once

#include "chat/chat_controller.h"

#include <QJsonArray>
#include <QTimer>

namespace facet::chat {

class ScriptedUser : public QObject {
    Q_OBJECT
public:
    // `folder`: where relative paths of the script begin.
    ScriptedUser(ChatController *controller, const QJsonArray &actions, const QString &folder,
                 QObject *parent = nullptr);

signals:
    void finished(); // all actions are done and no answer is being written

private:
    void step();
    bool perform(const QJsonObject &action);
    bool resolve(bool allow);

    ChatController *m_controller;
    QJsonArray m_actions;
    QString m_folder;
    QTimer m_timer;
    int m_next = 0;
    qint64 m_waitUntil = -1;
};

} // namespace facet::chat
