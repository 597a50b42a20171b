// What the user has set, in facet.ini. Read once at the start; changes are written by a thread of their own (saving
// syncs the disk, which may take longer than a frame) and reach the file in order.
#pragma once

#include <QObject>
#include <QThreadPool>
#include <QVariant>
#include <QVariantMap>

namespace facet::store {

namespace keys {
inline constexpr char kThinking[] = "generation/thinking";
inline constexpr char kTemperature[] = "generation/temperature";
inline constexpr char kTopP[] = "generation/topP";
inline constexpr char kMinP[] = "generation/minP";
inline constexpr char kTopK[] = "generation/topK";
inline constexpr char kMaxTokens[] = "generation/maxTokens";
inline constexpr char kSeed[] = "generation/seed";
inline constexpr char kSystemPrompt[] = "generation/systemPrompt";
inline constexpr char kToolsEnabled[] = "generation/toolsEnabled";
inline constexpr char kRecentModels[] = "models/recent";
inline constexpr char kLastModel[] = "models/last";
inline constexpr char kModelOptions[] = "models/options"; // JSON by path: app/chat/load_settings
inline constexpr char kEngineKv[] = "engine/kv";
inline constexpr char kEngineMemory[] = "engine/memory";
inline constexpr char kRemoteActive[] = "remote/active";
inline constexpr char kRemoteAddress[] = "remote/address";
inline constexpr char kRemoteModel[] = "remote/model";
} // namespace keys

class Settings : public QObject {
    Q_OBJECT
public:
    explicit Settings(const QString &file, QObject *parent = nullptr);
    ~Settings() override; // everything set has been written

    QVariant value(const char *key, const QVariant &fallback = {}) const;
    void setValue(const char *key, const QVariant &value);
    // Runs a job on the writing thread, after what was set before.
    void later(std::function<void()> job);

signals:
    void writeFailed(const QString &sentence);

private:
    QString m_file;
    QVariantMap m_values;
    QThreadPool m_writer;
};

} // namespace facet::store
