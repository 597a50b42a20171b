// Debug builds: says in the log when the GUI thread was busy for longer than a frame may take.
#pragma once

#include <QElapsedTimer>
#include <QObject>

namespace facet::ui {

class GuiWatchdog : public QObject {
    Q_OBJECT
public:
    explicit GuiWatchdog(int limitMs = 8, QObject *parent = nullptr);
    qint64 longestMs() const { return m_longestMs; }

private:
    QElapsedTimer m_busySince;
    qint64 m_longestMs = 0;
};

} // namespace facet::ui
