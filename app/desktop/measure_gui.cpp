#include "measure_gui.h"

#include "chat/chat_controller.h"
#include "ui/composer/composer.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/main_window.h"
#include "ui/sidebar/sidebar.h"
#include "ui/transcript/transcript_view.h"

#include <QAction>
#include <QDialog>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QScrollBar>
#include <QSplitter>

#include <cstdio>
#include <memory>
#include <utility>

using namespace facet;
using chat::TurnPhase;

namespace {

constexpr int kTickMs = 30, kSettleTicks = 20; // between two acts; after the last one of a situation
constexpr int kPages = 30;

void type(QWidget *widget, QChar c) {
    QKeyEvent press(QEvent::KeyPress, 0, Qt::NoModifier, QString(c));
    QKeyEvent release(QEvent::KeyRelease, 0, Qt::NoModifier, QString(c));
    QCoreApplication::sendEvent(widget, &press);
    QCoreApplication::sendEvent(widget, &release);
}

} // namespace

MeasureGui::MeasureGui(WatchedApplication *application, ui::MainWindow *window, chat::ChatController *controller,
                       const MeasureData &data, double buildingMs)
    : m_application(application), m_window(window), m_controller(controller) {
    application->watch();
    application->takeHandlers();
    std::printf("| situation | steps | most computing in one step | which | over %d ms |\n|---|---|---|---|---|\n",
                WatchedApplication::kLimitMs);
    std::printf("| the window is made (before it is shown) | 1 | %.1f ms | | |\n", buildingMs);
    plan(data);
    planDialogs();
    setObjectName(QStringLiteral("the user"));
    m_timer.setObjectName(QStringLiteral("the user's hand"));
    connect(&m_timer, &QTimer::timeout, this, &MeasureGui::tick);
    m_timer.start(kTickMs);
}

MeasureGui::Act MeasureGui::trigger(const char *action) const {
    return [this, action] {
        auto *found = m_window->findChild<QAction *>(QLatin1String(action));
        if (found) found->trigger();
        return true;
    };
}

MeasureGui::Act MeasureGui::closeDialog() const {
    return [] {
        if (auto *dialog = qobject_cast<QDialog *>(QApplication::activeModalWidget())) dialog->reject();
        return true;
    };
}

void MeasureGui::plan(const MeasureData &data) {
    auto *transcript = m_window->findChild<ui::TranscriptView *>();
    auto *composer = m_window->findChild<ui::Composer *>();
    auto *sidebar = m_window->findChild<ui::Sidebar *>();
    QScrollBar *bar = transcript->verticalScrollBar();
    const Act idle = [this] { return m_controller->progress().phase == TurnPhase::Idle && m_controller->canSend(); };
    const auto open = [this](qint64 id) {
        return [this, id, asked = std::make_shared<bool>(false)] { // asked once: a second time would begin anew
            if (!std::exchange(*asked, true)) m_controller->openConversation(id);
            return m_controller->currentConversation() == id;
        };
    };

    m_situations.push_back({"first paint, the history and the engine come", {idle}});
    Situation typing{"writing 200 characters", {}};
    for (int i = 0; i < 200; ++i) {
        typing.acts.push_back([composer, i] {
            type(composer->edit(), QLatin1Char(i % 6 == 5 ? ' ' : char('a' + i % 26)));
            return true;
        });
    }
    typing.acts.push_back([composer] {
        composer->clear();
        return true;
    });
    m_situations.push_back(std::move(typing));
    m_situations.push_back({"a conversation of 500 messages is opened", {open(data.longChat())}});
    Situation scroll{"scrolling through it", {}};
    for (int i = 0; i <= kPages; ++i) {
        scroll.acts.push_back([bar, i] {
            bar->setValue(int(double(bar->maximum()) * (kPages - i) / kPages));
            return true;
        });
    }
    for (int i = 0; i < kPages; ++i) {
        scroll.acts.push_back([bar] {
            bar->setValue(bar->value() + bar->pageStep() * 9 / 10);
            return true;
        });
    }
    m_situations.push_back(std::move(scroll));
    Situation find{"finding words in it", {trigger("find")}};
    for (const QChar c : QStringLiteral("pressure")) {
        find.acts.push_back([this, c] {
            if (QApplication::focusWidget() && m_window->isAncestorOf(QApplication::focusWidget())) {
                type(QApplication::focusWidget(), c);
            }
            return true;
        });
    }
    for (int i = 0; i < 5; ++i) {
        find.acts.push_back([transcript] {
            transcript->findNext(1);
            return true;
        });
    }
    m_situations.push_back(std::move(find));
    Situation resize{"resizing the window", {}};
    for (int i = 0; i < 24; ++i) {
        resize.acts.push_back([this, i] {
            m_window->resize(1180 - (i < 12 ? i : 24 - i) * 60, 800);
            return true;
        });
    }
    m_situations.push_back(std::move(resize));
    m_situations.push_back({"going to and fro between conversations",
                            {open(data.otherChat()), open(data.longChat()), open(data.otherChat()), open(data.longChat()),
                             open(data.otherChat())}});
    m_situations.push_back({"the theme and the size of the text change",
                            {trigger("larger"), trigger("larger"), trigger("normalSize"), trigger("sidebar"),
                             trigger("sidebar")}});
    m_situations.push_back({"a new chat", {trigger("new"), trigger("task2"), [composer] {
                                               composer->clear();
                                               return true;
                                           }}});
    m_situations.push_back({"an answer of 20 000 characters streams",
                            {idle,
                             [this] {
                                 m_controller->send(QStringLiteral("A long answer, please."));
                                 return true;
                             },
                             idle}});
    m_situations.push_back({"10 pictures of 12 megapixels are dropped",
                            {[this, files = data.pictures()] {
                                 m_window->attachFiles(files);
                                 return true;
                             },
                             idle}});
    m_situations.push_back({"they are asked about and shown, boxes over one",
                            {idle,
                             [this] {
                                 m_controller->send(QStringLiteral("Detect every box."));
                                 return true;
                             },
                             idle,
                             [bar] {
                                 bar->setValue(0);
                                 return true;
                             }}});
    Situation search{"searching 12 000 messages", {trigger("search")}};
    for (const QChar c : QStringLiteral("compressor")) {
        search.acts.push_back([sidebar, c] {
            type(sidebar->search(), c);
            return true;
        });
    }
    for (int i = 0; i < 20; ++i) search.acts.push_back([] { return true; });
    search.acts.push_back([sidebar] {
        sidebar->search()->clear();
        return true;
    });
    m_situations.push_back(std::move(search));
}

void MeasureGui::planDialogs() {
    const auto page = [this](const char *name, ui::SettingsDialog::Page which) {
        m_situations.push_back({name, {trigger("settings"),
                                       [this, which] {
                                           if (auto *dialog = m_window->findChild<ui::SettingsDialog *>()) {
                                               dialog->showPage(which);
                                           }
                                           return true;
                                       },
                                       [] { return true; }, closeDialog()}});
    };
    page("the settings are opened", ui::SettingsDialog::General);
    page("settings: answers", ui::SettingsDialog::Answers);
    page("settings: model", ui::SettingsDialog::Model);
    page("settings: loading", ui::SettingsDialog::Loading);
    page("settings: another engine", ui::SettingsDialog::Remote);
    page("settings: shortcuts", ui::SettingsDialog::Shortcuts);
    const auto dialog = [this](const char *name, const char *action) {
        Situation situation{name, {trigger(action)}};
        for (int i = 0; i < 10; ++i) situation.acts.push_back([] { return true; });
        situation.acts.push_back(closeDialog());
        m_situations.push_back(std::move(situation));
    };
    dialog("models on this computer", "models");
    dialog("how to get a full model", "fullModel");
    dialog("keyboard shortcuts", "shortcuts");
    dialog("about and licences", "about");
    dialog("choosing files (Qt's own dialog)", "attach");
    Situation menus{"the menus", {}};
    for (QAction *top : m_window->menuBar()->actions()) {
        QMenu *menu = top->menu();
        menus.acts.push_back([this, menu] {
            menu->popup(m_window->mapToGlobal(QPoint(20, 30)));
            return true;
        });
        menus.acts.push_back([] { return true; });
        menus.acts.push_back([menu] {
            menu->hide();
            return true;
        });
    }
    m_situations.push_back(std::move(menus));
}

void MeasureGui::tick() {
    if (m_situation >= m_situations.size()) {
        finish();
        return;
    }
    const Situation &now = m_situations[m_situation];
    if (m_act < now.acts.size()) {
        m_act += now.acts[m_act]() ? 1 : 0;
    } else if (++m_settle >= kSettleTicks) {
        take(now.name);
        ++m_situation;
        m_act = 0;
        m_settle = 0;
    }
}

void MeasureGui::take(const char *name) {
    const WatchedApplication::Handlers seen = m_application->takeHandlers();
    m_over = m_over || seen.over > 0;
    std::printf("| %s | %d | %.1f ms | %s | %d |\n", name, seen.count, seen.worstCpuMs,
                seen.worst.toUtf8().constData(), seen.over);
    std::fflush(stdout);
}

void MeasureGui::finish() {
    m_timer.stop();
    QCoreApplication::exit(m_over ? 1 : 0);
}
