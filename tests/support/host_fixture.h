// The whole host on a loopback port, with a scripted engine and media that need no FFmpeg.
#pragma once

#include "host/http_server.h"
#include "host/services.h"
#include "support/fake_engine.h"
#include "support/fake_media.h"
#include "support/http_peer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace facet::host {

// Waits for another thread, for at most ten seconds.
template <typename Condition>
bool eventually(Condition condition) {
    for (int i = 0; i < 10'000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

struct HostFixture {
    explicit HostFixture(bool privateLink = false, bool loaded = true,
                         std::chrono::milliseconds ping = std::chrono::seconds(15)) {
        services.pingAfter = ping;
        if (loaded) REQUIRE(slot.load({.path = "/models/a"}, {}, {}));
        auto started =
            HttpServer::start({.key = "secret", .privateLink = privateLink}, allRoutes(services, privateLink));
        REQUIRE(started);
        server = std::move(started).value();
    }
    int port() const { return server->port(); }
    HttpAnswer get(const std::string &path) const { return ask(port(), httpGet(path)); }
    HttpAnswer post(const std::string &path, const std::string &body) const {
        return ask(port(), httpPost(path, body));
    }

    std::shared_ptr<FakeControl> control = std::make_shared<FakeControl>();
    FakeLoader loader{control};
    FakeMedia media;
    ModelSlot slot{loader};
    Services services{.slot = slot, .media = media, .transcribe = {}, .started = 1700000000};
    std::unique_ptr<HttpServer> server;
};

inline nlohmann::json parsed(const std::string &text) {
    auto json = nlohmann::json::parse(text, nullptr, false);
    REQUIRE_MESSAGE(!json.is_discarded(), text);
    return json;
}

// The "data:" lines of an event stream; everything else must be comments or empty lines.
inline std::vector<std::string> dataLines(const std::string &body) {
    std::vector<std::string> lines;
    std::size_t at = 0;
    while (at < body.size()) {
        const std::size_t end = body.find("\n\n", at);
        REQUIRE(end != std::string::npos);
        const std::string event = body.substr(at, end - at);
        at = end + 2;
        if (event.starts_with(":")) continue;
        REQUIRE(event.starts_with("data: "));
        REQUIRE(event.find('\n') == std::string::npos);
        lines.push_back(event.substr(6));
    }
    return lines;
}

} // namespace facet::host
