// Messages that hold the words which are searched for: whose chat, and a line around the words with them marked.
#pragma once

#include "chat/types.h"

#include <QListView>

class QStandardItemModel;

namespace facet::ui {

class HitList : public QListView {
    Q_OBJECT
public:
    explicit HitList(QWidget *parent = nullptr);
    void setHits(const QVector<chat::SearchHit> &hits);
    const QVector<chat::SearchHit> &hits() const { return m_hits; }

signals:
    void chosen(qint64 conversation, qint64 message);

protected:
    void changeEvent(QEvent *event) override;

private:
    void choose(const QModelIndex &index);

    QStandardItemModel *m_model;
    QVector<chat::SearchHit> m_hits;
};

} // namespace facet::ui
