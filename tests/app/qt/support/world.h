// Everything a controller needs, below one temporary folder, with a scripted engine: the program without its window.
#pragma once

#include "chat/fake_engine.h"
#include "chat/local_chat_controller.h"
#include "store/paths.h"

#include <QJsonDocument>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>

#include <memory>

namespace facet::test {

inline QJsonObject json(const char *text) {
    QJsonParseError fault;
    const QJsonDocument document = QJsonDocument::fromJson(text, &fault);
    if (!document.isObject()) {
        qFatal("a test's JSON is wrong: %s", qPrintable(fault.errorString()));
    }
    return document.object();
}

// 1x1, black
inline QByteArray smallPng() {
    return QByteArray::fromBase64(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==");
}

// Its parts may be opened again over the same folder, as after a restart of the program.
class World {
public:
    explicit World(const QString &folder, std::unique_ptr<client::EngineLink> engine,
                   store::WriteFunction mediaWrite = {})
        : paths(store::Paths::under(folder)) {
        const Status made = paths.create();
        if (!made) {
            qFatal("%s", made.error().message.c_str());
        }
        history = std::make_unique<store::HistoryStore>(store::HistoryOptions{paths.historyFile()});
        media = std::make_unique<store::MediaStore>(paths.mediaFolder(), std::move(mediaWrite));
        settings = std::make_unique<store::Settings>(paths.settingsFile());
        secrets = std::make_unique<store::SecretFile>(paths.secretsFile());
        chat::Services services{history.get(), media.get(), settings.get(), secrets.get(), &tools, &demoTools, {}};
        services.makeRemote = [this](const client::Endpoint &endpoint) {
            remoteEndpoint = endpoint;
            return std::make_unique<chat::FakeEngine>(json(R"({"engine":{"remote":true}})"));
        };
        engineLink = engine.get();
        controller = std::make_unique<chat::LocalChatController>(services, std::move(engine));
    }

    World(const QString &folder, const char *script)
        : World(folder, std::make_unique<chat::FakeEngine>(json(script))) {}

    chat::FakeEngine *fake() const { return static_cast<chat::FakeEngine *>(engineLink); }

    bool open() {
        controller->start();
        return QTest::qWaitFor([this] { return controller->canSend(); });
    }
    bool idle() const {
        return QTest::qWaitFor([this] { return controller->progress().phase == chat::TurnPhase::Idle; });
    }
    bool phase(chat::TurnPhase phase) const {
        return QTest::qWaitFor([this, phase] { return controller->progress().phase == phase; });
    }
    bool ask(const QString &text) {
        controller->send(text);
        return idle();
    }
    const chat::Message &last() const { return controller->messages().last(); }

    store::Paths paths;
    tools::Registry tools = tools::Registry::builtIn();
    tools::Registry demoTools = tools::Registry::demo();
    std::unique_ptr<store::HistoryStore> history;
    std::unique_ptr<store::MediaStore> media;
    std::unique_ptr<store::Settings> settings;
    std::unique_ptr<store::SecretFile> secrets;
    client::Endpoint remoteEndpoint;
    client::EngineLink *engineLink = nullptr;
    std::unique_ptr<chat::LocalChatController> controller;
};

} // namespace facet::test
