// Where the user writes: text, attached files as chips, microphone, thinking, the model, and one button that sends or
// stops. Knows the controller only through its signals; the window wires the two.
#pragma once

#include "chat/types.h"

#include <QPlainTextEdit>
#include <QTimer>
#include <QWidget>

#include <functional>

class QHBoxLayout;
class QLabel;
class QMenu;
class QScrollArea;
class QToolButton;

namespace facet::ui {

class AttachmentChip;
class PictureCache;
class RecorderPort;

// The text field: grows with its text, hands pasted files to its owner.
class ComposerEdit : public QPlainTextEdit {
    Q_OBJECT
public:
    explicit ComposerEdit(QWidget *parent = nullptr);
    void setEnterSends(bool on) { m_enterSends = on; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void sendPressed();
    void editLastPressed();
    void escapePressed();
    void filesPasted(const QStringList &paths);
    void picturePasted(const QByteArray &png);

protected:
    void keyPressEvent(QKeyEvent *event) override;
    bool canInsertFromMimeData(const QMimeData *source) const override;
    void insertFromMimeData(const QMimeData *source) override;
    void changeEvent(QEvent *event) override;

private:
    void adjustHeight();
    bool m_enterSends = true;
};

// Local files that a drop or a clipboard carries (text/uri-list, GNOME's and KDE's own lists); empty: none.
QStringList filesIn(const QMimeData *source);

// Encodes on a worker; `done` runs on the GUI thread unless `receiver` is gone by then.
void encodePng(const QImage &image, QObject *receiver, std::function<void(const QByteArray &)> done);

class Composer : public QWidget {
    Q_OBJECT
public:
    Composer(PictureCache *pictures, RecorderPort *recorder, QWidget *parent = nullptr);

    ComposerEdit *edit() const { return m_edit; }
    QString text() const;
    void setText(const QString &text);
    void clear(); // text, chips, editing

    // What the engine and the turn allow. `reason`: why Send is off, a whole sentence; empty: it is on.
    void setState(bool running, bool canSend, const QString &reason);
    void setEngine(const chat::EngineState &engine);
    void setModelMenu(QMenu *menu);
    void setThinking(bool on);
    void setEnterSends(bool on);

    // Editing an earlier message: its text is in the field, Send sends it again.
    void beginEdit(int message, const QString &text, int attachmentCount);
    void cancelEdit();
    int editedMessage() const { return m_editedMessage; }

    void addChip(int ticket, const QString &name);
    void chipReady(int ticket, const chat::Attachment &attachment, const QString &path);
    void chipFailed(int ticket, const QString &sentence);
    void removeChip(int ticket);
    QVector<AttachmentChip *> chips() const { return m_chips; }

    QToolButton *sendButton() const { return m_send; }
    QToolButton *microphoneButton() const { return m_microphone; }
    QToolButton *thinkingButton() const { return m_thinking; }
    QToolButton *attachButton() const { return m_attach; }
    QToolButton *modelButton() const { return m_model; }

signals:
    void sendRequested(const QString &text);
    void resendRequested(int message, const QString &text);
    void stopRequested();
    void attachRequested();
    void filesDropped(const QStringList &paths);
    void pictureDropped(const QByteArray &png, const QString &name);
    void recordingFinished(const QString &path);
    void chipRemoved(int ticket);
    void budgetChosen(int ticket, int budget);
    void thinkingToggled(bool on);
    void editLastRequested();
    void problem(const QString &sentence);

protected:
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void changeEvent(QEvent *event) override;
    void dragEnterEvent(QDragEnterEvent *event) override;
    void dragLeaveEvent(QDragLeaveEvent *event) override;
    void dropEvent(QDropEvent *event) override;

private:
    void build();
    void wireRecorder();
    void updateSend();
    void updateMicrophone();
    void updatePlaceholder();
    void updateNarrow();
    void submit();
    void toggleRecording();

    PictureCache *m_pictures;
    RecorderPort *m_recorder;
    ComposerEdit *m_edit = nullptr;
    QToolButton *m_attach = nullptr, *m_microphone = nullptr, *m_thinking = nullptr, *m_model = nullptr,
                *m_send = nullptr, *m_cancelEdit = nullptr;
    QLabel *m_recording = nullptr, *m_editing = nullptr;
    QWidget *m_editBar = nullptr, *m_chipRow = nullptr;
    QScrollArea *m_chipScroll = nullptr;
    QHBoxLayout *m_chipLayout = nullptr;
    QVector<AttachmentChip *> m_chips;
    chat::EngineState m_engine;
    bool m_running = false, m_canSend = false, m_dropHover = false;
    QString m_reason, m_draft;
    int m_editedMessage = -1;
};

} // namespace facet::ui
