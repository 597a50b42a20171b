#include "ui/composer/composer.h"

#include "ui/composer/attachment_chip.h"
#include "ui/composer/recorder_port.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QImage>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QPainter>
#include <QScrollArea>
#include <QScrollBar>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {

QToolButton *makeButton(QWidget *parent, const QString &iconName, const QString &name, const QString &tip) {
    auto *button = new QToolButton(parent);
    button->setIcon(icon(iconName, Tint::Muted));
    button->setIconSize({18, 18});
    button->setAccessibleName(name);
    button->setToolTip(tip);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

} // namespace

Composer::Composer(PictureCache *pictures, RecorderPort *recorder, QWidget *parent)
    : QWidget(parent), m_pictures(pictures), m_recorder(recorder) {
    setAcceptDrops(true);
    setMaximumWidth(space::kColumn + 32);
    build();
    wireRecorder();
    updateSend();
    updateMicrophone();
}

void Composer::build() {
    m_edit = new ComposerEdit(this);
    m_edit->setAcceptDrops(false); // drops belong to the whole composer
    m_attach = makeButton(this, QStringLiteral("attach"), tr("Attach files"),
                          tr("Attach pictures, recordings or films (Ctrl+O)"));
    m_microphone = makeButton(this, QStringLiteral("microphone"), tr("Record from the microphone"), {});
    m_thinking = makeButton(this, QStringLiteral("think"), tr("Think before answering"),
                            tr("Think before answering: slower, better at hard questions"));
    m_thinking->setText(tr("Think"));
    m_thinking->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_thinking->setCheckable(true);
    m_model = makeButton(this, QStringLiteral("model"), tr("Model"), {});
    m_model->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_model->setPopupMode(QToolButton::InstantPopup);
    m_send = makeButton(this, QStringLiteral("send"), tr("Send"), {});
    m_send->setProperty(kPrimary, true);
    m_send->setProperty(kRound, true);
    m_send->setFixedSize(36, 36);
    m_recording = new QLabel(this);
    m_recording->setAccessibleName(tr("Recording"));
    m_recording->hide();

    m_editBar = new QWidget(this);
    auto *editRow = new QHBoxLayout(m_editBar);
    editRow->setContentsMargins(4, 0, 0, 0);
    m_editing = new QLabel(m_editBar);
    m_cancelEdit = makeButton(m_editBar, QStringLiteral("close"), tr("Cancel editing"), tr("Cancel editing (Esc)"));
    editRow->addWidget(m_editing, 1);
    editRow->addWidget(m_cancelEdit);
    m_editBar->hide();

    m_chipRow = new QWidget;
    m_chipLayout = new QHBoxLayout(m_chipRow);
    m_chipLayout->setContentsMargins(0, 0, 0, 0);
    m_chipLayout->setSpacing(space::kS);
    m_chipLayout->addStretch(1);
    m_chipScroll = new QScrollArea(this);
    m_chipScroll->setFrameShape(QFrame::NoFrame);
    m_chipScroll->setWidget(m_chipRow);
    m_chipScroll->setWidgetResizable(true);
    m_chipScroll->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_chipScroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    m_chipScroll->setFixedHeight(68);
    m_chipScroll->setFocusPolicy(Qt::NoFocus);
    m_chipScroll->setAccessibleName(tr("Attached files"));
    m_chipScroll->viewport()->setAutoFillBackground(false);
    m_chipRow->setAutoFillBackground(false);
    m_chipScroll->hide();

    auto *buttons = new QHBoxLayout;
    buttons->setContentsMargins(0, 0, 0, 0);
    buttons->setSpacing(2);
    buttons->addWidget(m_attach);
    buttons->addWidget(m_microphone);
    buttons->addWidget(m_thinking);
    buttons->addWidget(m_recording);
    buttons->addStretch(1);
    buttons->addWidget(m_model);
    buttons->addSpacing(space::kXs);
    buttons->addWidget(m_send);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(space::kM + 2, space::kM, space::kS + 2, space::kS + 2);
    column->setSpacing(space::kS);
    column->addWidget(m_editBar);
    column->addWidget(m_chipScroll);
    column->addWidget(m_edit);
    column->addLayout(buttons);
    updatePlaceholder();

    connect(m_edit, &ComposerEdit::sendPressed, this, &Composer::submit);
    connect(m_edit, &QPlainTextEdit::textChanged, this, &Composer::updateSend);
    connect(m_edit, &ComposerEdit::filesPasted, this, &Composer::filesDropped);
    connect(m_edit, &ComposerEdit::picturePasted, this,
            [this](const QByteArray &png) { emit pictureDropped(png, tr("Pasted picture.png")); });
    connect(m_edit, &ComposerEdit::editLastPressed, this, &Composer::editLastRequested);
    connect(m_edit, &ComposerEdit::escapePressed, this, [this] {
        if (m_editedMessage >= 0) {
            cancelEdit();
        } else if (m_running) {
            emit stopRequested();
        }
    });
    connect(m_send, &QToolButton::clicked, this, [this] {
        if (m_running) {
            emit stopRequested();
        } else {
            submit();
        }
    });
    connect(m_attach, &QToolButton::clicked, this, &Composer::attachRequested);
    connect(m_microphone, &QToolButton::clicked, this, &Composer::toggleRecording);
    connect(m_thinking, &QToolButton::toggled, this, &Composer::thinkingToggled);
    connect(m_cancelEdit, &QToolButton::clicked, this, &Composer::cancelEdit);
    QWidget *before = m_edit;
    for (QWidget *next : {m_send, m_attach, m_microphone, m_thinking, m_model}) {
        setTabOrder(before, next);
        before = next;
    }
}

void Composer::wireRecorder() {
    if (!m_recorder) {
        return;
    }
    connect(m_recorder, &RecorderPort::level, this, [this](double loudness, double seconds) {
        const int bars = std::clamp(int(loudness * 8 + 0.5), 0, 8);
        const int whole = int(std::clamp(seconds, 0.0, 360000.0));
        m_recording->setText(QStringLiteral("%1:%2  %3")
                                 .arg(whole / 60)
                                 .arg(whole % 60, 2, 10, QLatin1Char('0'))
                                 .arg(QString(bars, QLatin1Char('|'))));
        updateMicrophone();
    });
    connect(m_recorder, &RecorderPort::finished, this, [this](const QString &path) {
        updateMicrophone();
        emit recordingFinished(path);
    });
    connect(m_recorder, &RecorderPort::failed, this, [this](const QString &sentence) {
        updateMicrophone();
        emit problem(sentence);
    });
    connect(m_recorder, &RecorderPort::availabilityChanged, this, &Composer::updateMicrophone);
}

void Composer::toggleRecording() {
    if (!m_recorder) {
        return;
    }
    if (m_recorder->isRecording()) {
        m_recorder->stop();
    } else {
        m_recorder->start();
    }
    updateMicrophone();
}

void Composer::updateMicrophone() {
    const bool recording = m_recorder && m_recorder->isRecording();
    QString why = m_recorder ? m_recorder->unavailableReason() : tr("This build records no sound.");
    if (why.isEmpty() && m_engine.kind == chat::EngineState::Kind::Ready && !m_engine.hasAudio && !m_engine.remote) {
        why = tr("This model does not listen to recordings.");
    }
    m_microphone->setEnabled(recording || why.isEmpty());
    m_microphone->setIcon(icon(recording ? QStringLiteral("stop") : QStringLiteral("microphone"),
                               recording ? Tint::Danger : Tint::Muted));
    m_microphone->setToolTip(recording       ? tr("Stop and attach the recording")
                             : why.isEmpty() ? tr("Record from the microphone")
                                             : why);
    m_microphone->setAccessibleName(recording ? tr("Stop recording") : tr("Record from the microphone"));
    m_microphone->setAccessibleDescription(why);
    m_recording->setVisible(recording);
}

QString Composer::text() const { return m_edit->toPlainText(); }

void Composer::setText(const QString &text) {
    m_edit->setPlainText(text);
    m_edit->moveCursor(QTextCursor::End);
    m_edit->setFocus();
}

void Composer::clear() {
    m_edit->clear();
    for (AttachmentChip *chip : std::as_const(m_chips)) {
        chip->hide();
        chip->deleteLater();
    }
    m_chips.clear();
    m_chipScroll->hide();
    m_editedMessage = -1;
    m_editBar->hide();
    updateSend();
}

void Composer::setState(bool running, bool canSend, const QString &reason) {
    m_running = running;
    m_canSend = canSend;
    m_reason = reason;
    updateSend();
}

void Composer::setEngine(const chat::EngineState &engine) {
    m_engine = engine;
    const QString name = engine.modelName.isEmpty() ? tr("No model") : engine.modelName;
    m_model->setText(m_model->fontMetrics().elidedText(name, Qt::ElideMiddle, 220));
    m_model->setToolTip(engine.remote ? tr("%1, at %2").arg(name, engine.modelPath)
                        : engine.contextLength > 0
                            ? tr("%1, remembers %2 tokens of this chat").arg(name).arg(engine.contextLength)
                            : name);
    m_model->setAccessibleName(tr("Model: %1").arg(name));
    for (AttachmentChip *chip : std::as_const(m_chips)) chip->setBudgets(engine.budgets, engine.defaultBudget);
    updateMicrophone();
    updateNarrow();
}

void Composer::setModelMenu(QMenu *menu) { m_model->setMenu(menu); }

void Composer::setThinking(bool on) {
    const QSignalBlocker blocker(m_thinking);
    m_thinking->setChecked(on);
    m_thinking->setIcon(icon(QStringLiteral("think"), on ? Tint::Accent : Tint::Muted));
}

void Composer::setEnterSends(bool on) {
    m_edit->setEnterSends(on);
    updatePlaceholder();
}

void Composer::updatePlaceholder() {
    m_edit->setPlaceholderText(m_editedMessage >= 0 ? tr("Write the message anew")
                                                    : tr("Ask anything, or drop a picture, a recording or a film"));
}

void Composer::updateNarrow() {
    const bool narrow = width() < 460;
    m_thinking->setToolButtonStyle(narrow ? Qt::ToolButtonIconOnly : Qt::ToolButtonTextBesideIcon);
    const QString name = m_engine.modelName.isEmpty() ? tr("No model") : m_engine.modelName;
    // What the other buttons leave.
    const int room = narrow ? std::max(90, width() - 300) : std::clamp(width() - 420, 160, 320);
    m_model->setText(m_model->fontMetrics().elidedText(name, Qt::ElideMiddle, room));
}

void Composer::updateSend() {
    const bool something = !m_edit->toPlainText().trimmed().isEmpty() || !m_chips.isEmpty();
    const bool reading = std::any_of(m_chips.begin(), m_chips.end(),
                                     [](const AttachmentChip *chip) { return !chip->isReady() && !chip->hasFailed(); });
    QString why = m_reason;
    if (why.isEmpty() && reading) why = tr("An attached file is still being read.");
    if (why.isEmpty() && !something) why = tr("Write something or attach a file first.");
    const bool on = m_running || (m_canSend && why.isEmpty());
    m_send->setEnabled(on);
    m_send->setIcon(icon(m_running ? QStringLiteral("stop") : QStringLiteral("send"), Tint::OnAccent));
    m_send->setToolTip(m_running       ? tr("Stop (Esc)")
                       : on            ? tr("Send (Enter)")
                       : why.isEmpty() ? tr("The engine is not ready.")
                                       : why);
    m_send->setAccessibleName(m_running ? tr("Stop") : tr("Send"));
    m_send->setAccessibleDescription(on ? QString() : m_send->toolTip());
}

void Composer::submit() {
    if (m_running || !m_send->isEnabled()) {
        return;
    }
    const QString words = m_edit->toPlainText().trimmed();
    if (m_editedMessage >= 0) {
        const int message = m_editedMessage;
        m_editedMessage = -1;
        m_editBar->hide();
        m_edit->setPlainText(m_draft);
        updatePlaceholder();
        emit resendRequested(message, words);
        return;
    }
    emit sendRequested(words);
}

void Composer::beginEdit(int message, const QString &text, int attachmentCount) {
    if (m_editedMessage < 0) m_draft = m_edit->toPlainText();
    m_editedMessage = message;
    m_editing->setText(attachmentCount == 0 ? tr("Editing your message; what followed it will be written anew")
                                            : tr("Editing your message; its attached files are kept"));
    m_editBar->show();
    updatePlaceholder();
    setText(text);
}

void Composer::cancelEdit() {
    if (m_editedMessage < 0) {
        return;
    }
    m_editedMessage = -1;
    m_editBar->hide();
    updatePlaceholder();
    setText(m_draft);
}

void Composer::addChip(int ticket, const QString &name) {
    auto *chip = new AttachmentChip(ticket, name, m_pictures, m_chipRow);
    chip->setBudgets(m_engine.budgets, m_engine.defaultBudget);
    m_chipLayout->insertWidget(int(m_chips.size()), chip);
    m_chips.append(chip);
    m_chipScroll->show();
    connect(chip, &AttachmentChip::removeRequested, this, [this](int which) {
        removeChip(which);
        emit chipRemoved(which);
        m_edit->setFocus();
    });
    connect(chip, &AttachmentChip::budgetChosen, this, &Composer::budgetChosen);
    updateSend();
    QTimer::singleShot(0, this, [this] {
        m_chipScroll->horizontalScrollBar()->setValue(m_chipScroll->horizontalScrollBar()->maximum());
    });
}

void Composer::chipReady(int ticket, const chat::Attachment &attachment, const QString &path) {
    for (AttachmentChip *chip : std::as_const(m_chips)) {
        if (chip->ticket() == ticket) chip->setReady(attachment, path);
    }
    updateSend();
}

void Composer::chipFailed(int ticket, const QString &sentence) {
    const auto failed = std::find_if(m_chips.begin(), m_chips.end(),
                                     [ticket](const AttachmentChip *chip) { return chip->ticket() == ticket; });
    const QString name = failed == m_chips.end() ? QString() : (*failed)->name();
    removeChip(ticket);
    emit problem(name.isEmpty() ? sentence : tr("%1 was not attached: %2").arg(name, sentence)); // one of several
}

void Composer::removeChip(int ticket) {
    for (qsizetype i = 0; i < m_chips.size(); ++i) {
        if (m_chips[i]->ticket() == ticket) {
            AttachmentChip *chip = m_chips.takeAt(i);
            chip->hide();
            chip->deleteLater();
            break;
        }
    }
    m_chipScroll->setVisible(!m_chips.isEmpty());
    updateSend();
}

void Composer::paintEvent(QPaintEvent *) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Theme &theme = Theme::of(palette());
    const bool focus = m_edit->hasFocus();
    painter.setPen(QPen(m_dropHover ? theme.accent : focus ? theme.borderStrong : theme.border, m_dropHover ? 2 : 1));
    painter.setBrush(m_dropHover ? theme.accentSoft : theme.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 16, 16);
}

void Composer::resizeEvent(QResizeEvent *event) {
    QWidget::resizeEvent(event);
    updateNarrow();
}

void Composer::changeEvent(QEvent *event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange) updateNarrow();
}

void Composer::dragEnterEvent(QDragEnterEvent *event) {
    if (!filesIn(event->mimeData()).isEmpty() || event->mimeData()->hasImage() || event->mimeData()->hasText()) {
        event->acceptProposedAction();
        m_dropHover = true;
        update();
    }
}

void Composer::dragLeaveEvent(QDragLeaveEvent *) {
    m_dropHover = false;
    update();
}

void Composer::dropEvent(QDropEvent *event) {
    m_dropHover = false;
    update();
    const QMimeData *dropped = event->mimeData();
    if (const QStringList files = filesIn(dropped); !files.isEmpty()) {
        emit filesDropped(files);
    } else if (dropped->hasImage()) {
        encodePng(qvariant_cast<QImage>(dropped->imageData()), this,
                  [this](const QByteArray &png) { emit pictureDropped(png, tr("Dropped picture.png")); });
    } else if (dropped->hasText()) {
        m_edit->insertPlainText(dropped->text());
    }
    event->acceptProposedAction();
    m_edit->setFocus();
}

} // namespace facet::ui
