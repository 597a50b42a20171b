// Models of other programs as rows for a list: what can be run first, then drafters and projectors, then what Facet cannot
// run with the reason. Headings are rows that cannot be chosen.
#pragma once

#include "chat/types.h"

#include <QAbstractListModel>
#include <QStyledItemDelegate>

namespace facet::ui {

// "GGUF file · 3.2 GB · LM Studio"
QString foundDetails(const chat::FoundModel &model);
// Why it cannot be loaded by itself, a whole sentence; empty: it can.
QString foundReason(const chat::FoundModel &model);

class FoundModelsModel : public QAbstractListModel {
    Q_OBJECT
public:
    using QAbstractListModel::QAbstractListModel;

    void setModels(const QVector<chat::FoundModel> &models, const QString &inUse); // inUse: path of the loaded one
    void setFilter(const QString &words); // every word must be in the name or the source
    int shownModels() const;
    // Null for headings.
    const chat::FoundModel *modelAt(const QModelIndex &index) const;
    bool isInUse(const chat::FoundModel &model) const { return model.path == m_inUse; }
    int firstModelRow() const; // -1: none

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex &index) const override;

private:
    struct Row {
        int model = -1; // index into m_models; -1: a heading
        QString heading;
    };
    void rebuild();

    QVector<chat::FoundModel> m_models;
    QVector<Row> m_rows;
    QStringList m_words;
    QString m_inUse;
};

class FoundModelsDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    QSize sizeHint(const QStyleOptionViewItem &option, const QModelIndex &index) const override;
    void paint(QPainter *painter, const QStyleOptionViewItem &option, const QModelIndex &index) const override;
};

} // namespace facet::ui
