#include "chat/local_chat_controller.h"

#include "chat/demo_model.h"
#include "chat/load_settings.h"

#include <QPointer>

#include <algorithm>
#include <utility>

namespace facet::chat {
namespace {

constexpr int kProgressIntervalMs = 500;
constexpr qint64 kKeepUnusedMediaSeconds = 24 * 3600;
constexpr qint64 kKeepLeftoversSeconds = 3600;

QString sentence(const Error &error) { return QString::fromStdString(error.message); }

} // namespace

LocalChatController::LocalChatController(const Services &services, std::unique_ptr<client::EngineLink> localEngine,
                                         QObject *parent)
    : ChatController(parent), m_services(services), m_local(std::move(localEngine)), m_pending(services.media),
      m_saver(services.history, [this](const Error &error) { reportSaving(error); }) {
    readSettings();
    connectLink(m_local.get());
    m_local->setLoadSettings([settings = services.settings](const QString &model) {
        return readLoadSettings(*settings, model);
    });
    connect(m_local.get(), &client::EngineLink::modelsFound, this, &LocalChatController::onModelsFound);
    connect(&m_pending, &PendingAttachments::ready, this, [this](int ticket, const Attachment &attachment) {
        emit attachmentReady(ticket, attachment);
        if (attachment.tokens < 0) {
            askCosts();
        }
    });
    connect(&m_pending, &PendingAttachments::failed, this, &ChatController::attachmentFailed);
    connect(m_services.settings, &store::Settings::writeFailed, this, &ChatController::problem);
    m_progressTimer.setInterval(kProgressIntervalMs);
    connect(&m_progressTimer, &QTimer::timeout, this, [this] { emit progressChanged(progress()); });
}

LocalChatController::~LocalChatController() {
    // The window is closing in the middle of an answer: what has come is kept as stopped.
    stop();
}

void LocalChatController::start() {
    m_services.history->open([self = QPointer(this)](const Result<store::HistoryOpened> &opened) {
        if (!self) {
            return;
        }
        self->m_historyAsked = true;
        self->m_saving = opened.hasValue();
        if (opened) {
            self->m_conversations = opened->conversations;
            const store::MediaStore *media = self->m_services.media;
            self->m_pending.later([media, hashes = opened->mediaHashes, mayRemove = opened->mayRemoveMedia] {
                media->removeLeftovers(kKeepLeftoversSeconds);
                if (mayRemove) {
                    media->removeUnreferenced(hashes, kKeepUnusedMediaSeconds);
                }
            });
            if (!opened->notice.isEmpty()) {
                emit self->problem(opened->notice);
            }
        } else {
            emit self->problem(sentence(opened.error()));
        }
        emit self->conversationsChanged();
        emit self->progressChanged(self->progress()); // canSend() may be different now
    });
    const store::Settings *settings = m_services.settings;
    if (settings->value(store::keys::kRemoteActive, false).toBool() && m_services.makeRemote) {
        const QString address = settings->value(store::keys::kRemoteAddress).toString();
        useRemote(address, m_services.secrets->key(address), settings->value(store::keys::kRemoteModel).toString());
    } else {
        m_local->start();
    }
}

// ---- engine ----

void LocalChatController::connectLink(client::EngineLink *link) {
    connect(link, &client::EngineLink::stateChanged, this, [this, link](const EngineState &state) {
        if (link == this->link()) {
            onEngineState(state);
        }
    });
    connect(link, &client::EngineLink::updated, this, &LocalChatController::onUpdate);
    connect(link, &client::EngineLink::finished, this, &LocalChatController::onFinished);
    connect(link, &client::EngineLink::costKnown, &m_pending, &PendingAttachments::setCost);
    connect(link, &client::EngineLink::costFailed, &m_pending, &PendingAttachments::fail);
}

EngineState LocalChatController::engine() const { return link()->state(); }

void LocalChatController::onEngineState(const EngineState &state) {
    emit engineChanged(state);
    if (state.kind == EngineState::Kind::Ready) {
        rememberModel(state);
        askCosts();
    }
    if (!m_turn.waitsForEngine) {
        return;
    }
    switch (state.kind) {
    case EngineState::Kind::Ready: beginRequest(); break;
    case EngineState::Kind::Starting: setPhase(TurnPhase::Starting); break;
    case EngineState::Kind::Loading: setPhase(TurnPhase::Loading, state.loadedBytes, state.totalBytes); break;
    case EngineState::Kind::Failed:
    case EngineState::Kind::Crashed:
        finishMessage(MessageState::Failed, state.problem);
        endTurn();
        break;
    case EngineState::Kind::Stopped: break;
    }
}

void LocalChatController::openModel(const QString &folder) {
    stop();
    dropRemote();
    m_local->openModel(folder);
}

void LocalChatController::restartEngine() {
    stop();
    link()->restart();
}

void LocalChatController::useRemote(const QString &address, const QString &newKey, const QString &model) {
    if (!m_services.makeRemote) {
        return;
    }
    stop();
    store::Settings *settings = m_services.settings;
    // Without a new key the one that this address was used with last still counts.
    const QString before = settings->value(store::keys::kRemoteAddress).toString();
    const bool sameAsBefore = QUrl::fromUserInput(before.trimmed()) == QUrl::fromUserInput(address.trimmed());
    const QString key =
        !newKey.isEmpty() ? newKey : m_services.secrets->key(sameAsBefore ? before : address);
    settings->setValue(store::keys::kRemoteAddress, address);
    settings->setValue(store::keys::kRemoteModel, model);
    if (m_services.secrets->key(address) != key) {
        m_services.secrets->remember(address, key);
        settings->later([settings, copy = *m_services.secrets] {
            if (const Status written = copy.write(); !written) {
                emit settings->writeFailed(sentence(written.error()));
            }
        });
    }
    client::Endpoint endpoint;
    endpoint.base = QUrl::fromUserInput(address.trimmed());
    endpoint.key = key.trimmed();
    endpoint.model = model.trimmed();
    dropRemote();
    settings->setValue(store::keys::kRemoteActive, true);
    m_remote = m_services.makeRemote(endpoint);
    connectLink(m_remote.get());
    emit engineChanged(m_remote->state());
    m_remote->start();
}

void LocalChatController::dropRemote() {
    m_services.settings->setValue(store::keys::kRemoteActive, false);
    if (m_remote) {
        m_remote->disconnect(this);
        m_remote->disconnect(&m_pending);
        m_remote.release()->deleteLater(); // it may be the one whose signal brought us here
    }
}

void LocalChatController::useLocal() {
    if (!m_remote) {
        return;
    }
    stop();
    dropRemote();
    emit engineChanged(m_local->state());
    m_local->start();
}

// ---- attachments ----

int LocalChatController::addAttachment(const QString &path) { return m_pending.addFile(path); }

int LocalChatController::addAttachmentData(const QByteArray &bytes, const QString &name) {
    return m_pending.addBytes(bytes, name);
}

void LocalChatController::removePendingAttachment(int ticket) { m_pending.remove(ticket); }

void LocalChatController::setPendingBudget(int ticket, int tokenBudget) {
    m_pending.setBudget(ticket, tokenBudget);
    askCosts();
}

QString LocalChatController::attachmentPath(const Attachment &attachment) const {
    return m_services.media->path(attachment.hash, attachment.suffix);
}

QString LocalChatController::samplePath(Sample sample) const {
    switch (sample) {
    case Sample::Text: return resourceFile(QStringLiteral("samples/picture.png"));
    case Sample::Objects: return resourceFile(QStringLiteral("samples/scene.png"));
    case Sample::Recording: return resourceFile(QStringLiteral("samples/recording.wav"));
    }
    return {};
}

void LocalChatController::askCosts() {
    if (engine().kind != EngineState::Kind::Ready) {
        return;
    }
    for (const int ticket : m_pending.tickets()) {
        const Attachment *attachment = m_pending.find(ticket);
        if (attachment && attachment->tokens < 0) {
            link()->askCost(ticket, {attachment->kind, attachmentPath(*attachment), attachment->suffix,
                                     attachment->name, attachment->tokenBudget});
        }
    }
}

// ---- settings ----

void LocalChatController::readSettings() {
    namespace keys = store::keys;
    const store::Settings &stored = *m_services.settings;
    const GenerationSettings fallback;
    m_settings.thinking = stored.value(keys::kThinking, fallback.thinking).toBool();
    m_settings.temperature = std::clamp(stored.value(keys::kTemperature, fallback.temperature).toDouble(), 0.0, 2.0);
    m_settings.topP = std::clamp(stored.value(keys::kTopP, fallback.topP).toDouble(), 0.0, 1.0);
    m_settings.minP = std::clamp(stored.value(keys::kMinP, fallback.minP).toDouble(), 0.0, 1.0);
    m_settings.topK = std::max(stored.value(keys::kTopK, fallback.topK).toInt(), 0);
    m_settings.maxTokens = std::max(stored.value(keys::kMaxTokens, fallback.maxTokens).toInt(), 0);
    m_settings.seed = std::max(stored.value(keys::kSeed, fallback.seed).toLongLong(), qint64(-1));
    m_settings.systemPrompt = stored.value(keys::kSystemPrompt).toString();
    m_settings.toolsEnabled = stored.value(keys::kToolsEnabled, fallback.toolsEnabled).toBool();
}

void LocalChatController::setSettings(const GenerationSettings &settings) {
    namespace keys = store::keys;
    m_settings = settings;
    store::Settings &stored = *m_services.settings;
    stored.setValue(keys::kThinking, settings.thinking);
    stored.setValue(keys::kTemperature, settings.temperature);
    stored.setValue(keys::kTopP, settings.topP);
    stored.setValue(keys::kMinP, settings.minP);
    stored.setValue(keys::kTopK, settings.topK);
    stored.setValue(keys::kMaxTokens, settings.maxTokens);
    stored.setValue(keys::kSeed, settings.seed);
    stored.setValue(keys::kSystemPrompt, settings.systemPrompt);
    stored.setValue(keys::kToolsEnabled, settings.toolsEnabled);
}

} // namespace facet::chat
