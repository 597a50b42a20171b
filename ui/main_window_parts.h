// The inside of MainWindow: its widgets, its actions and the wires between them and the controller.
#pragma once

#include "chat/chat_controller.h"
#include "ui/dialogs/preferences.h"
#include "ui/main_window.h"
#include "ui/widgets/empty_state.h"

#include <QKeySequence>
#include <QObject>
#include <QThreadPool>
#include <QUrl>
#include <QVariantMap>

#include <functional>

class QAction;
class QJsonObject;
class QLabel;
class QMenu;
class QSettings;
class QSplitter;
class QStackedWidget;
class QToolButton;

namespace facet::ui {

class Banner;
class Composer;
class FindBar;
class PhaseStrip;
class PictureCache;
class SettingsDialog;
class Sidebar;
class Toast;
class TranscriptView;

class MainWindow::Parts : public QObject {
    Q_OBJECT
public:
    Parts(MainWindow *window, chat::ChatController *controller, RecorderPort *recorder);

    void useSettings(QSettings *settings);
    void saveState();
    void waitForWriter() { m_writer.waitForDone(); }
    void attachFiles(const QStringList &paths);
    QJsonObject describe();

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    // main_window.cpp: layout
    QWidget *makeCentre(RecorderPort *recorder);
    QWidget *makeHeader();
    // main_window_wires.cpp
    void wireController();
    void wireTranscript();
    void wireComposer();
    void wireSidebar();
    // main_window_deeds.cpp
    void openedConversation();
    void showEngine(const chat::EngineState &engine);
    void showProgress(const chat::TurnProgress &progress);
    void updateState();
    void attachData(const QByteArray &png, const QString &name);
    void send(const QString &text);
    void editMessage(int index);
    void editLast();
    void regenerateLast();
    void deleteConversation(qint64 id);
    void beginTask(EmptyState::Task task);
    void openLink(const QUrl &url);
    void showFoundMessage(int index);
    void complain(const QString &sentence); // several at once stand below each other
    // main_window_preferences.cpp
    void applyPreferences(const Preferences &preferences);
    void keep(const QVariantMap &values);
    void followSystemTheme();
    void fitToWidth();
    void tintCentre();
    void setSidebarVisible(bool visible, bool byUser);
    // main_window_actions.cpp: menus, shortcuts, dialogs
    void makeActions();
    // `name`: what the settings know the action by; it never changes.
    QAction *add(QMenu *menu, const QByteArray &name, const QString &text, const QList<QKeySequence> &keys,
                 std::function<void()> run, const QString &icon = {});
    void fillRecentMenu(QMenu *menu);
    void makeModelMenu();
    void chooseFiles();
    void chooseExport();
    void chooseModel();
    void chooseModelFile();
    void showModels();
    void showSettings(int page);
    void showFullModel();
    void showShortcuts();
    void showAbout();
    void stepConversation(int step);
    void cyclePane();
    void zoom(int steps);
    void openFind();

    MainWindow *m_window;
    chat::ChatController *m_controller;
    QSettings *m_settings = nullptr; // read at the start
    QThreadPool m_writer;            // writes what is changed later
    Preferences m_preferences;

    PictureCache *m_pictures;
    QSplitter *m_splitter = nullptr;
    Sidebar *m_sidebar = nullptr;
    QWidget *m_centre = nullptr;
    QLabel *m_title = nullptr;
    QToolButton *m_sidebarButton = nullptr, *m_newButton = nullptr, *m_findButton = nullptr;
    Banner *m_demoBanner = nullptr, *m_problemBanner = nullptr;
    FindBar *m_findBar = nullptr;
    QStackedWidget *m_stack = nullptr;
    EmptyState *m_empty = nullptr;
    TranscriptView *m_transcript = nullptr;
    PhaseStrip *m_phase = nullptr;
    Composer *m_composer = nullptr;
    QLabel *m_status = nullptr;
    Toast *m_toast = nullptr;
    QList<QAction *> m_actions;
    QAction *m_exportAction = nullptr, *m_stopAction = nullptr, *m_regenerateAction = nullptr, *m_sidebarAction = nullptr,
            *m_thinkingAction = nullptr, *m_undoAction = nullptr;
    QMenu *m_modelMenu = nullptr;
    std::function<void()> m_toastAction;
    QStringList m_complaints; // that the toast shows
    QString m_jumpWords; // to be shown in the message that is being opened
    bool m_sidebarWanted = true, m_narrow = false, m_bannerDismissed = false, m_themeAsked = false;
};

} // namespace facet::ui
