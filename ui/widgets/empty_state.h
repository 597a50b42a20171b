// What an empty chat shows: four things to begin with, not a blank page.
#pragma once

#include <QAbstractButton>
#include <QStaticText>
#include <QVector>
#include <QWidget>

class QGridLayout;
class QLabel;

namespace facet::ui {

// A card that is a button: icon, what it does, one line of explanation.
class TaskCard : public QAbstractButton {
    Q_OBJECT
public:
    TaskCard(const QString &icon, const QString &title, const QString &explanation, QWidget *parent = nullptr);
    QSize sizeHint() const override { return {300, 86}; }

protected:
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void layOutTexts();
    QRect wordsPlace() const;
    QString m_icon;
    QStaticText m_title, m_explanation;
    bool m_stale = true; // laid out for another width or font
};

class EmptyState : public QWidget {
    Q_OBJECT
public:
    enum class Task { ReadText, FindObjects, Transcribe, Ask };
    explicit EmptyState(QWidget *parent = nullptr);
    void setModel(const QString &sentence);
    const QVector<TaskCard *> &cards() const { return m_cards; }
    // The words that a task puts into the composer.
    // The demo model cannot be asked anything: it gets a question that shows a tool at work.
    static QString promptFor(Task task, bool demo = false);

signals:
    void chosen(facet::ui::EmptyState::Task task);

protected:
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;

private:
    void arrange();
    QLabel *m_title, *m_subtitle;
    QGridLayout *m_grid;
    QVector<TaskCard *> m_cards;
    int m_columns = 0;
};

} // namespace facet::ui
