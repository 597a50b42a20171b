#include "client/json_exchange.h"

#include "client/chunk_decoder.h"

#include <QJsonDocument>
#include <QNetworkReply>

#include <utility>

namespace facet::client {
namespace {
constexpr qint64 kMaxBytes = 4 << 20;
}

JsonExchange::JsonExchange(QNetworkAccessManager *network, const QUrl &url, const QString &key, const QJsonObject &body,
                           int timeoutMs, Done done, QObject *parent)
    : QObject(parent), m_done(std::move(done)) {
    QNetworkRequest request(url);
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
    request.setTransferTimeout(timeoutMs);
    if (!key.isEmpty()) {
        request.setRawHeader("Authorization", "Bearer " + key.toUtf8());
    }
    if (body.isEmpty()) {
        m_reply = network->get(request);
    } else {
        request.setHeader(QNetworkRequest::ContentTypeHeader, QByteArrayLiteral("application/json"));
        m_reply = network->post(request, QJsonDocument(body).toJson(QJsonDocument::Compact));
    }
    m_reply->setReadBufferSize(kMaxBytes + 1);
    connect(m_reply, &QNetworkReply::finished, this, &JsonExchange::onFinished);
    connect(m_reply, &QNetworkReply::downloadProgress, this, [this](qint64 received) {
        if (received > kMaxBytes) {
            settle({false, {}, {FailureKind::BadResponse, 0, {}}});
        }
    });
}

JsonExchange::~JsonExchange() {
    if (m_reply) {
        m_reply->disconnect(this);
        m_reply->abort();
        m_reply->deleteLater();
    }
}

void JsonExchange::onFinished() {
    const int status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    const QByteArray body = m_reply->readAll();
    if (status == 0) {
        const bool late = m_reply->error() == QNetworkReply::OperationCanceledError; // the transfer timeout
        settle({false, {}, {late ? FailureKind::TimedOut : FailureKind::Unreachable, 0, m_reply->errorString()}});
        return;
    }
    if (status != 200) {
        settle({false, {}, failureOf(status, body)});
        return;
    }
    const QJsonDocument document = QJsonDocument::fromJson(body);
    if (!document.isObject()) {
        settle({false, {}, {FailureKind::BadResponse, status, {}}});
        return;
    }
    settle({true, document.object(), {}});
}

void JsonExchange::settle(const JsonAnswer &answer) {
    if (QNetworkReply *reply = std::exchange(m_reply, nullptr)) {
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
    deleteLater();
    if (const Done done = std::exchange(m_done, {})) {
        done(answer);
    }
}

} // namespace facet::client
