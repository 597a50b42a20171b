#include "window_user.h"

#include "ui/main_window.h"
#include "ui/transcript/transcript_view.h"

#include <QAbstractButton>
#include <QAction>
#include <QApplication>
#include <QDir>
#include <QDropEvent>
#include <QFile>
#include <QJsonDocument>
#include <QKeyEvent>
#include <QKeySequence>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QMouseEvent>
#include <QUrl>

#include <utility>

namespace {

void click(QWidget *widget, const QPoint &at) {
    const QPointF local = at, global = widget->mapToGlobal(at);
    QMouseEvent move(QEvent::MouseMove, local, global, Qt::NoButton, Qt::NoButton, Qt::NoModifier);
    QMouseEvent press(QEvent::MouseButtonPress, local, global, Qt::LeftButton, Qt::LeftButton, Qt::NoModifier);
    QMouseEvent release(QEvent::MouseButtonRelease, local, global, Qt::LeftButton, Qt::NoButton, Qt::NoModifier);
    QCoreApplication::sendEvent(widget, &move);
    QCoreApplication::sendEvent(widget, &press);
    QCoreApplication::sendEvent(widget, &release);
}

// Who gets the keys; without a window manager no window may be the active one.
QWidget *focusOf(QWidget *window) {
    if (QApplication::focusWidget()) {
        return QApplication::focusWidget();
    }
    return window->focusWidget() ? window->focusWidget() : window;
}

} // namespace

WindowUser::WindowUser(facet::ui::MainWindow *window, QString folder, QString dumpFile,
                       std::function<QJsonObject()> more)
    : m_window(window), m_folder(std::move(folder)), m_dumpFile(std::move(dumpFile)), m_more(std::move(more)) {}

std::optional<bool> WindowUser::perform(const QJsonObject &action) {
    const auto text = [&action](const char *name) { return action.value(QLatin1String(name)).toString(); };
    if (action.contains(QLatin1String("drop"))) {
        drop(QDir(m_folder).absoluteFilePath(text("drop")));
    } else if (action.contains(QLatin1String("press"))) {
        return press(text("press")) || action.value(QLatin1String("maybe")).toBool();
    } else if (action.contains(QLatin1String("do"))) {
        auto *found = m_window->findChild<QAction *>(text("do"));
        if (!found || !found->isEnabled()) {
            return false;
        }
        // A dialog may run a loop of its own: this action is over before it does.
        QMetaObject::invokeMethod(found, &QAction::trigger, Qt::QueuedConnection);
    } else if (action.contains(QLatin1String("says"))) {
        return says(text("says"));
    } else if (action.contains(QLatin1String("into")) && !enter(text("into"))) {
        return false;
    } else if (action.contains(QLatin1String("type"))) {
        type(text("type"));
    } else if (action.contains(QLatin1String("key"))) {
        key(text("key"));
    } else if (action.contains(QLatin1String("dump"))) {
        return dump(text("dump"));
    } else if (action.contains(QLatin1String("close"))) {
        QMetaObject::invokeMethod(m_window, &QWidget::close, Qt::QueuedConnection);
    } else {
        return std::nullopt;
    }
    return true;
}

// In the middle of the window; as in QApplication, the nearest ancestor that accepts drops gets it.
void WindowUser::drop(const QString &path) {
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(path)});
    const QPoint at = m_window->rect().center();
    QWidget *target = m_window->childAt(at);
    while (target && target != m_window && !target->acceptDrops()) {
        target = target->parentWidget();
    }
    target = target ? target : m_window;
    const QPoint local = target->mapFrom(m_window, at);
    QDragEnterEvent enter(local, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QCoreApplication::sendEvent(target, &enter);
    if (enter.isAccepted()) {
        QDropEvent event(local, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(target, &event);
    }
}

bool WindowUser::press(const QString &name) {
    QWidget *top = QApplication::activeModalWidget() ? QApplication::activeModalWidget() : m_window;
    for (QAbstractButton *button : top->findChildren<QAbstractButton *>()) {
        const bool named = button->accessibleName() == name || button->text().remove(QLatin1Char('&')) == name;
        if (named && button->isVisible() && button->isEnabled()) {
            click(button, button->rect().center());
            return true;
        }
    }
    auto *transcript = m_window->findChild<facet::ui::TranscriptView *>();
    for (int message = transcript ? transcript->messageCount() - 1 : -1; message >= 0; --message) {
        for (const facet::ui::SpotPlace &place : transcript->spotsOf(message)) {
            if (transcript->spotAt(place).label != name) {
                continue;
            }
            if (!transcript->viewport()->rect().contains(transcript->spotRect(place))) {
                transcript->scrollToMessage(message);
            }
            click(transcript->viewport(), transcript->spotRect(place).center());
            return true;
        }
    }
    return false;
}

bool WindowUser::enter(const QString &field) {
    QWidget *top = QApplication::activeModalWidget() ? QApplication::activeModalWidget() : m_window;
    for (QLineEdit *edit : top->findChildren<QLineEdit *>()) {
        if (edit->accessibleName() == field && edit->isVisible() && edit->isEnabled()) {
            edit->window()->activateWindow();
            edit->setFocus(Qt::MouseFocusReason);
            edit->selectAll();
            m_field = edit;
            return true;
        }
    }
    return false;
}

bool WindowUser::says(const QString &words) const {
    const QWidget *top = QApplication::activeModalWidget() ? QApplication::activeModalWidget() : m_window;
    for (const QLabel *label : top->findChildren<QLabel *>()) {
        if (label->isVisible() && label->text().contains(words, Qt::CaseInsensitive)) {
            return true;
        }
    }
    return false;
}

void WindowUser::type(const QString &text) {
    const QPointer<QWidget> field = std::exchange(m_field, {}); // without a window manager it may not have the focus
    for (const QChar c : text) {
        QWidget *focus = field ? field.data() : focusOf(m_window);
        QKeyEvent press(QEvent::KeyPress, 0, Qt::NoModifier, QString(c));
        QKeyEvent release(QEvent::KeyRelease, 0, Qt::NoModifier, QString(c));
        QCoreApplication::sendEvent(focus, &press);
        QCoreApplication::sendEvent(focus, &release);
    }
}

void WindowUser::key(const QString &name) {
    const QKeySequence sequence(name);
    if (sequence.isEmpty()) {
        return;
    }
    const QKeyCombination keys = sequence[0];
    QWidget *focus = focusOf(m_window);
    // Shortcuts first, as the window system's events do.
    QKeyEvent shortcut(QEvent::ShortcutOverride, keys.key(), keys.keyboardModifiers());
    QCoreApplication::sendEvent(focus, &shortcut);
    for (QAction *action : m_window->findChildren<QAction *>()) {
        if (!shortcut.isAccepted() && action->isEnabled() && action->shortcuts().contains(sequence)) {
            action->trigger();
            return;
        }
    }
    QKeyEvent press(QEvent::KeyPress, keys.key(), keys.keyboardModifiers());
    QKeyEvent release(QEvent::KeyRelease, keys.key(), keys.keyboardModifiers());
    QCoreApplication::sendEvent(focus, &press);
    QCoreApplication::sendEvent(focus, &release);
}

bool WindowUser::dump(const QString &name) {
    if (m_dumpFile.isEmpty()) {
        return true;
    }
    QJsonObject state = m_window->describe();
    state.insert(QStringLiteral("dump"), name);
    state.insert(QStringLiteral("platform"), QGuiApplication::platformName());
    const QJsonObject more = m_more ? m_more() : QJsonObject();
    for (auto it = more.begin(); it != more.end(); ++it) {
        state.insert(it.key(), it.value());
    }
    QFile file(m_dumpFile);
    if (file.open(QIODevice::WriteOnly | QIODevice::Append)) {
        file.write(QJsonDocument(state).toJson(QJsonDocument::Compact) + '\n');
    }
    return true;
}
