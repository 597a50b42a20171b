// The application with a watchdog over the GUI thread: with FACET_WATCHDOG=1, and always in debug builds, the log
// (category facet.watchdog) names every event whose handling kept the thread for longer than a frame may take (8 ms),
// with its receiver, and how much of the time it was computing (on a busy machine the rest is waiting for a processor).
// What a nested event loop (a menu, a dialog) spends waiting does not count.
//
//     application.watch();                 // also without FACET_WATCHDOG
//     ... the user does something ...
//     const Handlers seen = application.takeHandlers(); // since the last call: the worst of them, how many
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QJsonObject>

#include <utility>

class WatchedApplication : public QApplication {
    Q_OBJECT
public:
    static constexpr int kLimitMs = 8;

    WatchedApplication(int &argc, char **argv);
    bool notify(QObject *receiver, QEvent *event) override;

    // Of the handlers in some stretch of time, by what they computed.
    struct Handlers {
        int count = 0, over = 0;
        double worstCpuMs = 0;
        QString worst;
    };

    void watch() { m_watching = true; }
    QJsonObject report() const; // worst handler so far and how many were over the limit
    Handlers takeHandlers() { return std::exchange(m_handlers, {}); }
    // What this thread has computed so far; 0 where the system does not tell.
    static double threadCpuMs();

private:
    bool m_watching;
    int m_level = -1; // of the event loop whose handler is being measured; -1: none
    bool m_nested = false;
    double m_worstMs = 0, m_worstCpuMs = 0;
    QString m_worst, m_worstCpu;
    int m_over = 0;
    Handlers m_handlers;
};
