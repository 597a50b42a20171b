// EngineLink to a server on this or another computer that speaks OpenAI's protocol (vLLM, SGLang, Ollama, LM Studio,
// llama-server, another Facet). What it can see or hear is not known: it is asked and may refuse.
#pragma once

#include "client/engine_client.h"
#include "client/engine_link.h"
#include "client/host_link.h"
#include "client/model_lister.h"

namespace facet::client {

class RemoteLink : public EngineLink {
    Q_OBJECT
public:
    RemoteLink(const Endpoint &endpoint, Wording wording, QObject *parent = nullptr);

    chat::EngineState state() const override { return m_state; }
    void start() override; // asks for the models; the first one is taken if none was chosen
    void openModel(const QString &) override {}
    void restart() override;
    void generate(quint64 request, const ChatRequest &what) override { m_client.start(request, what); }
    void cancel() override { m_client.cancel(); }
    void askCost(int, const MediaPart &) override {}

private:
    void onModels(const ModelList &list);
    void fail(const QString &sentence);

    Endpoint m_endpoint;
    Wording m_wording;
    chat::EngineState m_state;
    EngineClient m_client;
    QNetworkAccessManager m_network;
};

} // namespace facet::client
