#include "client/model_lister.h"

#include "client/request_body.h"

#include <QJsonArray>

#include <utility>

namespace facet::client {
namespace {
constexpr int kTimeoutMs = 15'000;
constexpr int kMaxModels = 1000;
constexpr int kMaxContext = 1 << 24;
} // namespace

QVector<ListedModel> readModelList(const QJsonObject &answer) {
    QVector<ListedModel> models;
    for (const QJsonValue &value : answer.value(QLatin1String("data")).toArray()) {
        const QJsonObject entry = value.toObject();
        ListedModel model{entry.value(QLatin1String("id")).toString(), 0};
        // vLLM and SGLang: max_model_len; llama-server: meta.n_ctx; Facet: both
        const QJsonObject meta = entry.value(QLatin1String("meta")).toObject();
        for (const QJsonValue &length :
             {entry.value(QLatin1String("max_model_len")), entry.value(QLatin1String("context_length")),
              meta.value(QLatin1String("n_ctx"))}) {
            if (model.contextLength == 0 && length.toInt() > 0 && length.toInt() <= kMaxContext) {
                model.contextLength = length.toInt();
            }
        }
        if (!model.id.isEmpty() && models.size() < kMaxModels) {
            models.append(model);
        }
    }
    return models;
}

void listModels(QNetworkAccessManager *network, const Endpoint &endpoint, std::function<void(const ModelList &)> done,
                QObject *parent) {
    new JsonExchange(
        network, apiUrl(endpoint, QStringLiteral("models")), endpoint.key, {}, kTimeoutMs,
        [done = std::move(done)](const JsonAnswer &answer) {
            done({answer.worked, readModelList(answer.object), answer.failure});
        },
        parent);
}

} // namespace facet::client
