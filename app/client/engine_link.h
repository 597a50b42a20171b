// The controller's view of an engine, wherever it runs: the own host process, a remote server, or a script. One request
// at a time; events carry the number of the request, so that late ones can be told apart.
#pragma once

#include "client/chat_request.h"

#include <QObject>

namespace facet::client {

class EngineLink : public QObject {
    Q_OBJECT
public:
    explicit EngineLink(QObject *parent = nullptr) : QObject(parent) {}

    virtual chat::EngineState state() const = 0;
    // Brings the engine up with the model chosen last; does nothing if it is up or on its way. stateChanged() tells.
    virtual void start() = 0;
    virtual void openModel(const QString &folder) = 0;
    virtual void restart() = 0;

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
    void costFailed(int ticket, const QString &sentence);
};

} // namespace facet::client
