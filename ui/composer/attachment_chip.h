// One attached file above the text field: thumbnail or icon, name, size, cost in tokens; a picture has a menu for its
// detail, everything has a button that takes it away.
#pragma once

#include "chat/types.h"

#include <QWidget>

class QToolButton;

namespace facet::ui {

class PictureCache;

// "Low detail", "Normal", ...: words for a picture's token budget.
QString budgetWords(int budget);

class AttachmentChip : public QWidget {
    Q_OBJECT
public:
    AttachmentChip(int ticket, const QString &name, PictureCache *pictures, QWidget *parent = nullptr);

    int ticket() const { return m_ticket; }
    const QString &name() const { return m_name; }
    bool isReady() const { return m_ready; }
    bool hasFailed() const { return !m_problem.isEmpty(); }
    const chat::Attachment &attachment() const { return m_attachment; }
    QString details() const;
    void setReady(const chat::Attachment &attachment, const QString &path);
    void setFailed(const QString &sentence);
    void setBudgets(const QVector<int> &budgets, int standard);
    QToolButton *removeButton() const { return m_remove; }
    QToolButton *budgetButton() const { return m_budget; }

    QSize sizeHint() const override;

signals:
    void removeRequested(int ticket);
    void budgetChosen(int ticket, int budget);

protected:
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;

private:
    void refresh();

    int m_ticket;
    QString m_name, m_path, m_problem;
    bool m_ready = false;
    chat::Attachment m_attachment;
    PictureCache *m_pictures;
    QVector<int> m_budgets;
    int m_standardBudget = 280;
    QToolButton *m_remove, *m_budget;
};

} // namespace facet::ui
