// Flows of the controller with a scripted engine: what the user sees, and what is there after a restart.
#include "support/world.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>

using namespace facet;
using namespace facet::chat;
using facet::test::smallPng;
using facet::test::World;

class ChatControllerTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString folder() const { return m_folder->path(); }

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void sendsAndStreams() {
        World world(folder(), R"({"turns":[{"events":[
            {"phase":"reading_prompt","done":1,"total":2},{"thinking":"Hm. "},{"thinking":"Yes."},
            {"text":"Hello "},{"after":20,"text":"you."},
            {"finish":"stop","prompt_tokens":9,"completion_tokens":4,"tokens_per_second":20.5}]}]})");
        QSignalSpy added(world.controller.get(), &ChatController::messageAdded);
        QSignalSpy changed(world.controller.get(), &ChatController::messageChanged);
        QSignalSpy finished(world.controller.get(), &ChatController::turnFinished);
        QVERIFY(!world.controller->canSend()); // the history is not open yet
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("  Greet me, please.\nNow.")));
        QCOMPARE(added.size(), 2);
        QVERIFY(changed.size() >= 3);
        QCOMPARE(finished.size(), 1);
        QCOMPARE(finished.at(0).at(0).toInt(), 1);
        QCOMPARE(world.last().text, QStringLiteral("Hello you."));
        QCOMPARE(world.last().thinking, QStringLiteral("Hm. Yes."));
        QCOMPARE(world.last().state, MessageState::Complete);
        QCOMPARE(world.last().promptTokens, 9);
        QCOMPARE(world.controller->conversations().size(), 1);
        QCOMPARE(world.controller->conversations().at(0).title, QStringLiteral("Greet me, please."));
        QCOMPARE(world.controller->conversations().at(0).messageCount, 2);
    }

    void survivesARestart() {
        qint64 id = 0;
        {
            World world(folder(), R"({"turns":[{"events":[{"thinking":"T"},{"text":"Answer"}]}]})");
            QVERIFY(world.open());
            QVERIFY(world.ask(QStringLiteral("Question")));
            id = world.controller->currentConversation();
        }
        World world(folder(), "{}");
        QVERIFY(world.open());
        QCOMPARE(world.controller->conversations().size(), 1);
        QSignalSpy opened(world.controller.get(), &ChatController::conversationOpened);
        world.controller->openConversation(id);
        QVERIFY(opened.wait());
        QCOMPARE(world.controller->messages().size(), 2);
        QCOMPARE(world.last().text, QStringLiteral("Answer"));
        QCOMPARE(world.last().thinking, QStringLiteral("T"));
        QCOMPARE(world.last().state, MessageState::Complete);
    }

    void keepsThoughtsOutOfLaterPrompts() {
        World world(folder(),
                    R"({"turns":[{"events":[{"thinking":"Secret"},{"text":"One"}]},{"events":[{"text":"Two"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("a")));
        QVERIFY(world.ask(QStringLiteral("b")));
        const auto &sent = world.fake()->lastRequest().messages;
        QCOMPARE(sent.size(), 3);
        QCOMPARE(sent[1].text, QStringLiteral("One"));
        QVERIFY(sent[1].reasoning.isEmpty());
    }

    void stopKeepsTheTextAndDropsLateEvents() {
        World world(folder(),
                    R"({"turns":[{"events":[{"text":"Begin"},{"at":60,"text":" late"},{"at":120,"finish":"stop"}]},
                                           {"events":[{"text":"Second"}]}]})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("x"));
        QVERIFY(QTest::qWaitFor([&] { return world.last().text == QStringLiteral("Begin"); }));
        world.controller->stop();
        QCOMPARE(world.controller->progress().phase, TurnPhase::Idle);
        QCOMPARE(world.last().state, MessageState::Stopped);
        // Even if the engine does not listen: what belongs to the stopped request is nobody's.
        emit world.engineLink->updated(1, {QStringLiteral("ghost"), {}, {}, {}});
        emit world.engineLink->finished(1, {});
        QVERIFY(world.ask(QStringLiteral("y")));
        QCOMPARE(world.controller->messages().at(1).text, QStringLiteral("Begin"));
        QCOMPARE(world.controller->messages().at(1).state, MessageState::Stopped);
        QCOMPARE(world.last().text, QStringLiteral("Second"));
    }

    void stopWhileTheModelIsLoading() {
        World world(folder(), R"({"engine":{"load_ms":3000}})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.phase(TurnPhase::Loading));
        QVERIFY(world.controller->progress().total > 0);
        world.controller->stop();
        QCOMPARE(world.last().state, MessageState::Stopped);
        QVERIFY(world.controller->canSend());
    }

    void waitsForTheModelThenAnswers() {
        World world(folder(), R"({"engine":{"load_ms":60},"turns":[{"events":[{"text":"Ready now"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.last().text, QStringLiteral("Ready now"));
    }

    void aModelThatDoesNotLoadFailsTheTurn() {
        World world(folder(), R"({"engine":{"load_error":"The model file is cut short; download it again."}})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.last().state, MessageState::Failed);
        QCOMPARE(world.last().notice, QStringLiteral("The model file is cut short; download it again."));
    }

    void runsAnAllowedToolAndGoesOn() {
        World world(folder(), R"({"turns":[
            {"events":[{"thinking":"I compute."},{"text":"Let me see."},
                       {"tool_call":{"id":"c1","name":"calculator","arguments":{"expression":"6*7"}}}]},
            {"when":"42","events":[{"text":"It is 42."}]}]})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("What is 6*7?"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        QCOMPARE(world.last().tools.size(), 1);
        QCOMPARE(world.last().tools[0].state, ToolState::Asking);
        QVERIFY(!world.controller->canSend());
        world.controller->resolveTool(1, QStringLiteral("c1"), true);
        QVERIFY(world.idle());
        QCOMPARE(world.controller->messages().size(), 3);
        QCOMPARE(world.controller->messages()[1].tools[0].state, ToolState::Done);
        QCOMPARE(world.controller->messages()[1].tools[0].result, QStringLiteral("42"));
        QCOMPARE(world.last().text, QStringLiteral("It is 42."));
        const auto &sent = world.fake()->lastRequest().messages;
        QCOMPARE(sent.size(), 3);
        QCOMPARE(sent[1].calls.size(), 1);
        QCOMPARE(sent[1].reasoning, QStringLiteral("I compute.")); // inside the loop it goes back
        QCOMPARE(sent[2].role, client::RequestMessage::Role::Tool);
        QCOMPARE(sent[2].toolCallId, QStringLiteral("c1"));
        QVERIFY(!world.fake()->lastRequest().tools.isEmpty());
    }

    void tellsTheModelThatAToolWasDenied() {
        World world(folder(), R"({"turns":[
            {"events":[{"tool_call":{"id":"a","name":"open_web_link","arguments":{"url":"https"}}},
                       {"tool_call":{"id":"b","name":"no_such_tool","arguments":{}}}]},
            {"events":[{"text":"All right."}]}]})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        world.controller->resolveTool(1, QStringLiteral("a"), false);
        QCOMPARE(world.controller->progress().phase, TurnPhase::AskingTool); // the second one is still open
        world.controller->resolveTool(1, QStringLiteral("b"), true);
        QVERIFY(world.idle());
        const auto &sent = world.fake()->lastRequest().messages;
        QCOMPARE(sent[2].text, QStringLiteral("The user declined."));
        QCOMPARE(sent[3].text, QStringLiteral("This tool does not exist here."));
        QCOMPARE(world.controller->messages()[1].tools[1].state, ToolState::Failed);
        QCOMPARE(world.last().text, QStringLiteral("All right."));
    }

    void takesTheIdOutOfItsOwnMessages() {
        World world(folder(), R"({"turns":[{"events":[{"tool_call":{"id":"c1","name":"calculator","arguments":{"expression":"2"}}}]},
                                           {"events":[{"text":"Two."}]}]})");
        QVERIFY(world.open());
        QVector<Message> copy; // as the window may hold one: then messages() is another memory after each change
        connect(world.controller.get(), &ChatController::messageChanged, this, [&] { copy = world.controller->messages(); });
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        world.controller->resolveTool(1, world.controller->messages()[1].tools[0].callId, true);
        QVERIFY(world.idle());
        QCOMPARE(world.last().text, QStringLiteral("Two."));
    }

    void readsTheFileThatTheUserPicks() {
        World world(folder(), R"({"turns":[{"events":[{"tool_call":{"id":"f","name":"read_file","arguments":{}}}]},
                                           {"events":[{"text":"Read."}]}]})");
        QFile file(folder() + QStringLiteral("/note.txt"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("milk");
        file.close();
        QVERIFY(world.open());
        QSignalSpy needs(world.controller.get(), &ChatController::toolNeedsFile);
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        world.controller->resolveTool(1, QStringLiteral("f"), true);
        QCOMPARE(needs.size(), 1);
        world.controller->provideToolFile(1, QStringLiteral("f"), file.fileName());
        QVERIFY(world.idle());
        QCOMPARE(world.controller->messages()[1].tools[0].result, QStringLiteral("milk"));
    }

    void stopDuringAnOpenToolQuestion() {
        World world(
            folder(),
            R"({"turns":[{"events":[{"tool_call":{"id":"c","name":"calculator","arguments":{"expression":"1"}}}]}]})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        world.controller->stop();
        QCOMPARE(world.last().tools[0].state, ToolState::Denied);
        QVERIFY(world.controller->canSend());
        world.controller->resolveTool(1, QStringLiteral("c"), true); // too late
        QCOMPARE(world.last().tools[0].state, ToolState::Denied);
    }

    void endsEndlessToolLoops() {
        QJsonArray turns;
        for (int i = 0; i < 40; ++i) {
            turns.append(test::json(
                R"({"events":[{"tool_call":{"id":"c","name":"calculator","arguments":{"expression":"1"}}}]})"));
        }
        World world(folder(), std::make_unique<FakeEngine>(QJsonObject{{QStringLiteral("turns"), turns}}));
        QVERIFY(world.open());
        connect(world.controller.get(), &ChatController::progressChanged, this, [&](const TurnProgress &progress) {
            if (progress.phase == TurnPhase::AskingTool) {
                QMetaObject::invokeMethod(
                    world.controller.get(),
                    [&] {
                        world.controller->resolveTool(static_cast<int>(world.controller->messages().size()) - 1,
                                                      QStringLiteral("c"), true);
                    },
                    Qt::QueuedConnection);
            }
        });
        world.controller->send(QStringLiteral("x"));
        QVERIFY(world.idle());
        QVERIFY(world.controller->messages().size() < 20);
        QVERIFY(world.last().notice.contains(QStringLiteral("too many times")));
    }

    void malformedCallsAreSaidAndNotRun() {
        World world(folder(), R"({"turns":[{"events":[{"malformed":"call:x"},{"text":"Oops"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QVERIFY(world.last().tools.isEmpty());
        QVERIFY(world.last().notice.contains(QStringLiteral("could not be understood")));
        QCOMPARE(world.last().state, MessageState::Complete);
    }

    void aCrashKeepsTheTextAndOffersRestart() {
        World world(folder(), R"({"turns":[{"events":[{"text":"Half an ans"},{"crash":"It ran out of memory."}]},
                                           {"events":[{"text":"Whole answer"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.last().text, QStringLiteral("Half an ans"));
        QCOMPARE(world.last().state, MessageState::Failed);
        QVERIFY(world.last().notice.contains(QStringLiteral("It ran out of memory.")));
        QCOMPARE(world.controller->engine().kind, EngineState::Kind::Crashed);
        world.controller->restartEngine();
        QVERIFY(QTest::qWaitFor([&] { return world.controller->engine().kind == EngineState::Kind::Ready; }));
        world.controller->regenerate(1);
        QVERIFY(world.idle());
        QCOMPARE(world.controller->messages().size(), 2);
        QCOMPARE(world.last().text, QStringLiteral("Whole answer"));
    }

    void anErrorOfTheServerBecomesASentence() {
        World world(folder(),
                    R"({"turns":[{"events":[{"error":"prompt has 9000 tokens","code":"context_exceeded"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.last().notice,
                 QStringLiteral("The conversation is too long for the model; start a new one or attach less."));
    }

    void thoughtsKnowHowLongTheyTook() {
        World world(folder(), R"({"turns":[{"events":[{"thinking":"Hm"},{"after":60,"thinking":"."},{"after":60,"text":"A"},
            {"after":60,"text":"B"}]},{"events":[{"text":"no thought"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("x")));
        QVERIFY(world.last().thinkingSeconds >= 0.1);
        const double seconds = world.last().thinkingSeconds;
        const qint64 id = world.controller->currentConversation();
        QVERIFY(world.ask(QStringLiteral("y")));
        QCOMPARE(world.last().thinkingSeconds, 0.0);
        QSignalSpy opened(world.controller.get(), &ChatController::conversationOpened);
        world.controller->newConversation();
        world.controller->openConversation(id);
        QVERIFY(QTest::qWaitFor([&] { return opened.size() == 2; }));
        QCOMPARE(world.controller->messages()[1].thinkingSeconds, seconds);
    }

    void samplesAreThere() {
        World world(folder(), "{}");
        for (const auto sample : {ChatController::Sample::Text, ChatController::Sample::Objects,
                                  ChatController::Sample::Recording}) {
            QVERIFY(QFile::exists(world.controller->samplePath(sample)));
        }
    }

    void attachmentsHaveAKindASizeAndACost() {
        World world(folder(), R"({"cost":{"picture":64}})");
        QVERIFY(world.open());
        QVERIFY(QTest::qWaitFor([&] { return world.controller->engine().kind == EngineState::Kind::Ready; }));
        QSignalSpy ready(world.controller.get(), &ChatController::attachmentReady);
        const int ticket = world.controller->addAttachmentData(smallPng(), QStringLiteral("dot.jpg"));
        QVERIFY(QTest::qWaitFor([&] { return ready.size() == 2; }));
        const auto attachment = ready.at(1).at(1).value<Attachment>();
        QCOMPARE(ready.at(1).at(0).toInt(), ticket);
        QCOMPARE(attachment.kind, AttachmentKind::Picture);
        QCOMPARE(attachment.suffix, QStringLiteral("png")); // by content, not by name
        QCOMPARE(attachment.width, 1);
        QCOMPARE(attachment.tokens, 64);
        QVERIFY(QFile::exists(world.controller->attachmentPath(attachment)));
        world.controller->setPendingBudget(ticket, 280);
        QVERIFY(QTest::qWaitFor([&] { return ready.size() == 3; }));
        QCOMPARE(ready.at(2).at(1).value<Attachment>().tokens, 280);
    }

    void refusesWhatIsNoMedium() {
        World world(folder(), "{}");
        QVERIFY(world.open());
        QSignalSpy failed(world.controller.get(), &ChatController::attachmentFailed);
        world.controller->addAttachmentData(QByteArrayLiteral("plain text"), QStringLiteral("a.png"));
        world.controller->addAttachment(folder() + QStringLiteral("/missing.png"));
        world.controller->addAttachment(folder());
        QVERIFY(QTest::qWaitFor([&] { return failed.size() == 3; }));
        QVERIFY(failed.at(0).at(1).toString().contains(QStringLiteral("not a picture")));
        QVERIFY(failed.at(1).at(1).toString().contains(QStringLiteral("not there")));
        QVERIFY(world.controller->canSend());
    }

    void aFullDiskFailsTheAttachmentOnly() {
        World world(folder(), std::make_unique<FakeEngine>(test::json(R"({"turns":[{"events":[{"text":"ok"}]}]})")),
                    [](int, const char *, qint64) -> qint64 {
                        errno = ENOSPC;
                        return -1;
                    });
        QVERIFY(world.open());
        QSignalSpy failed(world.controller.get(), &ChatController::attachmentFailed);
        world.controller->addAttachmentData(smallPng(), QStringLiteral("dot.png"));
        QVERIFY(failed.wait());
        QVERIFY(failed.at(0).at(1).toString().contains(QStringLiteral("disk is full")));
        QVERIFY(QDir(world.paths.mediaFolder()).entryList(QDir::Files).isEmpty());
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.last().text, QStringLiteral("ok"));
    }

    void settingsAndModelsAreRemembered() {
        {
            World world(folder(), "{}");
            QVERIFY(world.open());
            GenerationSettings settings = world.controller->settings();
            settings.thinking = true;
            settings.temperature = 0.3;
            settings.systemPrompt = QStringLiteral("Be brief.");
            world.controller->setSettings(settings);
            world.controller->openModel(QStringLiteral("/models/one"));
            QVERIFY(QTest::qWaitFor([&] { return !world.controller->recentModels().isEmpty(); }));
        }
        World world(folder(), R"({"turns":[{"events":[{"text":"A"}]}]})");
        QVERIFY(world.open());
        QCOMPARE(world.controller->settings().temperature, 0.3);
        QVERIFY(world.controller->settings().thinking);
        QCOMPARE(world.controller->recentModels(), QStringList{QStringLiteral("/models/one")});
        QVERIFY(world.ask(QStringLiteral("x")));
        QCOMPARE(world.fake()->lastRequest().messages[0].text, QStringLiteral("Be brief."));
    }

    void remoteServersTakeTheEnginesPlace() {
        World world(folder(), "{}");
        QVERIFY(world.open());
        world.controller->useRemote(QStringLiteral("localhost:8000/v1"), QStringLiteral("secret"), QStringLiteral("m"));
        QVERIFY(world.controller->engine().remote);
        QCOMPARE(world.remoteEndpoint.base, QUrl(QStringLiteral("http://localhost:8000/v1")));
        QCOMPARE(world.remoteEndpoint.key, QStringLiteral("secret"));
        // As the settings show it later, the key not entered again.
        world.controller->useRemote(QStringLiteral("http://localhost:8000/v1"), {}, QStringLiteral("m"));
        QCOMPARE(world.remoteEndpoint.key, QStringLiteral("secret"));
        world.controller->useRemote(QStringLiteral("http://elsewhere:8000/v1"), {}, QStringLiteral("m"));
        QCOMPARE(world.remoteEndpoint.key, QString()); // a key goes to its own server only
        world.controller->useRemote(QStringLiteral("localhost:8000/v1"), {}, QStringLiteral("m"));
        QCOMPARE(world.remoteEndpoint.key, QStringLiteral("secret"));
        QVERIFY(world.ask(QStringLiteral("x")));
        world.controller->useLocal();
        QVERIFY(!world.controller->engine().remote);
        world.settings->later([] {});
        QTRY_VERIFY(QFile::exists(world.paths.secretsFile()));
        QCOMPARE(QFile::permissions(world.paths.secretsFile()) & (QFile::ReadGroup | QFile::ReadOther),
                 QFile::Permissions());
    }

    void demoModelGetsSingleQuestionsAndItsOwnTools() {
        World world(folder(), R"({"engine":{"demo":true},"turns":[
            {"events":[{"text":"Hello"}]},
            {"events":[{"tool_call":{"id":"w","name":"get_weather","arguments":{"city":"Paris"}}}]},
            {"when":"sunny","events":[{"text":"It is sunny."}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("Hi")));
        QVERIFY(world.fake()->lastRequest().tools.isEmpty());
        QCOMPARE(world.fake()->lastRequest().settings.temperature, 0.0);
        world.controller->send(QStringLiteral("What is the weather in Paris?"));
        QVERIFY(world.phase(TurnPhase::AskingTool));
        QCOMPARE(world.fake()->lastRequest().messages.size(), 1);
        QCOMPARE(world.fake()->lastRequest().tools.size(), 1);
        world.controller->resolveTool(3, QStringLiteral("w"), true);
        QVERIFY(world.idle());
        QCOMPARE(world.last().text, QStringLiteral("It is sunny."));
        QVERIFY(world.controller->messages()[3].notice.contains(QStringLiteral("Example data")));
    }
};

QTEST_GUILESS_MAIN(ChatControllerTest)
#include "chat_controller_test.moc"
