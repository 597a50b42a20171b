// Models of other programs, and how models are loaded: from the host's words to the settings.
#include "chat/demo_model.h"
#include "chat/load_settings.h"
#include "chat/turn_errors.h"
#include "client/found_models.h"
#include "client/host_link.h"
#include "support/scripted_http_server.h"
#include "support/world.h"

#include <QJsonArray>

using namespace facet;
using namespace facet::chat;
using facet::test::json;
using facet::test::ScriptedHttpServer;
using facet::test::World;

namespace {

const char *const kFound = R"({"models":[
    {"path":"/m/a.gguf","name":"a","source":"LM Studio","format":"gguf","role":"model","architecture":"gemma4",
     "obstacle":null,"bytes":3000000000,"mmproj":"/m/mmproj.gguf"},
    {"path":"/m/b","name":"b","source":"Hugging Face","format":"safetensors","role":"drafter","architecture":"x",
     "obstacle":null,"bytes":-5,"mmproj":null},
    {"path":"/m/c","name":"c","role":"model","obstacle":"other_family","architecture":"llama"},
    {"path":"/m/d","name":"d","role":"projector","obstacle":"incomplete"},
    {"path":"/m/e","name":"e","role":"model","obstacle":"something new"},
    {"path":"","name":"no path","role":"model"},
    {"path":"/m/f","name":"f","role":"of another version"},
    7]})";

QString listens(const ScriptedHttpServer &server) {
    return QStringLiteral("read key; echo '{\"port\":%1}'; cat > /dev/null").arg(server.serverPort());
}

} // namespace

class ModelsTest : public QObject {
    Q_OBJECT

private slots:
    void readsWhatTheHostFound() {
        const auto models = client::readFoundModels(json(kFound));
        QCOMPARE(models.size(), 5);
        QCOMPARE(models[0].name, QStringLiteral("a"));
        QCOMPARE(models[0].projector, QStringLiteral("/m/mmproj.gguf"));
        QCOMPARE(models[0].bytes, 3000000000LL);
        QVERIFY(models[0].gguf);
        QVERIFY(models[0].obstacle == FoundModel::Obstacle::None);
        QVERIFY(models[1].role == FoundModel::Role::Drafter);
        QCOMPARE(models[1].bytes, 0LL);
        QVERIFY(models[2].obstacle == FoundModel::Obstacle::OtherFamily);
        QVERIFY(models[3].role == FoundModel::Role::Projector);
        QVERIFY(models[3].obstacle == FoundModel::Obstacle::Incomplete);
        QVERIFY(models[4].obstacle == FoundModel::Obstacle::Damaged); // not known is not runnable
        QVERIFY(client::readFoundModels(json(R"({"models":5})")).isEmpty());
        QJsonArray many;
        for (int i = 0; i < 700; ++i) many.append(json(R"({"path":"/p","role":"model"})"));
        QCOMPARE(client::readFoundModels({{QStringLiteral("models"), many}}).size(), 500);
    }

    void theHostIsAsked() {
        ScriptedHttpServer server;
        server.answer("/x_facet/models/found", {{ScriptedHttpServer::whole(200, kFound), 0, true}});
        client::HostLink link(QStringLiteral("/m"),
                              [](const client::Failure &failure) { return failureSentence(failure, false); });
        link.process().setProgram(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), listens(server)});
        QSignalSpy found(&link, &client::EngineLink::modelsFound);
        link.findModels(); // the process is not there yet; it comes up, but loads nothing for this
        QVERIFY(found.wait());
        QCOMPARE(found[0][0].value<QVector<FoundModel>>().size(), 5);
        QCOMPARE(found[0][1].toString(), QString());
        QVERIFY(link.state().kind == EngineState::Kind::Stopped);
        QVERIFY(server.requests[0].head.contains(link.process().key().toLatin1()));
        link.findModels();
        QVERIFY(found.wait());
        QVERIFY(link.state().kind == EngineState::Kind::Stopped);
    }

    void aHostThatCannotStartSaysWhy() {
        client::HostLink link(QStringLiteral("/m"),
                              [](const client::Failure &failure) { return failureSentence(failure, false); });
        link.process().setProgram(QStringLiteral("/bin/sh"),
                                  {QStringLiteral("-c"), QStringLiteral("echo no >&2; exit 3")});
        QSignalSpy found(&link, &client::EngineLink::modelsFound);
        link.findModels();
        QVERIFY(found.wait());
        QVERIFY(found[0][0].value<QVector<FoundModel>>().isEmpty());
        QVERIFY(!found[0][1].toString().isEmpty());
    }

    void aLoadSaysWhatGoesWithTheModel() {
        LoadSettings settings;
        QCOMPARE(client::loadBody(QStringLiteral("/m"), settings), json(R"({"path":"/m"})"));
        settings.kv = QStringLiteral("q8_0");
        settings.memoryBytes = 8'000'000'000;
        settings.weights = QStringLiteral("q4_0");
        settings.drafter = QStringLiteral("/d");
        settings.projector = QStringLiteral("/p");
        settings.adapters = {{QStringLiteral("/l"), 0.5}};
        settings.title = QStringLiteral("only shown");
        QCOMPARE(client::loadBody(QStringLiteral("/m"), settings),
                 json(R"({"path":"/m","kv":"q8_0","memory":8000000000,"weights":"q4_0","drafter":"/d","mmproj":"/p",
                          "adapters":[{"path":"/l","scale":0.5}]})"));
    }

    void theTitleIsShownInsteadOfAHash() {
        ScriptedHttpServer server;
        server.answer("/x_facet/load", {{ScriptedHttpServer::stream("data: {\"loaded\":true,\"info\":{\"path\":\"/m\","
                                                                    "\"name\":\"sha256-12\"}}\n\n"),
                                         0, true}});
        client::HostLink link(QStringLiteral("/m"),
                              [](const client::Failure &failure) { return failureSentence(failure, false); });
        link.setLoadSettings([](const QString &model) {
            LoadSettings settings;
            if (model == QStringLiteral("/m")) settings.title = QStringLiteral("gemma4:e2b");
            settings.kv = QStringLiteral("q4_0");
            return settings;
        });
        link.process().setProgram(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), listens(server)});
        link.start();
        QTRY_VERIFY(link.state().kind == EngineState::Kind::Ready);
        QCOMPARE(link.state().modelName, QStringLiteral("gemma4:e2b"));
        QVERIFY(server.requests[0].body.contains("\"kv\":\"q4_0\""));
    }

    void settingsOfEachModelAreKept() {
        QTemporaryDir folder;
        const QString file = folder.filePath(QStringLiteral("facet.ini"));
        LoadSettings first;
        first.kv = QStringLiteral("q8_0");
        first.memoryBytes = 5'000'000'000;
        first.weights = QStringLiteral("q8_0");
        first.drafter = QStringLiteral("/d");
        first.adapters = {{QStringLiteral("/l, with = signs"), -0.25}};
        {
            store::Settings settings(file);
            writeLoadSettings(settings, QStringLiteral("/one"), first);
            for (int i = 0; i < 100; ++i) { // old ones go, the newest stays
                LoadSettings other = first;
                other.drafter = QStringLiteral("/d%1").arg(i);
                writeLoadSettings(settings, QStringLiteral("/other%1").arg(i, 3, 10, QLatin1Char('0')), other);
            }
            writeLoadSettings(settings, QStringLiteral("/one"), first);
        }
        const store::Settings settings(file);
        QVERIFY(readLoadSettings(settings, QStringLiteral("/one")) == first);
        const LoadSettings unknown = readLoadSettings(settings, QStringLiteral("/unknown"));
        QCOMPARE(unknown.kv, QStringLiteral("q8_0")); // of all models
        QVERIFY(unknown.weights.isEmpty());           // of one
        QVERIFY(unknown.drafter.isEmpty() && unknown.adapters.isEmpty());
        store::Settings broken(folder.filePath(QStringLiteral("other.ini")));
        broken.setValue(store::keys::kModelOptions, QStringLiteral("{"));
        broken.setValue(store::keys::kEngineKv, QStringLiteral("q1"));
        broken.setValue(store::keys::kEngineMemory, -7);
        QVERIFY(readLoadSettings(broken, QStringLiteral("/one")) == LoadSettings());
    }

    void theControllerOpensWhatWasFound() {
        QTemporaryDir folder;
        World world(folder.path(), kFound);
        QSignalSpy found(world.controller.get(), &ChatController::modelsFound);
        QVERIFY(world.open());
        world.controller->findModels();
        QVERIFY(found.wait());
        const auto models = found[0][0].value<QVector<FoundModel>>();
        QCOMPARE(models.size(), 6); // and the way back to the demo model
        QCOMPARE(models[5].path, demoModelFolder());
        QVERIFY(models[5].role == FoundModel::Role::Model && models[5].obstacle == FoundModel::Obstacle::None);
        world.controller->openFoundModel(models[0]);
        QVERIFY(QTest::qWaitFor([&] { return !world.controller->recentModels().isEmpty(); }));
        QCOMPARE(world.controller->recentModels(), QStringList{QStringLiteral("/m/a.gguf")});
        QCOMPARE(world.controller->modelTitle(QStringLiteral("/m/a.gguf")), QStringLiteral("a"));
        QCOMPARE(world.controller->modelTitle(QStringLiteral("/m/z.gguf")), QStringLiteral("z.gguf"));
        QCOMPARE(world.fake()->loadSettingsOf(QStringLiteral("/m/a.gguf")).projector, QStringLiteral("/m/mmproj.gguf"));

        // Other settings load it again; the same ones do not.
        QSignalSpy engine(world.controller.get(), &ChatController::engineChanged);
        world.controller->setLoadSettings(world.controller->loadSettings());
        QCOMPARE(engine.size(), 0);
        LoadSettings settings = world.controller->loadSettings();
        settings.drafter = QStringLiteral("/m/b");
        world.controller->setLoadSettings(settings);
        QVERIFY(engine.size() > 0);
        QTRY_VERIFY(world.controller->engine().kind == EngineState::Kind::Ready);
        QCOMPARE(world.fake()->loadSettingsOf(QStringLiteral("/m/a.gguf")).drafter, QStringLiteral("/m/b"));
        QCOMPARE(world.controller->loadSettings().title, QStringLiteral("a"));
    }
};

QTEST_GUILESS_MAIN(ModelsTest)
#include "models_test.moc"
