#include "screenshot.h"

#include "chat/scripted_user.h"

#include <QCoreApplication>
#include <QPixmap>
#include <QTimer>
#include <QWidget>

namespace {
constexpr int kSettleMs = 1000; // layouts, pictures that are decoded in the background, animations
}

void saveScreenshotWhenDone(QWidget *window, facet::chat::ScriptedUser *user, const QString &path) {
    const auto save = [window, path] {
        QTimer::singleShot(kSettleMs, window,
                           [window, path] { QCoreApplication::exit(window->grab().save(path, "PNG") ? 0 : 1); });
    };
    if (user) {
        QObject::connect(user, &facet::chat::ScriptedUser::finished, window, save);
    } else {
        save();
    }
}
