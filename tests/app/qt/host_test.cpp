// HostProcess and HostLink with a fake host: a shell script that says what the test wants, and a scripted server.
#include "chat/turn_errors.h"
#include "client/host_link.h"
#include "support/scripted_http_server.h"

#include <QFile>
#include <QJsonDocument>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>

#include <algorithm>

using namespace facet;
using namespace facet::client;
using facet::test::ScriptedHttpServer;

namespace {

void useScript(HostProcess &process, const QString &script) {
    process.setProgram(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), script});
}

const QByteArray kInfo = R"({"loaded":true,"info":{"path":"/m","name":"Tiny","demo":true,"context":512,
    "vision":{"budgets":[70,140],"default_budget":70},"audio":null}})";

QByteArray oneLine(QByteArray json) { return "data: " + json.replace('\n', ' ') + "\n\n"; }

} // namespace

class HostTest : public QObject {
    Q_OBJECT

private slots:
    void readsThePortAndGivesTheKey() {
        QTemporaryDir folder;
        HostProcess process;
        useScript(
            process,
            QStringLiteral(
                "read key; echo $key > %1/key; echo '{\"port\":4711,\"pid\":1}'; cat > /dev/null; echo end > %1/end")
                .arg(folder.path()));
        QSignalSpy listening(&process, &HostProcess::listening);
        process.start();
        QVERIFY(listening.wait());
        QCOMPARE(process.port(), 4711);
        QFile key(folder.filePath(QStringLiteral("key")));
        QVERIFY(key.open(QIODevice::ReadOnly));
        QCOMPARE(QString::fromUtf8(key.readAll().trimmed()), process.key());
        QCOMPARE(process.key().size(), 64);
    }

    void endsWithTheObject() {
        QTemporaryDir folder;
        const QString end = folder.filePath(QStringLiteral("end"));
        {
            HostProcess process;
            useScript(process,
                      QStringLiteral("trap '' TERM; read key; echo '{\"port\":4711}'; cat > /dev/null; echo end > %1")
                          .arg(end));
            QSignalSpy listening(&process, &HostProcess::listening);
            process.start();
            QVERIFY(listening.wait());
        }
        QVERIFY(QFile::exists(end)); // standard input was closed, and it was waited for
    }

    void saysWhyItDidNotStart() {
        HostProcess process;
        QSignalSpy failed(&process, &HostProcess::failedToStart);
        useScript(process, QStringLiteral("echo 'no room left for me' >&2; exit 3"));
        process.start();
        QVERIFY(failed.wait());
        QVERIFY(failed.at(0).at(0).toString().contains(QStringLiteral("no room left for me.")));
        useScript(process, QStringLiteral("exit 3"));
        process.start();
        QVERIFY(failed.wait());
        QVERIFY(failed.at(1).at(0).toString().contains(QStringLiteral("code 3")));
        process.setProgram(QStringLiteral("/nonexistent/facet-cli"), {});
        process.start();
        QTRY_COMPARE(failed.size(), 3);
    }

    void givesUpOnAHostThatSaysNothing() {
        HostProcess process;
        QSignalSpy failed(&process, &HostProcess::failedToStart);
        useScript(process, QStringLiteral("cat > /dev/null"));
        process.setStartTimeout(150);
        process.start();
        QVERIFY(failed.wait());
        QVERIFY(failed.at(0).at(0).toString().contains(QStringLiteral("in time")));
    }

    void givesUpOnNonsense() {
        for (const char *words : {"hello", "{\"port\":0}", "{\"port\":99999}", "[]"}) {
            HostProcess process;
            QSignalSpy failed(&process, &HostProcess::failedToStart);
            useScript(process, QStringLiteral("echo '%1'; cat > /dev/null").arg(QLatin1String(words)));
            process.start();
            QVERIFY2(failed.wait(), words);
        }
        HostProcess endless;
        QSignalSpy failed(&endless, &HostProcess::failedToStart);
        useScript(endless, QStringLiteral("head -c 100000 /dev/zero | tr '\\0' x; cat > /dev/null"));
        endless.start();
        QVERIFY(failed.wait());
    }

    void tellsAKillFromACrash() {
        HostProcess process;
        QSignalSpy crashed(&process, &HostProcess::crashed);
        useScript(process, QStringLiteral("echo '{\"port\":4711}'; kill -9 $$"));
        process.start();
        QVERIFY(crashed.wait());
        QVERIFY(crashed.at(0).at(0).toString().contains(QStringLiteral("memory")));
        QVERIFY(!process.isListening());
        useScript(process, QStringLiteral("echo '{\"port\":4711}'; kill -SEGV $$"));
        process.start();
        QVERIFY(crashed.wait());
        QVERIFY(crashed.at(1).at(0).toString().contains(QStringLiteral("signal 11")));
        // Nothing was started again by itself.
        QTest::qWait(100);
        QCOMPARE(crashed.size(), 2);
    }

    void loadsAnswersAndCrashes() {
        QTemporaryDir folder;
        ScriptedHttpServer server;
        server.answer(
            "/x_facet/load",
            {{ScriptedHttpServer::stream("data: {\"phase\":\"loading\",\"done\":1,\"total\":4}\n\n"), 0, false},
             {oneLine(kInfo), 20, true}});
        server.answer(
            "/x_facet/cost",
            {{ScriptedHttpServer::whole(200, R"({"tokens":64,"width":10,"height":20,"seconds":0})"), 0, true}});
        server.answer("/x_facet/encode", {{ScriptedHttpServer::whole(200, R"({"encoded":true})"), 0, true}});
        server.answer(
            "/v1/chat/completions",
            {{ScriptedHttpServer::stream("data: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n"), 0, false}});
        HostLink link(QStringLiteral("/m"),
                      [](const Failure &failure) { return chat::failureSentence(failure, false); });
        useScript(
            link.process(),
            QStringLiteral("read key; echo '{\"port\":%1}'; while [ ! -e %2/die ]; do sleep 0.02; done; kill -9 $$")
                .arg(server.serverPort())
                .arg(folder.path()));
        QVector<int> kinds;
        connect(&link, &EngineLink::stateChanged, this,
                [&](const chat::EngineState &state) { kinds.append(static_cast<int>(state.kind)); });
        link.start();
        QTRY_COMPARE(link.state().kind, chat::EngineState::Kind::Ready);
        QCOMPARE(kinds, (QVector<int>{1, 2, 2, 3}));
        QVERIFY(link.state().demoModel && link.state().hasVision && !link.state().hasAudio);
        QCOMPARE(link.state().budgets, (QVector<int>{70, 140}));
        QCOMPARE(link.state().loadedBytes, quint64(1));
        QVERIFY(server.requests[0].head.contains(link.process().key().toLatin1()));

        QSignalSpy cost(&link, &EngineLink::costKnown);
        link.askCost(5, {chat::AttachmentKind::Picture, QStringLiteral("/x.png"), QStringLiteral("png"), {}, 70});
        QVERIFY(cost.wait());
        QCOMPARE(cost.at(0).at(1).value<MediaCost>().tokens, 64);
        // What was attached is read before it is asked about.
        QTRY_VERIFY(std::any_of(server.requests.begin(), server.requests.end(), [](const auto &request) {
            return request.head.contains("/x_facet/encode") && request.body.contains("x.png");
        }));

        QSignalSpy updated(&link, &EngineLink::updated);
        QSignalSpy finished(&link, &EngineLink::finished);
        link.generate(9, {});
        QVERIFY(updated.wait());
        QFile die(folder.filePath(QStringLiteral("die")));
        QVERIFY(die.open(QIODevice::WriteOnly));
        QVERIFY(finished.wait());
        QCOMPARE(finished.at(0).at(1).value<StreamResult>().failure.kind, FailureKind::Crashed);
        QCOMPARE(link.state().kind, chat::EngineState::Kind::Crashed);
        QVERIFY(link.state().problem.contains(QStringLiteral("memory")));
        QVERIFY(die.remove());
        link.restart();
        QTRY_COMPARE(link.state().kind, chat::EngineState::Kind::Ready);
    }

    void saysWhyAModelDoesNotLoad() {
        ScriptedHttpServer server;
        server.answer("/x_facet/load",
                      {{ScriptedHttpServer::stream("data: {\"error\":{\"message\":\"model.safetensors is cut "
                                                   "short.\",\"type\":\"invalid_request_error\"}}\n\ndata: [DONE]\n\n"),
                        0, true}});
        HostLink link(QStringLiteral("/m"),
                      [](const Failure &failure) { return chat::failureSentence(failure, false); });
        useScript(link.process(),
                  QStringLiteral("read key; echo '{\"port\":%1}'; cat > /dev/null").arg(server.serverPort()));
        link.start();
        QTRY_COMPARE(link.state().kind, chat::EngineState::Kind::Failed);
        QCOMPARE(link.state().problem, QStringLiteral("model.safetensors is cut short."));
        HostLink none({}, [](const Failure &failure) { return chat::failureSentence(failure, false); });
        useScript(none.process(), QStringLiteral("read key; echo '{\"port\":1}'; cat > /dev/null"));
        none.start();
        QTRY_COMPARE(none.state().kind, chat::EngineState::Kind::Failed);
    }
};

QTEST_GUILESS_MAIN(HostTest)
#include "host_test.moc"
