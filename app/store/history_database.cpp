#include "store/history_database.h"

#include "store/history_rows.h"
#include "store/history_search.h"
#include "store/words.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QUuid>
#include <QVariant>

#include <utility>

namespace facet::store {

using chat::ConversationInfo;
using chat::Message;

HistoryDatabase::HistoryDatabase(HistoryOptions options) : m_options(std::move(options)) {}

HistoryDatabase::~HistoryDatabase() { close(); }

void HistoryDatabase::close() {
    if (!m_connection.isEmpty()) {
        QSqlDatabase::removeDatabase(m_connection);
        m_connection.clear();
    }
    m_lock.reset();
}

Status HistoryDatabase::connect() {
    m_connection = QUuid::createUuid().toString(QUuid::WithoutBraces);
    QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), m_connection);
    if (!database.isValid()) {
        return Error{ErrorCode::Internal, said(Words::tr("The history does not work because Qt's SQLite "
                                                         "driver is not installed "
                                          "(package libqt6sql6-sqlite); conversations are not saved."))};
    }
    database.setDatabaseName(m_options.file);
    database.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=2000"));
    if (!database.open()) {
        return sqlError(database.lastError(), "open its file");
    }
    return ok();
}

Status HistoryDatabase::configure() {
    FACET_CHECK(execute(QStringLiteral("PRAGMA journal_mode=WAL"), {}, "open its file"));
    FACET_CHECK(execute(QStringLiteral("PRAGMA synchronous=FULL"), {}, "open its file"));
    FACET_CHECK(execute(QStringLiteral("PRAGMA foreign_keys=ON"), {}, "open its file"));
    FACET_CHECK(execute(QStringLiteral("PRAGMA trusted_schema=OFF"), {}, "open its file"));
    if (m_options.maxPages > 0) {
        FACET_CHECK(execute(QStringLiteral("PRAGMA max_page_count=%1").arg(m_options.maxPages), {}, "open its file"));
    }
    return ok();
}

// Sets `damaged` if SQLite finds fault with the file; other failures (no permission, ...) are the returned Error.
Status HistoryDatabase::checkIntegrity(bool &damaged) {
    damaged = false;
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    QSqlQuery query(database);
    if (!query.exec(QStringLiteral("PRAGMA quick_check(1)"))) {
        damaged = isDamage(query.lastError());
        return damaged ? Status(ok()) : Status(sqlError(query.lastError(), "check its file"));
    }
    damaged = !query.next() || query.value(0).toString() != QLatin1String("ok");
    query.finish();
    if (!damaged && query.exec(QStringLiteral("PRAGMA foreign_key_check"))) {
        damaged = query.next();
    }
    return ok();
}

// Renames the damaged file and what belongs to it. Returns the new name.
Result<QString> HistoryDatabase::setAside() {
    QSqlDatabase::removeDatabase(m_connection);
    m_connection.clear();
    const QString stamp = QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"));
    const QString target = m_options.file + QStringLiteral(".damaged-") + stamp;
    for (const QString &ending : {QString(), QStringLiteral("-wal"), QStringLiteral("-shm")}) {
        if (QFile::exists(m_options.file + ending) && !QFile::rename(m_options.file + ending, target + ending)) {
            return Error{ErrorCode::FileWriteFailed,
                         said(Words::tr("The history is damaged and could not be set aside; conversations are "
                                        "not saved.")),
                         {},
                         m_options.file.toStdString()};
        }
    }
    return target;
}

Status HistoryDatabase::markInterrupted(int &count) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    SqlTransaction transaction(database);
    FACET_CHECK(transaction.begin());
    FACET_CHECK(execute(QStringLiteral("UPDATE tool_uses SET state = ?, result = ? WHERE state = ?"),
                        {toolStateName(chat::ToolState::Failed),
                         Words::tr("Facet was closed before the tool had finished."),
                         toolStateName(chat::ToolState::Running)},
                        "mark interrupted tool calls"));
    QSqlQuery query(database);
    query.prepare(QStringLiteral("UPDATE messages SET state = ?, notice = ? WHERE state = ?"));
    query.addBindValue(stateName(chat::MessageState::Interrupted));
    query.addBindValue(
        Words::tr("Facet was closed while this answer was being written; what was written so far is kept."));
    query.addBindValue(stateName(chat::MessageState::Streaming));
    if (!query.exec()) {
        return sqlError(query.lastError(), "mark interrupted answers");
    }
    count = query.numRowsAffected();
    query.finish();
    FACET_CHECK(transaction.commit());
    return ok();
}

Status HistoryDatabase::collect(HistoryOpened &opened) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    QSqlQuery query(database);
    query.setForwardOnly(true);
    if (!query.exec(QStringLiteral("SELECT c.id, c.title, c.updated, count(m.id) FROM conversations c "
                                   "LEFT JOIN messages m ON m.conversation = c.id WHERE c.deleted = 0 "
                                   "GROUP BY c.id ORDER BY c.updated DESC, c.id DESC"))) {
        return sqlError(query.lastError(), "read the list of conversations");
    }
    while (query.next()) {
        opened.conversations.append({query.value(0).toLongLong(), query.value(1).toString(),
                                     QDateTime::fromMSecsSinceEpoch(query.value(2).toLongLong()),
                                     query.value(3).toInt()});
    }
    if (!query.exec(QStringLiteral("SELECT max(coalesce((SELECT max(id) FROM conversations), 0),"
                                   "coalesce((SELECT max(id) FROM messages), 0))")) ||
        !query.next()) {
        return sqlError(query.lastError(), "read the list of conversations");
    }
    opened.lastId = query.value(0).toLongLong();
    if (!query.exec(QStringLiteral("SELECT DISTINCT hash FROM attachments"))) {
        return sqlError(query.lastError(), "read the list of attachments");
    }
    while (query.next()) {
        opened.mediaHashes.insert(query.value(0).toString());
    }
    return ok();
}

Result<HistoryOpened> HistoryDatabase::open() {
    const QFileInfo file(m_options.file);
    // Two windows on one history would mark each other's running answers as interrupted.
    m_lock = std::make_unique<FileLock>(m_options.file + QStringLiteral(".lock"));
    switch (m_lock->tryLock()) {
    case FileLock::State::Held: break;
    case FileLock::State::Taken:
        return Error{ErrorCode::Busy,
                     said(Words::tr("Another Facet window uses this history; this one does not save conversations.")),
                     {},
                     m_options.file.toStdString()};
    case FileLock::State::Failed:
        return Error{ErrorCode::FileWriteFailed,
                     said(Words::tr("The history's folder cannot be written to; conversations are not saved.")),
                     {},
                     file.path().toStdString()};
    }
    HistoryOpened opened;
    FACET_CHECK(connect());
    bool damaged = false;
    FACET_CHECK(checkIntegrity(damaged));
    if (damaged) {
        FACET_TRY(target, setAside());
        opened.notice = Words::tr("The history was damaged. It was kept as %1, and a new one was begun.")
                            .arg(QFileInfo(target).fileName());
        FACET_CHECK(connect());
    }
    FACET_CHECK(configure());
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    FACET_CHECK(migrate(database, m_options.steps));
    FACET_CHECK(purgeDeleted());
    FACET_CHECK(markInterrupted(opened.interrupted));
    FACET_CHECK(collect(opened));
    opened.mayRemoveMedia = file.dir().entryList({file.fileName() + QStringLiteral(".damaged-*")}).isEmpty();
    QFile::setPermissions(m_options.file, QFile::ReadOwner | QFile::WriteOwner);
    return opened;
}

Status HistoryDatabase::execute(const QString &sql, std::initializer_list<QVariant> values, const char *action) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    if (!database.isOpen()) {
        return Error{ErrorCode::FileWriteFailed, said(Words::tr("The history is not open; this conversation "
                                                                "is not saved.")), action};
    }
    QSqlQuery query(database);
    if (!query.prepare(sql)) {
        return sqlError(query.lastError(), action);
    }
    for (const QVariant &value : values) {
        query.addBindValue(value);
    }
    if (!query.exec()) {
        return sqlError(query.lastError(), action);
    }
    return ok();
}

Result<QVector<Message>> HistoryDatabase::messages(qint64 conversation, qint64 through) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    if (!database.isOpen()) {
        return Error{ErrorCode::FileUnreadable, said(Words::tr("The history is not open; this conversation "
                                                               "cannot be shown."))};
    }
    return readMessages(database, conversation, through);
}

Status HistoryDatabase::createConversation(const ConversationInfo &info, const std::vector<Message> &messages) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    SqlTransaction transaction(database);
    FACET_CHECK(transaction.begin());
    FACET_CHECK(execute(QStringLiteral("INSERT INTO conversations(id, title, created, updated) VALUES (?,?,?,?)"),
                        {info.id, info.title.isNull() ? QStringLiteral("") : info.title,
                         info.updated.toMSecsSinceEpoch(), info.updated.toMSecsSinceEpoch()},
                        "save a conversation"));
    for (const Message &message : messages) {
        FACET_CHECK(writeMessage(database, info.id, message));
    }
    return transaction.commit();
}

Status HistoryDatabase::rename(qint64 conversation, const QString &title) {
    return execute(QStringLiteral("UPDATE conversations SET title = ? WHERE id = ?"), {title, conversation},
                   "rename a conversation");
}

Status HistoryDatabase::setDeleted(qint64 conversation, bool deleted) {
    return execute(QStringLiteral("UPDATE conversations SET deleted = ? WHERE id = ?"), {deleted ? 1 : 0, conversation},
                   "delete a conversation");
}

Status HistoryDatabase::purgeDeleted() {
    return execute(QStringLiteral("DELETE FROM conversations WHERE deleted = 1"), {}, "delete a conversation");
}

Status HistoryDatabase::saveMessage(qint64 conversation, const Message &message) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    SqlTransaction transaction(database);
    FACET_CHECK(transaction.begin());
    FACET_CHECK(writeMessage(database, conversation, message));
    return transaction.commit();
}

Result<QVector<chat::SearchHit>> HistoryDatabase::search(const QString &words, const std::function<bool()> &goOn) {
    QSqlDatabase database = QSqlDatabase::database(m_connection);
    if (!database.isOpen()) {
        return Error{ErrorCode::FileUnreadable, said(Words::tr("The history is not open; it cannot be searched."))};
    }
    return searchMessages(database, words, goOn);
}

Status HistoryDatabase::saveStreaming(qint64 message, const QString &text, const QString &thinking) {
    return execute(
        QStringLiteral("UPDATE messages SET text = ?, thinking = ? WHERE id = ?"),
        {text.isNull() ? QStringLiteral("") : text, thinking.isNull() ? QStringLiteral("") : thinking, message},
        "save an answer");
}

} // namespace facet::store
