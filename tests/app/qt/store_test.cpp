// History, media, settings, keys, folders: what must survive, and what happens when the disk does not play along.
#include "store/history_search.h"
#include "store/history_store.h"
#include "store/media_store.h"
#include "store/message_tree.h"
#include "store/paths.h"
#include "store/secret_file.h"
#include "store/settings.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QtTest>

#include <cerrno>
#include <memory>
#include <optional>
#include <unistd.h>

using namespace facet;
using namespace facet::store;
using chat::Message;
using chat::MessageState;

namespace {

Message message(qint64 id, chat::Role role, const QString &text) {
    Message m;
    m.id = id;
    m.role = role;
    m.text = text;
    m.created = QDateTime::fromMSecsSinceEpoch(1'700'000'000'000 + id);
    return m;
}

Message fullMessage(qint64 id) {
    Message m = message(id, chat::Role::Assistant, QStringLiteral("Text with 'quotes', \"more\" and 😀\n"));
    m.thinking = QStringLiteral("Thought");
    m.notice = QStringLiteral("Notice");
    m.promptTokens = 1;
    m.completionTokens = 2;
    m.cachedTokens = 3;
    m.tokensPerSecond = 4.5;
    m.firstTokenMs = 5.5;
    m.attachments = {{QStringLiteral("aa"), QStringLiteral("png"), QStringLiteral("A.png"),
                      chat::AttachmentKind::Picture, 10, 20, 30, 0, 280, 256},
                     {QStringLiteral("bb"), QStringLiteral("wav"), QStringLiteral("B.wav"), chat::AttachmentKind::Sound,
                      11, 0, 0, 2.5, 0, -1}};
    m.tools = {{QStringLiteral("c1"), QStringLiteral("calculator"), QStringLiteral("{}"), chat::ToolState::Done,
                QStringLiteral("42")},
               {QStringLiteral("c2"), QStringLiteral("x"), QStringLiteral("{}"), chat::ToolState::Denied, {}}};
    return m;
}

bool same(const Message &a, const Message &b) {
    bool equal = a.id == b.id && a.role == b.role && a.text == b.text && a.thinking == b.thinking &&
                 a.state == b.state && a.notice == b.notice && a.promptTokens == b.promptTokens &&
                 a.completionTokens == b.completionTokens && a.cachedTokens == b.cachedTokens &&
                 a.tokensPerSecond == b.tokensPerSecond && a.firstTokenMs == b.firstTokenMs && a.created == b.created &&
                 a.attachments.size() == b.attachments.size() && a.tools.size() == b.tools.size();
    for (int i = 0; equal && i < a.attachments.size(); ++i) {
        const auto &x = a.attachments[i], &y = b.attachments[i];
        equal = x.hash == y.hash && x.suffix == y.suffix && x.name == y.name && x.kind == y.kind &&
                x.bytes == y.bytes && x.width == y.width && x.height == y.height && x.seconds == y.seconds &&
                x.tokenBudget == y.tokenBudget && x.tokens == y.tokens;
    }
    for (int i = 0; equal && i < a.tools.size(); ++i) {
        const auto &x = a.tools[i], &y = b.tools[i];
        equal = x.callId == y.callId && x.tool == y.tool && x.argumentsJson == y.argumentsJson && x.state == y.state &&
                x.result == y.result;
    }
    return equal;
}

chat::ConversationInfo conversation(qint64 id) {
    return {id, QStringLiteral("Title %1").arg(id), QDateTime::fromMSecsSinceEpoch(1'700'000'000'000 + id), 0};
}

} // namespace

class StoreTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString file() const { return m_folder->filePath(QStringLiteral("history.sqlite")); }
    HistoryOptions options() const {
        HistoryOptions options;
        options.file = file();
        return options;
    }
    QStringList filesLike(const QString &pattern) const { return QDir(m_folder->path()).entryList({pattern}); }

    // A history with one conversation (1) of two messages (2, 3).
    void fill() const {
        HistoryDatabase database(options());
        QVERIFY(database.open());
        QVERIFY(database.createConversation(conversation(1),
                                            {message(2, chat::Role::User, QStringLiteral("Q")), fullMessage(3)}));
    }

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void messagesComeBackAsTheyWere() {
        fill();
        HistoryDatabase database(options());
        const auto opened = database.open();
        QVERIFY(opened.hasValue());
        QCOMPARE(opened->lastId, qint64(3));
        QCOMPARE(opened->conversations.size(), 1);
        QCOMPARE(opened->conversations[0].messageCount, 2);
        QCOMPARE(opened->mediaHashes, (QSet<QString>{QStringLiteral("aa"), QStringLiteral("bb")}));
        const auto messages = database.messages(1);
        QCOMPARE(messages->size(), 2);
        QVERIFY(same((*messages)[1], fullMessage(3)));
    }

    void changesAndRemovals() {
        fill();
        HistoryDatabase database(options());
        QVERIFY(database.open());
        Message changed = fullMessage(3);
        changed.text = QStringLiteral("New");
        changed.attachments.clear();
        changed.tools.removeLast();
        QVERIFY(database.saveMessage(1, changed));
        QVERIFY(same(database.messages(1)->last(), changed));
        QVERIFY(database.saveStreaming(3, QStringLiteral("Even newer"), {}));
        QCOMPARE(database.messages(1)->last().text, QStringLiteral("Even newer"));
        QVERIFY(!database.saveMessage(99, message(5, chat::Role::User, QStringLiteral("no such conversation"))));
        QVERIFY(database.rename(1, QStringLiteral("Renamed")));
        QVERIFY(database.setDeleted(1, true));
        QVERIFY(database.purgeDeleted());
        QVERIFY(database.messages(1)->isEmpty()); // gone with its conversation
    }

    // An answer written again and an edited question stand beside what was there; the branch that is shown is kept.
    void versionsAreKept() {
        fill(); // 2 -> 3
        {
            HistoryDatabase database(options());
            QVERIFY(database.open());
            Message again = message(4, chat::Role::Assistant, QStringLiteral("B"));
            again.parent = 2;
            again.thinkingSeconds = 12.5;
            QVERIFY(database.saveMessage(1, again));
            QVERIFY(database.saveMessage(1, message(5, chat::Role::User, QStringLiteral("And then?")))); // after 4
            Message edited = message(6, chat::Role::User, QStringLiteral("Q, better"));
            edited.parent = 0;
            QVERIFY(database.saveMessage(1, edited));
            const auto shown = database.messages(1);
            QCOMPARE(shown->size(), 1);
            QCOMPARE(shown->first().id, qint64(6));
            QCOMPARE(shown->first().versions, (QVector<qint64>{2, 6}));
        }
        HistoryDatabase database(options());
        const auto opened = database.open();
        QCOMPARE(opened->mediaHashes.size(), 2); // attachments of what is not shown are still needed
        QCOMPARE(database.messages(1)->size(), 1);
        const auto older = database.messages(1, 2); // the newest branch through the first question
        QCOMPARE(older->size(), 3);
        QCOMPARE((*older)[1].id, qint64(4));
        QCOMPARE((*older)[1].versions, (QVector<qint64>{3, 4}));
        QCOMPARE((*older)[1].thinkingSeconds, 12.5);
        QCOMPARE((*older)[2].id, qint64(5));
        QVERIFY((*older)[2].versions.isEmpty());
        QCOMPARE(database.messages(1)->size(), 3); // and it is the shown one now
        const auto first = database.messages(1, 3);
        QCOMPARE(first->size(), 2);
        QVERIFY(same((*first)[1], fullMessage(3)));
        // A change of a message that is not the last one leaves the branch as it is.
        QVERIFY(database.saveMessage(1, message(2, chat::Role::User, QStringLiteral("Q!"))));
        QCOMPARE(database.messages(1)->last().id, qint64(3));
        QCOMPARE(database.messages(1, 999)->last().id, qint64(6)); // no such message: the newest branch
    }

    // A history of the first version: everything is there, in order, as one branch.
    void anOldHistoryOpens() {
        const QString connection = QStringLiteral("old");
        {
            QSqlDatabase old = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection);
            old.setDatabaseName(file());
            QVERIFY(old.open());
            QVERIFY(migrate(old, {historyMigrations().first()}));
            QSqlQuery query(old);
            for (const int id : {1, 10}) {
                QVERIFY(query.exec(QStringLiteral("INSERT INTO conversations VALUES (%1, 'Old', 5, 6, 0)").arg(id)));
                for (int m = id + 1; m < id + 5; ++m) {
                    QVERIFY(query.exec(QStringLiteral("INSERT INTO messages VALUES (%1, %2, '%3', 'text %1', '', "
                                                      "'complete', '', 1, 2, 3, 4.0, 5.0, 6)")
                                           .arg(m)
                                           .arg(id)
                                           .arg(m % 2 ? QStringLiteral("assistant") : QStringLiteral("user"))));
                }
            }
            QVERIFY(query.exec(QStringLiteral("INSERT INTO conversations VALUES (20, 'Empty', 5, 6, 0)")));
        }
        QSqlDatabase::removeDatabase(connection);
        HistoryDatabase database(options());
        const auto opened = database.open();
        QVERIFY2(opened.hasValue(), opened ? "" : opened.error().describe().c_str());
        QCOMPARE(opened->conversations.size(), 3);
        QCOMPARE(filesLike(QStringLiteral("history.sqlite.before-v2-*")).size(), 1);
        for (const int id : {1, 10}) {
            const auto messages = database.messages(id);
            QCOMPARE(messages->size(), 4);
            for (int i = 0; i < 4; ++i) {
                QCOMPARE((*messages)[i].id, qint64(id + 1 + i));
                QCOMPARE((*messages)[i].parent, qint64(i == 0 ? 0 : id + i));
                QCOMPARE((*messages)[i].text, QStringLiteral("text %1").arg(id + 1 + i));
                QVERIFY((*messages)[i].versions.isEmpty());
            }
        }
        QVERIFY(database.messages(20)->isEmpty());
        QVERIFY(database.saveMessage(20, message(30, chat::Role::User, QStringLiteral("first"))));
        QCOMPARE(database.messages(20)->size(), 1);
    }

    void damagedParentsHarmNothing() {
        MessageTree tree;
        tree.add(1, 7);  // newer than its child
        tree.add(2, 2);  // itself
        tree.add(3, 99); // nowhere
        tree.add(4, 3);
        QCOMPARE(tree.branchTo(4), (QVector<qint64>{3, 4}));
        QCOMPARE(tree.branchTo(1234), (QVector<qint64>{3, 4}));
        QCOMPARE(tree.branchThrough(3), (QVector<qint64>{3, 4}));
        QCOMPARE(tree.versionsOf(3), (QVector<qint64>{1, 2, 3}));
        QVERIFY(tree.versionsOf(4).isEmpty());
        QVERIFY(MessageTree().branchTo(1).isEmpty());
    }

    void searchFindsWordsInMessages() {
        {
            HistoryDatabase database(options());
            QVERIFY(database.open());
            QVERIFY(database.createConversation(
                conversation(1),
                {message(2, chat::Role::User, QStringLiteral("Wo ist der SCHLÜSSEL für das Fahrrad?")),
                 message(3, chat::Role::Assistant, QStringLiteral("Der Schlüssel hängt neben der Tür. 100% sicher_"))}));
            QVERIFY(database.createConversation(conversation(10),
                                                {message(11, chat::Role::User, QStringLiteral("鍵はどこですか"))}));
            QVERIFY(database.createConversation(conversation(20),
                                                {message(21, chat::Role::User, QStringLiteral("schlüssel, deleted"))}));
            QVERIFY(database.setDeleted(20, true));
            const auto found = [&](const char *words) {
                QVector<qint64> ids;
                const auto hits = database.search(QString::fromUtf8(words), [] { return true; });
                for (const auto &hit : *hits) {
                    ids.append(hit.message);
                }
                return ids;
            };
            QCOMPARE(found("schlüssel"), (QVector<qint64>{3, 2})); // newest first, any case
            QCOMPARE(found("schlüssel fahrrad"), (QVector<qint64>{2}));
            QCOMPARE(found("はどこ"), (QVector<qint64>{11})); // no spaces between words
            QCOMPARE(found("100%"), (QVector<qint64>{3}));    // nothing is a wildcard
            QCOMPARE(found("%"), (QVector<qint64>{3}));
            QVERIFY(found("   ").isEmpty());
            QVERIFY(found("nowhere").isEmpty());
            const auto hits = database.search(QStringLiteral("fahrrad"), [] { return true; });
            QCOMPARE(hits->first().conversation, qint64(1));
            QCOMPARE(hits->first().title, QStringLiteral("Title 1"));
            QCOMPARE(hits->first().marks.size(), 1);
            QCOMPARE(hits->first().excerpt.mid(hits->first().marks[0].first, 7), QStringLiteral("Fahrrad"));
            QVERIFY(database.search(QStringLiteral("schlüssel"), [] { return false; })->isEmpty());
        }
        chat::SearchHit hit;
        const QString text = QStringLiteral("many words ").repeated(100) + QStringLiteral("\n😀😀 needle 😀") +
                             QStringLiteral(" and more words").repeated(100);
        makeExcerpt(text, {QStringLiteral("NEEDLE")}, hit);
        QVERIFY(hit.excerpt.size() < 200);
        QVERIFY(hit.excerpt.startsWith(QChar(u'…')) && hit.excerpt.endsWith(QChar(u'…')));
        QCOMPARE(hit.excerpt.mid(hit.marks.value(0).first, hit.marks.value(0).second), QStringLiteral("needle"));
    }

    void aNewerSearchEndsAnOlderOne() {
        fill();
        HistoryStore store(options());
        store.open([](const Result<HistoryOpened> &) {});
        QStringList answered;
        for (const QString &words : {QStringLiteral("t"), QStringLiteral("te"), QStringLiteral("text")}) {
            store.search(words, [&answered, words](const Result<QVector<chat::SearchHit>> &hits) {
                QVERIFY(hits.hasValue());
                answered << words;
            });
        }
        QTRY_COMPARE(answered, QStringList{QStringLiteral("text")});
    }

    void unfinishedAnswersAreMarked() {
        {
            HistoryDatabase database(options());
            QVERIFY(database.open());
            Message streaming = message(2, chat::Role::Assistant, QStringLiteral("Half"));
            streaming.state = MessageState::Streaming;
            Message tool = message(3, chat::Role::Assistant, {});
            tool.tools = {
                {QStringLiteral("c"), QStringLiteral("t"), QStringLiteral("{}"), chat::ToolState::Running, {}}};
            QVERIFY(database.createConversation(conversation(1), {streaming, tool}));
        }
        HistoryDatabase database(options());
        QCOMPARE(database.open()->interrupted, 1);
        const auto messages = database.messages(1);
        QCOMPARE((*messages)[0].state, MessageState::Interrupted);
        QCOMPARE((*messages)[0].text, QStringLiteral("Half"));
        QVERIFY(!(*messages)[0].notice.isEmpty());
        QCOMPARE((*messages)[1].tools[0].state, chat::ToolState::Failed);
    }

    void migratesWithABackup() {
        fill();
        HistoryOptions next = options();
        next.steps.append({QStringLiteral("ALTER TABLE conversations ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'")});
        {
            HistoryDatabase database(next);
            QVERIFY(database.open());
            QCOMPARE(database.messages(1)->size(), 2);
        }
        const QStringList backups = filesLike(QStringLiteral("history.sqlite.before-v%1-*").arg(next.steps.size()));
        QCOMPARE(backups.size(), 1);
        {
            HistoryDatabase backup({m_folder->filePath(backups[0])}); // still of the version before, and whole
            QVERIFY(backup.open());
            QCOMPARE(backup.messages(1)->size(), 2);
        }
        // The old program meets the new file: refused, untouched.
        HistoryDatabase old(options());
        const auto opened = old.open();
        QVERIFY(!opened);
        QVERIFY(opened.error().message.find("newer version") != std::string::npos);
        old.close();
        HistoryDatabase again(next);
        QVERIFY(again.open());
        QCOMPARE(again.messages(1)->size(), 2);
    }

    void aFailedMigrationChangesNothing() {
        fill();
        HistoryOptions broken = options();
        broken.steps.append({QStringLiteral("DELETE FROM messages"), QStringLiteral("THIS IS NO SQL")});
        {
            HistoryDatabase database(broken);
            QVERIFY(!database.open());
        }
        HistoryDatabase database(options());
        QVERIFY(database.open());
        QCOMPARE(database.messages(1)->size(), 2);
    }

    void aFileThatIsNoDatabaseIsSetAside() {
        const QByteArray garbage = QByteArray("This is a letter to my aunt. ").repeated(500);
        QFile letter(file());
        QVERIFY(letter.open(QIODevice::WriteOnly));
        letter.write(garbage);
        letter.close();
        HistoryDatabase database(options());
        const auto opened = database.open();
        QVERIFY2(opened.hasValue(), opened ? "" : opened.error().describe().c_str());
        QVERIFY(opened->notice.contains(QStringLiteral("damaged")));
        QVERIFY(!opened->mayRemoveMedia);
        const QStringList aside = filesLike(QStringLiteral("history.sqlite.damaged-*"));
        QCOMPARE(aside.size(), 1);
        QFile kept(m_folder->filePath(aside[0]));
        QVERIFY(kept.open(QIODevice::ReadOnly));
        QCOMPARE(kept.readAll(), garbage);
        QVERIFY(database.createConversation(conversation(1), {})); // and the new one works
    }

    void aDatabaseWithBadPagesIsSetAside() {
        {
            HistoryDatabase database(options());
            QVERIFY(database.open());
            for (int i = 1; i < 60; ++i) {
                QVERIFY(database.createConversation(
                    conversation(i * 10), {message(i * 10 + 1, chat::Role::User, QString(2000, QLatin1Char('x')))}));
            }
        }
        QFile damaged(file());
        QVERIFY(damaged.open(QIODevice::ReadWrite));
        QVERIFY(damaged.size() > 40000);
        for (qint64 at = 8192; at < damaged.size(); at += 4096) {
            damaged.seek(at);
            damaged.write(QByteArray(600, '\xEE'));
        }
        damaged.close();
        HistoryDatabase database(options());
        const auto opened = database.open();
        QVERIFY2(opened.hasValue(), opened ? "" : opened.error().describe().c_str());
        QVERIFY(!opened->notice.isEmpty());
        QCOMPARE(filesLike(QStringLiteral("history.sqlite.damaged-*")).size(), 1);
    }

    void oneWindowOneHistory() {
        HistoryDatabase first(options());
        QVERIFY(first.open());
        HistoryDatabase second(options());
        const auto opened = second.open();
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Busy);
        QVERIFY(first.createConversation(conversation(1), {}));
    }

    void aFullDiskIsSaidAndHarmsNothing() {
        fill();
        HistoryOptions full = options();
        full.maxPages = 20;
        HistoryDatabase database(full);
        QVERIFY(database.open());
        const Status saved = database.saveMessage(1, message(9, chat::Role::User, QString(200'000, QLatin1Char('x'))));
        QVERIFY(!saved);
        QCOMPARE(saved.error().code, ErrorCode::DiskFull);
        QVERIFY(saved.error().message.find("disk is full") != std::string::npos);
        QCOMPARE(database.messages(1)->size(), 2);
        QVERIFY(database.saveMessage(1, message(9, chat::Role::User, QStringLiteral("short"))));
    }

    void theStoreAnswersOnItsCallersThread() {
        HistoryStore store(options());
        std::optional<bool> opened;
        store.open([&](const Result<HistoryOpened> &result) {
            QCOMPARE(QThread::currentThread(), thread());
            opened = result.hasValue();
        });
        QVERIFY(!opened); // never at once
        QTRY_VERIFY(opened.has_value());
        QVERIFY(*opened);
        const qint64 id = store.newId();
        QVERIFY(store.newId() > id);
        int done = 0;
        store.createConversation(conversation(id), {}, [&](const Status &saved) { done += saved ? 1 : 0; });
        for (int i = 0; i < 20; ++i) { // in order: each needs the one before
            store.saveMessage(id, message(store.newId(), chat::Role::User, QString::number(i)),
                              [&](const Status &saved) { done += saved ? 1 : 0; });
        }
        QTRY_COMPARE(done, 21);
    }

    void theStoreFinishesBeforeItGoes() {
        {
            HistoryStore store(options());
            store.open([](const Result<HistoryOpened> &) {});
            store.createConversation(conversation(1), {});
            store.saveMessage(1, message(2, chat::Role::User, QStringLiteral("last words")));
        }
        HistoryDatabase database(options());
        QVERIFY(database.open());
        QCOMPARE(database.messages(1)->size(), 1);
    }

    void withoutAHistoryNothingBreaks() {
        HistoryOptions impossible;
        impossible.file = QStringLiteral("/proc/no/such/history.sqlite");
        HistoryStore store(impossible);
        int failures = 0;
        store.open([&](const Result<HistoryOpened> &opened) { failures += opened ? 0 : 1; });
        store.saveMessage(1, message(2, chat::Role::User, QStringLiteral("x")),
                          [&](const Status &saved) { failures += saved ? 0 : 1; });
        store.messages(1, 0, [&](const Result<QVector<Message>> &messages) { failures += messages ? 0 : 1; });
        QTRY_COMPARE(failures, 3);
    }

    void mediaAreKeptOnceByContent() {
        const MediaStore media(m_folder->filePath(QStringLiteral("media")));
        const auto first = media.addBytes(QByteArrayLiteral("picture"), QStringLiteral("PNG"));
        QVERIFY(first.hasValue());
        QVERIFY(first->isNew);
        QCOMPARE(first->suffix, QStringLiteral("png"));
        QCOMPARE(first->hash,
                 QString::fromLatin1(QCryptographicHash::hash("picture", QCryptographicHash::Sha256).toHex()));
        QFile source(m_folder->filePath(QStringLiteral("same.png")));
        QVERIFY(source.open(QIODevice::WriteOnly));
        source.write("picture");
        source.close();
        const auto second = media.addFile(source.fileName());
        QVERIFY(second.hasValue());
        QVERIFY(!second->isNew);
        QCOMPARE(second->hash, first->hash);
        QVERIFY(media.check(first->hash, first->suffix, 7));
        QVERIFY(!media.check(first->hash, first->suffix, 8));
        QVERIFY(!media.check(QStringLiteral("00"), QStringLiteral("png"), 1));
        QCOMPARE(media.addBytes(QByteArrayLiteral("x"), QStringLiteral("../../evil"))->suffix, QStringLiteral("bin"));
    }

    void damagedMediaAreHealed() {
        const MediaStore media(m_folder->filePath(QStringLiteral("media")));
        const auto stored = media.addBytes(QByteArrayLiteral("picture"), QStringLiteral("png"));
        QVERIFY(QFile::resize(media.path(stored->hash, stored->suffix), 3));
        QVERIFY(media.addBytes(QByteArrayLiteral("picture"), QStringLiteral("png")));
        QVERIFY(media.check(stored->hash, stored->suffix, 7));
    }

    void aFullDiskLeavesNoHalfFile() {
        qint64 room = 3'000'000;
        const QString folder = m_folder->filePath(QStringLiteral("media"));
        const MediaStore media(folder, [&](int descriptor, const char *data, qint64 size) -> qint64 {
            if (room <= 0) {
                errno = ENOSPC;
                return -1;
            }
            const qint64 count = qMin(size, room); // short writes first, as real disks do
            room -= count;
            return ::write(descriptor, data, static_cast<size_t>(count));
        });
        const auto stored = media.addBytes(QByteArray(5'000'000, 'x'), QStringLiteral("png"));
        QVERIFY(!stored);
        QCOMPARE(stored.error().code, ErrorCode::DiskFull);
        QVERIFY(stored.error().message.find("disk is full") != std::string::npos);
        QVERIFY(QDir(folder).entryList(QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot).isEmpty());
    }

    void mediaLimitsAndOddFiles() {
        const MediaStore media(m_folder->filePath(QStringLiteral("media")));
        QFile source(m_folder->filePath(QStringLiteral("a.png")));
        QVERIFY(source.open(QIODevice::WriteOnly));
        source.write("12345678");
        source.close();
        QCOMPARE(media.addFile(source.fileName(), 4).error().code, ErrorCode::LimitExceeded);
        QCOMPARE(media.addFile(QStringLiteral("/dev/zero")).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(media.addFile(m_folder->path()).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(media.addFile(m_folder->filePath(QStringLiteral("gone"))).error().code, ErrorCode::FileNotFound);
        QVERIFY(!media.addBytes({}, QStringLiteral("png")));
    }

    void unusedMediaAreRemoved() {
        const QString folder = m_folder->filePath(QStringLiteral("media"));
        const MediaStore media(folder);
        const auto used = media.addBytes(QByteArrayLiteral("used"), QStringLiteral("png"));
        const auto unused = media.addBytes(QByteArrayLiteral("unused"), QStringLiteral("png"));
        QFile part(folder + QStringLiteral("/0123.part"));
        QVERIFY(part.open(QIODevice::WriteOnly));
        media.removeLeftovers(3600);
        QVERIFY(part.exists()); // too young: somebody may be writing it
        media.removeLeftovers(0);
        QVERIFY(!part.exists());
        QCOMPARE(media.removeUnreferenced({used->hash}, 3600), 0);
        QCOMPARE(media.removeUnreferenced({used->hash}, 0), 1);
        QVERIFY(media.check(used->hash, used->suffix, 4));
        QVERIFY(!media.check(unused->hash, unused->suffix, 6));
    }

    void settingsAndKeysComeBack() {
        const Paths paths = Paths::under(m_folder->path());
        QVERIFY(paths.create());
        {
            Settings settings(paths.settingsFile());
            settings.setValue(keys::kTemperature, 0.5);
            settings.setValue(keys::kRecentModels, QStringList{QStringLiteral("/a b"), QStringLiteral("/c,d")});
            QCOMPARE(settings.value(keys::kTemperature).toDouble(), 0.5);
        }
        const Settings settings(paths.settingsFile());
        QCOMPARE(settings.value(keys::kTemperature).toDouble(), 0.5);
        QCOMPARE(settings.value(keys::kRecentModels).toStringList().size(), 2);
        SecretFile secrets(paths.secretsFile());
        secrets.remember(QStringLiteral("http://h"), QStringLiteral("key"));
        QVERIFY(secrets.write());
        QCOMPARE(QFile::permissions(paths.secretsFile()) &
                     (QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther),
                 QFile::Permissions());
        SecretFile again(paths.secretsFile());
        QVERIFY(again.read());
        QCOMPARE(again.key(QStringLiteral("http://h")), QStringLiteral("key"));
    }

    void foldersFollowTheEnvironment() {
        qputenv("FACET_DATA_DIR", m_folder->path().toUtf8());
        qputenv("XDG_CONFIG_HOME", "/xdg/config");
        qputenv("XDG_STATE_HOME", "relative/is/ignored");
        qputenv("HOME", "/home/somebody");
        const Paths paths = Paths::standard();
        QCOMPARE(paths.data, m_folder->path());
        QCOMPARE(paths.config, QStringLiteral("/xdg/config/facet"));
        QCOMPARE(paths.state, QStringLiteral("/home/somebody/.local/state/facet"));
        for (const char *name : {"FACET_DATA_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}) {
            qunsetenv(name);
        }
        Paths impossible = Paths::under(QStringLiteral("/proc/facet"));
        QVERIFY(!impossible.create());
    }
};

QTEST_GUILESS_MAIN(StoreTest)
#include "store_test.moc"
