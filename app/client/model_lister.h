// The models that a server offers (GET /v1/models).
#pragma once

#include "client/json_exchange.h"

namespace facet::client {

struct ListedModel {
    QString id;
    int contextLength = 0; // 0: it does not say
};

struct ModelList {
    bool worked = false;
    QVector<ListedModel> models;
    Failure failure;
};

QVector<ListedModel> readModelList(const QJsonObject &answer);

// Calls `done` once, unless `parent` goes first.
void listModels(QNetworkAccessManager *network, const Endpoint &endpoint, std::function<void(const ModelList &)> done,
                QObject *parent);

} // namespace facet::client
