// Saves the text of the answer that is being written, every 250 ms or 200 characters, so that a kill loses at most the
// last quarter of a second. One save is under way at a time; a slow disk makes saves rarer, never a queue of them.
#pragma once

#include "store/history_store.h"

#include <QObject>
#include <QTimer>

#include <functional>

namespace facet::chat {

class StreamSaver : public QObject {
    Q_OBJECT
public:
    using Failed = std::function<void(const Error &)>;

    StreamSaver(store::HistoryStore *history, Failed failed, QObject *parent = nullptr);

    void begin(qint64 message);
    void note(const QString &text, const QString &thinking);
    // The caller saves the whole message itself next.
    void end();

private:
    void save();
    void saved(const Status &saved);

    store::HistoryStore *m_history;
    Failed m_failed;
    QTimer m_timer;
    qint64 m_message = 0;
    QString m_text, m_thinking;
    qsizetype m_savedSize = 0;
    bool m_saving = false;
};

} // namespace facet::chat
