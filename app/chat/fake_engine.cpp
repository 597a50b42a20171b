#include "chat/fake_engine.h"

#include "client/found_models.h"
#include "client/phase_names.h"

#include <QFile>
#include <QJsonDocument>

#include <algorithm>

namespace facet::chat {
namespace {

constexpr int kLoadSteps = 10;

QString text(const QJsonObject &object, const char *key) { return object.value(QLatin1String(key)).toString(); }
int number(const QJsonObject &object, const char *key, int fallback = 0) {
    return object.value(QLatin1String(key)).toInt(fallback);
}

client::FailureKind failureKind(const QString &name) {
    using client::FailureKind;
    static const QHash<QString, FailureKind> kinds = {
        {QStringLiteral("unreachable"), FailureKind::Unreachable},
        {QStringLiteral("disconnected"), FailureKind::Disconnected},
        {QStringLiteral("busy"), FailureKind::Busy},
        {QStringLiteral("context_exceeded"), FailureKind::ContextExceeded},
        {QStringLiteral("unauthorised"), FailureKind::Unauthorised},
        {QStringLiteral("rejected"), FailureKind::Rejected},
    };
    return kinds.value(name, FailureKind::ServerFailed);
}

QString argumentsText(const QJsonValue &value) {
    return value.isString() ? value.toString()
                            : QString::fromUtf8(QJsonDocument(value.toObject()).toJson(QJsonDocument::Compact));
}

} // namespace

Result<QJsonObject> FakeEngine::readScript(const QString &path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return Error{
            ErrorCode::FileUnreadable, "The script of the fake engine cannot be read.", {}, path.toStdString()};
    }
    QJsonParseError fault;
    const QJsonDocument document = QJsonDocument::fromJson(file.readAll(), &fault);
    if (!document.isObject()) {
        return Error{ErrorCode::InvalidArgument, "The script of the fake engine is not a JSON object.",
                     fault.errorString().toStdString(), path.toStdString(),
                     static_cast<std::uint64_t>(std::max(fault.offset, 0))};
    }
    return document.object();
}

FakeEngine::FakeEngine(const QJsonObject &script, QObject *parent) : EngineLink(parent), m_script(script) {
    const QJsonObject engine = script.value(QLatin1String("engine")).toObject();
    m_state.modelName = engine.value(QLatin1String("model")).toString(QStringLiteral("Scripted model"));
    m_state.remote = engine.value(QLatin1String("remote")).toBool(false);
    m_state.demoModel = engine.value(QLatin1String("demo")).toBool(false);
    m_state.hasVision = engine.value(QLatin1String("vision")).toBool(true);
    m_state.hasAudio = engine.value(QLatin1String("audio")).toBool(true);
    m_state.contextLength = number(engine, "context", 8192);
    m_state.defaultBudget = number(engine, "default_budget", 280);
    for (const QJsonValue &budget : engine.value(QLatin1String("budgets")).toArray({70, 140, 280, 560, 1120})) {
        m_state.budgets.append(budget.toInt());
    }
    connect(&m_loadTimer, &QTimer::timeout, this, &FakeEngine::loadStep);
    m_eventTimer.setSingleShot(true);
    m_eventTimer.setTimerType(Qt::PreciseTimer);
    connect(&m_eventTimer, &QTimer::timeout, this, &FakeEngine::playDue);
}

void FakeEngine::setKind(EngineState::Kind kind, const QString &problem) {
    m_state.kind = kind;
    m_state.problem = problem;
    emit stateChanged(m_state);
}

void FakeEngine::start() {
    if (m_state.kind == EngineState::Kind::Ready || m_loadTimer.isActive()) {
        return;
    }
    const QJsonObject engine = m_script.value(QLatin1String("engine")).toObject();
    m_state.loadedBytes = 0;
    m_state.totalBytes = static_cast<quint64>(engine.value(QLatin1String("bytes")).toDouble(1e9));
    m_loadTimer.start(number(engine, "load_ms", 0) / kLoadSteps);
    setKind(EngineState::Kind::Starting);
}

void FakeEngine::loadStep() {
    const QString fault = text(m_script.value(QLatin1String("engine")).toObject(), "load_error");
    if (m_state.loadedBytes < m_state.totalBytes && fault.isEmpty()) {
        m_state.loadedBytes = std::min(m_state.loadedBytes + m_state.totalBytes / kLoadSteps + 1, m_state.totalBytes);
        setKind(EngineState::Kind::Loading);
        return;
    }
    m_loadTimer.stop();
    setKind(fault.isEmpty() ? EngineState::Kind::Ready : EngineState::Kind::Failed, fault);
}

void FakeEngine::openModel(const QString &folder) {
    cancel();
    m_loadTimer.stop();
    m_state.modelPath = folder;
    m_state.modelName = folder.section(QLatin1Char('/'), -1, -1, QString::SectionSkipEmpty);
    m_state.kind = EngineState::Kind::Stopped;
    start();
}

void FakeEngine::restart() {
    m_state.kind = EngineState::Kind::Stopped;
    start();
}

void FakeEngine::findModels() {
    QMetaObject::invokeMethod(
        this, [this] { emit modelsFound(client::readFoundModels(m_script), {}); }, Qt::QueuedConnection);
}

// The next turn whose "when" is part of the question; without "when" a turn fits every question.
QJsonArray FakeEngine::nextEvents(const client::ChatRequest &what) {
    const QJsonArray turns = m_script.value(QLatin1String("turns")).toArray();
    const QString question = what.messages.isEmpty() ? QString() : what.messages.last().text;
    for (int i = m_turn; i < turns.size(); ++i) {
        const QJsonObject turn = turns[i].toObject();
        if (question.contains(text(turn, "when"), Qt::CaseInsensitive)) {
            m_turn = i + 1;
            return turn.value(QLatin1String("events")).toArray();
        }
    }
    return {QJsonObject{{QStringLiteral("text"), QStringLiteral("The script has ended.")}}};
}

void FakeEngine::generate(quint64 request, const client::ChatRequest &what) {
    m_request = request;
    m_lastRequest = what;
    m_events = nextEvents(what);
    m_nextEvent = 0;
    m_now = 0;
    m_calls.clear();
    scheduleNext();
}

void FakeEngine::cancel() {
    m_eventTimer.stop();
    m_request = 0;
}

// "at" counts from the start of the answer; without it an event follows "after" ms after the one before (0).
void FakeEngine::scheduleNext() {
    if (m_nextEvent >= m_events.size()) {
        finish({});
        return;
    }
    const QJsonObject event = m_events[m_nextEvent].toObject();
    const int at = number(event, "at", m_now + number(event, "after"));
    const int wait = std::max(at - m_now, 0);
    m_now += wait;
    m_eventTimer.start(wait);
}

void FakeEngine::playDue() {
    const quint64 request = m_request;
    if (play(m_events[m_nextEvent++].toObject()) && m_request == request && request != 0) {
        scheduleNext();
    }
}

bool FakeEngine::play(const QJsonObject &event) {
    if (event.contains(QLatin1String("crash"))) {
        client::StreamResult crashed;
        crashed.end = client::StreamResult::End::Failed;
        crashed.failure = {client::FailureKind::Crashed, 0, text(event, "crash")};
        m_state.kind = EngineState::Kind::Crashed;
        m_state.problem = QStringLiteral("The engine stopped unexpectedly. ") + text(event, "crash");
        finish(crashed);
        emit stateChanged(m_state);
        return false;
    }
    if (event.contains(QLatin1String("error"))) {
        client::StreamResult failed;
        failed.end = client::StreamResult::End::Failed;
        failed.failure = {failureKind(text(event, "code")), 0, text(event, "error")};
        finish(failed);
        return false;
    }
    client::StreamUpdate update;
    update.text = text(event, "text");
    update.thinking = text(event, "thinking");
    if (const auto phase = client::phaseFromName(text(event, "phase"))) {
        update.progress = TurnProgress{*phase, static_cast<quint64>(number(event, "done")),
                                       static_cast<quint64>(number(event, "total")), 0};
    }
    if (event.contains(QLatin1String("malformed"))) {
        update.malformed.append(text(event, "malformed"));
    }
    const QJsonObject call = event.value(QLatin1String("tool_call")).toObject();
    if (!call.isEmpty()) {
        m_calls.append(
            {call.value(QLatin1String("id")).toString(QStringLiteral("call_%1_%2").arg(m_request).arg(m_calls.size())),
             text(call, "name"), argumentsText(call.value(QLatin1String("arguments")))});
    }
    emit updated(m_request, update);
    if (!event.contains(QLatin1String("finish"))) {
        return true;
    }
    client::StreamResult result;
    result.end = text(event, "finish") == QLatin1String("length") ? client::StreamResult::End::Length
                                                                  : client::StreamResult::End::Stop;
    result.promptTokens = number(event, "prompt_tokens");
    result.completionTokens = number(event, "completion_tokens");
    result.cachedTokens = number(event, "cached_tokens");
    result.tokensPerSecond = event.value(QLatin1String("tokens_per_second")).toDouble();
    result.firstTokenMs = event.value(QLatin1String("first_token_ms")).toDouble();
    finish(result);
    return false;
}

void FakeEngine::finish(const client::StreamResult &result) {
    client::StreamResult whole = result;
    whole.calls = m_calls;
    if (!m_calls.isEmpty() && whole.end == client::StreamResult::End::Stop) {
        whole.end = client::StreamResult::End::ToolCalls;
    }
    const quint64 request = m_request;
    cancel();
    if (request != 0) {
        emit finished(request, whole);
    }
}

void FakeEngine::askCost(int ticket, const client::MediaPart &medium) {
    const QJsonObject costs = m_script.value(QLatin1String("cost")).toObject();
    client::MediaCost cost;
    switch (medium.kind) {
    case AttachmentKind::Picture:
        cost.tokens = medium.tokenBudget > 0 ? medium.tokenBudget : number(costs, "picture", m_state.defaultBudget);
        break;
    case AttachmentKind::Sound:
        cost.tokens = number(costs, "sound", 75);
        cost.seconds = costs.value(QLatin1String("sound_seconds")).toDouble(3.0);
        break;
    case AttachmentKind::Film:
        cost.tokens = number(costs, "film", 700);
        cost.seconds = costs.value(QLatin1String("film_seconds")).toDouble(10.0);
        break;
    }
    QMetaObject::invokeMethod(
        this, [this, ticket, cost] { emit costKnown(ticket, cost); }, Qt::QueuedConnection);
}

} // namespace facet::chat
