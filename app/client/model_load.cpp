#include "client/model_load.h"

#include "client/chunk_decoder.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QNetworkReply>

#include <algorithm>
#include <utility>

namespace facet::client {
namespace {

constexpr qsizetype kMaxErrorBody = 64 << 10;

quint64 bytes(const QJsonValue &value) { return static_cast<quint64>(std::clamp(value.toDouble(0), 0.0, 9e15)); }

} // namespace

QJsonObject loadBody(const QString &model, const chat::LoadSettings &settings) {
    QJsonObject body{{QStringLiteral("path"), model}};
    const auto add = [&body](const QString &key, const QString &value) {
        if (!value.isEmpty()) body.insert(key, value);
    };
    add(QStringLiteral("kv"), settings.kv);
    add(QStringLiteral("weights"), settings.weights);
    add(QStringLiteral("drafter"), settings.drafter);
    add(QStringLiteral("mmproj"), settings.projector);
    if (settings.memoryBytes > 0) body.insert(QStringLiteral("memory"), settings.memoryBytes);
    QJsonArray adapters;
    for (const chat::AdapterUse &adapter : settings.adapters) {
        adapters.append(
            QJsonObject{{QStringLiteral("path"), adapter.path}, {QStringLiteral("scale"), adapter.scale}});
    }
    if (!adapters.isEmpty()) body.insert(QStringLiteral("adapters"), adapters);
    return body;
}

ModelLoad::ModelLoad(QNetworkAccessManager *network, const Endpoint &host, const QJsonObject &body, QObject *parent)
    : QObject(parent) {
    QUrl url = host.base;
    url.setPath(QStringLiteral("/x_facet/load"));
    QNetworkRequest request(url);
    request.setHeader(QNetworkRequest::ContentTypeHeader, QByteArrayLiteral("application/json"));
    request.setRawHeader("Authorization", "Bearer " + host.key.toUtf8());
    request.setAttribute(QNetworkRequest::RedirectPolicyAttribute, QNetworkRequest::ManualRedirectPolicy);
    m_reply = network->post(request, QJsonDocument(body).toJson(QJsonDocument::Compact));
    connect(m_reply, &QNetworkReply::readyRead, this, &ModelLoad::readSome);
    connect(m_reply, &QNetworkReply::finished, this, &ModelLoad::onFinished);
}

ModelLoad::~ModelLoad() {
    if (m_reply) {
        m_reply->disconnect(this);
        m_reply->abort();
        m_reply->deleteLater();
    }
}

void ModelLoad::readSome() {
    const QByteArray some = m_reply->readAll();
    if (m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt() != 200) {
        m_errorBody = (m_errorBody + some).left(kMaxErrorBody);
        return;
    }
    QVector<SseEvent> events;
    const bool usable = m_parser.feed(some, events);
    take(events);
    if (!usable && m_reply) {
        const Failure failure{FailureKind::BadResponse, 0, {}};
        settle(&failure, {});
    }
}

void ModelLoad::take(const QVector<SseEvent> &events) {
    for (const SseEvent &event : events) {
        if (!m_reply) {
            return;
        }
        const QJsonObject object = QJsonDocument::fromJson(event.data).object();
        if (object.value(QLatin1String("error")).isObject()) {
            Failure failure = failureOf(object.value(QLatin1String("error")), 0);
            failure.kind = FailureKind::NoModel;
            settle(&failure, {});
        } else if (object.value(QLatin1String("loaded")).toBool()) {
            settle(nullptr, object.value(QLatin1String("info")).toObject());
        } else if (object.contains(QLatin1String("total"))) {
            emit progress(bytes(object.value(QLatin1String("done"))), bytes(object.value(QLatin1String("total"))));
        }
    }
}

void ModelLoad::onFinished() {
    readSome();
    if (!m_reply) {
        return;
    }
    QVector<SseEvent> events;
    m_parser.finish(events);
    take(events);
    if (!m_reply) {
        return;
    }
    const int status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    Failure failure = status == 0     ? Failure{FailureKind::Unreachable, 0, m_reply->errorString()}
                      : status == 200 ? Failure{FailureKind::BadResponse, 0, {}}
                                      : failureOf(status, m_errorBody);
    if (status >= 400 && !failure.message.isEmpty()) {
        failure.kind = FailureKind::NoModel; // the host's own sentence says it best
    }
    settle(&failure, {});
}

void ModelLoad::settle(const Failure *failure, const QJsonObject &info) {
    if (QNetworkReply *reply = std::exchange(m_reply, nullptr)) {
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
    if (failure) {
        emit failed(*failure);
    } else {
        emit loaded(info);
    }
}

} // namespace facet::client
