// One small request with a JSON answer, with a time limit and a size limit. Deletes itself after the callback.
#pragma once

#include "client/chat_request.h"

#include <QJsonObject>
#include <QNetworkAccessManager>
#include <QObject>

#include <functional>

namespace facet::client {

struct JsonAnswer {
    bool worked = false;
    QJsonObject object;
    Failure failure;
};

class JsonExchange : public QObject {
    Q_OBJECT
public:
    using Done = std::function<void(const JsonAnswer &)>;

    // GET if `body` is empty, otherwise POST. Destroying it (with `parent`) cancels.
    JsonExchange(QNetworkAccessManager *network, const QUrl &url, const QString &key, const QJsonObject &body,
                 int timeoutMs, Done done, QObject *parent);
    ~JsonExchange() override;

private:
    void onFinished();
    void settle(const JsonAnswer &answer);

    QNetworkReply *m_reply = nullptr;
    Done m_done;
};

} // namespace facet::client
