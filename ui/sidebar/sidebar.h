// The left side: new chat, search, the conversations.
#pragma once

#include "chat/types.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;

namespace facet::ui {

class ConversationModel;

class Sidebar : public QWidget {
    Q_OBJECT
public:
    explicit Sidebar(QWidget *parent = nullptr);

    void setConversations(const QVector<chat::ConversationInfo> &conversations, qint64 current);
    QListView *list() const { return m_list; }
    QLineEdit *search() const { return m_search; }
    QPushButton *newButton() const { return m_new; }
    ConversationModel *model() const { return m_model; }
    void renameCurrent();
    void deleteCurrent();

signals:
    void newRequested();
    void opened(qint64 id);
    void renamed(qint64 id, const QString &title);
    void deleteRequested(qint64 id);

protected:
    void paintEvent(QPaintEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void showMenu(const QPoint &at);
    void selectCurrent();

    ConversationModel *m_model;
    QListView *m_list;
    QLineEdit *m_search;
    QPushButton *m_new;
    QLabel *m_nothing;
    qint64 m_current = 0;
    bool m_updating = false;
};

} // namespace facet::ui
