// The desktop program: the one place where the objects are made and wired.
#include "capture/microphone.h"
#include "chat/demo_model.h"
#include "chat/fake_engine.h"
#include "chat/local_chat_controller.h"
#include "chat/scripted_user.h"
#include "chat/turn_errors.h"
#include "client/host_link.h"
#include "client/remote_link.h"
#include "facet/version.h"
#include "measure_data.h"
#include "measure_gui.h"
#include "microphone_port.h"
#include "options.h"
#include "screenshot.h"
#include "store/paths.h"
#include "ui/main_window.h"
#include "watched_application.h"
#include "window_user.h"

#include <QFileInfo>
#include <QSettings>

#include <cstdio>
#include <memory>

using namespace facet;

namespace {

// Says on standard error what keeps the program from starting. Returns its exit code.
int complain(const Error &error) {
    std::fprintf(stderr, "facet: %s\n", error.describe().c_str());
    return 1;
}

client::Wording wording(bool remote) {
    return [remote](const client::Failure &failure) { return chat::failureSentence(failure, remote); };
}

// The model to begin with: the one asked for, the last one if it is still there, the demo model.
QString firstModel(const Options &options, const store::Settings &settings) {
    const QString last = settings.value(store::keys::kLastModel).toString();
    if (!options.model.isEmpty()) {
        return options.model;
    }
    return !last.isEmpty() && QFileInfo::exists(last) ? last : chat::demoModelFolder();
}

} // namespace

int main(int argc, char **argv) {
    WatchedApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("facet"));
    QApplication::setApplicationDisplayName(QStringLiteral("Facet"));
    QApplication::setApplicationVersion(QStringLiteral(FACET_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("io.github.facet.Facet"));
    Options options = readOptions(application);
    QJsonObject script;
    std::unique_ptr<MeasureData> measured;
    if (options.measureGui) {
        Result<std::unique_ptr<MeasureData>> made = MeasureData::make();
        if (!made) {
            return complain(made.error());
        }
        measured = std::move(*made);
        script = measured->script();
        options.dataDir = measured->dataDir();
    }

    const store::Paths paths =
        options.dataDir.isEmpty() ? store::Paths::standard() : store::Paths::under(options.dataDir);
    if (const Status made = paths.create(); !made) {
        return complain(made.error());
    }
    const QString scriptPath = options.fakeEngine.isEmpty() ? options.userScript : options.fakeEngine;
    if (!scriptPath.isEmpty()) {
        Result<QJsonObject> read = chat::FakeEngine::readScript(scriptPath);
        if (!read) {
            return complain(read.error());
        }
        script = *read;
    }

    store::HistoryStore history(store::HistoryOptions{paths.historyFile()});
    const store::MediaStore media(paths.mediaFolder());
    store::Settings settings(paths.settingsFile());
    store::SecretFile secrets(paths.secretsFile());
    if (const Status read = secrets.read(); !read) {
        complain(read.error()); // the keys can be entered again
    }
    if (!options.model.isEmpty()) {
        settings.setValue(store::keys::kRemoteActive, false); // a model was asked for by name
    }
    const tools::Registry tools = tools::Registry::builtIn();
    const tools::Registry demoTools = tools::Registry::demo();

    std::unique_ptr<client::EngineLink> engine;
    client::HostLink *host = nullptr; // lives as long as the controller
    if (!options.fakeEngine.isEmpty() || measured) {
        engine = std::make_unique<chat::FakeEngine>(script);
    } else {
        auto link = std::make_unique<client::HostLink>(firstModel(options, settings), wording(false));
        host = link.get();
        engine = std::move(link);
    }
    const auto makeRemote = [](const client::Endpoint &endpoint) -> std::unique_ptr<client::EngineLink> {
        return std::make_unique<client::RemoteLink>(endpoint, wording(true));
    };
    chat::LocalChatController controller({&history, &media, &settings, &secrets, &tools, &demoTools, makeRemote},
                                         std::move(engine));

    capture::Microphone microphone(paths.recordingsFolder());
    MicrophonePort recorder(&microphone);
    QSettings windowSettings(paths.config + QStringLiteral("/window.ini"), QSettings::IniFormat);

    const double before = WatchedApplication::threadCpuMs();
    ui::MainWindow window(&controller, &recorder);
    window.useSettings(&windowSettings);
    if (options.size.isValid() && !options.size.isEmpty()) {
        window.resize(options.size);
    }
    window.warmUp();
    const double buildingMs = WatchedApplication::threadCpuMs() - before;
    std::unique_ptr<MeasureGui> measuring;
    if (measured) {
        measuring = std::make_unique<MeasureGui>(&application, &window, &controller, *measured, buildingMs);
    }
    window.show();
    controller.start();
    if (!options.files.isEmpty()) {
        window.attachFiles(options.files);
    }

    std::unique_ptr<chat::ScriptedUser> user;
    const QJsonArray actions = script.value(QLatin1String("user")).toArray();
    if (!actions.isEmpty()) {
        const QString folder = QFileInfo(scriptPath).path();
        user = std::make_unique<chat::ScriptedUser>(&controller, actions, folder);
        const auto more = [host, &application] {
            return QJsonObject{{QStringLiteral("hostProcess"), host ? host->process().processId() : 0},
                               {QStringLiteral("watchdog"), application.report()}};
        };
        user->setHand([hands = std::make_shared<WindowUser>(&window, folder, options.dump, more)](
                          const QJsonObject &action) { return hands->perform(action); });
    }
    if (!options.screenshot.isEmpty()) {
        saveScreenshotWhenDone(&window, user.get(), options.screenshot);
    }
    return QApplication::exec();
}
