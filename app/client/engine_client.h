// Streams one answer at a time from any OpenAI-compatible server: builds the body on a worker thread, reads server-sent
// events as they come, and hands updates on at most once a frame. Cancelling closes the connection.
#pragma once

#include "client/chunk_decoder.h"
#include "client/sse_parser.h"

#include <QElapsedTimer>
#include <QNetworkAccessManager>
#include <QObject>
#include <QThreadPool>
#include <QTimer>

#include <variant>

class QNetworkReply;

namespace facet::client {

class EngineClient : public QObject {
    Q_OBJECT
public:
    static constexpr int kFrameMs = 16;

    explicit EngineClient(QObject *parent = nullptr);
    ~EngineClient() override;

    void setEndpoint(const Endpoint &endpoint);
    const Endpoint &endpoint() const { return m_endpoint; }
    // Longest time without a byte. The own host sends comments every 15 s; others may be silent while they read a
    // prompt.
    void setIdleTimeout(int milliseconds) { m_idleTimer.setInterval(milliseconds); }

    void start(quint64 request, const ChatRequest &what);
    void cancel();
    bool isRunning() const { return m_request != 0; }
    // Ends the running answer with this failure; what has come is handed on first.
    void fail(const Failure &failure);

signals:
    void updated(quint64 request, const facet::client::StreamUpdate &update);
    void finished(quint64 request, const facet::client::StreamResult &result);

private:
    void post(const QByteArray &body);
    void readSome();
    void onReplyFinished();
    Failure transportFailure() const;
    void takeEvents(const QVector<SseEvent> &events);
    void flush();
    void finish();
    void dropReply();

    QNetworkAccessManager m_network;
    QThreadPool m_pool;
    Endpoint m_endpoint;
    QTimer m_flushTimer, m_idleTimer;
    QElapsedTimer m_sinceFlush, m_sinceStart;
    quint64 m_request = 0;
    QNetworkReply *m_reply = nullptr;
    SseParser m_parser;
    ChunkDecoder m_decoder;
    QByteArray m_plainBody; // of an error, or of a server that does not stream
    double m_firstTokenMs = 0;
};

} // namespace facet::client
