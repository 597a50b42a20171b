// The ChatController of the program: conversations in the history, attachments in the media store, answers from an
// EngineLink (own host, remote server or script), tools after approval. Lives on the GUI thread and never blocks it.
//
// A turn: the question is saved -> the engine is brought up if need be -> the answer streams and is saved as it grows
// -> tool calls are asked about, run, and answered with a further request -> the answer is complete. Each request has a
// number that grows; what belongs to another number than the running one is dropped.
#pragma once

#include "chat/chat_controller.h"
#include "chat/pending_attachments.h"
#include "chat/stream_saver.h"
#include "client/engine_link.h"
#include "store/history_store.h"
#include "store/media_store.h"
#include "store/secret_file.h"
#include "store/settings.h"
#include "tools/registry.h"

#include <QElapsedTimer>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

namespace facet::chat {

// What the controller works with; everything outlives it.
struct Services {
    store::HistoryStore *history = nullptr;
    const store::MediaStore *media = nullptr;
    store::Settings *settings = nullptr;
    store::SecretFile *secrets = nullptr;
    const tools::Registry *tools = nullptr;
    const tools::Registry *demoTools = nullptr;
    std::function<std::unique_ptr<client::EngineLink>(const client::Endpoint &)> makeRemote;
};

class LocalChatController final : public ChatController {
    Q_OBJECT
public:
    LocalChatController(const Services &services, std::unique_ptr<client::EngineLink> localEngine,
                        QObject *parent = nullptr);
    ~LocalChatController() override;

    // Opens the history and brings up the engine that was used last. conversationsChanged() says that it is open.
    void start();

    QVector<ConversationInfo> conversations() const override { return m_conversations; }
    qint64 currentConversation() const override { return m_current; }
    void openConversation(qint64 id) override;
    void newConversation() override;
    void renameConversation(qint64 id, const QString &title) override;
    void deleteConversation(qint64 id) override;
    void undoDelete() override;
    const QVector<Message> &messages() const override { return m_messages; }
    void showVersion(int messageIndex, int version) override;
    void search(const QString &words) override;
    void openMessage(qint64 conversation, qint64 message) override;
    void exportConversation(const QString &file) override;

    int addAttachment(const QString &path) override;
    int addAttachmentData(const QByteArray &bytes, const QString &name) override;
    void removePendingAttachment(int ticket) override;
    void setPendingBudget(int ticket, int tokenBudget) override;
    QString attachmentPath(const Attachment &attachment) const override;
    QString samplePath(Sample sample) const override;

    bool canSend() const override;
    void send(const QString &text) override;
    void stop() override;
    void regenerate(int messageIndex) override;
    void editAndResend(int messageIndex, const QString &text) override;
    void resolveTool(int messageIndex, const QString &callId, bool allow) override;
    void provideToolFile(int messageIndex, const QString &callId, const QString &path) override;

    TurnProgress progress() const override;
    EngineState engine() const override;
    void openModel(const QString &folder) override;
    void restartEngine() override;
    QStringList recentModels() const override;
    QString modelTitle(const QString &path) const override;
    void findModels() override { m_local->findModels(); }
    void openFoundModel(const FoundModel &model) override;
    LoadSettings loadSettings() const override;
    void setLoadSettings(const LoadSettings &settings) override;
    void useRemote(const QString &address, const QString &newKey, const QString &model) override;
    void useLocal() override;

    GenerationSettings settings() const override { return m_settings; }
    void setSettings(const GenerationSettings &settings) override;

private:
    // local_chat_controller.cpp
    void connectLink(client::EngineLink *link);
    client::EngineLink *link() const { return m_remote ? m_remote.get() : m_local.get(); }
    void dropRemote();
    void onEngineState(const EngineState &state);
    void askCosts();
    void readSettings();

    // local_chat_models.cpp
    void rememberModel(const EngineState &state);
    void onModelsFound(QVector<FoundModel> models, const QString &problem);

    // local_chat_history.cpp
    void loadConversation(qint64 id, qint64 through);
    void showConversation(qint64 id, QVector<Message> messages);
    ConversationInfo *info(qint64 id);
    void touchCurrent();
    store::HistoryStore::Done savedOrProblem();
    void reportSaving(const Status &saved);

    // local_chat_turn.cpp
    void ask(Message question);
    void beginAnswer(const QVector<qint64> &olderVersions = {});
    void beginRequest();
    void onUpdate(quint64 request, const client::StreamUpdate &update);
    void onFinished(quint64 request, const client::StreamResult &result);
    void finishMessage(MessageState state, const QString &notice);
    void noteThought(Message &message);
    void endTurn();
    void setPhase(TurnPhase phase, quint64 done = 0, quint64 total = 0);
    void removeMessagesFrom(int index);
    qint64 lastId() const { return m_messages.isEmpty() ? 0 : m_messages.last().id; }
    Message *answer();

    // local_chat_tools.cpp
    void askForTools(const QVector<client::CallPart> &calls);
    ToolUse *askedTool(int messageIndex, const QString &callId);
    void runTool(int messageIndex, const QString &callId, const QString &file);
    void onToolDone(int messageIndex, const QString &callId, const tools::Outcome &outcome);
    void afterTool(int messageIndex);
    void stopTools();
    void declineOpenTools();
    const tools::Registry *registryFor(const QString &tool) const;

    Services m_services;
    std::unique_ptr<client::EngineLink> m_local, m_remote;
    GenerationSettings m_settings;

    QVector<ConversationInfo> m_conversations;
    std::optional<ConversationInfo> m_deleted; // for undoDelete()
    qint64 m_current = 0;
    quint64 m_openNumber = 0; // of openConversation() calls: only the last one counts
    QVector<Message> m_messages;
    bool m_historyAsked = false, m_saving = false, m_saveProblemShown = false;
    PendingAttachments m_pending;
    StreamSaver m_saver;

    struct Turn {
        int index = -1; // of the answer in m_messages
        quint64 request = 0;
        bool waitsForEngine = false;
        int toolRounds = 0;
        QElapsedTimer thought; // since the first word of it
    };
    Turn m_turn;
    quint64 m_lastRequest = 0;
    quint64 m_toolRun = 0; // grows when running tools no longer count
    TurnProgress m_progress;
    QElapsedTimer m_phaseClock;
    QTimer m_progressTimer;
};

} // namespace facet::chat
