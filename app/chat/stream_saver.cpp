#include "chat/stream_saver.h"

#include <QPointer>

#include <utility>

namespace facet::chat {
namespace {
constexpr int kIntervalMs = 250;
constexpr qsizetype kCharacters = 200;
} // namespace

StreamSaver::StreamSaver(store::HistoryStore *history, Failed failed, QObject *parent)
    : QObject(parent), m_history(history), m_failed(std::move(failed)) {
    m_timer.setSingleShot(true);
    m_timer.setInterval(kIntervalMs);
    connect(&m_timer, &QTimer::timeout, this, &StreamSaver::save);
}

void StreamSaver::begin(qint64 message) {
    m_message = message;
    m_text.clear();
    m_thinking.clear();
    m_savedSize = 0;
}

void StreamSaver::note(const QString &text, const QString &thinking) {
    if (m_message == 0) {
        return;
    }
    m_text = text;
    m_thinking = thinking;
    if (text.size() + thinking.size() - m_savedSize >= kCharacters) {
        save();
    } else if (!m_timer.isActive()) {
        m_timer.start();
    }
}

void StreamSaver::end() {
    m_timer.stop();
    m_message = 0;
}

void StreamSaver::save() {
    const qsizetype size = m_text.size() + m_thinking.size();
    if (m_message == 0 || m_saving || size == m_savedSize) {
        return;
    }
    m_saving = true;
    m_savedSize = size;
    m_timer.stop();
    m_history->saveStreaming(m_message, m_text, m_thinking, [self = QPointer<StreamSaver>(this)](const Status &saved) {
        if (self) {
            self->saved(saved);
        }
    });
}

void StreamSaver::saved(const Status &saved) {
    m_saving = false;
    if (!saved && m_failed) {
        m_failed(saved.error());
    }
    if (m_message != 0 && m_text.size() + m_thinking.size() != m_savedSize && !m_timer.isActive()) {
        m_timer.start();
    }
}

} // namespace facet::chat
