// EngineClient, RemoteLink against a scripted server: streams, breaks, garbage, silence.
#include "chat/turn_errors.h"
#include "client/engine_client.h"
#include "client/remote_link.h"
#include "support/scripted_http_server.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QSignalSpy>
#include <QtTest>

using namespace facet;
using namespace facet::client;
using facet::test::ScriptedHttpServer;

namespace {

const QByteArray kChat = "/v1/chat/completions";

QByteArray text(const QByteArray &words) {
    return "data: {\"choices\":[{\"delta\":{\"content\":\"" + words + "\"}}]}\n\n";
}
const QByteArray kStop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

ChatRequest question() {
    ChatRequest request;
    RequestMessage user;
    user.text = QStringLiteral("Hi");
    request.messages = {user};
    return request;
}

// What one request came to.
struct Outcome {
    QString text;
    int updates = 0;
    StreamResult result;
    bool ended = false;
};

} // namespace

class ClientTest : public QObject {
    Q_OBJECT

private:
    Outcome run(EngineClient &client) {
        Outcome outcome;
        const auto updates = connect(&client, &EngineClient::updated, this, [&](quint64, const StreamUpdate &update) {
            outcome.text += update.text;
            ++outcome.updates;
        });
        const auto end = connect(&client, &EngineClient::finished, this, [&](quint64, const StreamResult &result) {
            outcome.result = result;
            outcome.ended = true;
        });
        client.start(7, question());
        (void)QTest::qWaitFor([&] { return outcome.ended; }, 20000);
        disconnect(updates);
        disconnect(end);
        return outcome;
    }

    Outcome play(const QVector<ScriptedHttpServer::Step> &steps, bool privateHost = false) {
        ScriptedHttpServer server;
        server.answer(kChat, steps);
        EngineClient client;
        client.setEndpoint({server.url(), QStringLiteral("key"), QStringLiteral("m"), privateHost});
        client.setIdleTimeout(m_idleMs);
        const Outcome outcome = run(client);
        m_requests = server.requests;
        return outcome;
    }

    QVector<ScriptedHttpServer::Request> m_requests;
    int m_idleMs = 20000;

private slots:
    void streamsFromARemoteServer() {
        const auto outcome =
            play({{ScriptedHttpServer::stream(text("Hel")), 0, false}, {text("lo") + kStop, 30, true}});
        QVERIFY(outcome.ended);
        QCOMPARE(outcome.text, QStringLiteral("Hello"));
        QCOMPARE(outcome.result.end, StreamResult::End::Stop);
        QVERIFY(outcome.result.firstTokenMs > 0);
        QCOMPARE(m_requests.size(), 1);
        QVERIFY(m_requests[0].head.toLower().contains("authorization: bearer key"));
        const QJsonObject body = QJsonDocument::fromJson(m_requests[0].body).object();
        QVERIFY(body[QStringLiteral("stream")].toBool());
        QVERIFY(!body.contains(QStringLiteral("x_facet")));
        QCOMPARE(body[QStringLiteral("messages")][0][QStringLiteral("content")].toString(), QStringLiteral("Hi"));
    }

    void sendsFacetFieldsToTheOwnHost() {
        play({{ScriptedHttpServer::stream(kStop), 0, true}}, true);
        QVERIFY(QJsonDocument::fromJson(m_requests[0].body).object().contains(QStringLiteral("x_facet")));
    }

    void batchesManyChunks() {
        QByteArray many;
        for (int i = 0; i < 2000; ++i) {
            many += text("x");
        }
        const auto outcome = play({{ScriptedHttpServer::stream(many), 0, false}, {kStop, 0, true}});
        QCOMPARE(outcome.text.size(), 2000);
        QVERIFY2(outcome.updates < 200, qPrintable(QString::number(outcome.updates)));
    }

    void splitCharactersArriveWhole() {
        const QByteArray all = ScriptedHttpServer::stream(text("\xF0\x9F\x98\x80"));
        const qsizetype cut = all.indexOf('\xF0') + 2;
        const auto outcome = play({{all.left(cut), 0, false}, {all.mid(cut) + kStop, 30, true}});
        QCOMPARE(outcome.text, QString::fromUtf8("\xF0\x9F\x98\x80"));
    }

    // As servers send it that are not told which parser the model needs (llama-cpp-python 0.3.36 among them).
    void marksInTheTextOfAServer() {
        const QByteArray marked = text("<|channel>thought\\nLook it up.<channel|>One mo") + text("ment.<|tool_") +
                                  text("call>call:get_weather{city:<|\\\"|>Tunis<|\\\"|>}<tool_call|>") + kStop;
        const auto outcome = play({{ScriptedHttpServer::stream(marked), 0, true}});
        QCOMPARE(outcome.text, QStringLiteral("One moment."));
        QCOMPARE(outcome.result.end, StreamResult::End::ToolCalls);
        QCOMPARE(outcome.result.calls.size(), 1);
        QCOMPARE(outcome.result.calls[0].name, QStringLiteral("get_weather"));
        QCOMPARE(outcome.result.calls[0].argumentsJson, QStringLiteral("{\"city\":\"Tunis\"}"));
        QVERIFY(!outcome.result.calls[0].id.isEmpty());
        // What only looks like the beginning of a mark is text; the own host sends no marks at all.
        QCOMPARE(play({{ScriptedHttpServer::stream(text("a <|too") + kStop), 0, true}}).text, QStringLiteral("a <|too"));
        QCOMPARE(play({{ScriptedHttpServer::stream(text("a <|too")), 0, true}}).text, QStringLiteral("a <|too"));
        const QByteArray own = text("say <|tool_call> so") + kStop;
        QCOMPARE(play({{ScriptedHttpServer::stream(own), 0, true}}, true).text, QStringLiteral("say <|tool_call> so"));
    }

    void errorInTheMiddleKeepsTheText() {
        const auto outcome = play(
            {{ScriptedHttpServer::stream(text("Half") + "data: {\"error\":{\"message\":\"boom\"}}\n\n"), 0, true}});
        QCOMPARE(outcome.text, QStringLiteral("Half"));
        QCOMPARE(outcome.result.end, StreamResult::End::Failed);
        QCOMPARE(outcome.result.failure.message, QStringLiteral("boom"));
    }

    void disconnectKeepsTheText() {
        const auto outcome = play({{ScriptedHttpServer::stream(text("Half")), 0, true}});
        QCOMPARE(outcome.text, QStringLiteral("Half"));
        QCOMPARE(outcome.result.failure.kind, FailureKind::Disconnected);
    }

    void answersThatAreNotTheProtocol() {
        QCOMPARE(play({{ScriptedHttpServer::stream("data: {garbage\n\n"), 0, true}}).result.failure.kind,
                 FailureKind::BadResponse);
        QCOMPARE(play({{ScriptedHttpServer::head(200, "text/html") + "<html>", 0, true}}).result.failure.kind,
                 FailureKind::BadResponse);
        QCOMPARE(play({{ScriptedHttpServer::stream(""), 0, true}}).result.failure.kind, FailureKind::BadResponse);
        const auto noHttp = play({{"\x01\x02 nonsense\r\n\r\n", 0, true}});
        QCOMPARE(noHttp.result.end, StreamResult::End::Failed);
    }

    void aLineThatNeverEndsIsGivenUp() {
        const QByteArray piece(1 << 20, 'x');
        QVector<ScriptedHttpServer::Step> steps{{ScriptedHttpServer::stream("data: "), 0, false}};
        for (int i = 0; i < 12; ++i) {
            steps.append({piece, 0, false});
        }
        QCOMPARE(play(steps).result.failure.kind, FailureKind::BadResponse);
    }

    void silenceIsGivenUp() {
        m_idleMs = 150;
        const auto outcome = play({{ScriptedHttpServer::stream(text("Half")), 0, false}});
        m_idleMs = 20000;
        QCOMPARE(outcome.result.failure.kind, FailureKind::TimedOut);
        QCOMPARE(outcome.text, QStringLiteral("Half"));
    }

    void statusesBecomeFailures() {
        QCOMPARE(play({{ScriptedHttpServer::whole(401, "{}"), 0, true}}).result.failure.kind,
                 FailureKind::Unauthorised);
        QCOMPARE(play({{ScriptedHttpServer::whole(429, "{}"), 0, true}}).result.failure.kind, FailureKind::Busy);
        const auto rejected =
            play({{ScriptedHttpServer::whole(400, R"({"error":{"message":"no pictures"}})"), 0, true}});
        QCOMPARE(rejected.result.failure.kind, FailureKind::Rejected);
        QCOMPARE(rejected.result.failure.message, QStringLiteral("no pictures"));
    }

    void redirectsAreNotFollowed() {
        const auto outcome = play({{ScriptedHttpServer::head(307, "text/plain", "Location: /elsewhere\r\n"), 0, true}});
        QCOMPARE(outcome.result.failure.kind, FailureKind::BadResponse);
        QCOMPARE(m_requests.size(), 1);
    }

    void serversThatDoNotStream() {
        const auto outcome =
            play({{ScriptedHttpServer::whole(200, R"({"choices":[{"message":{"role":"assistant","content":"Whole",
            "tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
            "usage":{"prompt_tokens":3,"completion_tokens":2}})"),
                   0, true}});
        QCOMPARE(outcome.text, QStringLiteral("Whole"));
        QCOMPARE(outcome.result.end, StreamResult::End::ToolCalls);
        QCOMPARE(outcome.result.promptTokens, 3);
    }

    void nobodyThere() {
        quint16 port = 0;
        {
            ScriptedHttpServer gone;
            port = gone.serverPort();
        }
        EngineClient client;
        client.setEndpoint({QUrl(QStringLiteral("http://127.0.0.1:%1").arg(port)), {}, {}, false});
        QCOMPARE(run(client).result.failure.kind, FailureKind::Unreachable);
    }

    void cancelClosesTheConnectionAndIsSilent() {
        ScriptedHttpServer server;
        server.answer(kChat, {{ScriptedHttpServer::stream(text("a")), 0, false}, {text("b") + kStop, 200, true}});
        EngineClient client;
        client.setEndpoint({server.url(), {}, {}, false});
        QSignalSpy updated(&client, &EngineClient::updated);
        QSignalSpy finished(&client, &EngineClient::finished);
        client.start(1, question());
        QVERIFY(updated.wait());
        client.cancel();
        QTRY_COMPARE(server.disconnects, 1);
        QCOMPARE(updated.size(), 1);
        QCOMPARE(finished.size(), 0);
    }

    void aRemoteLinkFindsTheModel() {
        ScriptedHttpServer server;
        server.answer("/v1/models",
                      {{ScriptedHttpServer::whole(200, R"({"data":[{"id":"first","max_model_len":2048}]})"), 0, true}});
        server.answer(kChat, {{ScriptedHttpServer::stream(text("Hi") + kStop), 0, true}});
        RemoteLink link({server.url(), {}, {}, false},
                        [](const Failure &failure) { return chat::failureSentence(failure, true); });
        link.start();
        QTRY_COMPARE(link.state().kind, chat::EngineState::Kind::Ready);
        QCOMPARE(link.state().modelName, QStringLiteral("first"));
        QCOMPARE(link.state().modelPath, server.url().toString()); // where it is
        QCOMPARE(link.state().contextLength, 2048);
        QSignalSpy finished(&link, &EngineLink::finished);
        link.generate(3, question());
        QVERIFY(finished.wait());
        QCOMPARE(QJsonDocument::fromJson(server.requests[1].body).object()[QStringLiteral("model")].toString(),
                 QStringLiteral("first"));
    }

    void aRemoteLinkSaysWhyNot() {
        ScriptedHttpServer server;
        server.answer("/v1/models", {{ScriptedHttpServer::whole(401, "{}"), 0, true}});
        const auto words = [](const Failure &failure) { return chat::failureSentence(failure, true); };
        RemoteLink link({server.url(), {}, {}, false}, words);
        link.start();
        QTRY_COMPARE(link.state().kind, chat::EngineState::Kind::Failed);
        QVERIFY(link.state().problem.contains(QStringLiteral("key")));
        RemoteLink wrong({QUrl(QStringLiteral("ftp://x")), {}, {}, false}, words);
        wrong.start();
        QCOMPARE(wrong.state().kind, chat::EngineState::Kind::Failed);
        // No list, but a model was named.
        ScriptedHttpServer bare;
        RemoteLink named({bare.url(), {}, QStringLiteral("m"), false}, words);
        named.start();
        QTRY_COMPARE(named.state().kind, chat::EngineState::Kind::Ready);
    }
};

QTEST_GUILESS_MAIN(ClientTest)
#include "client_test.moc"
