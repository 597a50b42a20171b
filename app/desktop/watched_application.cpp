#include "watched_application.h"

#include <QEvent>
#include <QLoggingCategory>
#include <QMetaEnum>
#include <QPointer>
#include <QThread>

#include <ctime>
#include <utility>

namespace {

Q_LOGGING_CATEGORY(lcWatchdog, "facet.watchdog", QtWarningMsg)

bool wanted() {
#ifndef NDEBUG
    return true;
#else
    return qEnvironmentVariableIntValue("FACET_WATCHDOG") > 0;
#endif
}

QString nameOf(QObject *receiver, QEvent::Type type) {
    const char *kind = QMetaEnum::fromType<QEvent::Type>().valueToKey(type);
    return QStringLiteral("%1 of %2 %3")
        .arg(kind ? QString::fromLatin1(kind) : QString::number(int(type)),
             QString::fromLatin1(receiver->metaObject()->className()), receiver->objectName())
        .trimmed();
}

} // namespace

WatchedApplication::WatchedApplication(int &argc, char **argv) : QApplication(argc, argv), m_watching(wanted()) {}

double WatchedApplication::threadCpuMs() {
#ifdef CLOCK_THREAD_CPUTIME_ID
    timespec now{};
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0) {
        return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
    }
#endif
    return 0;
}

bool WatchedApplication::notify(QObject *receiver, QEvent *event) {
    if (!m_watching || QThread::currentThread() != thread()) {
        return QApplication::notify(receiver, event);
    }
    const int level = QThread::currentThread()->loopLevel();
    if (level <= m_level) { // part of the handler that is being measured already
        return QApplication::notify(receiver, event);
    }
    const int outer = m_level;
    m_level = level;
    m_nested = outer >= 0; // seen by the outer handler: it holds a loop of its own
    const QString name = nameOf(receiver, event->type()); // neither need outlive the handling
    QElapsedTimer clock;
    clock.start();
    const double cpuBefore = threadCpuMs();
    const bool result = QApplication::notify(receiver, event);
    const double spent = static_cast<double>(clock.nsecsElapsed()) / 1e6, cpu = threadCpuMs() - cpuBefore;
    const bool heldLoop = outer < 0 && std::exchange(m_nested, false);
    m_level = outer;
    if (heldLoop) {
        return result;
    }
    if (spent > m_worstMs) {
        m_worstMs = spent;
        m_worst = name;
    }
    if (cpu > m_worstCpuMs) {
        m_worstCpuMs = cpu;
        m_worstCpu = name;
    }
    ++m_handlers.count;
    m_handlers.over += cpu > kLimitMs ? 1 : 0;
    if (cpu > m_handlers.worstCpuMs) {
        m_handlers.worstCpuMs = cpu;
        m_handlers.worst = name;
    }
    if (spent > kLimitMs) {
        ++m_over;
        qCWarning(lcWatchdog, "%s kept the window's thread for %.1f ms (%.1f ms of computing)", qPrintable(name), spent,
                  cpu);
    }
    return result;
}

QJsonObject WatchedApplication::report() const {
    return {{QStringLiteral("worstMs"), m_worstMs},
            {QStringLiteral("worst"), m_worst},
            {QStringLiteral("worstCpuMs"), m_worstCpuMs},
            {QStringLiteral("worstCpu"), m_worstCpu},
            {QStringLiteral("over"), m_over},
            {QStringLiteral("limitMs"), kLimitMs}};
}
