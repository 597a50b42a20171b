// Theme, text size, geometry: what the window remembers, and how it fits itself to its width.
#include "ui/composer/composer.h"
#include "ui/dialogs/shortcuts_page.h"
#include "ui/main_window_parts.h"
#include "ui/sidebar/sidebar.h"
#include "ui/theme/theme.h"

#include <QAction>
#include <QApplication>
#include <QEvent>
#include <QSettings>
#include <QSplitter>
#include <QToolButton>

#include <algorithm>

namespace facet::ui {

namespace {
constexpr int kNarrow = 720; // below this the side bar steps aside by itself
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
    loadShortcuts(settings, m_actions);
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
    keep({{QStringLiteral("window/theme"), int(m_preferences.scheme)},
          {QStringLiteral("window/textScale"), m_preferences.textScale},
          {QStringLiteral("window/enterSends"), m_preferences.enterSends},
          {QStringLiteral("window/geometry"), m_window->saveGeometry()},
          {QStringLiteral("window/splitter"), m_splitter->saveState()},
          {QStringLiteral("window/sidebar"), m_sidebarWanted}});
}

// Writing waits for the disk: a worker does it, one after the other. A value that is not valid is forgotten.
void MainWindow::Parts::keep(const QVariantMap &values) {
    if (!m_settings) {
        return;
    }
    m_writer.setMaxThreadCount(1);
    m_writer.start([file = m_settings->fileName(), format = m_settings->format(), values] {
        QSettings settings(file, format);
        for (auto value = values.begin(); value != values.end(); ++value) {
            if (value->isValid()) {
                settings.setValue(value.key(), *value);
            } else {
                settings.remove(value.key());
            }
        }
        settings.sync();
    });
}

bool MainWindow::Parts::eventFilter(QObject *watched, QEvent *event) {
    if (watched == m_window && event->type() == QEvent::Resize) fitToWidth();
    if (watched == m_window && event->type() == QEvent::ThemeChange) followSystemTheme();
    return QObject::eventFilter(watched, event);
}

// The desktop went dark or light while Facet runs (QStyleHints::colorSchemeChanged exists only since Qt 6.5). Later, when
// the platform has told all windows; once, however many there are.
void MainWindow::Parts::followSystemTheme() {
    if (m_preferences.scheme != Scheme::System || m_themeAsked) {
        return;
    }
    m_themeAsked = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_themeAsked = false;
            applyTheme(m_preferences.scheme, m_preferences.textScale);
            tintCentre();
            updateState();
        },
        Qt::QueuedConnection);
}

// The centre stands on the ground colour, the side bar on the window's own.
void MainWindow::Parts::tintCentre() {
    const QPalette current = QApplication::palette();
    const Theme &theme = Theme::of(current);
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
