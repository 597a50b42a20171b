#include "client/found_models.h"

#include <QJsonArray>

#include <algorithm>

namespace facet::client {
namespace {

constexpr qsizetype kMaxModels = 500;
constexpr qsizetype kMaxName = 512;

QString text(const QJsonObject &object, const char *key) { return object.value(QLatin1String(key)).toString(); }

} // namespace

QVector<chat::FoundModel> readFoundModels(const QJsonObject &answer) {
    using chat::FoundModel;
    QVector<FoundModel> models;
    for (const QJsonValue &value : answer.value(QLatin1String("models")).toArray()) {
        const QJsonObject entry = value.toObject();
        const QString role = text(entry, "role"), obstacle = text(entry, "obstacle");
        FoundModel model;
        model.path = text(entry, "path");
        model.name = text(entry, "name").left(kMaxName);
        model.source = text(entry, "source").left(kMaxName);
        model.architecture = text(entry, "architecture").left(kMaxName);
        model.projector = text(entry, "mmproj");
        model.bytes = static_cast<qint64>(std::clamp(entry.value(QLatin1String("bytes")).toDouble(), 0.0, 9e15));
        model.gguf = text(entry, "format") == QLatin1String("gguf");
        if (role == QLatin1String("drafter")) {
            model.role = FoundModel::Role::Drafter;
        } else if (role == QLatin1String("projector")) {
            model.role = FoundModel::Role::Projector;
        } else if (role != QLatin1String("model")) {
            continue;
        }
        if (obstacle == QLatin1String("other_family")) {
            model.obstacle = FoundModel::Obstacle::OtherFamily;
        } else if (obstacle == QLatin1String("incomplete")) {
            model.obstacle = FoundModel::Obstacle::Incomplete;
        } else if (!obstacle.isEmpty()) {
            model.obstacle = FoundModel::Obstacle::Damaged;
        }
        if (!model.path.isEmpty() && models.size() < kMaxModels) {
            models.append(model);
        }
    }
    return models;
}

} // namespace facet::client
