// Slim bars and notes of the window: a banner with one button, the phase of the running turn, find in chat, toasts.
#pragma once

#include "chat/types.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QToolButton;

namespace facet::ui {

class Banner : public QWidget {
    Q_OBJECT
public:
    enum class Kind { Info, Problem };
    Banner(Kind kind, QWidget *parent = nullptr);
    void setContent(const QString &sentence, const QString &action);
    QPushButton *button() const { return m_button; }
    QLabel *label() const { return m_label; }
    QToolButton *closeButton() const { return m_close; }

signals:
    void pressed();
    void dismissed(); // Info: closed by the user

protected:
    void paintEvent(QPaintEvent *event) override;

private:
    Kind m_kind;
    QLabel *m_label;
    QPushButton *m_button;
    QToolButton *m_close;
};

// "Reading prompt 40 %" with a thin bar; takes no room while nothing runs.
class PhaseStrip : public QWidget {
    Q_OBJECT
public:
    explicit PhaseStrip(QWidget *parent = nullptr);
    void setProgress(const chat::TurnProgress &progress);
    QString text() const;

private:
    QLabel *m_label;
    QProgressBar *m_bar;
};

class FindBar : public QWidget {
    Q_OBJECT
public:
    explicit FindBar(QWidget *parent = nullptr);
    void open();
    void showWords(const QString &words); // without taking the focus and without wordsChanged()
    void setResult(int current, int count);
    QLineEdit *field() const { return m_field; }

signals:
    void wordsChanged(const QString &words);
    void stepRequested(int step);
    void closed();

protected:
    void paintEvent(QPaintEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;

private:
    QLineEdit *m_field;
    QLabel *m_result;
};

// A note over the window that goes by itself; with a button while something can be undone.
class Toast : public QWidget {
    Q_OBJECT
public:
    explicit Toast(QWidget *parent);
    void show(const QString &sentence, const QString &action = {});
    QString text() const;
    QPushButton *button() const { return m_button; }

signals:
    void actionPressed();

protected:
    void paintEvent(QPaintEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void place();
    QLabel *m_label;
    QPushButton *m_button;
    QToolButton *m_close;
    QTimer m_timer;
};

} // namespace facet::ui
