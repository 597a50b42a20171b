#include "ui/widgets/gui_watchdog.h"

#include <QAbstractEventDispatcher>
#include <QLoggingCategory>

#include <algorithm>

namespace facet::ui {

namespace {
Q_LOGGING_CATEGORY(lcWatchdog, "facet.ui.watchdog", QtInfoMsg)
}

GuiWatchdog::GuiWatchdog(int limitMs, QObject *parent) : QObject(parent) {
    QAbstractEventDispatcher *dispatcher = QAbstractEventDispatcher::instance();
    if (!dispatcher) {
        return;
    }
    connect(dispatcher, &QAbstractEventDispatcher::awake, this, [this] { m_busySince.start(); });
    connect(dispatcher, &QAbstractEventDispatcher::aboutToBlock, this, [this, limitMs] {
        const qint64 busy = m_busySince.isValid() ? m_busySince.elapsed() : 0;
        m_longestMs = std::max(m_longestMs, busy);
        if (busy > limitMs) {
            qCDebug(lcWatchdog, "the window's thread was busy for %lld ms", static_cast<long long>(busy));
        }
    });
}

} // namespace facet::ui
