// The controller's view of an engine, wherever it runs: the own host process, a remote server, or a script. One request
// at a time; events carry the number of the request, so that late ones can be told apart.
#pragma once

#include "client/chat_request.h"

#include <QObject>

#include <functional>

namespace facet::client {

// How a model is to be loaded, asked for each time one is.
using LoadSettingsOf = std::function<chat::LoadSettings(const QString &model)>;

class EngineLink : public QObject {
    Q_OBJECT
public:
    explicit EngineLink(QObject *parent = nullptr) : QObject(parent) {}

    virtual chat::EngineState state() const = 0;
    // Brings the engine up with the model chosen last; does nothing if it is up or on its way. stateChanged() tells.
    virtual void start() = 0;
    virtual void openModel(const QString &folder) = 0;
    virtual void restart() = 0;
    virtual void setLoadSettings(LoadSettingsOf) {} // who loads no models has no use for them
    // modelsFound() follows from the own host, nothing from others.
    virtual void findModels() {}

    // updated() any number of times, then finished() once, unless it is cancelled.
    virtual void generate(quint64 request, const ChatRequest &what) = 0;
    virtual void cancel() = 0;

    // costKnown() or costFailed() follows once the engine is ready; nothing follows from a remote server.
    virtual void askCost(int ticket, const MediaPart &medium) = 0;

signals:
    void stateChanged(const facet::chat::EngineState &state);
    void updated(quint64 request, const facet::client::StreamUpdate &update);
    void finished(quint64 request, const facet::client::StreamResult &result);
    void costKnown(int ticket, const facet::client::MediaCost &cost);
    void modelsFound(const QVector<facet::chat::FoundModel> &models, const QString &problem);
    void costFailed(int ticket, const QString &sentence);
};

} // namespace facet::client
