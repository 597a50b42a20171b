#include "store/history_store.h"

#include <algorithm>
#include <utility>

namespace facet::store {

HistoryStore::HistoryStore(HistoryOptions options, QObject *parent)
    : QObject(parent), m_database(std::make_unique<HistoryDatabase>(std::move(options))),
      m_worker(std::make_unique<QObject>()) {
    m_thread.setObjectName(QStringLiteral("history"));
    m_worker->moveToThread(&m_thread);
    m_thread.start();
}

HistoryStore::~HistoryStore() {
    ++*m_search; // nobody waits for a search any more
    // Comes after all work that was posted; the connection must be closed by the thread that opened it.
    QMetaObject::invokeMethod(m_worker.get(), [this] {
        m_database->close();
        m_thread.quit();
    });
    m_thread.wait();
}

template <typename T>
void HistoryStore::post(std::function<Result<T>(HistoryDatabase &)> work, std::function<void(const Result<T> &)> done) {
    QMetaObject::invokeMethod(
        m_worker.get(),
        [this, work = std::move(work), done = std::move(done)] {
            const Result<T> result = work(*m_database);
            if (done) {
                QMetaObject::invokeMethod(
                    this, [result, done] { done(result); }, Qt::QueuedConnection);
            }
        },
        Qt::QueuedConnection);
}

void HistoryStore::open(std::function<void(const Result<HistoryOpened> &)> done) {
    post<HistoryOpened>([](HistoryDatabase &database) { return database.open(); },
                        [this, done = std::move(done)](const Result<HistoryOpened> &opened) {
                            if (opened) {
                                m_lastId = std::max(m_lastId, opened->lastId);
                            }
                            done(opened);
                        });
}

void HistoryStore::messages(qint64 conversation, qint64 through,
                            std::function<void(const Result<QVector<chat::Message>> &)> done) {
    post<QVector<chat::Message>>(
        [conversation, through](HistoryDatabase &database) { return database.messages(conversation, through); },
        std::move(done));
}

void HistoryStore::search(const QString &words, std::function<void(const Result<QVector<chat::SearchHit>> &)> done) {
    const quint64 number = ++*m_search;
    const auto isNewest = [newest = m_search, number] { return *newest == number; };
    post<QVector<chat::SearchHit>>(
        [words, isNewest](HistoryDatabase &database) { return database.search(words, isNewest); },
        [isNewest, done = std::move(done)](const Result<QVector<chat::SearchHit>> &hits) {
            if (isNewest()) {
                done(hits);
            }
        });
}

void HistoryStore::createConversation(const chat::ConversationInfo &info, const std::vector<chat::Message> &messages,
                                      Done done) {
    post<Ok>([info, messages](HistoryDatabase &database) { return database.createConversation(info, messages); },
             std::move(done));
}

void HistoryStore::rename(qint64 conversation, const QString &title, Done done) {
    post<Ok>([conversation, title](HistoryDatabase &database) { return database.rename(conversation, title); },
             std::move(done));
}

void HistoryStore::setDeleted(qint64 conversation, bool deleted, Done done) {
    post<Ok>([conversation, deleted](HistoryDatabase &database) { return database.setDeleted(conversation, deleted); },
             std::move(done));
}

void HistoryStore::purgeDeleted(Done done) {
    post<Ok>([](HistoryDatabase &database) { return database.purgeDeleted(); }, std::move(done));
}

void HistoryStore::saveMessage(qint64 conversation, const chat::Message &message, Done done) {
    post<Ok>([conversation, message](HistoryDatabase &database) { return database.saveMessage(conversation, message); },
             std::move(done));
}

void HistoryStore::saveStreaming(qint64 message, const QString &text, const QString &thinking, Done done) {
    post<Ok>([message, text,
              thinking](HistoryDatabase &database) { return database.saveStreaming(message, text, thinking); },
             std::move(done));
}

} // namespace facet::store
