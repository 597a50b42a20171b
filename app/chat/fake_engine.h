// An engine that plays a script of events with times (`--fake-engine script.json`): for work on the window without a
// model, for its tests and for screenshots. The format is described in README.md.
#pragma once

#include "client/engine_link.h"
#include "facet/result.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QTimer>

namespace facet::chat {

class FakeEngine : public client::EngineLink {
    Q_OBJECT
public:
    // Reads a script; the reason if it is none.
    static Result<QJsonObject> readScript(const QString &path);

    explicit FakeEngine(const QJsonObject &script, QObject *parent = nullptr);

    EngineState state() const override { return m_state; }
    void start() override;
    void openModel(const QString &folder) override;
    void restart() override;
    void setLoadSettings(client::LoadSettingsOf settings) override { m_settingsOf = std::move(settings); }
    void findModels() override;
    void generate(quint64 request, const client::ChatRequest &what) override;
    void cancel() override;
    void askCost(int ticket, const client::MediaPart &medium) override;

    // For tests: what was asked last.
    const client::ChatRequest &lastRequest() const { return m_lastRequest; }
    LoadSettings loadSettingsOf(const QString &model) const { return m_settingsOf(model); }

private:
    void setKind(EngineState::Kind kind, const QString &problem = {});
    void loadStep();
    QJsonArray nextEvents(const client::ChatRequest &what);
    void scheduleNext();
    void playDue();
    // Returns false if the answer ended with it.
    bool play(const QJsonObject &event);
    void finish(const client::StreamResult &result);

    QJsonObject m_script;
    EngineState m_state;
    client::ChatRequest m_lastRequest;
    client::LoadSettingsOf m_settingsOf;
    QTimer m_loadTimer, m_eventTimer;
    quint64 m_request = 0;
    int m_turn = 0;
    QJsonArray m_events;
    int m_nextEvent = 0;
    int m_now = 0; // ms since the answer began
    QVector<client::CallPart> m_calls;
};

} // namespace facet::chat
