// POST /x_facet/load of the own host: server-sent progress, then the model's description or an error. Destroying it
// closes the connection, which cancels the loading.
#pragma once

#include "client/chat_request.h"
#include "client/sse_parser.h"

#include <QJsonObject>
#include <QNetworkAccessManager>
#include <QObject>

namespace facet::client {

QJsonObject loadBody(const QString &model, const chat::LoadSettings &settings);

class ModelLoad : public QObject {
    Q_OBJECT
public:
    ModelLoad(QNetworkAccessManager *network, const Endpoint &host, const QJsonObject &body, QObject *parent);
    ~ModelLoad() override;

signals:
    void progress(quint64 done, quint64 total);
    void loaded(const QJsonObject &info);
    void failed(const facet::client::Failure &failure);

private:
    void readSome();
    void onFinished();
    void take(const QVector<SseEvent> &events);
    void settle(const Failure *failure, const QJsonObject &info);

    QNetworkReply *m_reply = nullptr;
    SseParser m_parser;
    QByteArray m_errorBody;
};

} // namespace facet::client
