// Titles, kinds of media, prompts, sentences.
#include "chat/media_kind.h"
#include "chat/prompt_builder.h"
#include "chat/turn_errors.h"
#include "client/phase_names.h"

#include <QtTest>

using namespace facet;
using namespace facet::chat;

class ChatValuesTest : public QObject {
    Q_OBJECT

private slots:
    void titles() {
        QCOMPARE(titleFor(QStringLiteral("\n  What   is this? \nmore"), {}), QStringLiteral("What is this?"));
        Attachment picture;
        picture.name = QStringLiteral("cat.png");
        QCOMPARE(titleFor(QStringLiteral("  "), {picture}), QStringLiteral("cat.png"));
        QVERIFY(!titleFor({}, {}).isEmpty());
        const QString longTitle = titleFor(QStringLiteral("word ").repeated(50), {});
        QVERIFY(longTitle.size() <= 61);
        QVERIFY(longTitle.endsWith(QStringLiteral("word…")));
        // Not cut inside a surrogate pair.
        const QString emojis = titleFor(QStringLiteral("a") + QStringLiteral("😀").repeated(60), {});
        QVERIFY(!emojis.at(emojis.size() - 2).isHighSurrogate());
    }

    void kindsByContent_data() {
        QTest::addColumn<QByteArray>("head");
        QTest::addColumn<QString>("suffix");
        QTest::addColumn<QString>("expected");
        QTest::newRow("png") << QByteArray("\x89PNG\r\n\x1a\n") << "txt"
                             << "0png";
        QTest::newRow("jpg") << QByteArray("\xFF\xD8\xFF\xE0") << ""
                             << "0jpg";
        QTest::newRow("webp") << QByteArray("RIFF\0\0\0\0WEBPVP8 ", 16) << ""
                              << "0webp";
        QTest::newRow("tiff") << QByteArray("MM\0*", 4) << ""
                              << "0tiff";
        QTest::newRow("wav") << QByteArray("RIFF\0\0\0\0WAVEfmt ", 16) << ""
                             << "1wav";
        QTest::newRow("flac") << QByteArray("fLaC") << ""
                              << "1flac";
        QTest::newRow("opus") << QByteArray("OggS") << "opus"
                              << "1opus";
        QTest::newRow("mp3") << QByteArray("\xFF\xFB\x90\x44") << ""
                             << "1mp3";
        QTest::newRow("id3") << QByteArray("ID3\4") << ""
                             << "1mp3";
        QTest::newRow("m4a") << QByteArray("\0\0\0\x20"
                                           "ftypM4A ",
                                           12)
                             << ""
                             << "1m4a";
        QTest::newRow("mp4") << QByteArray("\0\0\0\x20"
                                           "ftypisom",
                                           12)
                             << ""
                             << "2mp4";
        QTest::newRow("webm") << QByteArray("\x1A\x45\xDF\xA3") << ""
                              << "2webm";
        QTest::newRow("mkv") << QByteArray("\x1A\x45\xDF\xA3") << "mkv"
                             << "2mkv";
        QTest::newRow("text") << QByteArray("Hello") << "png"
                              << "";
        QTest::newRow("nothing") << QByteArray() << "png"
                                 << "";
    }
    void kindsByContent() {
        QFETCH(QByteArray, head);
        QFETCH(QString, suffix);
        QFETCH(QString, expected);
        const auto found = mediaKind(head, suffix);
        QCOMPARE(found ? QString::number(static_cast<int>(found->kind)) + found->suffix : QString(), expected);
    }

    void promptsAlternateAndLeaveOutWhatIsEmpty() {
        Message question, failed, second;
        question.text = QStringLiteral("one");
        failed.role = Role::Assistant;
        failed.state = MessageState::Failed;
        second.text = QStringLiteral("two");
        PromptContext context;
        context.pathOf = [](const Attachment &) { return QString(); };
        const auto request = buildRequest({question, failed, second}, 3, context);
        QCOMPARE(request.messages.size(), 1);
        QCOMPARE(request.messages[0].text, QStringLiteral("one\n\ntwo"));
    }

    void everyFailureIsAWholeSentence() {
        for (int kind = 0; kind <= static_cast<int>(client::FailureKind::NoModel); ++kind) {
            for (const bool remote : {false, true}) {
                for (const char *words : {"", "some words", "a sentence."}) {
                    const QString text = failureSentence(
                        {static_cast<client::FailureKind>(kind), 0, QString::fromLatin1(words)}, remote);
                    QVERIFY(text.size() > 10);
                    QVERIFY2(text.endsWith(QLatin1Char('.')), qPrintable(text));
                }
            }
        }
        QVERIFY(
            failureSentence({client::FailureKind::ServerFailed, 500, QStringLiteral("x").repeated(5000)}, true).size() <
            600);
    }

    void phases() {
        QCOMPARE(client::phaseFromName(QStringLiteral("reading_sound")), TurnPhase::ReadingSound);
        QVERIFY(!client::phaseFromName(QStringLiteral("dancing")));
    }
};

QTEST_GUILESS_MAIN(ChatValuesTest)
#include "chat_values_test.moc"
