// The one object that the window talks to: conversations, the running turn, the engine behind it, tools and their approval.
// Lives on the GUI thread; everything slow happens elsewhere and comes back as signals. Works the same for the local host,
// a remote endpoint, and a scripted fake (--fake-engine).
#pragma once

#include "chat/types.h"

#include <QObject>
#include <QStringList>

#include <memory>

namespace facet::chat {

class ChatController : public QObject {
    Q_OBJECT
public:
    explicit ChatController(QObject *parent = nullptr) : QObject(parent) {}

    // Conversations, newest first.
    virtual QVector<ConversationInfo> conversations() const = 0;
    virtual qint64 currentConversation() const = 0;              // 0: a new, unsaved one
    virtual void openConversation(qint64 id) = 0;
    virtual void newConversation() = 0;
    virtual void renameConversation(qint64 id, const QString &title) = 0;
    virtual void deleteConversation(qint64 id) = 0;              // undoable until the next delete or quit
    virtual void undoDelete() = 0;

    // Messages of the open conversation, oldest first: of all versions the branch that is shown.
    virtual const QVector<Message> &messages() const = 0;
    // Shows another of messages()[messageIndex].versions and what followed it; branchShown() follows.
    virtual void showVersion(int messageIndex, int version) = 0;

    // Looks for words in the texts of all conversations; searchDone() follows unless a newer search does.
    virtual void search(const QString &words) = 0;
    // Opens the conversation on a branch through that message; messageShown() follows.
    virtual void openMessage(qint64 conversation, qint64 message) = 0;
    // Writes the shown branch, attachments beside it: JSON if the name ends so, else Markdown. exported() or problem().
    virtual void exportConversation(const QString &file) = 0;

    // Copies files (or pasted bytes) into the media store in the background; attachmentReady or attachmentFailed follows.
    virtual int addAttachment(const QString &path) = 0;                                        // returns a ticket
    virtual int addAttachmentData(const QByteArray &bytes, const QString &name) = 0;
    virtual void removePendingAttachment(int ticket) = 0;
    virtual void setPendingBudget(int ticket, int tokenBudget) = 0;
    virtual QString attachmentPath(const Attachment &attachment) const = 0;                    // file in the media store
    // A file that comes with the program, for trying a task; empty if there is none.
    enum class Sample { Text, Objects, Recording };
    virtual QString samplePath(Sample sample) const = 0;

    virtual bool canSend() const = 0;
    virtual void send(const QString &text) = 0;         // with all pending attachments
    virtual void stop() = 0;
    // Both keep what was there as another version.
    virtual void regenerate(int messageIndex) = 0;      // answers again from that assistant message on
    virtual void editAndResend(int messageIndex, const QString &text) = 0;  // keeps its attachments
    virtual void resolveTool(int messageIndex, const QString &callId, bool allow) = 0;

    virtual TurnProgress progress() const = 0;
    virtual EngineState engine() const = 0;
    virtual void openModel(const QString &folder) = 0;
    virtual void restartEngine() = 0;
    virtual QStringList recentModels() const = 0;
    virtual QString modelTitle(const QString &path) const = 0;  // what a recent model is called
    // Looks for models of other programs on this computer; modelsFound() follows.
    virtual void findModels() = 0;
    virtual void openFoundModel(const FoundModel &model) = 0;
    // Of the model that this computer runs, also while a remote engine is in use. Setting loads it again.
    virtual LoadSettings loadSettings() const = 0;
    virtual void setLoadSettings(const LoadSettings &settings) = 0;
    virtual void useRemote(const QString &address, const QString &key, const QString &model) = 0;
    virtual void useLocal() = 0;

    virtual GenerationSettings settings() const = 0;
    virtual void setSettings(const GenerationSettings &settings) = 0;
    // File that the user picked for a read_file call, or empty if refused; answer to toolNeedsFile.
    virtual void provideToolFile(int messageIndex, const QString &callId, const QString &path) = 0;

signals:
    void conversationsChanged();
    void conversationOpened(qint64 id);                 // messages() is new as a whole
    void messageAdded(int index);
    void messageChanged(int index);                     // at most once a frame while streaming
    void messagesRemoved(int firstIndex);               // that one and all after it are gone
    void branchShown(int firstIndex);                   // that one and all after it are others now
    void messageShown(int index);                       // after conversationOpened, if it was opened for that message
    void searchDone(const QString &words, const QVector<facet::chat::SearchHit> &hits);
    void exported(const QString &file);
    void attachmentReady(int ticket, const facet::chat::Attachment &attachment);
    void attachmentFailed(int ticket, const QString &sentence);
    void progressChanged(const facet::chat::TurnProgress &progress);
    void modelsFound(const QVector<facet::chat::FoundModel> &models, const QString &problem);
    void engineChanged(const facet::chat::EngineState &state);
    void turnFinished(int messageIndex);
    void toolNeedsFile(int messageIndex, const QString &callId);
    void problem(const QString &sentence);              // anything else the user must know (disk full, history damaged, ...)
};

}  // namespace facet::chat
