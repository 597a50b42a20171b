// What a route gets and gives, free of any HTTP library: plain values, so that routes are tested without a socket.
//
//     HttpReply answer(HttpCall &call) { return jsonReply(200, R"({"status":"ok"})"); }
#pragma once

#include "facet/engine.h"
#include "host/errors.h"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace facet::host {

class SseWriter;

struct HttpCall {
    std::string method;
    std::string path;
    std::string contentType;
    std::string body;
    bool privateLink = false; // the peer is the window that started this process: may name files
    CancelToken gone;         // set when the peer hung up or the host stops
};

struct HttpReply {
    int status = 200;
    std::string contentType = "application/json";
    std::string body;
    int retryAfterSeconds = 0;
    // Instead of a body: server-sent events, written on the same thread once the head is out.
    std::function<void(SseWriter &)> stream;
};

inline HttpReply jsonReply(int status, std::string body) { return {.status = status, .body = std::move(body)}; }

inline HttpReply errorReply(const ApiError &error) {
    return {.status = error.status, .body = error.json(), .retryAfterSeconds = error.retryAfterSeconds};
}

using RouteHandler = std::function<HttpReply(HttpCall &)>;

struct Route {
    std::string method;
    std::string path;
    RouteHandler handler;
    std::size_t bodyLimit = 0; // bytes
    bool needsKey = true;
};

} // namespace facet::host
