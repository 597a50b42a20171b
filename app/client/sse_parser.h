// Server-sent events out of a byte stream that comes in pieces of any size (HTML standard, section 9.2.6): LF, CRLF and
// CR line ends, comments, several data lines, a byte order mark. Works on bytes, so split UTF-8 is no matter.
//
//     SseParser parser;
//     if (!parser.feed(bytes, events)) giveUp();   // a line or an event is larger than the limit
#pragma once

#include <QByteArray>
#include <QByteArrayView>
#include <QVector>

namespace facet::client {

struct SseEvent {
    QByteArray name; // empty: "message"
    QByteArray data;
};

class SseParser {
public:
    static constexpr qsizetype kMaxEventBytes = 2 << 20;

    explicit SseParser(qsizetype maxEventBytes = kMaxEventBytes) : m_maxEventBytes(maxEventBytes) {}

    // Appends the events that are complete. False: too large; the stream is of no use any more.
    bool feed(QByteArrayView bytes, QVector<SseEvent> &events);
    // The stream has ended: an event without the blank line after it counts as well, some servers leave it out.
    bool finish(QVector<SseEvent> &events);

private:
    void endLine(QVector<SseEvent> &events);
    void dispatch(QVector<SseEvent> &events);

    qsizetype m_maxEventBytes;
    QByteArray m_line, m_name, m_data;
    bool m_hasData = false, m_afterCr = false, m_atStart = true, m_broken = false;
};

} // namespace facet::client
