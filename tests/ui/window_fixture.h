// The whole window over a scripted controller, opened before each case.
#pragma once

#include "support/fake_chat_controller.h"
#include "ui/main_window.h"

#include <QAction>
#include <QTest>

#include <memory>

namespace facet::tests {

class WindowFixture : public QObject {
protected:
    std::unique_ptr<FakeChatController> m_controller;
    std::unique_ptr<ui::MainWindow> m_window;

    template <typename T>
    T *part() {
        return m_window->findChild<T *>();
    }
    QAction *action(const QString &key) {
        for (QAction *each : m_window->findChildren<QAction *>()) {
            if (each->shortcuts().contains(QKeySequence(key))) return each;
        }
        return nullptr;
    }
    void fill() {
        QVector<chat::ConversationInfo> list;
        for (int i = 1; i <= 3; ++i) {
            chat::ConversationInfo info;
            info.id = i;
            info.title = QStringLiteral("Chat %1").arg(i);
            info.updated = QDateTime::currentDateTime().addDays(-i);
            list << info;
        }
        m_controller->setConversations(list);
    }
    void open() {
        m_controller = std::make_unique<FakeChatController>();
        m_window = std::make_unique<ui::MainWindow>(m_controller.get(), nullptr);
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    }
    void close() {
        m_window.reset();
        m_controller.reset();
    }
};

} // namespace facet::tests
