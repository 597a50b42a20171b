#include "chat/load_settings.h"

#include "store/settings.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace facet::chat {
namespace {

constexpr qsizetype kMaxModels = 64;
constexpr qsizetype kMaxAdapters = 16;
constexpr double kMaxScale = 1000;

QString text(const QJsonObject &object, const char *key) { return object.value(QLatin1String(key)).toString(); }

QJsonObject allModels(const store::Settings &settings) {
    return QJsonDocument::fromJson(settings.value(store::keys::kModelOptions).toString().toUtf8()).object();
}

} // namespace

LoadSettings readLoadSettings(const store::Settings &settings, const QString &model) {
    LoadSettings out;
    const QString kv = settings.value(store::keys::kEngineKv).toString();
    if (kv == QLatin1String("f16") || kv == QLatin1String("q8_0") || kv == QLatin1String("q4_0") ||
        kv == QLatin1String("q4_r")) {
        out.kv = kv;
    }
    out.memoryBytes = std::max(settings.value(store::keys::kEngineMemory).toLongLong(), qint64(0));
    const QJsonObject own = allModels(settings).value(model).toObject();
    const QString weights = text(own, "weights");
    if (weights == QLatin1String("q8_0") || weights == QLatin1String("q4_0")) {
        out.weights = weights;
    }
    out.drafter = text(own, "drafter");
    out.projector = text(own, "projector");
    out.title = text(own, "title");
    for (const QJsonValue &value : own.value(QLatin1String("adapters")).toArray()) {
        const QJsonObject adapter = value.toObject();
        const QString path = text(adapter, "path");
        if (!path.isEmpty() && out.adapters.size() < kMaxAdapters) {
            const double scale = adapter.value(QLatin1String("scale")).toDouble(1.0);
            out.adapters.append({path, std::clamp(scale, -kMaxScale, kMaxScale)});
        }
    }
    return out;
}

void writeLoadSettings(store::Settings &settings, const QString &model, const LoadSettings &values) {
    settings.setValue(store::keys::kEngineKv, values.kv);
    settings.setValue(store::keys::kEngineMemory, values.memoryBytes);
    if (model.isEmpty()) {
        return;
    }
    QJsonArray adapters;
    for (const AdapterUse &adapter : values.adapters) {
        adapters.append(
            QJsonObject{{QStringLiteral("path"), adapter.path}, {QStringLiteral("scale"), adapter.scale}});
    }
    QJsonObject own;
    const auto keep = [&own](const QString &key, const QString &value) {
        if (!value.isEmpty()) own.insert(key, value);
    };
    keep(QStringLiteral("weights"), values.weights);
    keep(QStringLiteral("drafter"), values.drafter);
    keep(QStringLiteral("projector"), values.projector);
    keep(QStringLiteral("title"), values.title);
    if (!adapters.isEmpty()) own.insert(QStringLiteral("adapters"), adapters);
    QJsonObject all = allModels(settings);
    all.remove(model);
    while (all.size() >= kMaxModels) all.erase(all.begin());
    if (!own.isEmpty()) all.insert(model, own);
    settings.setValue(store::keys::kModelOptions, QString::fromUtf8(QJsonDocument(all).toJson(QJsonDocument::Compact)));
}

} // namespace facet::chat
