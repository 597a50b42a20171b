// Between rows of the history's database and values: reading, writing, names of states, and errors in words.
// Only for the files of this folder and their tests.
#pragma once

#include "chat/types.h"
#include "facet/result.h"

#include <QSqlDatabase>
#include <QSqlError>

namespace facet::store {

// Error of a failed statement; `action` completes "The history: Facet could not ...".
Error sqlError(const QSqlError &error, const char *action);
bool isDamage(const QSqlError &error);

// Rolls back unless committed.
class SqlTransaction {
public:
    explicit SqlTransaction(QSqlDatabase &database) : m_database(database) {}
    SqlTransaction(const SqlTransaction &) = delete;
    SqlTransaction &operator=(const SqlTransaction &) = delete;
    ~SqlTransaction();
    Status begin();
    Status commit();

private:
    QSqlDatabase &m_database;
    bool m_open = false;
};

// INSERT or UPDATE of a message with its attachments and tool uses, inside the caller's transaction. A new one becomes
// the end of the branch that is shown.
Status writeMessage(QSqlDatabase &database, qint64 conversation, const chat::Message &message);
// The branch that is shown. `through` > 0: the newest branch through that message, which is shown from now on.
Result<QVector<chat::Message>> readMessages(QSqlDatabase &database, qint64 conversation, qint64 through = 0);

chat::Role roleOf(const QString &name);

QString stateName(chat::MessageState state);
QString toolStateName(chat::ToolState state);

} // namespace facet::store
