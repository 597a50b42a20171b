// Routes on a loopback port: every request passes the guard, is read within limits, runs its route on the connection's
// own thread and is answered; a peer that hangs up sets the request's token.
//
//     auto server = HttpServer::start({.key = "secret"}, routes);
//     if (server) connectTo((*server)->port());
#pragma once

#include "facet/result.h"
#include "host/http_types.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace facet::host {

struct HttpServerOptions {
    std::string host = "127.0.0.1";
    int port = 0; // 0: any free one
    std::string key;
    bool privateLink = false;
    std::size_t maxConnections = 160;                      // more than can wait for the model
    std::size_t maxBodyBytesAtOnce = std::size_t{1} << 30; // over all connections
    // Deadlines, shorter in tests.
    std::chrono::milliseconds idleTimeout{15'000}, headTimeout{10'000}, bodySilence{20'000}, writeTimeout{30'000};
};

class HttpServer {
public:
    // Errors: InvalidArgument (not a loopback address, empty key), Busy (the port is taken).
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, std::vector<Route> routes);
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    int port() const noexcept;
    // Takes no more requests, cancels the running ones, gives their streams a moment to end and waits for every thread.
    void stop();

private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace facet::host
