// The list of conversations, newest first, filtered by words of their titles.
#pragma once

#include "chat/types.h"

#include <QAbstractListModel>

namespace facet::ui {

class ConversationModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum Role { IdRole = Qt::UserRole, WhenRole, SectionRole };
    explicit ConversationModel(QObject *parent = nullptr) : QAbstractListModel(parent) {}

    void setConversations(const QVector<chat::ConversationInfo> &conversations);
    void setFilter(const QString &words);
    int rowOf(qint64 id) const;
    qint64 idAt(int row) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    bool setData(const QModelIndex &index, const QVariant &value, int role) override; // renames
    Qt::ItemFlags flags(const QModelIndex &index) const override;

signals:
    void renamed(qint64 id, const QString &title);

private:
    void refilter();
    QVector<chat::ConversationInfo> m_all, m_shown;
    QString m_filter;
    QStringList m_sections; // of the shown rows, empty but for the first of each: a view asks for all of them
};

// "10:42", "Tuesday", "3 Mar": as short as it stays clear.
QString whenText(const QDateTime &when, const QDateTime &now);
// "Today", "Yesterday", "Previous 7 days", "Older".
QString sectionText(const QDateTime &when, const QDateTime &now);

} // namespace facet::ui
