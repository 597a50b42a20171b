// The whole window over a scripted controller: keys, settings, looks, names for those who cannot see it.
#include "ui/composer/composer.h"
#include "ui/dialogs/info_dialogs.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/main_window.h"
#include "ui/models/models_dialog.h"
#include "ui/sidebar/conversation_model.h"
#include "ui/sidebar/hit_list.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/transcript/transcript_view.h"
#include "ui/widgets/bars.h"
#include "ui/widgets/empty_state.h"
#include "window_fixture.h"

#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QFile>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QListWidget>
#include <QMenuBar>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QTreeWidget>

using namespace facet;
using namespace facet::ui;
using tests::FakeChatController;

class MainWindowSettingsTest : public tests::WindowFixture {
    Q_OBJECT

private slots:
    void init() { open(); }
    void cleanup() { close(); }

    void shortcutsOfTheConventions() {
        for (const char *key :
             {"Ctrl+N", "Ctrl+Shift+O", "Ctrl+K", "Ctrl+F",       "Ctrl+Shift+F", "Ctrl+B", "F9",     "Ctrl+O",
              "Ctrl+L", "Ctrl+R",       "Ctrl+.", "Ctrl+Shift+C", "Ctrl+,",       "Ctrl+1", "Ctrl+4", "Ctrl+Tab",
              "Ctrl++", "Ctrl+-",       "Ctrl+0", "F1",           "Ctrl+?",       "Ctrl+Q", "F6",     "Ctrl+S"}) {
            QVERIFY2(action(QLatin1String(key)), key);
        }
        // No key stands for two things.
        QStringList seen;
        for (QAction *each : m_window->findChildren<QAction *>()) {
            for (const QKeySequence &key : each->shortcuts()) {
                QVERIFY2(!seen.contains(key.toString()), qPrintable(key.toString()));
                seen << key.toString();
            }
        }
        QCOMPARE(m_window->menuBar()->actions().size(), 5);
    }

    void keysCanBeChanged() {
        QTemporaryDir folder;
        QSettings store(folder.filePath(QStringLiteral("window.ini")), QSettings::IniFormat);
        m_window->useSettings(&store);
        action(QStringLiteral("Ctrl+,"))->trigger();
        auto *dialog = part<SettingsDialog>();
        QVERIFY(dialog);
        dialog->showPage(SettingsDialog::Shortcuts);
        auto *page = dialog->findChild<ShortcutsPage *>();
        QVERIFY(page && page->isVisible());
        const auto choose = [page](const QString &what) {
            page->list()->setCurrentItem(page->list()->findItems(what, Qt::MatchExactly).value(0));
        };
        choose(QStringLiteral("New chat"));
        QCOMPARE(page->field()->keySequence(), QKeySequence(QStringLiteral("Ctrl+N")));
        page->field()->setKeySequence(QKeySequence(QStringLiteral("Ctrl+B"))); // the side bar has it
        QVERIFY(page->notice()->text().contains(QStringLiteral("List of chats")));
        page->field()->setKeySequence(QKeySequence(QStringLiteral("Ctrl+Alt+N")));
        QVERIFY(!page->notice()->text().contains(QStringLiteral("List of chats")));
        QVERIFY(action(QStringLiteral("Ctrl+Alt+N")));
        QVERIFY(!action(QStringLiteral("Ctrl+N")));
        dialog->close();

        // Another window over the same settings has the keys, and can go back.
        m_window = std::make_unique<MainWindow>(m_controller.get(), nullptr);
        QVERIFY(action(QStringLiteral("Ctrl+N")));
        m_window->useSettings(&store);
        m_window->show();
        QVERIFY(action(QStringLiteral("Ctrl+Alt+N")));
        QVERIFY(!action(QStringLiteral("Ctrl+N")));
        action(QStringLiteral("Ctrl+,"))->trigger();
        part<SettingsDialog>()->showPage(SettingsDialog::Shortcuts);
        page = part<SettingsDialog>()->findChild<ShortcutsPage *>();
        for (QPushButton *button : page->findChildren<QPushButton *>()) {
            if (button->text().contains(QStringLiteral("all"))) button->click();
        }
        QVERIFY(action(QStringLiteral("Ctrl+N")));
        QVERIFY(action(QStringLiteral("Ctrl+Shift+O"))); // both of its keys
        const auto kept = [&store] {
            store.sync();
            store.beginGroup(QStringLiteral("shortcuts"));
            const QStringList all = store.childKeys();
            store.endGroup();
            return all;
        };
        QTRY_VERIFY(kept().isEmpty()); // written by a worker
    }

    // Qt tells windows when the desktop goes dark; a scheme that the user has chosen stays.
    void followsTheDesktop() {
        const QPalette light = QApplication::palette();
        QApplication::setPalette(Theme::of(Scheme::Dark).palette());
        QEvent change(QEvent::ThemeChange);
        QCoreApplication::sendEvent(m_window.get(), &change);
        QCoreApplication::sendEvent(m_window.get(), &change);
        QTRY_COMPARE(QApplication::palette().color(QPalette::Window), light.color(QPalette::Window));
        QTemporaryDir folder;
        QSettings store(folder.filePath(QStringLiteral("window.ini")), QSettings::IniFormat);
        store.setValue(QStringLiteral("window/theme"), int(Scheme::Dark));
        m_window->useSettings(&store);
        const QColor dark = QApplication::palette().color(QPalette::Window);
        QCoreApplication::sendEvent(m_window.get(), &change);
        QCoreApplication::processEvents();
        QCOMPARE(QApplication::palette().color(QPalette::Window), dark);
        applyTheme(Scheme::System);
    }

    void everyControlHasAName() {
        fill();
        m_controller->send(QStringLiteral("x"));
        m_controller->finishTurn();
        const QString folder = QString::fromLocal8Bit(qgetenv("FACET_FIXTURES")) + QStringLiteral("/media/");
        m_window->attachFiles({folder + QStringLiteral("shapes.png")});
        SettingsDialog settings(m_controller.get(), {}, {}, m_window.get());
        for (int page = 0; page <= SettingsDialog::Shortcuts; ++page) settings.showPage(SettingsDialog::Page(page));
        FullModelDialog full(m_window.get());
        ShortcutsDialog keys(m_window->findChildren<QAction *>(), m_window.get());
        QTest::qWait(50);
        int checked = 0;
        for (QWidget *widget : m_window->findChildren<QWidget *>()) {
            const bool internal =
                widget->objectName().startsWith(QStringLiteral("qt_")) || widget->inherits("QHeaderView") ||
                widget->inherits("QTableCornerButton") || widget->inherits("QSizeGrip") || widget->inherits("QMenu") ||
                widget->inherits("QMenuBar") || widget->inherits("QScrollBar") || widget->inherits("QDialog") ||
                (widget->parentWidget() && (widget->parentWidget()->inherits("QLineEdit") ||
                                            widget->parentWidget()->inherits("QAbstractSpinBox") ||
                                            widget->parentWidget()->inherits("QTableView")));
            if (internal || widget->focusPolicy() == Qt::NoFocus) continue;
            const auto *button = qobject_cast<QPushButton *>(widget);
            if (button && button->isHidden() && button->text().isEmpty()) continue; // gets its words when it is shown
            QAccessibleInterface *face = QAccessible::queryAccessibleInterface(widget);
            QVERIFY(face);
            QVERIFY2(
                !face->text(QAccessible::Name).isEmpty(),
                qPrintable(QLatin1String(widget->metaObject()->className()) + QLatin1Char(' ') + widget->objectName()));
            ++checked;
        }
        QVERIFY(checked > 30);
    }

    void narrowAndWide() {
        auto *sidebar = part<Sidebar>();
        m_window->resize(1600, 900);
        QVERIFY(sidebar->isVisible());
        QVERIFY(part<Composer>()->width() <= space::kColumn + 32);
        m_window->resize(480, 700);
        QTRY_VERIFY(!sidebar->isVisible());
        QCOMPARE(m_window->width(), 480); // nothing forces it wider
        QVERIFY(part<Composer>()->width() <= 480);
        m_window->resize(1180, 800);
        QTRY_VERIFY(sidebar->isVisible());
    }

    void preferencesArePersistent() {
        QTemporaryDir folder;
        {
            QSettings settings(folder.filePath(QStringLiteral("w.ini")), QSettings::IniFormat);
            m_window->useSettings(&settings);
            action(QStringLiteral("Ctrl++"))->trigger();
            action(QStringLiteral("Ctrl+B"))->trigger();
            m_window->close();
            QCOMPARE(settings.value(QStringLiteral("window/textScale")).toDouble(), 1.1);
            settings.setValue(QStringLiteral("window/theme"), int(Scheme::Dark));
            m_window.reset();
        }
        QSettings settings(folder.filePath(QStringLiteral("w.ini")), QSettings::IniFormat);
        MainWindow again(m_controller.get(), nullptr);
        again.useSettings(&settings);
        again.show();
        QVERIFY(!again.findChild<Sidebar *>()->isVisible());
        QVERIFY(Theme::of(QApplication::palette()).scheme == Scheme::Dark);
        settings.setValue(QStringLiteral("window/theme"), 99);
        settings.setValue(QStringLiteral("window/textScale"), QStringLiteral("nonsense"));
        again.useSettings(&settings); // survives what it did not write
        applyTheme(Scheme::Light);
    }

    void settingsReachTheController() {
        action(QStringLiteral("Ctrl+,"))->trigger();
        auto *dialog = part<SettingsDialog>();
        QVERIFY(dialog);
        dialog->showPage(SettingsDialog::Remote);
        QLineEdit *address = nullptr;
        for (QLineEdit *edit : dialog->findChildren<QLineEdit *>()) {
            if (edit->accessibleName() == QStringLiteral("Address")) address = edit;
        }
        QVERIFY(address);
        QPushButton *test = nullptr;
        for (QPushButton *button : dialog->findChildren<QPushButton *>()) {
            if (button->text().contains(QStringLiteral("Test"))) test = button;
        }
        address->setText(QStringLiteral("not an address at all://"));
        test->click();
        QVERIFY(m_controller->calls.filter(QStringLiteral("remote")).isEmpty());
        address->setText(QStringLiteral("http://127.0.0.1:8080/v1"));
        test->click();
        QVERIFY(m_controller->calls.contains(QStringLiteral("remote http://127.0.0.1:8080/v1  ")));
        part<Composer>()->thinkingButton()->click();
        QVERIFY(m_controller->settings().thinking);
        dialog->close();
    }
};

QTEST_MAIN(MainWindowSettingsTest)
#include "main_window_settings_test.moc"
