#include "client/host_link.h"

#include "client/found_models.h"

#include <QFileInfo>
#include <QJsonArray>
#include <QNetworkProxy>

#include <utility>

namespace facet::client {
namespace {

constexpr int kCostTimeoutMs = 60'000;
constexpr int kEncodeTimeoutMs = 30 * 60'000; // a film on a small machine
constexpr int kSearchTimeoutMs = 60'000;         // folders on a slow disk
constexpr int kMaxBudgets = 16;

QJsonValue at(const QJsonObject &object, const char *key) { return object.value(QLatin1String(key)); }

} // namespace

void readModelInfo(const QJsonObject &info, chat::EngineState &state) {
    state.modelPath = at(info, "path").toString(state.modelPath);
    state.modelName = at(info, "name").toString();
    if (state.modelName.isEmpty()) {
        state.modelName = QFileInfo(state.modelPath).fileName();
    }
    state.demoModel = at(info, "demo").toBool();
    state.contextLength = at(info, "context").toInt();
    const QJsonObject vision = at(info, "vision").toObject();
    state.hasVision = !vision.isEmpty();
    state.hasAudio = !at(info, "audio").toObject().isEmpty();
    state.budgets.clear();
    for (const QJsonValue &budget : at(vision, "budgets").toArray()) {
        if (budget.toInt() > 0 && state.budgets.size() < kMaxBudgets) {
            state.budgets.append(budget.toInt());
        }
    }
    if (at(vision, "default_budget").toInt() > 0) {
        state.defaultBudget = at(vision, "default_budget").toInt();
    }
}

HostLink::HostLink(const QString &model, Wording wording, QObject *parent)
    : EngineLink(parent), m_model(model), m_wording(std::move(wording)) {
    m_network.setProxy(QNetworkProxy(QNetworkProxy::NoProxy));
    connect(&m_process, &HostProcess::listening, this, &HostLink::onListening);
    connect(&m_process, &HostProcess::failedToStart, this,
            [this](const QString &sentence) {
                setKind(chat::EngineState::Kind::Failed, sentence);
                if (std::exchange(m_searchWaits, false)) emit modelsFound({}, sentence);
            });
    connect(&m_process, &HostProcess::crashed, this, &HostLink::onDied);
    connect(&m_client, &EngineClient::updated, this, &EngineLink::updated);
    connect(&m_client, &EngineClient::finished, this, [this](quint64 request, const StreamResult &result) {
        const bool lost =
            result.end == StreamResult::End::Failed &&
            (result.failure.kind == FailureKind::Disconnected || result.failure.kind == FailureKind::Unreachable);
        // The connection breaks a moment before the process is known to be dead: let the death explain it.
        if (!lost || !m_process.isListening()) {
            emit finished(request, result);
            return;
        }
        m_lost = {request, result};
        m_lostTimer.start();
    });
    m_lostTimer.setSingleShot(true);
    m_lostTimer.setInterval(500);
    connect(&m_lostTimer, &QTimer::timeout, this, [this] {
        if (const auto lost = std::exchange(m_lost, {}); lost.first != 0) {
            emit finished(lost.first, lost.second);
        }
    });
}

HostLink::~HostLink() {
    m_load.reset();
    m_client.cancel();
}

Endpoint HostLink::host() const {
    QUrl base;
    base.setScheme(QStringLiteral("http"));
    base.setHost(QStringLiteral("127.0.0.1"));
    base.setPort(m_process.port());
    return {base, m_process.key(), {}, true};
}

void HostLink::setKind(chat::EngineState::Kind kind, const QString &problem) {
    m_state.kind = kind;
    m_state.problem = problem;
    emit stateChanged(m_state);
}

void HostLink::start() {
    using Kind = chat::EngineState::Kind;
    if (m_state.kind == Kind::Starting || m_state.kind == Kind::Loading || m_state.kind == Kind::Ready) {
        return;
    }
    if (m_process.isListening()) {
        load();
        return;
    }
    setKind(Kind::Starting);
    m_process.start();
}

void HostLink::onListening() {
    m_client.setEndpoint(host());
    if (m_state.kind == chat::EngineState::Kind::Starting) {
        load();
    }
    if (std::exchange(m_searchWaits, false)) {
        askForModels();
    }
}

// While a remote engine is in use the own process may not run yet; it is started for this, without a model.
void HostLink::findModels() {
    if (m_process.isListening()) {
        askForModels();
    } else if (!std::exchange(m_searchWaits, true) && m_state.kind != chat::EngineState::Kind::Starting) {
        m_process.start();
    }
}

void HostLink::askForModels() {
    QUrl url = host().base;
    url.setPath(QStringLiteral("/x_facet/models/found"));
    delete m_search;
    m_search = new JsonExchange(
        &m_network, url, host().key, {}, kSearchTimeoutMs,
        [this](const JsonAnswer &answer) {
            emit modelsFound(readFoundModels(answer.object), answer.worked ? QString() : m_wording(answer.failure));
        },
        this);
}

void HostLink::load() {
    using Kind = chat::EngineState::Kind;
    m_load.reset();
    if (m_model.isEmpty()) {
        setKind(Kind::Failed, tr("No model was found; open the folder of a model."));
        return;
    }
    m_state.loadedBytes = 0;
    m_state.totalBytes = 0;
    m_state.modelPath = m_model;
    const chat::LoadSettings settings = m_settingsOf ? m_settingsOf(m_model) : chat::LoadSettings();
    m_state.modelName = settings.title.isEmpty() ? QFileInfo(m_model).fileName() : settings.title;
    setKind(Kind::Loading);
    m_load = std::make_unique<ModelLoad>(&m_network, host(), loadBody(m_model, settings), nullptr);
    connect(m_load.get(), &ModelLoad::progress, this, [this](quint64 done, quint64 total) {
        m_state.loadedBytes = done;
        m_state.totalBytes = total;
        emit stateChanged(m_state);
    });
    connect(m_load.get(), &ModelLoad::loaded, this, [this, title = settings.title](const QJsonObject &info) {
        m_load.release()->deleteLater();
        readModelInfo(info, m_state);
        if (!title.isEmpty()) m_state.modelName = title;
        m_lastGoodModel = m_model;
        setKind(Kind::Ready);
    });
    connect(m_load.get(), &ModelLoad::failed, this, [this](const Failure &failure) {
        m_load.release()->deleteLater();
        if (!m_lastGoodModel.isEmpty()) {
            m_model = m_lastGoodModel; // the next question goes to the model that worked
        }
        if (m_process.isListening()) {
            setKind(Kind::Failed, m_wording(failure));
        }
    });
}

void HostLink::openModel(const QString &folder) {
    using Kind = chat::EngineState::Kind;
    m_model = folder;
    cancel();
    if (m_process.isListening()) {
        load();
    } else if (m_state.kind != Kind::Starting) {
        m_state.kind = Kind::Stopped;
        start();
    }
}

void HostLink::restart() {
    cancel();
    m_load.reset();
    m_process.stop();
    m_state.kind = chat::EngineState::Kind::Stopped;
    start();
}

void HostLink::onDied(const QString &reason) {
    m_load.reset();
    const quint64 lost = std::exchange(m_lost, {}).first;
    m_lostTimer.stop();
    const Failure failure{FailureKind::Crashed, 0, reason};
    m_state.kind = chat::EngineState::Kind::Crashed;
    m_state.problem = m_wording(failure);
    if (lost != 0) {
        StreamResult result;
        result.end = StreamResult::End::Failed;
        result.failure = failure;
        emit finished(lost, result);
    } else {
        m_client.fail(failure); // hands on what has come, then finished()
    }
    emit stateChanged(m_state);
}

void HostLink::generate(quint64 request, const ChatRequest &what) { m_client.start(request, what); }

void HostLink::cancel() {
    m_client.cancel();
    m_lost = {};
    m_lostTimer.stop();
}

void HostLink::askCost(int ticket, const MediaPart &medium) {
    if (m_state.kind != chat::EngineState::Kind::Ready) {
        return;
    }
    static constexpr const char *kKinds[] = {"image", "audio", "video"};
    QJsonObject body{{QStringLiteral("kind"), QLatin1String(kKinds[static_cast<int>(medium.kind)])},
                     {QStringLiteral("url"), QUrl::fromLocalFile(medium.path).toString(QUrl::FullyEncoded)}};
    if (medium.tokenBudget > 0) {
        body.insert(QStringLiteral("token_budget"), medium.tokenBudget);
    }
    QUrl url = host().base;
    url.setPath(QStringLiteral("/x_facet/cost"));
    delete m_ahead.take(ticket);
    delete m_costs.value(ticket); // asked again with another budget: the older answer no longer counts
    m_costs.insert(ticket,
                   new JsonExchange(
                       &m_network, url, host().key, body, kCostTimeoutMs,
                       [this, ticket, body](const JsonAnswer &answer) {
                           m_costs.remove(ticket);
                           if (!answer.worked) {
                               // Only what is wrong with the file itself; a busy host does not make it unusable.
                               if (answer.failure.kind == FailureKind::Rejected && !answer.failure.message.isEmpty()) {
                                   emit costFailed(ticket, m_wording(answer.failure));
                               }
                               return;
                           }
                           emit costKnown(ticket, {at(answer.object, "tokens").toInt(-1),
                                                   qMax(at(answer.object, "width").toInt(), 0),
                                                   qMax(at(answer.object, "height").toInt(), 0),
                                                   qMax(at(answer.object, "seconds").toDouble(), 0.0)});
                           encodeAhead(ticket, body);
                       },
                       this));
}

// What is attached is read while the user still types; if that fails, sending the message says why.
void HostLink::encodeAhead(int ticket, const QJsonObject &body) {
    QUrl url = host().base;
    url.setPath(QStringLiteral("/x_facet/encode"));
    delete m_ahead.value(ticket);
    m_ahead.insert(ticket, new JsonExchange(
                               &m_network, url, host().key, body, kEncodeTimeoutMs,
                               [this, ticket](const JsonAnswer &) { m_ahead.remove(ticket); }, this));
}

} // namespace facet::client
