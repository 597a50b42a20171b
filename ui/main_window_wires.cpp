// The wires between the controller and the widgets of the window.
#include "ui/composer/composer.h"
#include "ui/dialogs/file_dialog.h"
#include "ui/main_window_parts.h"
#include "ui/overlay/picture_view.h"
#include "ui/sidebar/sidebar.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"

#include <QAction>
#include <QFileDialog>
#include <QFileInfo>

namespace facet::ui {

void MainWindow::Parts::wireController() {
    using chat::ChatController;
    connect(m_controller, &ChatController::conversationsChanged, this, [this] {
        m_sidebar->setConversations(m_controller->conversations(), m_controller->currentConversation());
        openedConversation();
    });
    connect(m_controller, &ChatController::conversationOpened, this, [this] {
        m_transcript->setMessages(m_controller->messages());
        m_composer->cancelEdit();
        m_sidebar->setConversations(m_controller->conversations(), m_controller->currentConversation());
        openedConversation();
    });
    connect(m_controller, &ChatController::messageAdded, this, [this](int index) {
        // Whatever came in between is caught up with: the transcript never has fewer messages than the controller told
        // of.
        for (int i = m_transcript->messageCount(); i <= index && i < m_controller->messages().size(); ++i) {
            m_transcript->addMessage(m_controller->messages()[i]);
        }
        updateState();
    });
    connect(m_controller, &ChatController::messageChanged, this, [this](int index) {
        if (index >= 0 && index < m_controller->messages().size())
            m_transcript->changeMessage(index, m_controller->messages()[index]);
    });
    connect(m_controller, &ChatController::messagesRemoved, this, [this](int first) {
        m_transcript->removeFrom(first);
        updateState();
    });
    connect(m_controller, &ChatController::branchShown, this, [this](int first) {
        m_transcript->replaceFrom(first, m_controller->messages().mid(first));
        m_composer->cancelEdit();
        updateState();
    });
    connect(m_controller, &ChatController::messageShown, this, &Parts::showFoundMessage);
    connect(m_controller, &ChatController::searchDone, m_sidebar, &Sidebar::setHits);
    connect(m_controller, &ChatController::exported, this, [this](const QString &file) {
        m_toastAction = nullptr;
        m_toast->show(tr("This chat was saved as %1.").arg(QFileInfo(file).fileName()));
    });
    connect(m_controller, &ChatController::attachmentReady, this,
            [this](int ticket, const chat::Attachment &attachment) {
                m_composer->chipReady(ticket, attachment, m_controller->attachmentPath(attachment));
                updateState();
            });
    connect(m_controller, &ChatController::attachmentFailed, this, [this](int ticket, const QString &sentence) {
        m_composer->chipFailed(ticket, sentence);
        updateState();
    });
    connect(m_controller, &ChatController::progressChanged, this, &Parts::showProgress);
    connect(m_controller, &ChatController::engineChanged, this, &Parts::showEngine);
    connect(m_controller, &ChatController::turnFinished, this, &Parts::updateState);
    connect(m_controller, &ChatController::problem, this, &Parts::complain);
    connect(m_controller, &ChatController::toolNeedsFile, this, [this](int message, const QString &callId) {
        QFileDialog *dialog = makeFileDialog(m_window, tr("Choose the file that Facet may read"));
        dialog->setFileMode(QFileDialog::ExistingFile);
        connect(dialog, &QDialog::finished, this, [this, dialog, message, callId](int result) {
            const QString path = result == QDialog::Accepted ? dialog->selectedFiles().value(0) : QString();
            m_controller->provideToolFile(message, callId, path);
        });
        dialog->open();
    });
}

void MainWindow::Parts::wireTranscript() {
    m_transcript->setAttachmentPaths(
        [this](const chat::Attachment &attachment) { return m_controller->attachmentPath(attachment); });
    m_transcript->setMessages(m_controller->messages());
    connect(m_transcript, &TranscriptView::linkActivated, this, &Parts::openLink);
    connect(m_transcript, &TranscriptView::editRequested, this, &Parts::editMessage);
    connect(m_transcript, &TranscriptView::regenerateRequested, this,
            [this](int message) { m_controller->regenerate(message); });
    connect(m_transcript, &TranscriptView::versionRequested, m_controller, &chat::ChatController::showVersion);
    connect(m_transcript, &TranscriptView::toolDecided, this, [this](int message, const QString &callId, bool allow) {
        m_controller->resolveTool(message, callId, allow);
    });
    connect(m_transcript, &TranscriptView::copied, this, [this] {
        m_toastAction = nullptr;
        m_toast->show(tr("Copied"));
    });
    connect(m_transcript, &TranscriptView::zoomRequested, this, &Parts::zoom);
    connect(
        m_transcript, &TranscriptView::pictureOpened, this,
        [this](int, const QString &path, const QString &name, const QSize &size, const QVector<OverlayMark> &marks) {
            auto *dialog = new PictureDialog(m_pictures, path, name, size, marks, m_window);
            dialog->setAttribute(Qt::WA_DeleteOnClose);
            dialog->open();
        });
    connect(m_findBar, &FindBar::wordsChanged, this, [this](const QString &words) {
        m_transcript->find(words);
        m_findBar->setResult(m_transcript->currentMatch(), m_transcript->matchCount());
    });
    connect(m_transcript, &TranscriptView::matchesChanged, this,
            [this] { m_findBar->setResult(m_transcript->currentMatch(), m_transcript->matchCount()); });
    connect(m_findBar, &FindBar::stepRequested, this, [this](int step) {
        m_transcript->findNext(step);
        m_findBar->setResult(m_transcript->currentMatch(), m_transcript->matchCount());
    });
    connect(m_findBar, &FindBar::closed, this, [this] {
        m_findBar->hide();
        m_transcript->find({});
        m_transcript->setFocus();
    });
}

void MainWindow::Parts::wireComposer() {
    connect(m_composer, &Composer::sendRequested, this, &Parts::send);
    connect(m_composer, &Composer::resendRequested, this,
            [this](int message, const QString &text) { m_controller->editAndResend(message, text); });
    connect(m_composer, &Composer::stopRequested, m_controller, &chat::ChatController::stop);
    connect(m_composer, &Composer::attachRequested, this, &Parts::chooseFiles);
    connect(m_composer, &Composer::filesDropped, this, &Parts::attachFiles);
    connect(m_composer, &Composer::pictureDropped, this, &Parts::attachData);
    connect(m_composer, &Composer::recordingFinished, this, [this](const QString &path) { attachFiles({path}); });
    connect(m_composer, &Composer::chipRemoved, this,
            [this](int ticket) { m_controller->removePendingAttachment(ticket); });
    connect(m_composer, &Composer::budgetChosen, this,
            [this](int ticket, int budget) { m_controller->setPendingBudget(ticket, budget); });
    connect(m_composer, &Composer::thinkingToggled, this, [this](bool on) {
        chat::GenerationSettings settings = m_controller->settings();
        settings.thinking = on;
        m_controller->setSettings(settings);
        m_composer->setThinking(on);
        const QSignalBlocker blocker(m_thinkingAction);
        m_thinkingAction->setChecked(on);
    });
    connect(m_composer, &Composer::editLastRequested, this, &Parts::editLast);
    connect(m_composer, &Composer::problem, this, &Parts::complain);
}

void MainWindow::Parts::wireSidebar() {
    connect(m_sidebar, &Sidebar::newRequested, m_controller, &chat::ChatController::newConversation);
    connect(m_sidebar, &Sidebar::opened, this, [this](qint64 id) {
        if (id != m_controller->currentConversation()) m_controller->openConversation(id);
        if (m_narrow) setSidebarVisible(false, false);
    });
    connect(m_sidebar, &Sidebar::searchRequested, m_controller, &chat::ChatController::search);
    connect(m_sidebar, &Sidebar::hitChosen, this, [this](qint64 conversation, qint64 message, const QString &words) {
        m_jumpWords = words;
        m_controller->openMessage(conversation, message);
        if (m_narrow) setSidebarVisible(false, false);
    });
    connect(m_sidebar, &Sidebar::renamed, m_controller, &chat::ChatController::renameConversation);
    connect(m_sidebar, &Sidebar::deleteRequested, this, &Parts::deleteConversation);
}

} // namespace facet::ui
