// The history's SQLite file, synchronously: used by HistoryStore on its own thread and by nobody else.
// WAL with synchronous=FULL: NORMAL would survive kill -9 as well, but after a power cut it may lose commits that were
// acknowledged; an answer is saved four times a second at most, so the extra sync is affordable.
#pragma once

#include "chat/types.h"
#include "facet/result.h"
#include "store/file_lock.h"
#include "store/migrations.h"

#include <QSet>
#include <QString>

#include <functional>
#include <memory>
#include <vector>

namespace facet::store {

struct HistoryOptions {
    QString file;
    QVector<MigrationStep> steps = historyMigrations();
    int maxPages = 0; // for tests of a full disk; 0: no limit
};

struct HistoryOpened {
    QVector<chat::ConversationInfo> conversations; // newest first
    qint64 lastId = 0;                             // highest id in use
    int interrupted = 0;                           // answers that were being written when the program ended
    QSet<QString> mediaHashes;                     // attachments that are referenced
    QString notice;                                // a whole sentence if a damaged file was set aside
    bool mayRemoveMedia = false;                   // false: some damaged history may still refer to other media
};

class HistoryDatabase {
public:
    explicit HistoryDatabase(HistoryOptions options);
    ~HistoryDatabase();
    HistoryDatabase(const HistoryDatabase &) = delete;
    HistoryDatabase &operator=(const HistoryDatabase &) = delete;

    // Checks, migrates, marks unfinished answers as interrupted and forgets what was deleted.
    Result<HistoryOpened> open();
    void close();

    // The branch that is shown; through > 0: the newest one through that message, which is shown from now on.
    Result<QVector<chat::Message>> messages(qint64 conversation, qint64 through = 0);
    Result<QVector<chat::SearchHit>> search(const QString &words, const std::function<bool()> &goOn);
    Status createConversation(const chat::ConversationInfo &info, const std::vector<chat::Message> &messages);
    Status rename(qint64 conversation, const QString &title);
    Status setDeleted(qint64 conversation, bool deleted);
    Status purgeDeleted();
    // Adds the message after its parent, where it becomes the end of the branch that is shown, or changes it.
    Status saveMessage(qint64 conversation, const chat::Message &message);
    Status saveStreaming(qint64 message, const QString &text, const QString &thinking);

private:
    Status connect();
    Status configure();
    Status checkIntegrity(bool &damaged);
    Result<QString> setAside();
    Status markInterrupted(int &count);
    Status collect(HistoryOpened &opened);
    Status execute(const QString &sql, std::initializer_list<QVariant> values, const char *action);

    HistoryOptions m_options;
    QString m_connection;
    std::unique_ptr<FileLock> m_lock;
};

} // namespace facet::store
