// The server itself, with routes of its own: who gets in, what is refused, what ends.
#include "host/http_server.h"

#include "host/sse_writer.h"
#include "support/http_peer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace facet;
using namespace facet::host;

namespace {

constexpr std::size_t kLimit = 1000;

struct Fixture {
    explicit Fixture(HttpServerOptions options = {}) {
        options.key = "secret";
        std::vector<Route> routes;
        routes.push_back({.method = "GET",
                          .path = "/open",
                          .handler = [](HttpCall &) { return jsonReply(200, "{}"); },
                          .needsKey = false});
        routes.push_back(
            {.method = "POST",
             .path = "/echo",
             .handler = [](HttpCall &call) { return HttpReply{.contentType = call.contentType, .body = call.body}; },
             .bodyLimit = kLimit});
        routes.push_back({.method = "POST",
                          .path = "/wait",
                          .handler =
                              [this](HttpCall &call) {
                                  ++waiting;
                                  while (!call.gone.cancelled())
                                      std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                  --waiting;
                                  ++gone;
                                  return jsonReply(503, R"({"error":{}})");
                              },
                          .bodyLimit = kLimit});
        routes.push_back({.method = "GET", .path = "/stream", .handler = [this](HttpCall &call) {
                              HttpReply reply{.contentType = "text/event-stream"};
                              reply.stream = [this, token = call.gone](SseWriter &writer) {
                                  ++waiting;
                                  writer.event("1");
                                  while (!token.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                  writer.event("2");
                                  writer.done();
                                  --waiting;
                                  ++gone;
                              };
                              return reply;
                          }});
        routes.push_back({.method = "GET", .path = "/throws", .handler = [](HttpCall &) -> HttpReply {
                              throw std::runtime_error("x");
                          }});
        auto started = HttpServer::start(std::move(options), std::move(routes));
        REQUIRE(started);
        server = std::move(started).value();
    }
    int port() const { return server->port(); }
    std::atomic<int> waiting{0}, gone{0};
    std::unique_ptr<HttpServer> server;
};

template <typename Condition>
bool soon(Condition condition) {
    for (int i = 0; i < 10'000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

int statusOf(const Fixture &f, const std::string &request) { return ask(f.port(), request).status; }

std::string code(const HttpAnswer &answer) {
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    REQUIRE_FALSE(json.is_discarded());
    CHECK(json["error"]["message"].is_string());
    return json["error"]["code"];
}

} // namespace

TEST_CASE("the key, the host and the origin are checked on every route") {
    Fixture f;
    CHECK(statusOf(f, httpGet("/open", "")) == 200);
    const HttpAnswer stranger = ask(f.port(), httpPost("/echo", "x", ""));
    CHECK(stranger.status == 401);
    CHECK(code(stranger) == "unauthorised");
    CHECK(statusOf(f, httpPost("/echo", "x", "Authorization: Bearer wrong\r\n")) == 401);
    CHECK(statusOf(f, httpPost("/echo", "x", "x-api-key: secret\r\n")) == 200);
    CHECK(statusOf(f, "GET /open HTTP/1.1\r\nHost: evil.example\r\n\r\n") == 403);
    CHECK(statusOf(f, "GET /open HTTP/1.1\r\n\r\n") == 403);
    CHECK(statusOf(f, httpGet("/open", "Origin: https://evil.example\r\n")) == 403);
    const HttpAnswer local = ask(f.port(), httpGet("/open", "Origin: http://localhost:3000\r\n"));
    CHECK(local.status == 200);
    CHECK(local.headers.count("access-control-allow-origin") == 0);
}

TEST_CASE("OPTIONS is answered to local pages only") {
    Fixture f;
    const std::string head = "OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n";
    CHECK(statusOf(f, head + "Origin: http://localhost\r\n\r\n") == 204);
    CHECK(statusOf(f, head + "Origin: https://evil.example\r\n\r\n") == 403);
    CHECK(statusOf(f, head + "\r\n") == 403);
}

TEST_CASE("unknown addresses and methods get a quick 404 in JSON, without a key") {
    Fixture f;
    for (const char *path : {"/", "/api/tags", "/props", "/v1/props", "/version", "/api/v1/models", "/echo/", "/ech%6F",
                             "/../etc/passwd"}) {
        CAPTURE(path);
        const HttpAnswer answer = ask(f.port(), httpGet(path, ""));
        CHECK(answer.status == 404);
        CHECK(answer.headers.at("content-type") == "application/json");
        CHECK(code(answer) == "not_found");
    }
    CHECK(statusOf(f, httpGet("/echo")) == 404);
    CHECK(statusOf(f, httpPost("/open", "x")) == 404);
    CHECK(statusOf(f, "DELETE /open HTTP/1.1\r\nHost: localhost\r\n\r\n") == 404);
}

TEST_CASE("bodies arrive whole, chunked ones too, and connections are used again") {
    Fixture f;
    HttpPeer peer(f.port());
    for (int i = 0; i < 3; ++i) {
        peer.send(httpPost("/echo", "hello " + std::to_string(i)));
        const HttpAnswer answer = peer.answer();
        CHECK(answer.status == 200);
        CHECK(answer.body == "hello " + std::to_string(i));
    }
    peer.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    CHECK(peer.answer().body == "hello world");
    CHECK(peer.closes());
    // In pieces, and split in the middle of the head.
    HttpPeer slow(f.port());
    const std::string request = httpPost("/echo", "abc");
    for (const char c : request) slow.send(std::string_view(&c, 1));
    CHECK(slow.answer().body == "abc");
    // No body at all, and no length.
    CHECK(statusOf(f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n") == 200);
}

TEST_CASE("two requests sent at once are answered in order") {
    Fixture f;
    HttpPeer peer(f.port());
    peer.send(httpPost("/echo", "one") + httpPost("/echo", "two"));
    CHECK(peer.answer().body == "one");
    CHECK(peer.answer().body == "two");
}

TEST_CASE("a body where none belongs cannot become a second request") {
    Fixture f;
    HttpPeer peer(f.port());
    const std::string inner = httpPost("/echo", "smuggled");
    peer.send("GET /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" +
              inner);
    CHECK(peer.answer().status == 413); // the route takes no body at all
    CHECK(peer.closes());
    CHECK(peer.received().find("smuggled") == std::string::npos);
}

TEST_CASE("too large: said from the head, said while reading chunks") {
    Fixture f;
    const HttpAnswer declared = ask(f.port(), httpPost("/echo", std::string(kLimit + 1, 'x')));
    CHECK(declared.status == 413);
    CHECK(code(declared) == "limit_exceeded");
    CHECK(statusOf(f, httpPost("/echo", std::string(kLimit, 'x'))) == 200);
    std::string chunk = "190\r\n" + std::string(400, 'x') + "\r\n";
    CHECK(statusOf(f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n" +
                          chunk + chunk + chunk + "0\r\n\r\n") == 413);
    CHECK(statusOf(f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Length: "
                      "18446744073709551615\r\n\r\n") == 413);
}

TEST_CASE("bodies of all connections share one budget") {
    Fixture f({.maxBodyBytesAtOnce = 500});
    const HttpAnswer answer = ask(f.port(), httpPost("/echo", std::string(600, 'x')));
    CHECK(answer.status == 429);
    CHECK(answer.headers.count("retry-after") == 1);
    CHECK(statusOf(f, httpPost("/echo", std::string(400, 'x'))) == 200);
}

TEST_CASE("what is not HTTP is refused and the connection closed") {
    Fixture f;
    for (const char *bytes :
         {"\x16\x03\x01\x02\r\n\r\n", "GET /open HTTP/9\r\n\r\n", "GET /open HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        HttpPeer peer(f.port());
        peer.send(bytes);
        CHECK(peer.answer().status == 400);
        CHECK(peer.closes());
    }
    CHECK(statusOf(f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nTransfer-Encoding: "
                      "chunked\r\n\r\nzz\r\n") == 400);
    HttpPeer large(f.port());
    large.send("GET /open HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40'000, 'x'));
    CHECK(large.answer().status == 431);
}

TEST_CASE("an exception of a route is a 500, not an end") {
    Fixture f;
    CHECK(statusOf(f, httpGet("/throws")) == 500);
    CHECK(statusOf(f, httpGet("/open")) == 200);
}

TEST_CASE("HEAD and HTTP/1.0") {
    Fixture f;
    HttpPeer peer(f.port());
    peer.send("HEAD /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(peer.closes());
    CHECK(peer.received().starts_with("HTTP/1.1 200"));
    CHECK(peer.received().ends_with("\r\n\r\n"));
    CHECK(statusOf(f, "GET /open HTTP/1.0\r\nHost: localhost\r\n\r\n") == 200);
}

TEST_CASE("a body is asked for only from those who may send it") {
    Fixture f;
    const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n";
    CHECK(statusOf(f, head + "\r\n") == 401);
    HttpPeer peer(f.port());
    peer.send(head + "Authorization: Bearer secret\r\n\r\n");
    REQUIRE(peer.waitFor("HTTP/1.1 100"));
    peer.send("abc");
    REQUIRE(peer.waitFor("HTTP/1.1 200"));
    CHECK(peer.waitFor("abc"));
}

TEST_CASE("slow senders are given up: silent, in the head, in the body") {
    Fixture f({.idleTimeout = std::chrono::milliseconds(100),
               .headTimeout = std::chrono::milliseconds(100),
               .bodySilence = std::chrono::milliseconds(100)});
    HttpPeer silent(f.port());
    CHECK(silent.closes());
    HttpPeer head(f.port());
    head.send("GET /op");
    CHECK(head.closes());
    HttpPeer body(f.port());
    body.send(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Length: 10\r\n\r\nabc");
    CHECK(body.answer().status == 400);
    CHECK(body.closes());
}

TEST_CASE("a peer that hangs up sets the token, streaming or not") {
    Fixture f;
    HttpPeer plain(f.port());
    plain.send(httpPost("/wait", ""));
    REQUIRE(soon([&] { return f.waiting == 1; }));
    plain.hangUp();
    CHECK(soon([&] { return f.gone == 1; }));
    HttpPeer stream(f.port());
    stream.send(httpGet("/stream"));
    REQUIRE(stream.waitFor("data: 1"));
    stream.hangUp();
    CHECK(soon([&] { return f.gone == 2; }));
}

TEST_CASE("connections beyond the limit are refused, later ones are not") {
    Fixture f({.maxConnections = 2});
    HttpPeer a(f.port()), b(f.port());
    a.send(httpPost("/wait", ""));
    b.send(httpPost("/wait", ""));
    REQUIRE(soon([&] { return f.waiting == 2; }));
    HttpPeer c(f.port());
    const HttpAnswer refused = c.answer();
    CHECK(refused.status == 503);
    CHECK(refused.headers.count("retry-after") == 1);
    a.hangUp();
    b.hangUp();
    CHECK(soon([&] { return statusOf(f, httpGet("/open")) == 200; }));
}

TEST_CASE("many requests side by side") {
    Fixture f;
    std::atomic<int> good{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 16; ++i) {
        clients.emplace_back([&, i] {
            HttpPeer peer(f.port());
            for (int j = 0; j < 10; ++j) {
                const std::string body = std::to_string(i) + "/" + std::to_string(j);
                peer.send(httpPost("/echo", body));
                if (peer.answer().body == body) ++good;
            }
        });
    }
    for (std::thread &client : clients) client.join();
    CHECK(good == 160);
}

TEST_CASE("stopping ends streams properly and closes idle connections") {
    Fixture f;
    HttpPeer idle(f.port());
    idle.send(httpGet("/open"));
    REQUIRE(idle.answer().status == 200);
    HttpPeer stream(f.port());
    stream.send(httpGet("/stream"));
    HttpPeer waiting(f.port());
    waiting.send(httpPost("/wait", ""));
    REQUIRE(stream.waitFor("data: 1"));
    REQUIRE(soon([&] { return f.waiting == 2; }));
    const int port = f.port();
    f.server->stop();
    CHECK(f.waiting == 0);
    CHECK(stream.answer().body == "data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
    CHECK(waiting.answer().status == 503);
    CHECK(idle.closes());
    HttpPeer late(port);
    CHECK_FALSE(late.connected());
}

TEST_CASE("only loopback addresses and free ports") {
    CHECK(HttpServer::start({.host = "0.0.0.0", .key = "k"}, {}).error().code == ErrorCode::InvalidArgument);
    CHECK(HttpServer::start({.host = "example.com", .key = "k"}, {}).error().code == ErrorCode::InvalidArgument);
    CHECK(HttpServer::start({.key = ""}, {}).error().code == ErrorCode::InvalidArgument);
    CHECK(HttpServer::start({.port = 70000, .key = "k"}, {}).error().code == ErrorCode::InvalidArgument);
    Fixture f;
    const auto taken = HttpServer::start({.port = f.port(), .key = "k"}, {});
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == ErrorCode::Busy);
}
