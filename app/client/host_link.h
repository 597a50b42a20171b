// EngineLink to the own host process: starts it, loads the model, streams answers, notices when it dies.
#pragma once

#include "client/engine_client.h"
#include "client/engine_link.h"
#include "client/host_process.h"
#include "client/json_exchange.h"
#include "client/model_load.h"

#include <QHash>
#include <QPointer>

#include <functional>
#include <memory>
#include <utility>

namespace facet::client {

// A failure in words for people; handed in, because all wording is in one place (app/chat/turn_errors).
using Wording = std::function<QString(const Failure &)>;

// Fills in what GET /x_facet/model and the end of /x_facet/load tell.
void readModelInfo(const QJsonObject &info, chat::EngineState &state);

class HostLink : public EngineLink {
    Q_OBJECT
public:
    // `model`: the folder to begin with; empty: none, start() says so.
    HostLink(const QString &model, Wording wording, QObject *parent = nullptr);
    ~HostLink() override;

    chat::EngineState state() const override { return m_state; }
    void start() override;
    void openModel(const QString &folder) override;
    void restart() override;
    void setLoadSettings(LoadSettingsOf settings) override { m_settingsOf = std::move(settings); }
    void findModels() override;
    void generate(quint64 request, const ChatRequest &what) override;
    void cancel() override;
    void askCost(int ticket, const MediaPart &medium) override;

    HostProcess &process() { return m_process; }

private:
    void onListening();
    void onDied(const QString &reason);
    void load();
    void askForModels();
    void encodeAhead(int ticket, const QJsonObject &body);
    void setKind(chat::EngineState::Kind kind, const QString &problem = {});
    Endpoint host() const;

    chat::EngineState m_state;
    QString m_model, m_lastGoodModel;
    Wording m_wording;
    LoadSettingsOf m_settingsOf;
    HostProcess m_process;
    EngineClient m_client;
    QNetworkAccessManager m_network;
    std::unique_ptr<ModelLoad> m_load;
    QHash<int, QPointer<JsonExchange>> m_costs, m_ahead;
    QPointer<JsonExchange> m_search;
    bool m_searchWaits = false; // for the process to listen
    std::pair<quint64, StreamResult> m_lost; // a request whose connection broke, until it is known why
    QTimer m_lostTimer;
};

} // namespace facet::client
