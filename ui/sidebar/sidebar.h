// The left side: new chat, search, the conversations.
#pragma once

#include "chat/types.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;

namespace facet::ui {

class ConversationModel;
class HitList;

class Sidebar : public QWidget {
    Q_OBJECT
public:
    explicit Sidebar(QWidget *parent = nullptr);

    void setConversations(const QVector<chat::ConversationInfo> &conversations, qint64 current);
    QListView *list() const { return m_list; }
    QLineEdit *search() const { return m_search; }
    QPushButton *newButton() const { return m_new; }
    ConversationModel *model() const { return m_model; }
    HitList *hits() const { return m_hits; }
    // Ignored if something else is searched for by now.
    void setHits(const QString &words, const QVector<chat::SearchHit> &hits);
    void renameCurrent();
    void deleteCurrent();

signals:
    void newRequested();
    void opened(qint64 id);
    void renamed(qint64 id, const QString &title);
    void deleteRequested(qint64 id);
    void searchRequested(const QString &words); // in the texts of messages; setHits() answers
    void hitChosen(qint64 conversation, qint64 message, const QString &words);

protected:
    void paintEvent(QPaintEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void showMenu(const QPoint &at);
    void selectCurrent();
    void showFound();

    ConversationModel *m_model;
    QListView *m_list;
    QLineEdit *m_search;
    QPushButton *m_new;
    QLabel *m_nothing, *m_hitsTitle;
    HitList *m_hits;
    QTimer m_searchDelay;
    bool m_searching = false; // hits may still come
    qint64 m_current = 0;
    bool m_updating = false;
};

} // namespace facet::ui
