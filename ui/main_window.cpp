#include "ui/main_window.h"

#include "ui/composer/composer.h"
#include "ui/main_window_parts.h"
#include "ui/overlay/picture_cache.h"
#include "ui/overlay/picture_view.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/facet_style.h"
#include "ui/theme/icons.h"
#include "ui/transcript/transcript_view.h"
#include "ui/transcript/words.h"
#include "ui/widgets/bars.h"
#include "ui/widgets/gui_watchdog.h"

#include <QApplication>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QScrollArea>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {

constexpr int kNarrow = 720; // below this the side bar steps aside by itself

QToolButton *headerButton(QWidget *parent, const QString &iconName, const QString &name, const QString &tip) {
    auto *button = new QToolButton(parent);
    button->setIcon(icon(iconName, Tint::Muted));
    button->setIconSize({18, 18});
    button->setAccessibleName(name);
    button->setToolTip(tip);
    button->setFocusPolicy(Qt::TabFocus);
    return button;
}

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

MainWindow::MainWindow(chat::ChatController *controller, RecorderPort *recorder, QWidget *parent)
    : QMainWindow(parent), m_parts(std::make_unique<Parts>(this, controller, recorder)) {}

MainWindow::~MainWindow() = default;

void MainWindow::useSettings(QSettings *settings) { m_parts->useSettings(settings); }

void MainWindow::attachFiles(const QStringList &paths) { m_parts->attachFiles(paths); }

void MainWindow::closeEvent(QCloseEvent *event) {
    m_parts->saveState();
    QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent *event) {
    if (!filesIn(event->mimeData()).isEmpty()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent *event) {
    attachFiles(filesIn(event->mimeData()));
    event->acceptProposedAction();
}

MainWindow::Parts::Parts(MainWindow *window, chat::ChatController *controller, RecorderPort *recorder)
    : m_window(window), m_controller(controller), m_pictures(new PictureCache(this)) {
    applyTheme(m_preferences.scheme, m_preferences.textScale);
#ifndef NDEBUG
    new GuiWatchdog(8, this);
#endif
    window->setWindowTitle(tr("Facet"));
    window->setWindowIcon(icon(QStringLiteral("facet"), Tint::Accent));
    window->resize(1180, 800);
    window->setMinimumSize(380, 420);
    window->setAcceptDrops(true);

    m_splitter = new QSplitter(window);
    m_sidebar = new Sidebar(m_splitter);
    m_centre = makeCentre(recorder);
    m_splitter->addWidget(m_sidebar);
    m_splitter->addWidget(m_centre);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setCollapsible(1, false);
    m_splitter->setSizes({264, 916});
    m_splitter->setHandleWidth(1);
    window->setCentralWidget(m_splitter);
    m_toast = new Toast(m_centre);
    connect(m_toast, &Toast::actionPressed, this, [this] {
        if (m_toastAction) m_toastAction();
    });
    tintCentre();
    makeActions();
    wireController();
    wireTranscript();
    wireComposer();
    wireSidebar();
    window->installEventFilter(this);
    connect(m_demoBanner, &Banner::pressed, this, &Parts::showFullModel);
    connect(m_problemBanner, &Banner::pressed, m_controller, &chat::ChatController::restartEngine);
    connect(m_empty, &EmptyState::chosen, this, &Parts::beginTask);
    m_sidebar->setConversations(m_controller->conversations(), m_controller->currentConversation());
    m_composer->setThinking(m_controller->settings().thinking);
    m_thinkingAction->setChecked(m_controller->settings().thinking);
    showEngine(m_controller->engine());
    openedConversation();
    showProgress(m_controller->progress());
    m_composer->edit()->setFocus();
}

QWidget *MainWindow::Parts::makeHeader() {
    auto *header = new QWidget;
    auto *row = new QHBoxLayout(header);
    row->setContentsMargins(space::kS, 6, space::kS, 6);
    row->setSpacing(space::kXs);
    m_sidebarButton = headerButton(header, QStringLiteral("sidebar"), tr("Show or hide the chats"),
                                   tr("Show or hide the chats (Ctrl+B)"));
    m_newButton = headerButton(header, QStringLiteral("new-chat"), tr("New chat"), tr("New chat (Ctrl+N)"));
    m_findButton =
        headerButton(header, QStringLiteral("search"), tr("Find in this chat"), tr("Find in this chat (Ctrl+F)"));
    m_title = new QLabel(header);
    m_title->setTextFormat(Qt::PlainText);
    m_title->setAlignment(Qt::AlignCenter);
    m_title->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_title->setAccessibleName(tr("Title of this chat"));
    row->addWidget(m_sidebarButton);
    row->addWidget(m_newButton);
    row->addWidget(m_title, 1);
    row->addWidget(m_findButton);
    row->addSpacing(m_sidebarButton->sizeHint().width()); // keeps the title in the middle
    return header;
}

QWidget *MainWindow::Parts::makeCentre(RecorderPort *recorder) {
    auto *centre = new QWidget;
    centre->setAutoFillBackground(true);
    centre->setBackgroundRole(QPalette::Window);
    m_demoBanner = new Banner(Banner::Kind::Info, centre);
    m_problemBanner = new Banner(Banner::Kind::Problem, centre);
    m_demoBanner->hide();
    m_problemBanner->hide();
    m_findBar = new FindBar(centre);
    m_empty = new EmptyState(centre);
    m_transcript = new TranscriptView(m_pictures, centre);
    m_stack = new QStackedWidget(centre);
    auto *emptyScroll = new QScrollArea(centre); // four cards do not fit into every window
    emptyScroll->setWidget(m_empty);
    emptyScroll->setWidgetResizable(true);
    emptyScroll->setFrameShape(QFrame::NoFrame);
    emptyScroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    emptyScroll->setFocusPolicy(Qt::NoFocus);
    emptyScroll->setAccessibleName(tr("Things to begin with"));
    m_stack->addWidget(emptyScroll);
    m_stack->addWidget(m_transcript);
    m_phase = new PhaseStrip(centre);
    m_composer = new Composer(m_pictures, recorder, centre);
    m_status = new QLabel(centre);
    m_status->setAlignment(Qt::AlignCenter);
    m_status->setForegroundRole(QPalette::PlaceholderText);
    m_status->setTextFormat(Qt::PlainText);
    m_status->setAccessibleName(tr("State of the engine"));
    m_status->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);

    auto *foot = new QWidget(centre);
    auto *footColumn = new QVBoxLayout(foot);
    footColumn->setContentsMargins(space::kL, 2, space::kL, space::kS);
    footColumn->setSpacing(space::kXs);
    const auto centred = [&](QWidget *widget) {
        auto *row = new QHBoxLayout;
        widget->setMaximumWidth(space::kColumn + 32);
        row->addStretch(1);
        row->addWidget(widget, 100);
        row->addStretch(1);
        footColumn->addLayout(row);
    };
    centred(m_phase);
    centred(m_composer);
    footColumn->addWidget(m_status);
    foot->setAutoFillBackground(true);

    auto *column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeHeader());
    column->addWidget(m_demoBanner);
    column->addWidget(m_problemBanner);
    column->addWidget(m_findBar);
    column->addWidget(m_stack, 1);
    column->addWidget(foot);
    return centre;
}

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
    connect(m_controller, &ChatController::problem, this, [this](const QString &sentence) { m_toast->show(sentence); });
    connect(m_controller, &ChatController::toolNeedsFile, this, [this](int message, const QString &callId) {
        const QString path = QFileDialog::getOpenFileName(m_window, tr("Choose the file that Facet may read"));
        m_controller->provideToolFile(message, callId, path);
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
    connect(m_composer, &Composer::problem, this, [this](const QString &sentence) { m_toast->show(sentence); });
}

void MainWindow::Parts::wireSidebar() {
    connect(m_sidebar, &Sidebar::newRequested, m_controller, &chat::ChatController::newConversation);
    connect(m_sidebar, &Sidebar::opened, this, [this](qint64 id) {
        if (id != m_controller->currentConversation()) m_controller->openConversation(id);
        if (m_narrow) setSidebarVisible(false, false);
    });
    connect(m_sidebar, &Sidebar::renamed, m_controller, &chat::ChatController::renameConversation);
    connect(m_sidebar, &Sidebar::deleteRequested, this, &Parts::deleteConversation);
}

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
    m_demoBanner->setContent(tr("This is the small demo model: it shows how everything works, but is often wrong."),
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
    m_composer->setText(EmptyState::promptFor(task));
    if (task != EmptyState::Task::Ask && m_composer->chips().isEmpty()) chooseFiles();
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

void MainWindow::Parts::applyPreferences(const Preferences &preferences) {
    m_preferences = preferences;
    applyTheme(preferences.scheme, preferences.textScale);
    tintCentre();
    m_composer->setEnterSends(preferences.enterSends);
    saveState();
    updateState();
}

void MainWindow::Parts::useSettings(QSettings *settings) {
    m_settings = settings;
    Preferences preferences;
    const int scheme = settings->value(QStringLiteral("window/theme"), int(Scheme::System)).toInt();
    preferences.scheme = scheme >= 0 && scheme <= int(Scheme::HighContrast) ? Scheme(scheme) : Scheme::System;
    preferences.textScale =
        std::clamp(settings->value(QStringLiteral("window/textScale"), 1.0).toDouble(), kMinTextScale, kMaxTextScale);
    preferences.enterSends = settings->value(QStringLiteral("window/enterSends"), true).toBool();
    m_settings = nullptr; // nothing is written back while it is read
    applyPreferences(preferences);
    m_window->restoreGeometry(settings->value(QStringLiteral("window/geometry")).toByteArray());
    m_splitter->restoreState(settings->value(QStringLiteral("window/splitter")).toByteArray());
    setSidebarVisible(settings->value(QStringLiteral("window/sidebar"), true).toBool(), true);
    m_settings = settings;
    fitToWidth();
}

void MainWindow::Parts::saveState() {
    if (!m_settings) {
        return;
    }
    m_settings->setValue(QStringLiteral("window/theme"), int(m_preferences.scheme));
    m_settings->setValue(QStringLiteral("window/textScale"), m_preferences.textScale);
    m_settings->setValue(QStringLiteral("window/enterSends"), m_preferences.enterSends);
    m_settings->setValue(QStringLiteral("window/geometry"), m_window->saveGeometry());
    m_settings->setValue(QStringLiteral("window/splitter"), m_splitter->saveState());
    m_settings->setValue(QStringLiteral("window/sidebar"), m_sidebarWanted);
}

bool MainWindow::Parts::eventFilter(QObject *watched, QEvent *event) {
    if (watched == m_window && event->type() == QEvent::Resize) fitToWidth();
    return QObject::eventFilter(watched, event);
}

// The centre stands on the ground colour, the side bar on the window's own.
void MainWindow::Parts::tintCentre() {
    const Theme &theme = Theme::of(QApplication::palette());
    QPalette own;
    own.setColor(QPalette::All, QPalette::Window, theme.ground);
    m_centre->setPalette(own);
}

// A narrow window has no room for the list: it steps aside and comes back.
void MainWindow::Parts::fitToWidth() {
    const bool narrow = m_window->width() < kNarrow;
    if (narrow != m_narrow) {
        m_narrow = narrow;
        setSidebarVisible(!narrow && m_sidebarWanted, false);
    }
}

void MainWindow::Parts::setSidebarVisible(bool visible, bool byUser) {
    m_sidebar->setVisible(visible);
    if (byUser) m_sidebarWanted = visible;
    m_newButton->setVisible(!visible);
    const QSignalBlocker blocker(m_sidebarAction);
    m_sidebarAction->setChecked(visible);
}

} // namespace facet::ui
