// Menus, shortcuts and dialogs of the main window.
#include "ui/composer/composer.h"
#include "ui/dialogs/file_dialog.h"
#include "ui/dialogs/info_dialogs.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/main_window_parts.h"
#include "ui/models/models_dialog.h"
#include "ui/sidebar/conversation_model.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/icons.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"
#include "ui/widgets/plain_tip.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QLineEdit>
#include <QListView>
#include <QMenuBar>
#include <QPushButton>
#include <QStackedWidget>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {

QList<QKeySequence> keys(std::initializer_list<const char *> names) {
    QList<QKeySequence> list;
    for (const char *name : names) list << QKeySequence(QLatin1String(name));
    return list;
}

} // namespace

QAction *MainWindow::Parts::add(QMenu *menu, const QByteArray &name, const QString &text,
                                const QList<QKeySequence> &shortcuts, std::function<void()> run,
                                const QString &iconName) {
    auto *action = new QAction(text, m_window);
    action->setObjectName(QString::fromLatin1(name));
    action->setProperty(kStandardKeys, QVariant::fromValue(shortcuts));
    if (!iconName.isEmpty()) action->setIcon(icon(iconName));
    action->setShortcuts(shortcuts);
    connect(action, &QAction::triggered, this, [run = std::move(run)] { run(); });
    menu->addAction(action);
    m_actions << action;
    return action;
}

void MainWindow::Parts::makeActions() {
    QMenuBar *bar = m_window->menuBar();
    QMenu *file = bar->addMenu(tr("&File"));
    add(
        file, "new", tr("&New chat"), keys({"Ctrl+N", "Ctrl+Shift+O"}),
        [this] {
            m_controller->newConversation();
            m_composer->edit()->setFocus();
        },
        QStringLiteral("new-chat"));
    add(
        file, "attach", tr("&Attach files …"), keys({"Ctrl+O"}), [this] { chooseFiles(); }, QStringLiteral("attach"));
    m_exportAction = add(
        file, "export", tr("Save chat &as …"), keys({"Ctrl+S"}), [this] { chooseExport(); },
        QStringLiteral("arrow-down"));
    file->addSeparator();
    add(
        file, "models", tr("Models on this &computer …"), keys({"Ctrl+Alt+M"}), [this] { showModels(); },
        QStringLiteral("model"));
    add(
        file, "openModel", tr("Open &model folder …"), keys({"Ctrl+M"}), [this] { chooseModel(); }, QStringLiteral("folder"));
    add(file, "openModelFile", tr("Open model &file …"), keys({"Ctrl+Shift+M"}), [this] { chooseModelFile(); });
    QMenu *recent = file->addMenu(tr("&Recent models"));
    connect(recent, &QMenu::aboutToShow, this, [this, recent] { fillRecentMenu(recent); });
    add(
        file, "server", tr("Use a &server …"), {}, [this] { showSettings(SettingsDialog::Remote); }, QStringLiteral("server"));
    file->addSeparator();
    add(
        file, "settings", tr("&Settings …"), keys({"Ctrl+,"}), [this] { showSettings(SettingsDialog::General); },
        QStringLiteral("settings"))
        ->setMenuRole(QAction::PreferencesRole);
    add(file, "quit", tr("&Quit"), keys({"Ctrl+Q"}), [this] { m_window->close(); })->setMenuRole(QAction::QuitRole);

    QMenu *edit = bar->addMenu(tr("&Edit"));
    add(
        edit, "copy", tr("&Copy selection"), {}, [this] { m_transcript->copy(false); }, QStringLiteral("copy"));
    add(edit, "copyMarkdown", tr("Copy selection as &Markdown"), keys({"Ctrl+Alt+C"}), [this] { m_transcript->copy(true); });
    add(edit, "copyLast", tr("Copy &last answer"), keys({"Ctrl+Shift+C"}), [this] {
        const QString answer = m_transcript->lastAnswer();
        if (!answer.isEmpty()) {
            QApplication::clipboard()->setText(answer);
            m_toastAction = nullptr;
            m_toast->show(tr("The last answer is on the clipboard."));
        }
    });
    edit->addSeparator();
    add(
        edit, "find", tr("&Find in this chat …"), keys({"Ctrl+F"}), [this] { openFind(); }, QStringLiteral("search"));
    add(edit, "search", tr("&Search all chats"), keys({"Ctrl+K", "Ctrl+Shift+F"}), [this] {
        setSidebarVisible(true, !m_narrow);
        m_sidebar->search()->setFocus(Qt::ShortcutFocusReason);
    });
    edit->addSeparator();
    add(
        edit, "editLast", tr("&Edit last message"), keys({"Ctrl+E"}), [this] { editLast(); }, QStringLiteral("edit"));
    m_undoAction = add(edit, "undoDelete", tr("&Undo deleting the chat"), keys({"Ctrl+Alt+Z"}), [this] {
        m_controller->undoDelete();
        m_undoAction->setEnabled(false);
        m_toast->hide();
    });
    m_undoAction->setEnabled(false);

    QMenu *chatMenu = bar->addMenu(tr("&Chat"));
    m_stopAction = add(
        chatMenu, "stop", tr("&Stop"), keys({"Ctrl+."}), [this] { m_controller->stop(); }, QStringLiteral("stop"));
    m_regenerateAction = add(
        chatMenu, "answerAgain", tr("&Answer again"), keys({"Ctrl+R"}), [this] { regenerateLast(); }, QStringLiteral("regenerate"));
    m_thinkingAction = add(
        chatMenu, "think", tr("&Think before answering"), keys({"Ctrl+T"}), [this] { m_composer->thinkingButton()->toggle(); },
        QStringLiteral("think"));
    m_thinkingAction->setCheckable(true);
    add(
        chatMenu, "record", tr("Record from the &microphone"), keys({"Ctrl+Shift+R"}),
        [this] {
            QToolButton *button = m_composer->microphoneButton();
            if (button->isEnabled()) {
                button->click();
            } else {
                complain(button->accessibleDescription()); // why it cannot
            }
        },
        QStringLiteral("microphone"));
    chatMenu->addSeparator();
    const QVector<std::pair<QString, EmptyState::Task>> tasks = {
        {tr("Read te&xt in a picture"), EmptyState::Task::ReadText},
        {tr("Find &objects in a picture"), EmptyState::Task::FindObjects},
        {tr("Trans&cribe a recording"), EmptyState::Task::Transcribe},
        {tr("As&k"), EmptyState::Task::Ask}};
    for (int i = 0; i < tasks.size(); ++i) {
        add(chatMenu, QByteArray("task" + QByteArray::number(i + 1)), tasks[i].first, {QKeySequence(Qt::CTRL | Qt::Key(Qt::Key_1 + i))},
            [this, task = tasks[i].second] { beginTask(task); });
    }
    chatMenu->addSeparator();
    add(
        chatMenu, "rename", tr("&Rename chat"), keys({"F2"}),
        [this] {
            setSidebarVisible(true, !m_narrow);
            m_sidebar->renameCurrent();
        },
        QStringLiteral("edit"));
    add(
        chatMenu, "delete", tr("&Delete chat"), keys({"Ctrl+Shift+Del"}), [this] { m_sidebar->deleteCurrent(); },
        QStringLiteral("trash"));
    add(chatMenu, "next", tr("Ne&xt chat"), keys({"Ctrl+Tab"}), [this] { stepConversation(1); });
    add(chatMenu, "previous", tr("Pre&vious chat"), keys({"Ctrl+Shift+Tab"}), [this] { stepConversation(-1); });

    QMenu *view = bar->addMenu(tr("&View"));
    m_sidebarAction = add(
        view, "sidebar", tr("List of &chats"), keys({"Ctrl+B", "F9"}),
        [this] { setSidebarVisible(!m_sidebar->isVisible(), !m_narrow); }, QStringLiteral("sidebar"));
    m_sidebarAction->setCheckable(true);
    m_sidebarAction->setChecked(true);
    m_newButton->hide();
    view->addSeparator();
    add(
        view, "larger", tr("&Larger text"), keys({"Ctrl++", "Ctrl+="}), [this] { zoom(1); }, QStringLiteral("zoom-in"));
    add(
        view, "smaller", tr("&Smaller text"), keys({"Ctrl+-"}), [this] { zoom(-1); }, QStringLiteral("zoom-out"));
    add(view, "normalSize", tr("&Normal text size"), keys({"Ctrl+0"}), [this] { zoom(0); });
    view->addSeparator();
    add(view, "compose", tr("&Write a message"), keys({"Ctrl+L"}),
        [this] { m_composer->edit()->setFocus(Qt::ShortcutFocusReason); });
    add(view, "nextPane", tr("Next &pane"), keys({"F6"}), [this] { cyclePane(); });
    add(
        view, "end", tr("&Jump to the end"), keys({"Ctrl+End"}), [this] { m_transcript->scrollToEnd(); },
        QStringLiteral("arrow-down"));

    QMenu *help = bar->addMenu(tr("&Help"));
    add(
        help, "shortcuts", tr("&Keyboard shortcuts"), keys({"Ctrl+?", "F1"}), [this] { showShortcuts(); },
        QStringLiteral("keyboard"));
    add(
        help, "fullModel", tr("Get a &full model"), {}, [this] { showFullModel(); }, QStringLiteral("info"));
    add(help, "about", tr("&About Facet and licences"), {}, [this] { showAbout(); })->setMenuRole(QAction::AboutRole);

    connect(m_sidebarButton, &QToolButton::clicked, m_sidebarAction, &QAction::trigger);
    connect(m_newButton, &QToolButton::clicked, this, [this] { m_controller->newConversation(); });
    connect(m_findButton, &QToolButton::clicked, this, &Parts::openFind);
    makeModelMenu();
}

void MainWindow::Parts::fillRecentMenu(QMenu *menu) {
    menu->clear();
    for (const QString &path : m_controller->recentModels()) {
        QAction *action = menu->addAction(m_controller->modelTitle(path).replace(QLatin1Char('&'), QLatin1String("&&")));
        action->setToolTip(plainTip(path));
        action->setCheckable(true);
        action->setChecked(path == m_controller->engine().modelPath);
        connect(action, &QAction::triggered, this, [this, path] { m_controller->openModel(path); });
    }
    if (menu->isEmpty()) {
        menu->addAction(tr("None yet"))->setEnabled(false);
    }
    menu->setToolTipsVisible(true);
}

void MainWindow::Parts::makeModelMenu() {
    m_modelMenu = new QMenu(m_window);
    connect(m_modelMenu, &QMenu::aboutToShow, this, [this] {
        fillRecentMenu(m_modelMenu);
        m_modelMenu->addSeparator();
        m_modelMenu->addAction(icon(QStringLiteral("search")), tr("Models on this computer …"), this,
                               &Parts::showModels);
        m_modelMenu->addAction(icon(QStringLiteral("folder")), tr("Open model folder …"), this, &Parts::chooseModel);
        m_modelMenu->addAction(icon(QStringLiteral("model")), tr("Open model file …"), this, &Parts::chooseModelFile);
        m_modelMenu->addAction(icon(QStringLiteral("server")), tr("Use a server …"), this,
                               [this] { showSettings(SettingsDialog::Remote); });
        if (m_controller->engine().remote) {
            m_modelMenu->addAction(icon(QStringLiteral("model")), tr("Use this computer"), m_controller,
                                   &chat::ChatController::useLocal);
        }
        m_modelMenu->addAction(icon(QStringLiteral("regenerate")), tr("Restart the engine"), m_controller,
                               &chat::ChatController::restartEngine);
        m_modelMenu->addAction(icon(QStringLiteral("info")), tr("Get a full model"), this, &Parts::showFullModel);
    });
    m_modelMenu->addAction(tr("None yet"))->setEnabled(false); // an empty menu would never be about to show
    m_composer->setModelMenu(m_modelMenu);
}

void MainWindow::Parts::chooseFiles() {
    auto *dialog = makeFileDialog(m_window, tr("Attach files"));
    dialog->setFileMode(QFileDialog::ExistingFiles);
    dialog->setNameFilters({tr("Pictures, recordings, films (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff *.gif *.wav "
                               "*.mp3 *.flac *.ogg *.opus *.m4a *.mp4 *.webm *.mkv)"),
                            tr("Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.tif *.tiff *.gif)"),
                            tr("Recordings (*.wav *.mp3 *.flac *.ogg *.opus *.m4a)"), tr("Films (*.mp4 *.webm *.mkv)"),
                            tr("All files (*)")});
    connect(dialog, &QFileDialog::filesSelected, this, &Parts::attachFiles);
    dialog->open();
}

void MainWindow::Parts::chooseExport() {
    if (m_controller->messages().isEmpty()) {
        return;
    }
    QString name;
    for (const chat::ConversationInfo &info : m_controller->conversations()) {
        if (info.id == m_controller->currentConversation()) name = info.title;
    }
    for (QChar &c : name) {
        if (c.unicode() < 0x20 || QStringLiteral("<>:\"/\\|?*").contains(c)) c = u'_';
    }
    const QString markdown = tr("Markdown, for people (*.md)"), json = tr("JSON, for programs (*.json)");
    auto *dialog = makeFileDialog(m_window, tr("Save this chat"));
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setNameFilters({markdown, json});
    dialog->setDefaultSuffix(QStringLiteral("md"));
    dialog->selectFile((name.isEmpty() ? tr("Chat") : name.left(60)) + QStringLiteral(".md"));
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog, json](const QString &filter) {
        dialog->setDefaultSuffix(filter == json ? QStringLiteral("json") : QStringLiteral("md"));
    });
    connect(dialog, &QFileDialog::fileSelected, m_controller, &chat::ChatController::exportConversation);
    dialog->open();
}

void MainWindow::Parts::chooseModel() {
    auto *dialog = makeFileDialog(m_window, tr("Open a model folder (with config.json and .safetensors files)"));
    dialog->setFileMode(QFileDialog::Directory);
    dialog->setOption(QFileDialog::ShowDirsOnly);
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString &path) { m_controller->openModel(path); });
    dialog->open();
}

void MainWindow::Parts::chooseModelFile() {
    auto *dialog = makeFileDialog(m_window, tr("Open a model file"));
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("Models in one file (*.gguf)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString &path) { m_controller->openModel(path); });
    dialog->open();
}

void MainWindow::Parts::showModels() {
    auto *dialog = new ModelsDialog(m_controller, m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &ModelsDialog::openFolderRequested, this, &Parts::chooseModel);
    connect(dialog, &ModelsDialog::openFileRequested, this, &Parts::chooseModelFile);
    dialog->open();
}

void MainWindow::Parts::showSettings(int page) {
    auto *dialog = new SettingsDialog(m_controller, m_preferences, m_actions, m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->showPage(SettingsDialog::Page(page));
    connect(dialog, &SettingsDialog::preferencesChanged, this, &Parts::applyPreferences);
    connect(dialog, &SettingsDialog::shortcutsChanged, this, [this] {
        keep(shortcutValues(m_actions));
    });
    connect(dialog, &SettingsDialog::openModelRequested, this, &Parts::chooseModel);
    connect(dialog, &SettingsDialog::modelsRequested, this, &Parts::showModels);
    connect(dialog, &SettingsDialog::fullModelRequested, this, &Parts::showFullModel);
    connect(dialog, &QDialog::finished, this, [this] {
        const bool thinking = m_controller->settings().thinking;
        m_composer->setThinking(thinking);
        const QSignalBlocker blocker(m_thinkingAction);
        m_thinkingAction->setChecked(thinking);
    });
    dialog->open();
}

void MainWindow::Parts::showFullModel() {
    auto *dialog = new FullModelDialog(m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &FullModelDialog::modelsRequested, this, &Parts::showModels);
    connect(dialog, &FullModelDialog::openFolderRequested, this, &Parts::chooseModel);
    connect(dialog, &FullModelDialog::openFileRequested, this, &Parts::chooseModelFile);
    connect(dialog, &FullModelDialog::serverRequested, this, [this] { showSettings(SettingsDialog::Remote); });
    dialog->open();
}

void MainWindow::Parts::showShortcuts() {
    auto *dialog = new ShortcutsDialog(m_actions, m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->open();
}

void MainWindow::Parts::showAbout() {
    auto *dialog = new AboutDialog(m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->open();
}

void MainWindow::Parts::stepConversation(int step) {
    const ConversationModel *model = m_sidebar->model();
    const int count = model->rowCount();
    if (count == 0) {
        return;
    }
    const int row = model->rowOf(m_controller->currentConversation());
    const int next = row < 0 ? (step > 0 ? 0 : count - 1) : (row + step + count) % count;
    m_controller->openConversation(model->idAt(next));
}

void MainWindow::Parts::cyclePane() {
    const bool inSidebar = m_sidebar->isAncestorOf(QApplication::focusWidget()),
               inComposer = m_composer->isAncestorOf(QApplication::focusWidget());
    if (inSidebar) {
        (m_stack->currentIndex() == 0 ? static_cast<QWidget *>(m_empty->cards().first()) : m_transcript)
            ->setFocus(Qt::ShortcutFocusReason);
    } else if (inComposer && m_sidebar->isVisible()) {
        m_sidebar->list()->setFocus(Qt::ShortcutFocusReason);
    } else {
        m_composer->edit()->setFocus(Qt::ShortcutFocusReason);
    }
}

void MainWindow::Parts::zoom(int steps) {
    Preferences preferences = m_preferences;
    preferences.textScale =
        steps == 0 ? 1.0 : std::clamp(preferences.textScale + 0.1 * steps, kMinTextScale, kMaxTextScale);
    if (!(preferences == m_preferences)) applyPreferences(preferences);
}

void MainWindow::Parts::openFind() {
    if (!m_controller->messages().isEmpty()) m_findBar->open();
}

} // namespace facet::ui
