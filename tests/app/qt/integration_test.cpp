// The window's side with the real host and the demo model: what a user does, without the widgets.
#include "chat/turn_errors.h"
#include "client/host_link.h"
#include "support/world.h"

#include <QFile>
#include <QFileInfo>
#include <QJsonArray>

#include <csignal>
#include <sys/types.h>

using namespace facet;
using namespace facet::chat;
using facet::test::World;

namespace {

constexpr int kPatienceMs = 120'000; // a debug build under sanitizers is slow

QString fixtures() { return qEnvironmentVariable("FACET_FIXTURES") + QStringLiteral("/demo-model/"); }

// Samples that the model gets right by a wide margin, with the medium before the text, as the window sends them.
QVector<QJsonObject> samples(const QString &task, int atMost) {
    QVector<QJsonObject> found;
    QFile file(fixtures() + QStringLiteral("expected.jsonl"));
    if (!file.open(QIODevice::ReadOnly)) {
        return found;
    }
    while (!file.atEnd() && found.size() < atMost) {
        const QJsonObject sample = QJsonDocument::fromJson(file.readLine()).object();
        const QJsonArray messages = sample[QLatin1String("messages")].toArray();
        const QJsonArray content = messages[0][QLatin1String("content")].toArray();
        const bool mediumFirst = content[0][QLatin1String("type")].toString() != QLatin1String("text");
        if (sample[QLatin1String("task")].toString() == task && sample[QLatin1String("correct")].toBool() &&
            messages.size() == 1 && mediumFirst && !sample[QLatin1String("enable_thinking")].toBool() &&
            sample[QLatin1String("smallest_margin")].toDouble() > 0.3) {
            found.append(sample);
        }
    }
    return found;
}

QString questionOf(const QJsonObject &sample) {
    for (const QJsonValue &part : sample[QLatin1String("messages")][0][QLatin1String("content")].toArray()) {
        if (part[QLatin1String("type")].toString() == QLatin1String("text")) {
            return part[QLatin1String("text")].toString();
        }
    }
    return {};
}

} // namespace

class IntegrationTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::unique_ptr<World> m_world;
    client::HostLink *m_link = nullptr;

    bool ready() {
        return QTest::qWaitFor([this] { return m_link->state().kind == EngineState::Kind::Ready; }, kPatienceMs);
    }
    bool idle() {
        return QTest::qWaitFor([this] { return m_world->controller->progress().phase == TurnPhase::Idle; },
                               kPatienceMs);
    }

    void checkSamples(const QString &task, const char *medium) {
        const auto chosen = samples(task, 2);
        QVERIFY(!chosen.isEmpty());
        for (const QJsonObject &sample : chosen) {
            m_world->controller->newConversation();
            QSignalSpy attached(m_world->controller.get(), &ChatController::attachmentReady);
            m_world->controller->addAttachment(fixtures() + sample[QLatin1String(medium)].toString());
            QVERIFY(
                QTest::qWaitFor([&] { return attached.size() >= 2; }, kPatienceMs)); // the second time with its cost
            QVERIFY(attached.last().at(1).value<Attachment>().tokens > 0);
            m_world->controller->send(questionOf(sample));
            QVERIFY(idle());
            QCOMPARE(m_world->last().state, MessageState::Complete);
            QCOMPARE(m_world->last().text.trimmed(), sample[QLatin1String("expected")].toString().trimmed());
        }
    }

private slots:
    void initTestCase() {
        const QString program = qEnvironmentVariable("FACET_BIN") + QStringLiteral("/facet-cli");
        const QString model = qEnvironmentVariable("FACET_RESOURCES") + QStringLiteral("/demo-model");
        if (!QFileInfo(program).isExecutable()) {
            QSKIP("facet-cli is not built");
        }
        qputenv("FACET_CLI", program.toUtf8());
        auto link = std::make_unique<client::HostLink>(
            model, [](const client::Failure &failure) { return failureSentence(failure, false); });
        m_link = link.get();
        m_world = std::make_unique<World>(m_folder.path(), std::move(link));
        QVERIFY(m_world->open());
        QVERIFY(ready());
        QVERIFY(m_link->state().demoModel);
        QVERIFY(m_link->state().hasVision);
        QVERIFY(m_link->state().hasAudio);
        QVERIFY(m_link->state().contextLength > 0);
        QVERIFY(!m_link->state().budgets.isEmpty());
    }

    void answersAQuestion() {
        m_world->controller->send(QStringLiteral("Hello"));
        QVERIFY(idle());
        QCOMPARE(m_world->last().state, MessageState::Complete);
        QVERIFY2(m_world->last().text.contains(QStringLiteral("demo model")),
                 qPrintable(m_world->last().text + m_world->last().notice));
        QVERIFY(m_world->last().promptTokens > 0);
        QVERIFY(m_world->last().completionTokens > 0);
    }

    void thinksWhenAsked() {
        GenerationSettings settings = m_world->controller->settings();
        settings.thinking = true;
        m_world->controller->setSettings(settings);
        m_world->controller->newConversation();
        m_world->controller->send(QStringLiteral("Who won the world cup?"));
        QVERIFY(idle());
        QVERIFY(!m_world->last().thinking.isEmpty());
        QVERIFY(!m_world->last().text.isEmpty());
        settings.thinking = false;
        m_world->controller->setSettings(settings);
    }

    void readsPictures() { checkSamples(QStringLiteral("ocr"), "image"); }
    void hearsSpeech() { checkSamples(QStringLiteral("speech"), "audio"); }

    void callsAToolAndUsesItsResult() {
        m_world->controller->newConversation();
        m_world->controller->send(QStringLiteral("What is the weather in Paris?"));
        QVERIFY(QTest::qWaitFor([this] { return m_world->controller->progress().phase == TurnPhase::AskingTool; },
                                kPatienceMs));
        QCOMPARE(m_world->last().tools.size(), 1);
        QCOMPARE(m_world->last().tools[0].tool, QStringLiteral("get_weather"));
        m_world->controller->resolveTool(1, m_world->last().tools[0].callId, true);
        QVERIFY(idle());
        QVERIFY2(m_world->last().text.contains(QStringLiteral("21")), qPrintable(m_world->last().text));
    }

    void aFileThatIsNoPictureIsSaid() {
        m_world->controller->newConversation();
        QSignalSpy failed(m_world->controller.get(), &ChatController::attachmentFailed);
        m_world->controller->addAttachmentData(QByteArray("\x89PNG\r\n\x1a\n and then nothing of the kind", 40),
                                               QStringLiteral("x.png"));
        QVERIFY(failed.wait(kPatienceMs));
        QVERIFY(failed.at(0).at(1).toString().size() > 10);
        QVERIFY(m_world->controller->canSend());
    }

    void aModelThatIsNoneIsSaidAndTheDemoModelStillWorks() {
        m_world->controller->openModel(m_folder.path());
        QVERIFY(QTest::qWaitFor([this] { return m_link->state().kind == EngineState::Kind::Failed; }, kPatienceMs));
        QVERIFY(m_link->state().problem.size() > 10);
        m_world->controller->openModel(qEnvironmentVariable("FACET_RESOURCES") + QStringLiteral("/demo-model"));
        QVERIFY(ready());
    }

    void aKilledHostIsSaidAndRestarted() {
        m_world->controller->newConversation();
        m_world->controller->send(QStringLiteral("What can you do?"));
        QCOMPARE(::kill(static_cast<pid_t>(m_link->process().processId()), SIGKILL), 0);
        QVERIFY(idle());
        QVERIFY(QTest::qWaitFor([this] { return m_link->state().kind == EngineState::Kind::Crashed; }, kPatienceMs));
        QCOMPARE(m_world->last().state, MessageState::Failed);
        QVERIFY(m_world->last().notice.contains(QStringLiteral("memory")));
        m_world->controller->restartEngine();
        QVERIFY(ready());
        m_world->controller->regenerate(1);
        QVERIFY(idle());
        QCOMPARE(m_world->last().state, MessageState::Complete);
        QVERIFY(m_world->last().text.contains(QStringLiteral("demo model")));
    }

    void cleanupTestCase() { m_world.reset(); }
};

QTEST_GUILESS_MAIN(IntegrationTest)
#include "integration_test.moc"
