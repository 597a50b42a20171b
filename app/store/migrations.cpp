#include "store/migrations.h"

#include "store/history_rows.h"
#include "store/words.h"

#include <QDateTime>
#include <QSqlDatabase>
#include <QSqlQuery>

namespace facet::store {

const QVector<MigrationStep> &historyMigrations() {
    static const QVector<MigrationStep> steps = {
        {
            QStringLiteral(
                "CREATE TABLE conversations ("
                "id INTEGER PRIMARY KEY, title TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,"
                "deleted INTEGER NOT NULL DEFAULT 0)"),
            // The order of messages is the order of their ids.
            QStringLiteral(
                "CREATE TABLE messages ("
                "id INTEGER PRIMARY KEY,"
                "conversation INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
                "role TEXT NOT NULL, text TEXT NOT NULL, thinking TEXT NOT NULL, state TEXT NOT NULL,"
                "notice TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,"
                "cached_tokens INTEGER NOT NULL, tokens_per_second REAL NOT NULL, first_token_ms REAL NOT NULL,"
                "created INTEGER NOT NULL)"),
            QStringLiteral("CREATE INDEX messages_of_conversation ON messages(conversation, id)"),
            QStringLiteral(
                "CREATE TABLE attachments ("
                "message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
                "hash TEXT NOT NULL, suffix TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,"
                "bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, seconds REAL NOT NULL,"
                "token_budget INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (message, position))"),
            QStringLiteral("CREATE INDEX attachments_of_hash ON attachments(hash)"),
            QStringLiteral(
                "CREATE TABLE tool_uses ("
                "message INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
                "call_id TEXT NOT NULL, tool TEXT NOT NULL, arguments TEXT NOT NULL, state TEXT NOT NULL,"
                "result TEXT NOT NULL, PRIMARY KEY (message, position))"),
        },
        {
            // A message knows the one before it, so that an edited question and an answer written again stand beside
            // what was there; the conversation knows the last message of the branch that is shown.
            QStringLiteral("ALTER TABLE messages ADD COLUMN parent INTEGER NOT NULL DEFAULT 0"),
            QStringLiteral("ALTER TABLE messages ADD COLUMN thinking_seconds REAL NOT NULL DEFAULT 0"),
            QStringLiteral("ALTER TABLE conversations ADD COLUMN head INTEGER NOT NULL DEFAULT 0"),
            QStringLiteral("UPDATE messages SET parent = coalesce((SELECT max(p.id) FROM messages p "
                           "WHERE p.conversation = messages.conversation AND p.id < messages.id), 0)"),
            QStringLiteral("UPDATE conversations SET head = coalesce((SELECT max(m.id) FROM messages m "
                           "WHERE m.conversation = conversations.id), 0)"),
        },
    };
    return steps;
}

Status migrate(QSqlDatabase &database, const QVector<MigrationStep> &steps) {
    QSqlQuery query(database);
    if (!query.exec(QStringLiteral("PRAGMA user_version")) || !query.next()) {
        return sqlError(query.lastError(), "read its version");
    }
    const int found = query.value(0).toInt();
    query.finish();
    if (found > steps.size() || found < 0) {
        return Error{
            ErrorCode::FileUnreadable,
            said(Words::tr("The history was written by a newer version of Facet; install that version to see "
                           "it. Nothing was changed.")),
            "version " + std::to_string(found) + ", this program knows up to " + std::to_string(steps.size()),
            database.databaseName().toStdString()};
    }
    if (found > 0 && found < steps.size()) {
        QSqlQuery backup(database);
        backup.prepare(QStringLiteral("VACUUM INTO ?"));
        backup.addBindValue(QStringLiteral("%1.before-v%2-%3")
                                .arg(database.databaseName())
                                .arg(steps.size())
                                .arg(QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz"))));
        if (!backup.exec()) {
            return sqlError(backup.lastError(), "copy it before it is brought up to date");
        }
    }
    for (int version = found; version < steps.size(); ++version) {
        SqlTransaction transaction(database);
        FACET_CHECK(transaction.begin());
        for (const QString &statement : steps[version]) {
            if (!query.exec(statement)) {
                return sqlError(query.lastError(), "bring it up to date");
            }
        }
        if (!query.exec(QStringLiteral("PRAGMA user_version = %1").arg(version + 1))) {
            return sqlError(query.lastError(), "bring it up to date");
        }
        query.finish();
        FACET_CHECK(transaction.commit());
    }
    return ok();
}

} // namespace facet::store
