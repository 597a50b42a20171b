// What the window shows of the engine and the turn, and what the user does with messages, chats and files.
#include "ui/composer/composer.h"
#include "ui/main_window_parts.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"

#include <QAction>
#include <QDesktopServices>
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <QStackedWidget>
#include <QToolButton>

#include <algorithm>
#include <utility>

namespace facet::ui {

namespace {

// Why nothing can be sent in this state of the engine; empty: the engine is no reason.
QString engineReason(const chat::EngineState &engine) {
    using Kind = chat::EngineState::Kind;
    switch (engine.kind) {
    case Kind::Stopped: return MainWindow::tr("No model is loaded. Open one from the model menu.");
    case Kind::Starting: return MainWindow::tr("The engine is starting.");
    case Kind::Loading: return MainWindow::tr("The model is still loading.");
    case Kind::Failed:
    case Kind::Crashed:
        return engine.problem.isEmpty() ? MainWindow::tr("The engine has stopped. Restart it to go on.")
                                        : engine.problem;
    case Kind::Ready: break;
    }
    return {};
}

} // namespace

void MainWindow::Parts::openedConversation() {
    QString title;
    for (const chat::ConversationInfo &info : m_controller->conversations()) {
        if (info.id == m_controller->currentConversation()) title = info.title;
    }
    m_title->setText(title.isEmpty() ? tr("New chat") : title);
    m_title->setFont(type::strong(m_title->font()));
    m_window->setWindowTitle(title.isEmpty() ? tr("Facet") : tr("%1 — Facet").arg(title));
    updateState();
}

void MainWindow::Parts::showEngine(const chat::EngineState &engine) {
    using Kind = chat::EngineState::Kind;
    m_composer->setEngine(engine);
    m_demoBanner->setContent(tr("Demo model: made for trying things out, and often wrong."),
                             tr("Get a full model"));
    m_demoBanner->setVisible(engine.demoModel && !m_bannerDismissed);
    const bool broken = engine.kind == Kind::Failed || engine.kind == Kind::Crashed;
    m_problemBanner->setContent(
        engine.problem.isEmpty() ? tr("The engine has stopped. Your chats are safe.") : engine.problem, tr("Restart"));
    m_problemBanner->setVisible(broken);
    m_empty->setModel(engine.kind == Kind::Ready
                          ? (engine.remote ? tr("%1 answers, at %2.").arg(engine.modelName, engine.modelPath)
                                           : tr("%1 runs on this computer. Nothing leaves it.").arg(engine.modelName))
                          : engineReason(engine));
    showProgress(m_controller->progress());
}

void MainWindow::Parts::showProgress(const chat::TurnProgress &progress) {
    using Kind = chat::EngineState::Kind;
    const chat::EngineState engine = m_controller->engine();
    chat::TurnProgress shown = progress;
    // Loading shows even while no turn waits for it.
    if (shown.phase == chat::TurnPhase::Idle && engine.kind == Kind::Loading) {
        shown.phase = chat::TurnPhase::Loading;
        shown.done = engine.loadedBytes;
        shown.total = engine.totalBytes;
    } else if (shown.phase == chat::TurnPhase::Idle && engine.kind == Kind::Starting) {
        shown.phase = chat::TurnPhase::Starting;
    }
    m_phase->setProgress(shown);
    m_transcript->setThinking(int(std::min(progress.secondsInPhase, 1e6)), progress.phase == chat::TurnPhase::Thinking);
    updateState();
}

void MainWindow::Parts::updateState() {
    const chat::EngineState engine = m_controller->engine();
    const bool running = m_controller->progress().phase != chat::TurnPhase::Idle;
    const bool can = m_controller->canSend();
    const QString reason = can ? QString() : engineReason(engine);
    m_composer->setState(running, can, reason);
    m_stopAction->setEnabled(running);
    m_exportAction->setEnabled(!m_controller->messages().isEmpty());
    m_regenerateAction->setEnabled(!running && can && !m_controller->messages().isEmpty());
    m_stack->setCurrentIndex(m_controller->messages().isEmpty() ? 0 : 1);
    m_findButton->setEnabled(!m_controller->messages().isEmpty());
    using Kind = chat::EngineState::Kind;
    const QString name = engine.modelName.isEmpty() ? tr("No model") : engine.modelName;
    const bool broken = engine.kind == Kind::Failed || engine.kind == Kind::Crashed; // the bar above says why
    QString state = broken ? tr("The engine is not running.") : engineReason(engine);
    if (engine.kind == Kind::Ready) {
        state = engine.remote ? tr("%1 at %2").arg(name, engine.modelPath)
                              : tr("%1 on this computer. Answers can be wrong; check what matters.").arg(name);
    }
    m_status->setFont(type::caption(m_window->font()));
    m_status->setText(state);
}

void MainWindow::Parts::attachFiles(const QStringList &paths) {
    constexpr int kMaxAtOnce = 32; // a folder dropped by accident
    int taken = 0;
    for (const QString &path : paths) {
        const QFileInfo info(path);
        if (info.isDir() || info.suffix().compare(QLatin1String("gguf"), Qt::CaseInsensitive) == 0) {
            m_controller->openModel(path); // no medium is a folder; the engine says if it is no model either
            return;
        }
        if (++taken > kMaxAtOnce) {
            m_toast->show(tr("Only the first %1 files were attached.").arg(kMaxAtOnce));
            break;
        }
        m_composer->addChip(m_controller->addAttachment(path), QFileInfo(path).fileName());
    }
    updateState();
    m_composer->edit()->setFocus();
}

void MainWindow::Parts::attachData(const QByteArray &png, const QString &name) {
    m_composer->addChip(m_controller->addAttachmentData(png, name), name);
    updateState();
}

void MainWindow::Parts::send(const QString &text) {
    if (!m_controller->canSend()) {
        return;
    }
    m_composer->clear();
    m_controller->send(text);
    m_transcript->scrollToEnd();
    updateState();
}

void MainWindow::Parts::editMessage(int index) {
    if (index < 0 || index >= m_controller->messages().size() ||
        m_controller->messages()[index].role != chat::Role::User) {
        return;
    }
    const chat::Message &message = m_controller->messages()[index];
    m_composer->beginEdit(index, message.text, int(message.attachments.size()));
    m_transcript->scrollToMessage(index);
}

void MainWindow::Parts::editLast() {
    const QVector<chat::Message> &messages = m_controller->messages();
    for (int i = int(messages.size()) - 1; i >= 0; --i) {
        if (messages[i].role == chat::Role::User) {
            editMessage(i);
            return;
        }
    }
}

void MainWindow::Parts::regenerateLast() {
    const QVector<chat::Message> &messages = m_controller->messages();
    for (int i = int(messages.size()) - 1; i >= 0; --i) {
        if (messages[i].role == chat::Role::Assistant) {
            m_controller->regenerate(i);
            return;
        }
    }
}

void MainWindow::Parts::deleteConversation(qint64 id) {
    QString title;
    for (const chat::ConversationInfo &info : m_controller->conversations()) {
        if (info.id == id) title = info.title;
    }
    m_controller->deleteConversation(id);
    m_undoAction->setEnabled(true);
    m_toastAction = [this] {
        m_controller->undoDelete();
        m_undoAction->setEnabled(false);
    };
    m_toast->show(tr("“%1” was deleted.").arg(title.isEmpty() ? tr("New chat") : title), tr("Undo"));
}

void MainWindow::Parts::beginTask(EmptyState::Task task) {
    using Sample = chat::ChatController::Sample;
    const bool demo = m_controller->engine().demoModel;
    m_composer->setText(EmptyState::promptFor(task, demo));
    m_composer->edit()->setFocus();
    if (task == EmptyState::Task::Ask || !m_composer->chips().isEmpty()) {
        return;
    }
    // The demo model knows pictures like those it was trained on: one of them is at hand. A full model takes the user's.
    const Sample wanted = task == EmptyState::Task::ReadText      ? Sample::Text
                          : task == EmptyState::Task::FindObjects ? Sample::Objects
                                                                  : Sample::Recording;
    const QString sample = demo ? m_controller->samplePath(wanted) : QString();
    if (sample.isEmpty()) {
        chooseFiles();
    } else {
        attachFiles({sample});
    }
}

// A message was opened because words were found in it: there they are, marked, and the find bar steps on from them.
void MainWindow::Parts::showFoundMessage(int index) {
    const QString words = std::exchange(m_jumpWords, {}).simplified();
    m_transcript->scrollToMessage(index);
    if (words.isEmpty() || index >= m_controller->messages().size()) {
        return;
    }
    const bool together = m_controller->messages()[index].text.contains(words, Qt::CaseInsensitive);
    const QString shown = together ? words : words.section(QLatin1Char(' '), 0, 0);
    m_findBar->showWords(shown);
    m_transcript->find(shown, index);
    m_findBar->setResult(m_transcript->currentMatch(), m_transcript->matchCount());
}

void MainWindow::Parts::complain(const QString &sentence) {
    constexpr qsizetype kMost = 3;
    if (!m_toast->isVisible() || m_toast->text() != m_complaints.join(QLatin1Char('\n'))) m_complaints.clear();
    m_complaints.removeAll(sentence);
    m_complaints << sentence;
    if (m_complaints.size() > kMost) m_complaints.removeFirst();
    m_toastAction = nullptr;
    m_toast->show(m_complaints.join(QLatin1Char('\n')));
}

void MainWindow::Parts::openLink(const QUrl &url) {
    auto *box = new QMessageBox(QMessageBox::Question, tr("Open this link?"),
                                tr("The answer links to\n%1\n\nIt opens in your browser.").arg(url.toDisplayString()),
                                QMessageBox::Cancel, m_window);
    box->setTextFormat(Qt::PlainText);
    auto *open = box->addButton(tr("Open"), QMessageBox::AcceptRole);
    box->setAttribute(Qt::WA_DeleteOnClose);
    connect(box, &QMessageBox::buttonClicked, this, [open, url](const QAbstractButton *pressed) {
        if (pressed == static_cast<const QAbstractButton *>(open)) QDesktopServices::openUrl(url);
    });
    box->open();
}

} // namespace facet::ui
