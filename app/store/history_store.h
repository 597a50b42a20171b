// The history of conversations for the GUI thread: every call returns at once, a thread of its own does the work in the
// order of the calls, and the callback comes back on the GUI thread after the commit, so "done" means "on the disk".
//
//     store.open([this](const Result<HistoryOpened> &opened) { ... });
//     message.id = store.newId();
//     store.saveMessage(conversation, message, [this](const Status &saved) { if (!saved) warn(saved.error()); });
#pragma once

#include "store/history_database.h"

#include <QObject>
#include <QThread>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace facet::store {

class HistoryStore : public QObject {
    Q_OBJECT
public:
    using Done = std::function<void(const Status &)>;

    explicit HistoryStore(HistoryOptions options, QObject *parent = nullptr);
    ~HistoryStore() override; // everything asked for so far has been done

    void open(std::function<void(const Result<HistoryOpened> &)> done);
    // Ids of conversations and messages grow and are given out here, so that nobody has to wait for one.
    qint64 newId() { return ++m_lastId; }

    // through > 0: see HistoryDatabase.
    void messages(qint64 conversation, qint64 through,
                  std::function<void(const Result<QVector<chat::Message>> &)> done);
    // A newer search makes an older one give up; that one's callback does not come.
    void search(const QString &words, std::function<void(const Result<QVector<chat::SearchHit>> &)> done);
    void createConversation(const chat::ConversationInfo &info, const std::vector<chat::Message> &messages,
                            Done done = {});
    void rename(qint64 conversation, const QString &title, Done done = {});
    // Deleted ones are kept until purgeDeleted() or the next open().
    void setDeleted(qint64 conversation, bool deleted, Done done = {});
    void purgeDeleted(Done done = {});
    void saveMessage(qint64 conversation, const chat::Message &message, Done done = {});
    // The text of an answer so far; much cheaper than saveMessage.
    void saveStreaming(qint64 message, const QString &text, const QString &thinking, Done done = {});

private:
    template <typename T>
    void post(std::function<Result<T>(HistoryDatabase &)> work, std::function<void(const Result<T> &)> done);

    std::unique_ptr<HistoryDatabase> m_database; // touched by m_thread only
    QThread m_thread;
    std::unique_ptr<QObject> m_worker; // lives in m_thread; receives the work
    qint64 m_lastId = 0;
    std::shared_ptr<std::atomic<quint64>> m_search = std::make_shared<std::atomic<quint64>>(0); // number of the newest
};

} // namespace facet::store
