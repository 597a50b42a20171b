#include "client/remote_link.h"

#include <utility>

namespace facet::client {

RemoteLink::RemoteLink(const Endpoint &endpoint, Wording wording, QObject *parent)
    : EngineLink(parent), m_endpoint(endpoint), m_wording(std::move(wording)) {
    m_endpoint.privateHost = false;
    m_state.remote = true;
    m_state.hasVision = true;
    m_state.hasAudio = true;
    m_state.modelName = m_endpoint.model;
    m_state.modelPath = m_endpoint.base.toString();
    connect(&m_client, &EngineClient::updated, this, &EngineLink::updated);
    connect(&m_client, &EngineClient::finished, this, &EngineLink::finished);
}

void RemoteLink::fail(const QString &sentence) {
    m_state.kind = chat::EngineState::Kind::Failed;
    m_state.problem = sentence;
    emit stateChanged(m_state);
}

void RemoteLink::start() {
    using Kind = chat::EngineState::Kind;
    if (m_state.kind == Kind::Starting || m_state.kind == Kind::Ready) {
        return;
    }
    const QString scheme = m_endpoint.base.scheme();
    if (!m_endpoint.base.isValid() || m_endpoint.base.host().isEmpty() ||
        (scheme != QLatin1String("http") && scheme != QLatin1String("https"))) {
        fail(tr("This is not the address of a server; it begins with http:// or https://."));
        return;
    }
    m_state.kind = Kind::Starting;
    m_state.problem.clear();
    emit stateChanged(m_state);
    listModels(
        &m_network, m_endpoint, [this](const ModelList &list) { onModels(list); }, this);
}

void RemoteLink::onModels(const ModelList &list) {
    // Some servers have no list; a model that was named is tried all the same.
    const bool optional = list.failure.kind == FailureKind::NotFound && !m_endpoint.model.isEmpty();
    if (!list.worked && !optional) {
        fail(m_wording(list.failure));
        return;
    }
    if (m_endpoint.model.isEmpty() && list.models.isEmpty()) {
        fail(tr("The server offers no model; load one there and try again."));
        return;
    }
    if (m_endpoint.model.isEmpty()) {
        m_endpoint.model = list.models.first().id;
    }
    m_state.modelName = m_endpoint.model;
    for (const ListedModel &model : list.models) {
        if (model.id == m_endpoint.model) {
            m_state.contextLength = model.contextLength;
        }
    }
    m_client.setEndpoint(m_endpoint);
    m_state.kind = chat::EngineState::Kind::Ready;
    emit stateChanged(m_state);
}

void RemoteLink::restart() {
    cancel();
    m_state.kind = chat::EngineState::Kind::Stopped;
    start();
}

} // namespace facet::client
