// A program that streams answers into a history is killed a hundred times at random moments. After each time the
// history opens, everything that was acknowledged is there, and the answer that was being written is marked.
#include "store/history_database.h"
#include "support/stream_text.h"

#include <QCoreApplication>
#include <QHash>
#include <QProcess>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtTest>

using namespace facet;
using namespace facet::store;

class StoreKillTest : public QObject {
    Q_OBJECT

private:
    struct Acknowledged {
        qint64 conversation = 0;
        QHash<qint64, int> lengths; // of texts
        QSet<qint64> complete;
    };

    static Acknowledged read(const QByteArray &output) {
        Acknowledged saved;
        for (const QByteArray &line : output.split('\n')) {
            const QList<QByteArray> words = line.split(' ');
            if (words.size() != 3 || words[2].isEmpty()) {
                continue; // cut off by the kill
            }
            const qint64 id = words[1].toLongLong();
            if (words[0] == "C") {
                saved.conversation = id;
            } else {
                saved.lengths[id] = words[2].toInt();
                if (words[0] == "D") {
                    saved.complete.insert(id);
                }
            }
        }
        return saved;
    }

private slots:
    void survivesAHundredKills() {
        constexpr int kKills = 100;
        constexpr int kLongestMs = 120;
        QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("history.sqlite"));
        const QString program = QCoreApplication::applicationDirPath() + QStringLiteral("/qt_store_writer");
        QRandomGenerator random(20240); // the same moments each time, as far as the machine allows
        int interrupted = 0, complete = 0;
        for (int kill = 0; kill < kKills; ++kill) {
            QProcess writer;
            writer.start(program, {file});
            QVERIFY(writer.waitForStarted());
            // From before it has opened the history until it has written several answers.
            writer.waitForFinished(random.bounded(kLongestMs));
            writer.kill();
            QVERIFY(writer.waitForFinished());
            QCOMPARE(writer.exitStatus(), QProcess::CrashExit);
            const Acknowledged saved = read(writer.readAllStandardOutput());

            HistoryOptions options;
            options.file = file;
            HistoryDatabase database(options);
            const auto opened = database.open();
            QVERIFY2(opened.hasValue(), opened ? "" : opened.error().describe().c_str());
            QVERIFY2(opened->notice.isEmpty(), qPrintable(opened->notice));
            QVERIFY(opened->interrupted <= 1);
            interrupted += opened->interrupted;
            if (saved.conversation == 0) {
                continue;
            }
            const auto messages = database.messages(saved.conversation);
            QVERIFY(messages.hasValue());
            QHash<qint64, chat::Message> byId;
            for (const chat::Message &message : *messages) {
                QVERIFY(message.state == chat::MessageState::Complete ||
                        message.state == chat::MessageState::Interrupted);
                QCOMPARE(message.text, test::streamedText(message.id, static_cast<int>(message.text.size())));
                byId.insert(message.id, message);
            }
            for (auto entry = saved.lengths.begin(); entry != saved.lengths.end(); ++entry) {
                QVERIFY(byId.contains(entry.key()));
                QVERIFY(byId[entry.key()].text.size() >= entry.value());
            }
            for (const qint64 id : saved.complete) {
                QCOMPARE(byId[id].state, chat::MessageState::Complete);
                ++complete;
            }
        }
        // The moments did hit answers that were being written, and finished ones as well.
        qInfo("%d interrupted answers, %d complete ones", interrupted, complete);
        QVERIFY(interrupted >= kKills / 10);
        QVERIFY(complete > 0);
    }
};

QTEST_GUILESS_MAIN(StoreKillTest)
#include "store_kill_test.moc"
