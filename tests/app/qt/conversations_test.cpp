// Conversations as the controller keeps them: edited, in versions, searched, exported, switched and deleted.
#include "support/world.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>

using namespace facet;
using namespace facet::chat;
using facet::test::smallPng;
using facet::test::World;

class ConversationsTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    QString folder() const { return m_folder->path(); }

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void editReplacesTheQuestionAndKeepsItsPicture() {
        World world(folder(),
                    R"({"turns":[{"events":[{"text":"1"}]},{"events":[{"text":"2"}]},{"events":[{"text":"3"}]}]})");
        QVERIFY(world.open());
        QSignalSpy ready(world.controller.get(), &ChatController::attachmentReady);
        world.controller->addAttachmentData(smallPng(), QStringLiteral("dot.png"));
        QVERIFY(!world.controller->canSend()); // being copied
        QVERIFY(ready.wait());
        QVERIFY(world.ask(QStringLiteral("first")));
        QVERIFY(world.ask(QStringLiteral("second")));
        QSignalSpy removed(world.controller.get(), &ChatController::messagesRemoved);
        world.controller->editAndResend(0, QStringLiteral("edited"));
        QCOMPARE(removed.at(0).at(0).toInt(), 0);
        QVERIFY(world.idle());
        QCOMPARE(world.controller->messages().size(), 2);
        QCOMPARE(world.controller->messages()[0].text, QStringLiteral("edited"));
        QCOMPARE(world.controller->messages()[0].attachments.size(), 1);
        QCOMPARE(world.last().text, QStringLiteral("3"));
        const qint64 id = world.controller->currentConversation();
        QSignalSpy opened(world.controller.get(), &ChatController::conversationOpened);
        world.controller->newConversation();
        world.controller->openConversation(id);
        QVERIFY(QTest::qWaitFor([&] { return opened.size() == 2; }));
        QCOMPARE(world.controller->messages().size(), 2); // the history agrees
        QCOMPARE(world.controller->messages()[0].attachments[0].name, QStringLiteral("dot.png"));
    }

    void versionsCanBeSwitched() {
        World world(folder(), R"({"turns":[{"events":[{"text":"1"}]},{"events":[{"text":"2"}]},
            {"events":[{"text":"3"}]},{"events":[{"text":"4"}]}]})");
        QVERIFY(world.open());
        auto &controller = *world.controller;
        QVERIFY(world.ask(QStringLiteral("first")));
        QVERIFY(controller.messages()[1].versions.isEmpty());
        controller.regenerate(1);
        QVERIFY(world.idle());
        QCOMPARE(controller.messages()[1].text, QStringLiteral("2"));
        QCOMPARE(controller.messages()[1].versions.size(), 2);
        QCOMPARE(controller.messages()[1].versions.last(), controller.messages()[1].id);
        QVERIFY(world.ask(QStringLiteral("second"))); // answer 3, after version 2
        controller.editAndResend(0, QStringLiteral("first, edited"));
        QVERIFY(world.idle());
        QCOMPARE(controller.messages().size(), 2);
        QCOMPARE(controller.messages()[0].versions.size(), 2);

        QSignalSpy shown(&controller, &ChatController::branchShown);
        controller.showVersion(0, 0);
        QVERIFY(shown.wait());
        QCOMPARE(shown.last().at(0).toInt(), 0);
        QCOMPARE(controller.messages().size(), 4);
        QCOMPARE(controller.messages()[0].text, QStringLiteral("first"));
        QCOMPARE(controller.messages()[1].text, QStringLiteral("2"));
        QCOMPARE(world.last().text, QStringLiteral("3"));
        controller.showVersion(1, 0);
        QVERIFY(shown.wait());
        QCOMPARE(controller.messages().size(), 2);
        QCOMPARE(world.last().text, QStringLiteral("1"));
        controller.showVersion(1, 0);  // shown already
        controller.showVersion(1, 5);  // there is none
        controller.showVersion(0, -1); // nor this
        QVERIFY(!shown.wait(50));
        // A question goes on from the branch that is shown, and only that branch is sent.
        QVERIFY(world.ask(QStringLiteral("and now?")));
        QCOMPARE(controller.messages().size(), 4);
        QStringList sent;
        for (const auto &message : world.fake()->lastRequest().messages) sent << message.text;
        QCOMPARE(sent, (QStringList{QStringLiteral("first"), QStringLiteral("1"), QStringLiteral("and now?")}));
        const qint64 id = controller.currentConversation();
        QSignalSpy opened(&controller, &ChatController::conversationOpened);
        controller.newConversation();
        controller.openConversation(id);
        QVERIFY(QTest::qWaitFor([&] { return opened.size() == 2; }));
        QCOMPARE(controller.messages().size(), 4);
        QCOMPARE(controller.messages()[1].versions.size(), 2);
    }

    void searchOpensTheMessage() {
        World world(folder(), R"({"turns":[{"events":[{"text":"The key is under the mat."}]},{"events":[{"text":"Other"}]}]})");
        QVERIFY(world.open());
        auto &controller = *world.controller;
        QVERIFY(world.ask(QStringLiteral("Where is it?")));
        const qint64 id = controller.currentConversation();
        controller.regenerate(1); // what is looked for stands in another version now
        QVERIFY(world.idle());
        controller.newConversation();
        QSignalSpy done(&controller, &ChatController::searchDone);
        controller.search(QStringLiteral("UNDER mat"));
        QVERIFY(done.wait());
        const auto hits = done.last().at(1).value<QVector<SearchHit>>();
        QCOMPARE(hits.size(), 1);
        QCOMPARE(hits[0].conversation, id);
        QSignalSpy shown(&controller, &ChatController::messageShown);
        controller.openMessage(hits[0].conversation, hits[0].message);
        QVERIFY(shown.wait());
        QCOMPARE(shown.last().at(0).toInt(), 1);
        QCOMPARE(controller.messages()[1].text, QStringLiteral("The key is under the mat."));
        controller.openMessage(123456, 7); // no such conversation
        QVERIFY(!shown.wait(50));
    }

    void exportsWithAttachments() {
        World world(folder(), R"({"turns":[{"events":[{"thinking":"Hm.\nYes."},{"text":"A **dot**."}]}]})");
        QVERIFY(world.open());
        auto &controller = *world.controller;
        QSignalSpy ready(&controller, &ChatController::attachmentReady);
        controller.addAttachmentData(smallPng(), QStringLiteral("../my dot.png"));
        QVERIFY(ready.wait());
        QVERIFY(world.ask(QStringLiteral("What is it?")));
        QSignalSpy exported(&controller, &ChatController::exported);
        QSignalSpy problem(&controller, &ChatController::problem);
        const QString target = m_folder->filePath(QStringLiteral("out"));
        QVERIFY(QDir().mkpath(target));
        controller.exportConversation(target + QStringLiteral("/chat.md"));
        QVERIFY(exported.wait());
        QFile markdown(target + QStringLiteral("/chat.md"));
        QVERIFY(markdown.open(QIODevice::ReadOnly));
        const QString text = QString::fromUtf8(markdown.readAll());
        QVERIFY(text.contains(QStringLiteral("What is it?")));
        QVERIFY(text.contains(QStringLiteral("A **dot**.")));
        QVERIFY(text.contains(QStringLiteral("> Hm.\n> Yes.")));
        QVERIFY2(text.contains(QStringLiteral("(chat_files/my%20dot.png)")), qPrintable(text));
        QFile copy(target + QStringLiteral("/chat_files/my dot.png"));
        QVERIFY(copy.open(QIODevice::ReadOnly));
        QCOMPARE(copy.readAll(), smallPng());

        controller.exportConversation(target + QStringLiteral("/chat.json"));
        QVERIFY(exported.wait());
        QFile json(target + QStringLiteral("/chat.json"));
        QVERIFY(json.open(QIODevice::ReadOnly));
        const QJsonObject whole = QJsonDocument::fromJson(json.readAll()).object();
        const QJsonArray messages = whole[QLatin1String("messages")].toArray();
        QCOMPARE(messages.size(), 2);
        QCOMPARE(messages[0][QLatin1String("attachments")][0][QLatin1String("file")].toString(),
                 QStringLiteral("chat_files/my dot.png"));
        QCOMPARE(messages[1][QLatin1String("reasoning_content")].toString(), QStringLiteral("Hm.\nYes."));
        QCOMPARE(messages[1][QLatin1String("content")].toString(), QStringLiteral("A **dot**."));

        QVERIFY(problem.isEmpty());
        controller.exportConversation(QStringLiteral("/proc/no/such/chat.md"));
        QVERIFY(problem.wait());
        QVERIFY(problem.last().at(0).toString().contains(QStringLiteral("chat.md")));
    }

    void switchingConversationsStopsTheAnswer() {
        World world(folder(),
                    R"({"turns":[{"events":[{"text":"A"},{"at":80,"text":"late"}]},{"events":[{"text":"B"}]}]})");
        QVERIFY(world.open());
        world.controller->send(QStringLiteral("first"));
        QVERIFY(QTest::qWaitFor([&] { return world.last().text == QStringLiteral("A"); }));
        const qint64 first = world.controller->currentConversation();
        world.controller->newConversation();
        QVERIFY(world.controller->messages().isEmpty());
        QVERIFY(world.ask(QStringLiteral("second")));
        QCOMPARE(world.last().text, QStringLiteral("B"));
        QCOMPARE(world.controller->conversations().size(), 2);
        QSignalSpy opened(world.controller.get(), &ChatController::conversationOpened);
        world.controller->openConversation(first);
        QVERIFY(opened.wait());
        QCOMPARE(world.last().text, QStringLiteral("A"));
        QCOMPARE(world.last().state, MessageState::Stopped);
    }

    void deleteCanBeUndone() {
        World world(folder(), R"({"turns":[{"events":[{"text":"A"}]},{"events":[{"text":"B"}]}]})");
        QVERIFY(world.open());
        QVERIFY(world.ask(QStringLiteral("first")));
        const qint64 first = world.controller->currentConversation();
        world.controller->newConversation();
        QVERIFY(world.ask(QStringLiteral("second")));
        const qint64 second = world.controller->currentConversation();
        world.controller->deleteConversation(second);
        QCOMPARE(world.controller->currentConversation(), qint64(0));
        QCOMPARE(world.controller->conversations().size(), 1);
        world.controller->undoDelete();
        QCOMPARE(world.controller->conversations().size(), 2);
        QCOMPARE(world.controller->conversations()[0].id, second);
        world.controller->deleteConversation(first);
        world.controller->deleteConversation(second);
        world.controller->undoDelete();
        QCOMPARE(world.controller->conversations().size(), 1);
        QCOMPARE(world.controller->conversations()[0].id, second);
    }

    void deletedConversationsAreGoneAfterARestart() {
        {
            World world(folder(), R"({"turns":[{"events":[{"text":"A"}]}]})");
            QVERIFY(world.open());
            QVERIFY(world.ask(QStringLiteral("first")));
            world.controller->deleteConversation(world.controller->currentConversation());
        }
        World world(folder(), "{}");
        QVERIFY(world.open());
        QVERIFY(world.controller->conversations().isEmpty());
    }
};

QTEST_GUILESS_MAIN(ConversationsTest)
#include "conversations_test.moc"
