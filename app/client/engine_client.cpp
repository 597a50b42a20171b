#include "client/engine_client.h"

#include "client/request_body.h"

#include <QNetworkProxy>
#include <QNetworkReply>
#include <QPointer>

#include <utility>

namespace facet::client {
namespace {

constexpr int kOwnIdleMs = 90'000;
constexpr int kRemoteIdleMs = 600'000;
constexpr qsizetype kMaxPlainBody = 4 << 20;
constexpr qint64 kReadBuffer = 1 << 20;
constexpr qint64 kBytesAtOnce = 64 << 10; // some hundred chunks: well below a frame

bool isEventStream(const QNetworkReply &reply) {
    const int status = reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    const QString type = reply.header(QNetworkRequest::ContentTypeHeader).toString();
    return status == 200 &&
           (type.isEmpty() || type.startsWith(QLatin1String("text/event-stream"), Qt::CaseInsensitive));
}

} // namespace

EngineClient::EngineClient(QObject *parent) : QObject(parent) {
    m_pool.setMaxThreadCount(1);
    m_flushTimer.setSingleShot(true);
    m_flushTimer.setTimerType(Qt::PreciseTimer);
    connect(&m_flushTimer, &QTimer::timeout, this, &EngineClient::flush);
    m_idleTimer.setSingleShot(true);
    m_idleTimer.setInterval(kRemoteIdleMs);
    connect(&m_idleTimer, &QTimer::timeout, this, [this] { fail({FailureKind::TimedOut, 0, {}}); });
}

EngineClient::~EngineClient() {
    cancel();
    m_pool.waitForDone();
}

void EngineClient::setEndpoint(const Endpoint &endpoint) {
    m_endpoint = endpoint;
    m_idleTimer.setInterval(endpoint.privateHost ? kOwnIdleMs : kRemoteIdleMs);
    m_network.setProxy(endpoint.privateHost ? QNetworkProxy(QNetworkProxy::NoProxy) : QNetworkProxy());
}

void EngineClient::start(quint64 request, const ChatRequest &what) {
    cancel();
    m_request = request;
    m_parser = SseParser();
    m_decoder = ChunkDecoder(m_endpoint.privateHost);
    m_plainBody.clear();
    m_firstTokenMs = 0;
    m_sinceStart.start();
    m_sinceFlush.invalidate();
    m_pool.start([this, request, what, endpoint = m_endpoint] {
        auto body = buildRequestBody(what, endpoint);
        QMetaObject::invokeMethod(this, [this, request, body = std::move(body)] {
            if (request != m_request) {
                return; // cancelled meanwhile
            }
            if (const auto *failure = std::get_if<Failure>(&body)) {
                fail(*failure);
            } else {
                post(std::get<QByteArray>(body));
            }
        });
    });
}

void EngineClient::post(const QByteArray &body) {
    QNetworkRequest request(apiUrl(m_endpoint, QStringLiteral("chat/completions")));
    request.setHeader(QNetworkRequest::ContentTypeHeader, QByteArrayLiteral("application/json"));
    request.setRawHeader("Accept", "text/event-stream, application/json");
    // A redirected request would carry the key and the conversation to somebody else.
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
    if (!m_endpoint.key.isEmpty()) {
        request.setRawHeader("Authorization", "Bearer " + m_endpoint.key.toUtf8());
    }
    m_reply = m_network.post(request, body);
    m_reply->setReadBufferSize(kReadBuffer);
    connect(m_reply, &QNetworkReply::readyRead, this, &EngineClient::readSome);
    connect(m_reply, &QNetworkReply::finished, this, &EngineClient::onReplyFinished);
    m_idleTimer.start();
}

void EngineClient::readSome() {
    if (!m_reply) {
        return;
    }
    m_idleTimer.start();
    const QByteArray bytes = m_reply->read(kBytesAtOnce);
    if (m_reply->bytesAvailable() > 0) { // let the window breathe
        QMetaObject::invokeMethod(
            m_reply, [this] { readSome(); }, Qt::QueuedConnection);
    }
    if (!isEventStream(*m_reply)) {
        m_plainBody += bytes;
        if (m_plainBody.size() > kMaxPlainBody) {
            fail({FailureKind::BadResponse, 0, {}});
        }
        return;
    }
    QVector<SseEvent> events;
    const bool usable = m_parser.feed(bytes, events);
    takeEvents(events);
    if (!usable && m_request != 0) {
        fail({FailureKind::BadResponse, 0, {}});
    }
}

void EngineClient::takeEvents(const QVector<SseEvent> &events) {
    for (const SseEvent &event : events) {
        m_decoder.take(event.data);
    }
    if (m_decoder.sawText() && m_firstTokenMs == 0) {
        m_firstTokenMs = static_cast<double>(m_sinceStart.nsecsElapsed()) / 1e6;
    }
    if (m_decoder.failed() || m_decoder.done()) {
        finish();
    } else if (m_decoder.hasUpdate()) {
        if (!m_sinceFlush.isValid() || m_sinceFlush.elapsed() >= kFrameMs) {
            flush();
        } else if (!m_flushTimer.isActive()) {
            m_flushTimer.start(kFrameMs);
        }
    }
}

void EngineClient::flush() {
    m_flushTimer.stop();
    if (m_request != 0 && m_decoder.hasUpdate()) {
        m_sinceFlush.start();
        emit updated(m_request, m_decoder.takeUpdate());
    }
}

Failure EngineClient::transportFailure() const {
    const QString words = m_reply->errorString();
    switch (m_reply->error()) {
    case QNetworkReply::RemoteHostClosedError:
        return {m_decoder.sawText() ? FailureKind::Disconnected : FailureKind::Unreachable, 0, words};
    case QNetworkReply::TimeoutError: return {FailureKind::TimedOut, 0, words};
    case QNetworkReply::ProtocolUnknownError:
    case QNetworkReply::ProtocolFailure: return {FailureKind::BadResponse, 0, {}};
    default: return {m_decoder.sawText() ? FailureKind::Disconnected : FailureKind::Unreachable, 0, words};
    }
}

void EngineClient::onReplyFinished() {
    const QPointer<QNetworkReply> reply = m_reply;
    readSome();
    if (!reply || m_reply != reply || m_request == 0) {
        return;
    }
    if (reply->bytesAvailable() > 0) { // comes back when the rest has been read
        QMetaObject::invokeMethod(
            reply.get(), [this] { onReplyFinished(); }, Qt::QueuedConnection);
        return;
    }
    const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (status == 0) {
        fail(transportFailure());
    } else if (status != 200) {
        fail(failureOf(status, m_plainBody));
    } else if (isEventStream(*reply)) {
        QVector<SseEvent> events;
        m_parser.finish(events);
        takeEvents(events);
        if (m_request == 0) {
            return;
        }
        // Without a finish_reason and without [DONE] the answer is not whole, however politely the connection was
        // closed.
        if (m_decoder.finished() && reply->error() == QNetworkReply::NoError) {
            finish();
        } else {
            fail({m_decoder.finished() || m_decoder.sawText() ? FailureKind::Disconnected : FailureKind::BadResponse,
                  0,
                  {}});
        }
    } else {
        m_decoder.take(m_plainBody); // a server that does not stream
        if (m_plainBody.trimmed().isEmpty() || (!m_decoder.failed() && !m_decoder.finished())) {
            m_decoder.fail({FailureKind::BadResponse, 0, {}});
        }
        finish();
    }
}

void EngineClient::fail(const Failure &failure) {
    if (m_request == 0) {
        return;
    }
    m_decoder.fail(failure);
    finish();
}

void EngineClient::finish() {
    flush();
    const quint64 request = std::exchange(m_request, 0);
    if (request == 0) {
        return;
    }
    StreamResult result = m_decoder.result();
    result.firstTokenMs = m_firstTokenMs;
    const double streamingMs = static_cast<double>(m_sinceStart.elapsed()) - m_firstTokenMs;
    if (result.tokensPerSecond <= 0 && result.completionTokens > 1 && streamingMs > 0) {
        result.tokensPerSecond = (result.completionTokens - 1) * 1000.0 / streamingMs;
    }
    dropReply();
    emit finished(request, result);
}

void EngineClient::cancel() {
    m_request = 0;
    dropReply();
}

void EngineClient::dropReply() {
    m_idleTimer.stop();
    m_flushTimer.stop();
    if (QNetworkReply *reply = std::exchange(m_reply, nullptr)) {
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
}

} // namespace facet::client
