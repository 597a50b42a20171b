// Server-sent events in pieces, and what chunks of different servers mean.
#include "client/chunk_decoder.h"
#include "client/model_lister.h"
#include "client/request_body.h"
#include "client/sse_parser.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTemporaryDir>
#include <QtTest>

using namespace facet;
using namespace facet::client;

namespace {

QVector<SseEvent> parse(const QByteArray &bytes, qsizetype pieceSize) {
    SseParser parser;
    QVector<SseEvent> events;
    for (qsizetype at = 0; at < bytes.size(); at += pieceSize) {
        parser.feed(QByteArrayView(bytes).sliced(at, qMin(pieceSize, bytes.size() - at)), events);
    }
    parser.finish(events);
    return events;
}

QByteArray joined(const QVector<SseEvent> &events) {
    QByteArray all;
    for (const SseEvent &event : events) {
        all += '[' + event.name + '|' + event.data + ']';
    }
    return all;
}

StreamResult decode(const QVector<QByteArray> &chunks, StreamUpdate *update = nullptr) {
    ChunkDecoder decoder;
    for (const QByteArray &chunk : chunks) {
        decoder.take(chunk);
    }
    if (update) {
        *update = decoder.takeUpdate();
    }
    return decoder.result();
}

QByteArray delta(const QByteArray &content) { return "{\"choices\":[{\"index\":0,\"delta\":" + content + "}]}"; }

QJsonObject bodyOf(const ChatRequest &request, const Endpoint &endpoint) {
    const auto body = buildRequestBody(request, endpoint);
    return std::holds_alternative<QByteArray>(body) ? QJsonDocument::fromJson(std::get<QByteArray>(body)).object()
                                                    : QJsonObject();
}

} // namespace

class SseTest : public QObject {
    Q_OBJECT

private slots:
    void anySplitGivesTheSameEvents() {
        const QByteArray stream = "\xEF\xBB\xBF: hello\r\ndata: one\r\n\r\nevent: e\ndata:two\ndata: lines\n\n"
                                  "data: {\"t\":\"\xF0\x9F\x98\x80\"}\r\rid: 7\nretry: 3\n\ndata\n\ndata: last";
        const QByteArray expected = "[|one][e|two\nlines][|{\"t\":\"\xF0\x9F\x98\x80\"}][|][|last]";
        for (qsizetype size = 1; size <= stream.size(); ++size) {
            QCOMPARE(joined(parse(stream, size)), expected);
        }
    }

    void endlessLinesAreRefused() {
        SseParser parser(1000);
        QVector<SseEvent> events;
        QVERIFY(parser.feed("data: fine\n\n", events));
        bool usable = true;
        for (int i = 0; i < 100 && usable; ++i) {
            usable = parser.feed(QByteArray(100, 'x'), events);
        }
        QVERIFY(!usable);
        QVERIFY(!parser.feed("\n\ndata: more\n\n", events));
        QCOMPARE(events.size(), 1);
    }

    void manyDataLinesAreRefusedToo() {
        SseParser parser(1000);
        QVector<SseEvent> events;
        bool usable = true;
        for (int i = 0; i < 100 && usable; ++i) {
            usable = parser.feed("data: " + QByteArray(50, 'x') + "\n", events);
        }
        QVERIFY(!usable);
    }

    void textAndThoughts() {
        StreamUpdate update;
        const auto result =
            decode({delta(R"({"role":"assistant","content":null})"), delta(R"({"reasoning_content":"a","content":""})"),
                    delta(R"({"reasoning":"b"})"), delta(R"({"reasoning_content":"c","reasoning":"c"})"),
                    delta(R"({"content":"Hello"})"), R"({"choices":[{"delta":{},"finish_reason":"length"}]})",
                    R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,
                                        "prompt_tokens_details":{"cached_tokens":3}},"timings":{"predicted_per_second":12.5}})",
                    "[DONE]", "garbage after the end"},
                   &update);
        QCOMPARE(update.thinking, QStringLiteral("abc"));
        QCOMPARE(update.text, QStringLiteral("Hello"));
        QCOMPARE(result.end, StreamResult::End::Length);
        QCOMPARE(result.promptTokens, 5);
        QCOMPARE(result.completionTokens, 7);
        QCOMPARE(result.cachedTokens, 3);
        QCOMPARE(result.tokensPerSecond, 12.5);
    }

    void toolCallsByIndex() {
        const auto result = decode(
            {delta(
                 R"({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"one","arguments":""}}]})"),
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"\u007b\u0022x\u0022:"}}]})"),
             delta(R"({"tool_calls":[{"index":1,"id":"b","function":{"name":"two","arguments":"{}"}}]})"),
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"1\u007d"}}]})"),
             R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
        QCOMPARE(result.end, StreamResult::End::ToolCalls);
        QCOMPARE(result.calls.size(), 2);
        QCOMPARE(result.calls[0].argumentsJson, QStringLiteral("{\"x\":1}"));
        QCOMPARE(result.calls[1].name, QStringLiteral("two"));
    }

    void toolCallsOfCarelessServers() {
        // every index 0, arguments as an object, no id, finish_reason stop
        const auto result =
            decode({delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":{"x":1}}}]})"),
                    delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"two","arguments":{}}}]})"),
                    R"({"choices":[{"delta":{},"finish_reason":"stop"}]})"});
        QCOMPARE(result.calls.size(), 2);
        QCOMPARE(result.calls[0].argumentsJson, QStringLiteral("{\"x\":1}"));
        QCOMPARE(result.end, StreamResult::End::ToolCalls);
        const auto noIds =
            decode({delta(R"({"tool_calls":[{"function":{"name":"one"}},{"function":{"name":"two"}}]})")});
        QCOMPARE(noIds.calls.size(), 2);
        QVERIFY(noIds.calls[0].id != noIds.calls[1].id);
    }

    void hostileNumbersAndShapes() {
        StreamUpdate update;
        const auto result = decode(
            {R"({"choices":"x","usage":{"prompt_tokens":-5,"completion_tokens":1e300},"timings":7,"x_facet":[]})",
             R"({"choices":[7]})", R"({"choices":[{"delta":[]}]})", R"({})", "", " \n",
             delta(R"({"content":{"deep":1},"tool_calls":{"a":1}})"),
             delta(R"({"tool_calls":[{"index":-1e9},5,null]})")},
            &update);
        QCOMPARE(result.promptTokens, 0);
        QCOMPARE(result.completionTokens, 0);
        QVERIFY(result.end != StreamResult::End::Failed);
        QVERIFY(result.calls.isEmpty());
        QVector<QByteArray> many;
        for (int i = 0; i < 100; ++i) {
            many += delta("{\"tool_calls\":[{\"index\":" + QByteArray::number(i) + ",\"function\":{\"name\":\"n\"}}]}");
        }
        QCOMPARE(decode(many).end, StreamResult::End::Failed);
    }

    void errorsInTheStream() {
        StreamUpdate update;
        auto result =
            decode({delta(R"({"content":"Half"})"), R"({"error":{"message":"GPU on fire","type":"server_error"}})",
                    delta(R"({"content":"more"})")},
                   &update);
        QCOMPARE(update.text, QStringLiteral("Half"));
        QCOMPARE(result.end, StreamResult::End::Failed);
        QCOMPARE(result.failure.message, QStringLiteral("GPU on fire"));
        result =
            decode({R"({"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}})"});
        QCOMPARE(result.failure.kind, FailureKind::ContextExceeded);
        QCOMPARE(decode({"not json"}).failure.kind, FailureKind::BadResponse);
        QCOMPARE(decode({R"({"error":null,"choices":[]})"}).end, StreamResult::End::Stop);
    }

    void failuresOfAnswers() {
        QCOMPARE(failureOf(401, R"({"error":{"message":"bad key"}})").kind, FailureKind::Unauthorised);
        QCOMPARE(failureOf(404, "<html>").kind, FailureKind::NotFound);
        QCOMPARE(failureOf(429, "").kind, FailureKind::Busy);
        QCOMPARE(failureOf(400, R"({"error":"words"})").message, QStringLiteral("words"));
        QCOMPARE(failureOf(422, R"({"detail":"fast"})").message, QStringLiteral("fast"));
        QCOMPARE(failureOf(400, R"({"object":"error","message":"The maximum context length is 8192 tokens."})").kind,
                 FailureKind::ContextExceeded);
        QCOMPARE(failureOf(500, "").kind, FailureKind::ServerFailed);
        QCOMPARE(failureOf(302, "").kind, FailureKind::BadResponse);
    }

    void progressAndMalformed() {
        StreamUpdate update;
        decode({R"({"choices":[],"x_facet":{"phase":"reading_prompt","done":40,"total":100}})",
                R"({"choices":[],"x_facet":{"malformed":"call:x"}})",
                R"({"choices":[],"x_facet":{"phase":"unknown"}})"},
               &update);
        QCOMPARE(update.progress->phase, chat::TurnPhase::ReadingPrompt);
        QCOMPARE(update.progress->done, quint64(40));
        QCOMPARE(update.malformed, QStringList{QStringLiteral("call:x")});
    }

    void addresses_data() {
        QTest::addColumn<QString>("base");
        QTest::addColumn<QString>("expected");
        QTest::newRow("bare") << "http://h:8000"
                              << "http://h:8000/v1/models";
        QTest::newRow("slash") << "http://h:8000/"
                               << "http://h:8000/v1/models";
        QTest::newRow("v1") << "https://h/v1"
                            << "https://h/v1/models";
        QTest::newRow("v1 slash") << "https://h/v1//"
                                  << "https://h/v1/models";
        QTest::newRow("prefix") << "https://h/api/v2"
                                << "https://h/api/v2/models";
        QTest::newRow("whole") << "https://h/v1/chat/completions?x=1#y"
                               << "https://h/v1/models";
    }
    void addresses() {
        QFETCH(QString, base);
        QFETCH(QString, expected);
        QCOMPARE(apiUrl({QUrl(base), {}, {}, false}, QStringLiteral("models")).toString(), expected);
    }

    void bodiesForTheOwnHostAndForOthers() {
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("a b.png"));
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("PNGBYTES");
        file.close();
        ChatRequest request;
        RequestMessage user;
        user.text = QStringLiteral("Look");
        user.media = {{chat::AttachmentKind::Picture, path, QStringLiteral("png"), QStringLiteral("p"), 280}};
        RequestMessage assistant;
        assistant.role = RequestMessage::Role::Assistant;
        assistant.reasoning = QStringLiteral("thought");
        assistant.calls = {{QStringLiteral("c"), QStringLiteral("f"), QStringLiteral("{}")}};
        RequestMessage tool;
        tool.role = RequestMessage::Role::Tool;
        tool.text = QStringLiteral("42");
        tool.toolCallId = QStringLiteral("c");
        request.messages = {user, assistant, tool};

        const QJsonObject own = bodyOf(request, {QUrl(QStringLiteral("http://127.0.0.1:1")), {}, {}, true});
        QCOMPARE(own[QStringLiteral("x_facet")][QStringLiteral("progress")].toBool(), true);
        QVERIFY(!own.contains(QStringLiteral("model")));
        const QJsonValue ownImage =
            own[QStringLiteral("messages")][0][QStringLiteral("content")][0][QStringLiteral("image_url")];
        QVERIFY(ownImage[QStringLiteral("url")].toString().startsWith(QStringLiteral("file:///")));
        QVERIFY(ownImage[QStringLiteral("url")].toString().endsWith(QStringLiteral("a%20b.png")));
        QCOMPARE(ownImage[QStringLiteral("token_budget")].toInt(), 280);
        QCOMPARE(own[QStringLiteral("messages")][1][QStringLiteral("reasoning_content")].toString(),
                 QStringLiteral("thought"));
        QCOMPARE(own[QStringLiteral("messages")][1][QStringLiteral("tool_calls")][0][QStringLiteral("function")]
                    [QStringLiteral("arguments")]
                        .toString(),
                 QStringLiteral("{}"));
        QCOMPARE(own[QStringLiteral("messages")][2][QStringLiteral("tool_call_id")].toString(), QStringLiteral("c"));

        const QJsonObject other =
            bodyOf(request, {QUrl(QStringLiteral("http://h/v1")), {}, QStringLiteral("m"), false});
        QCOMPARE(other[QStringLiteral("model")].toString(), QStringLiteral("m"));
        for (const char *key : {"x_facet", "top_k", "min_p", "chat_template_kwargs"}) {
            QVERIFY2(!other.contains(QLatin1String(key)), key);
        }
        const QJsonValue image =
            other[QStringLiteral("messages")][0][QStringLiteral("content")][0][QStringLiteral("image_url")];
        QCOMPARE(image[QStringLiteral("url")].toString(), QStringLiteral("data:image/png;base64,UE5HQllURVM="));
        QVERIFY(image[QStringLiteral("token_budget")].isUndefined());
        QVERIFY(other[QStringLiteral("messages")][1][QStringLiteral("reasoning_content")].isUndefined());
    }

    void otherPicturesAreConvertedForOthers() {
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("x.bmp"));
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        // 1x1, 24 bit
        file.write(QByteArray::fromHex("424d3a0000000000000036000000280000000100000001000000010018000000000004000000"
                                       "130b0000130b000000000000000000000000ff00"));
        file.close();
        ChatRequest request;
        RequestMessage user;
        user.media = {{chat::AttachmentKind::Picture, path, QStringLiteral("bmp"), QStringLiteral("x"), 0}};
        request.messages = {user};
        const QJsonObject body = bodyOf(request, {QUrl(QStringLiteral("http://h/v1")), {}, {}, false});
        QVERIFY(body[QStringLiteral("messages")][0][QStringLiteral("content")][0][QStringLiteral("image_url")]
                    [QStringLiteral("url")]
                        .toString()
                        .startsWith(QStringLiteral("data:image/png;base64,iVBOR")));
        request.messages[0].media = {
            {chat::AttachmentKind::Sound, path, QStringLiteral("flac"), QStringLiteral("my.flac"), 0}};
        const auto refused = buildRequestBody(request, {QUrl(QStringLiteral("http://h/v1")), {}, {}, false});
        QVERIFY(std::holds_alternative<Failure>(refused));
        QVERIFY(std::get<Failure>(refused).message.contains(QStringLiteral("my.flac")));
        request.messages[0].media[0].path += QStringLiteral(".gone");
        request.messages[0].media[0].suffix = QStringLiteral("wav");
        QVERIFY(std::holds_alternative<Failure>(
            buildRequestBody(request, {QUrl(QStringLiteral("http://h/v1")), {}, {}, false})));
    }

    void modelLists() {
        const auto models = readModelList(
            QJsonDocument::fromJson(
                R"({"data":[{"id":"a","max_model_len":4096},{"id":"b","meta":{"n_ctx":512}},{"id":""},7,{"id":"c","context_length":-1}]})")
                .object());
        QCOMPARE(models.size(), 3);
        QCOMPARE(models[0].contextLength, 4096);
        QCOMPARE(models[1].contextLength, 512);
        QCOMPARE(models[2].contextLength, 0);
    }
};

QTEST_GUILESS_MAIN(SseTest)
#include "sse_test.moc"
