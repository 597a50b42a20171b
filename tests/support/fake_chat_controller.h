// A ChatController in memory: no engine, no files, no threads. Answers are scripted and stream in steps, by a timer or
// by hand (step()), so that tests of the window say exactly what happens when.
//
//     FakeChatController controller;
//     controller.script({.text = "Hello **there**", .thinking = "Hm."});
//     MainWindow window(&controller, nullptr);
//     controller.send("Hi");  controller.finishTurn();
#pragma once

#include "chat/chat_controller.h"

#include <QHash>
#include <QTimer>

namespace facet::tests {

struct ScriptedAnswer {
    QString text, thinking;
    QVector<chat::ToolUse> tools; // asked about before the text
    int charactersPerStep = 12;
};

class FakeChatController : public chat::ChatController {
    Q_OBJECT
public:
    explicit FakeChatController(QObject *parent = nullptr);

    // Setting up.
    void script(const ScriptedAnswer &answer) { m_script.append(answer); } // one per turn; then it repeats the question
    void setEngineState(const chat::EngineState &state);
    void setProgress(const chat::TurnProgress &progress);
    void setConversations(const QVector<chat::ConversationInfo> &conversations);
    void setMessages(const QVector<chat::Message> &messages); // of the open conversation
    void changeMessage(int index, const chat::Message &message);
    void setCanSend(bool can) { m_allowed = can; }
    void setAutomatic(int stepMs); // streams by itself; 0: by hand
    void step();                   // some more characters of the answer
    void finishTurn();             // all of them
    void failAttachments(const QString &sentence) { m_attachmentProblem = sentence; }
    void emitProblem(const QString &sentence) { emit problem(sentence); }
    void askForFile(int message, const QString &callId) { emit toolNeedsFile(message, callId); }
    int pendingCount() const { return int(m_pending.size()); }
    QStringList calls; // what the window asked for, in order

    QVector<chat::ConversationInfo> conversations() const override { return m_conversations; }
    qint64 currentConversation() const override { return m_current; }
    void openConversation(qint64 id) override;
    void newConversation() override;
    void renameConversation(qint64 id, const QString &title) override;
    void deleteConversation(qint64 id) override;
    void undoDelete() override;
    const QVector<chat::Message> &messages() const override { return m_messages; }
    void showVersion(int messageIndex, int version) override {
        calls << QStringLiteral("version %1 %2").arg(messageIndex).arg(version);
    }
    void showBranch(int first, const QVector<chat::Message> &messages) { // the answer to showVersion
        m_messages = m_messages.mid(0, first) + messages;
        emit branchShown(first);
    }
    void search(const QString &words) override { calls << QStringLiteral("search ") + words; }
    void answerSearch(const QString &words, const QVector<chat::SearchHit> &hits) { emit searchDone(words, hits); }
    void openMessage(qint64 conversation, qint64 message) override;
    void exportConversation(const QString &file) override {
        calls << QStringLiteral("export ") + file;
        emit exported(file);
    }
    QString samplePath(Sample sample) const override { return m_samples.value(sample); }
    void setSample(Sample sample, const QString &path) { m_samples.insert(sample, path); }
    int addAttachment(const QString &path) override;
    int addAttachmentData(const QByteArray &bytes, const QString &name) override;
    void removePendingAttachment(int ticket) override;
    void setPendingBudget(int ticket, int tokenBudget) override;
    QString attachmentPath(const chat::Attachment &attachment) const override { return m_paths.value(attachment.hash); }
    void setAttachmentPath(const QString &hash, const QString &path) { m_paths.insert(hash, path); }
    bool canSend() const override {
        return m_allowed && m_engine.kind == chat::EngineState::Kind::Ready &&
               m_progress.phase == chat::TurnPhase::Idle;
    }
    void send(const QString &text) override;
    void stop() override;
    void regenerate(int messageIndex) override;
    void editAndResend(int messageIndex, const QString &text) override;
    void resolveTool(int messageIndex, const QString &callId, bool allow) override;
    chat::TurnProgress progress() const override { return m_progress; }
    chat::EngineState engine() const override { return m_engine; }
    void openModel(const QString &folder) override { calls << QStringLiteral("openModel ") + folder; }
    void restartEngine() override { calls << QStringLiteral("restartEngine"); }
    QStringList recentModels() const override {
        return {QStringLiteral("/models/gemma-4-E2B-it"), QStringLiteral("/models/demo")};
    }
    QString modelTitle(const QString &path) const override { return path.section(QLatin1Char('/'), -1); }
    void findModels() override { calls << QStringLiteral("findModels"); }
    void answerFindModels(const QVector<chat::FoundModel> &models, const QString &problem = {}) {
        emit modelsFound(models, problem);
    }
    void openFoundModel(const chat::FoundModel &model) override {
        calls << QStringLiteral("openFoundModel ") + model.path;
    }
    chat::LoadSettings loadSettings() const override { return m_loadSettings; }
    void setLoadSettings(const chat::LoadSettings &settings) override {
        calls << QStringLiteral("setLoadSettings");
        m_loadSettings = settings;
    }
    void useRemote(const QString &address, const QString &key, const QString &model) override;
    void useLocal() override { calls << QStringLiteral("useLocal"); }
    chat::GenerationSettings settings() const override { return m_settings; }
    void setSettings(const chat::GenerationSettings &settings) override { m_settings = settings; }
    void provideToolFile(int messageIndex, const QString &callId, const QString &path) override;

private:
    void beginAnswer();
    int attach(const chat::Attachment &attachment, const QString &path);

    QVector<chat::ConversationInfo> m_conversations;
    QVector<chat::Message> m_messages;
    QHash<qint64, QVector<chat::Message>> m_stored;
    chat::ConversationInfo m_deleted;
    qint64 m_current = 0, m_nextId = 100;
    QHash<int, chat::Attachment> m_pending;
    QHash<QString, QString> m_paths;
    int m_nextTicket = 1;
    QString m_attachmentProblem;
    chat::TurnProgress m_progress;
    chat::EngineState m_engine;
    chat::GenerationSettings m_settings;
    chat::LoadSettings m_loadSettings;
    QVector<ScriptedAnswer> m_script;
    ScriptedAnswer m_answer;
    QTimer m_timer;
    QHash<Sample, QString> m_samples;
    bool m_allowed = true;
};

} // namespace facet::tests
