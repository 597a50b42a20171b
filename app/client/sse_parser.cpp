#include "client/sse_parser.h"

#include <algorithm>

namespace facet::client {

bool SseParser::feed(QByteArrayView bytes, QVector<SseEvent> &events) {
    qsizetype at = 0;
    while (at < bytes.size() && !m_broken) {
        if (m_afterCr) {
            m_afterCr = false;
            if (bytes[at] == '\n') { // the second half of a CRLF
                ++at;
                continue;
            }
        }
        const auto begin = bytes.begin() + at;
        const auto end = std::find_if(begin, bytes.end(), [](char c) { return c == '\n' || c == '\r'; });
        const qsizetype count = end - begin;
        if (m_line.size() + m_data.size() + count > m_maxEventBytes) {
            m_broken = true;
            break;
        }
        m_line.append(bytes.data() + at, count);
        at += count;
        if (end == bytes.end()) {
            break;
        }
        m_afterCr = bytes[at] == '\r';
        ++at;
        endLine(events);
    }
    return !m_broken;
}

bool SseParser::finish(QVector<SseEvent> &events) {
    if (!m_broken && !m_line.isEmpty()) {
        endLine(events);
    }
    if (!m_broken) {
        dispatch(events);
    }
    return !m_broken;
}

void SseParser::endLine(QVector<SseEvent> &events) {
    if (m_atStart) {
        m_atStart = false;
        if (m_line.startsWith("\xEF\xBB\xBF")) {
            m_line.remove(0, 3);
        }
    }
    if (m_line.isEmpty()) {
        dispatch(events);
        return;
    }
    const qsizetype colon = m_line.indexOf(':');
    const QByteArray field = colon < 0 ? m_line : m_line.left(colon); // empty: a comment
    QByteArray value = colon < 0 ? QByteArray() : m_line.mid(colon + 1);
    if (value.startsWith(' ')) {
        value.remove(0, 1);
    }
    if (field == "data") {
        if (m_hasData) {
            m_data.append('\n');
        }
        m_data.append(value);
        m_hasData = true;
    } else if (field == "event") {
        m_name = value;
    }
    m_line.clear();
}

void SseParser::dispatch(QVector<SseEvent> &events) {
    if (m_hasData) {
        events.append({m_name, m_data});
    }
    m_name.clear();
    m_data.clear();
    m_hasData = false;
}

} // namespace facet::client
