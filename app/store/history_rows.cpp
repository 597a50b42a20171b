#include "store/history_rows.h"

#include "store/message_tree.h"
#include "store/words.h"

#include <QHash>
#include <QSqlQuery>
#include <QVariant>

#include <array>
#include <utility>

namespace facet::store {
namespace {

using chat::Attachment;
using chat::AttachmentKind;
using chat::Message;
using chat::MessageState;
using chat::Role;
using chat::ToolState;
using chat::ToolUse;

// Result codes of SQLite (sqlite3.h); the extended code has the primary one in its low byte.
constexpr int kSqliteFull = 13, kSqliteCorrupt = 11, kSqliteNotADatabase = 26, kSqliteBusy = 5, kSqliteReadOnly = 8;

int sqliteCode(const QSqlError &error) { return error.nativeErrorCode().toInt() & 0xff; }

template <typename Enum>
using Names = QVector<std::pair<Enum, QLatin1String>>;

template <typename Enum>
QString nameOf(const Names<Enum> &names, Enum value) {
    for (const auto &entry : names) {
        if (entry.first == value) {
            return entry.second;
        }
    }
    return {};
}

// An unknown word (a damaged row) becomes `fallback` instead of an error: the text matters more.
template <typename Enum>
Enum valueOf(const Names<Enum> &names, const QString &name, Enum fallback) {
    for (const auto &entry : names) {
        if (entry.second == name) {
            return entry.first;
        }
    }
    return fallback;
}

const Names<Role> &roles() {
    static const Names<Role> names = {{Role::System, QLatin1String("system")},
                                      {Role::User, QLatin1String("user")},
                                      {Role::Assistant, QLatin1String("assistant")}};
    return names;
}

const Names<MessageState> &states() {
    static const Names<MessageState> names = {{MessageState::Complete, QLatin1String("complete")},
                                              {MessageState::Streaming, QLatin1String("streaming")},
                                              {MessageState::Stopped, QLatin1String("stopped")},
                                              {MessageState::Interrupted, QLatin1String("interrupted")},
                                              {MessageState::Failed, QLatin1String("failed")}};
    return names;
}

const Names<ToolState> &toolStates() {
    static const Names<ToolState> names = {{ToolState::Asking, QLatin1String("asking")},
                                           {ToolState::Denied, QLatin1String("denied")},
                                           {ToolState::Running, QLatin1String("running")},
                                           {ToolState::Done, QLatin1String("done")},
                                           {ToolState::Failed, QLatin1String("failed")}};
    return names;
}

const Names<AttachmentKind> &kinds() {
    static const Names<AttachmentKind> names = {{AttachmentKind::Picture, QLatin1String("picture")},
                                                {AttachmentKind::Sound, QLatin1String("sound")},
                                                {AttachmentKind::Film, QLatin1String("film")}};
    return names;
}

// A null QString would be stored as NULL, which the schema refuses.
QString notNull(const QString &text) { return text.isNull() ? QStringLiteral("") : text; }

Status run(QSqlQuery &query, const QString &sql, std::initializer_list<QVariant> values, const char *action) {
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

Status writeAttachments(QSqlQuery &query, const Message &message) {
    FACET_CHECK(
        run(query, QStringLiteral("DELETE FROM attachments WHERE message = ?"), {message.id}, "save a message"));
    for (int i = 0; i < message.attachments.size(); ++i) {
        const Attachment &a = message.attachments[i];
        FACET_CHECK(run(query, QStringLiteral("INSERT INTO attachments VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"),
                        {message.id, i, notNull(a.hash), notNull(a.suffix), notNull(a.name), nameOf(kinds(), a.kind),
                         a.bytes, a.width, a.height, a.seconds, a.tokenBudget, a.tokens},
                        "save an attachment"));
    }
    return ok();
}

Status writeTools(QSqlQuery &query, const Message &message) {
    FACET_CHECK(run(query, QStringLiteral("DELETE FROM tool_uses WHERE message = ?"), {message.id}, "save a message"));
    for (int i = 0; i < message.tools.size(); ++i) {
        const ToolUse &use = message.tools[i];
        FACET_CHECK(run(query, QStringLiteral("INSERT INTO tool_uses VALUES (?,?,?,?,?,?,?)"),
                        {message.id, i, notNull(use.callId), notNull(use.tool), notNull(use.argumentsJson),
                         toolStateName(use.state), notNull(use.result)},
                        "save a tool call"));
    }
    return ok();
}

Message messageFromRow(const QSqlQuery &row) {
    Message message;
    message.id = row.value(0).toLongLong();
    message.role = valueOf(roles(), row.value(1).toString(), Role::User);
    message.text = row.value(2).toString();
    message.thinking = row.value(3).toString();
    message.state = valueOf(states(), row.value(4).toString(), MessageState::Interrupted);
    message.notice = row.value(5).toString();
    message.promptTokens = row.value(6).toInt();
    message.completionTokens = row.value(7).toInt();
    message.cachedTokens = row.value(8).toInt();
    message.tokensPerSecond = row.value(9).toDouble();
    message.firstTokenMs = row.value(10).toDouble();
    message.created = QDateTime::fromMSecsSinceEpoch(row.value(11).toLongLong());
    message.thinkingSeconds = row.value(12).toDouble();
    message.parent = row.value(13).toLongLong();
    return message;
}

Attachment attachmentFromRow(const QSqlQuery &row) {
    Attachment a;
    a.hash = row.value(1).toString();
    a.suffix = row.value(2).toString();
    a.name = row.value(3).toString();
    a.kind = valueOf(kinds(), row.value(4).toString(), AttachmentKind::Picture);
    a.bytes = row.value(5).toLongLong();
    a.width = row.value(6).toInt();
    a.height = row.value(7).toInt();
    a.seconds = row.value(8).toDouble();
    a.tokenBudget = row.value(9).toInt();
    a.tokens = row.value(10).toInt();
    return a;
}

} // namespace

Role roleOf(const QString &name) { return valueOf(roles(), name, Role::User); }
QString stateName(MessageState state) { return nameOf(states(), state); }
QString toolStateName(ToolState state) { return nameOf(toolStates(), state); }

bool isDamage(const QSqlError &error) {
    return sqliteCode(error) == kSqliteCorrupt || sqliteCode(error) == kSqliteNotADatabase;
}

Error sqlError(const QSqlError &error, const char *action) {
    Error result;
    result.detail = std::string("could not ") + action + ": " + error.databaseText().toStdString() + " (" +
                    error.nativeErrorCode().toStdString() + ")";
    switch (sqliteCode(error)) {
    case kSqliteFull:
        result.code = ErrorCode::DiskFull;
        result.message =
            said(Words::tr("The conversation could not be saved because the disk is full; make room, it stays "
                           "on the screen until "
            "Facet is closed."));
        break;
    case kSqliteCorrupt:
    case kSqliteNotADatabase:
        result.code = ErrorCode::FileUnreadable;
        result.message = said(Words::tr("The history is damaged; close Facet and start it again, the damaged "
                                        "file will be kept."));
        break;
    case kSqliteBusy:
        result.code = ErrorCode::Busy;
        result.message = said(Words::tr("The history is being used by another program; close it and try again."));
        break;
    case kSqliteReadOnly:
        result.code = ErrorCode::FileWriteFailed;
        result.message = said(Words::tr("The history may only be read; check who may write to its folder."));
        break;
    default:
        result.code = ErrorCode::FileWriteFailed;
        result.message = said(Words::tr("The history could not be read or written; if this comes again, check the disk "
                                        "and restart Facet."));
    }
    return result;
}

SqlTransaction::~SqlTransaction() {
    if (m_open) {
        m_database.rollback();
    }
}

Status SqlTransaction::begin() {
    if (!m_database.transaction()) {
        return sqlError(m_database.lastError(), "begin to save");
    }
    m_open = true;
    return ok();
}

Status SqlTransaction::commit() {
    if (!m_database.commit()) {
        return sqlError(m_database.lastError(), "save");
    }
    m_open = false;
    return ok();
}

Status writeMessage(QSqlDatabase &database, qint64 conversation, const Message &m) {
    constexpr auto kAction = "save a message";
    QSqlQuery query(database);
    FACET_CHECK(run(query,
                    QStringLiteral("UPDATE messages SET text=?, thinking=?, state=?, notice=?, prompt_tokens=?,"
                                   "completion_tokens=?, cached_tokens=?, tokens_per_second=?, first_token_ms=?,"
                                   "thinking_seconds=? WHERE id=? AND conversation=?"),
                    {notNull(m.text), notNull(m.thinking), stateName(m.state), notNull(m.notice), m.promptTokens,
                     m.completionTokens, m.cachedTokens, m.tokensPerSecond, m.firstTokenMs, m.thinkingSeconds, m.id,
                     conversation},
                    kAction));
    if (query.numRowsAffected() == 0) {
        const QVariant parent = m.parent >= 0 ? QVariant(m.parent) : QVariant(QMetaType::fromType<qint64>());
        FACET_CHECK(run(query,
                        QStringLiteral("INSERT INTO messages(id, conversation, role, text, thinking, state, notice,"
                                       "prompt_tokens, completion_tokens, cached_tokens, tokens_per_second,"
                                       "first_token_ms, thinking_seconds, created, parent) VALUES "
                                       "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                                       "coalesce(?, (SELECT head FROM conversations WHERE id = ?)))"),
                        {m.id, conversation, nameOf(roles(), m.role), notNull(m.text), notNull(m.thinking),
                         stateName(m.state), notNull(m.notice), m.promptTokens, m.completionTokens, m.cachedTokens,
                         m.tokensPerSecond, m.firstTokenMs, m.thinkingSeconds, m.created.toMSecsSinceEpoch(), parent,
                         conversation},
                        kAction));
        FACET_CHECK(run(query, QStringLiteral("UPDATE conversations SET head = ? WHERE id = ?"), {m.id, conversation},
                        kAction));
    }
    FACET_CHECK(writeAttachments(query, m));
    FACET_CHECK(writeTools(query, m));
    return run(query, QStringLiteral("UPDATE conversations SET updated = max(updated, ?) WHERE id = ?"),
               {QDateTime::currentMSecsSinceEpoch(), conversation}, kAction);
}

Result<QVector<Message>> readMessages(QSqlDatabase &database, qint64 conversation, qint64 through) {
    constexpr auto kAction = "read a conversation";
    QSqlQuery query(database);
    query.setForwardOnly(true);
    FACET_CHECK(run(query, QStringLiteral("SELECT head FROM conversations WHERE id = ?"), {conversation}, kAction));
    const qint64 head = query.next() ? query.value(0).toLongLong() : 0;
    FACET_CHECK(run(query, QStringLiteral("SELECT id, parent FROM messages WHERE conversation = ? ORDER BY id"),
                    {conversation}, kAction));
    MessageTree tree;
    while (query.next()) {
        tree.add(query.value(0).toLongLong(), query.value(1).toLongLong());
    }
    const QVector<qint64> branch = through > 0 ? tree.branchThrough(through) : tree.branchTo(head);
    if (through > 0 && !branch.isEmpty() && branch.last() != head) {
        FACET_CHECK(run(query, QStringLiteral("UPDATE conversations SET head = ? WHERE id = ?"),
                        {branch.last(), conversation}, kAction));
    }
    QHash<qint64, int> indexOfId;
    QVector<Message> messages(branch.size());
    for (int i = 0; i < branch.size(); ++i) {
        indexOfId.insert(branch[i], i);
    }
    FACET_CHECK(
        run(query,
            QStringLiteral(
                "SELECT id, role, text, thinking, state, notice, prompt_tokens, completion_tokens, cached_tokens,"
                "tokens_per_second, first_token_ms, created, thinking_seconds, parent FROM messages "
                "WHERE conversation = ? ORDER BY id"),
            {conversation}, kAction));
    while (query.next()) {
        const int index = indexOfId.value(query.value(0).toLongLong(), -1);
        if (index >= 0) {
            messages[index] = messageFromRow(query);
            messages[index].versions = tree.versionsOf(messages[index].id);
        }
    }
    FACET_CHECK(
        run(query,
            QStringLiteral(
                "SELECT message, hash, suffix, a.name, kind, bytes, width, height, seconds, token_budget, tokens "
                "FROM attachments a JOIN messages m ON m.id = a.message WHERE m.conversation = ? "
                "ORDER BY message, position"),
            {conversation}, "read attachments"));
    while (query.next()) {
        const int index = indexOfId.value(query.value(0).toLongLong(), -1);
        if (index >= 0) {
            messages[index].attachments.append(attachmentFromRow(query));
        }
    }
    FACET_CHECK(run(query,
                    QStringLiteral("SELECT message, call_id, tool, arguments, t.state, result "
                                   "FROM tool_uses t JOIN messages m ON m.id = t.message WHERE m.conversation = ? "
                                   "ORDER BY message, position"),
                    {conversation}, "read tool calls"));
    while (query.next()) {
        const int index = indexOfId.value(query.value(0).toLongLong(), -1);
        if (index >= 0) {
            messages[index].tools.append({query.value(1).toString(), query.value(2).toString(),
                                          query.value(3).toString(),
                                          valueOf(toolStates(), query.value(4).toString(), ToolState::Failed),
                                          query.value(5).toString()});
        }
    }
    return messages;
}

} // namespace facet::store
