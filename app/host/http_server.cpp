#include "host/http_server.h"

#include "host/http_listener.h"
#include "host/peer_watch.h"
#include "host/request_guard.h"
#include "host/sse_writer.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace facet::host {

namespace {

using Outcome = httplib::Server::HandlerResponse;

ConnectionLimits connectionLimits(const HttpServerOptions &options) {
    ConnectionLimits limits;
    limits.idle = options.idleTimeout;
    limits.head = options.headTimeout;
    limits.bodySilence = options.bodySilence;
    limits.write = options.writeTimeout;
    return limits;
}

ApiError tooLarge(std::size_t limit) {
    return apiError({ErrorCode::LimitExceeded, "The request is larger than " + std::to_string(limit >> 20) +
                                                   " MiB; send a smaller or shorter file."});
}

// Exceptions of the standard library and of JSON end here.
template <typename F>
HttpReply guarded(F &&work) {
    try {
        return work();
    } catch (const std::bad_alloc &) {
        return errorReply(apiError({ErrorCode::OutOfMemory, "There is not enough memory for this request."}));
    } catch (const std::exception &) {
        return errorReply(apiError({ErrorCode::Internal, "The host failed on this request; please report this."}));
    }
}

} // namespace

struct HttpServer::Impl {
    Impl(HttpServerOptions o, std::vector<Route> r)
        : options(std::move(o)), routes(std::move(r)), guard(options.key), bodies(options.maxBodyBytesAtOnce),
          listener(connectionLimits(options), options.maxConnections) {}

    void wire();
    const Route *find(const std::string &method, const std::string &path) const;
    // What can be said from the head alone; nothing: go on and read the body.
    std::optional<HttpReply> refusal(const RequestHead &head, const Route *route) const;
    Outcome beforeRouting(const httplib::Request &request, httplib::Response &response);
    void withBody(const httplib::Request &request, httplib::Response &response, const httplib::ContentReader &reader);
    std::optional<HttpReply> readBody(const Route &route, const httplib::ContentReader &reader,
                                      BodyBudget::Lease &lease, std::string &body);
    void run(const Route &route, const std::shared_ptr<Connection> &connection, std::string body,
             std::shared_ptr<BodyBudget::Lease> lease, httplib::Response &response);
    static void send(const HttpReply &reply, httplib::Response &response);

    const HttpServerOptions options;
    const std::vector<Route> routes;
    const RequestGuard guard;
    BodyBudget bodies;
    PeerWatch watch;
    HttpListener listener; // last: its threads use the above
    int port = 0;
};

void HttpServer::Impl::wire() {
    listener.set_pre_routing_handler(
        [this](const auto &request, auto &response) { return beforeRouting(request, response); });
    listener.Post("/.*", [this](const httplib::Request &request, httplib::Response &response,
                                const httplib::ContentReader &reader) { withBody(request, response, reader); });
    // A body that nobody may send is not asked for.
    listener.set_expect_100_continue_handler([this](const httplib::Request &request, httplib::Response &response) {
        const std::shared_ptr<Connection> connection = listener.connection(request);
        const RequestHead &head = connection->head();
        const std::optional<HttpReply> refused = refusal(head, find(head.method, head.path()));
        if (!refused) return 100;
        send(*refused, response);
        return refused->status;
    });
    // What the library refuses by itself (a broken chunk, say) looks like every other error.
    listener.set_error_handler(
        httplib::Server::HandlerWithResponse([](const httplib::Request &, httplib::Response &response) {
            if (!response.body.empty()) return Outcome::Unhandled;
            Error error{ErrorCode::InvalidArgument, "The request is not proper HTTP or came too slowly."};
            ApiError api = apiError(error);
            api.status = response.status;
            send(errorReply(api), response);
            return Outcome::Handled;
        }));
    listener.set_exception_handler([](const httplib::Request &, httplib::Response &response, std::exception_ptr) {
        send(errorReply(apiError({ErrorCode::Internal, "The host failed on this request; please report this."})),
             response);
    });
    listener.set_post_routing_handler([this](const httplib::Request &request, httplib::Response &response) {
        const std::shared_ptr<Connection> connection = listener.connection(request);
        response.headers.erase("Keep-Alive");
        if ((!connection || !connection->mayContinue()) && !response.has_header("Connection")) {
            response.set_header("Connection", "close");
        }
    });
}

const Route *HttpServer::Impl::find(const std::string &method, const std::string &path) const {
    const std::string wanted = method == "HEAD" ? "GET" : method;
    const auto found = std::find_if(routes.begin(), routes.end(),
                                    [&](const Route &route) { return route.method == wanted && route.path == path; });
    return found == routes.end() ? nullptr : &*found;
}

std::optional<HttpReply> HttpServer::Impl::refusal(const RequestHead &head, const Route *route) const {
    // Addresses that do not exist are denied without a key: programs probe for other servers' routes and must hear a
    // quick no.
    if (const auto refused = guard.check(head, route && route->needsKey)) return errorReply(*refused);
    if (head.method == "OPTIONS") {
        if (!head.header("origin")) return errorReply(forbidden("OPTIONS is answered to pages of this computer only."));
        return HttpReply{.status = 204, .contentType = ""};
    }
    if (!route) return errorReply(notFound());
    if (head.contentLength.value_or(0) > route->bodyLimit) return errorReply(tooLarge(route->bodyLimit));
    return std::nullopt;
}

Outcome HttpServer::Impl::beforeRouting(const httplib::Request &request, httplib::Response &response) {
    const std::shared_ptr<Connection> connection = listener.connection(request);
    if (!connection) {
        send(errorReply(apiError({ErrorCode::Internal, "The connection is not known."})), response);
        return Outcome::Handled;
    }
    const RequestHead &head = connection->head();
    const Route *route = find(head.method, head.path());
    if (const std::optional<HttpReply> refused = refusal(head, route)) {
        send(*refused, response);
        return Outcome::Handled;
    }
    if (head.method == "POST") return Outcome::Unhandled;
    run(*route, connection, {}, nullptr, response);
    return Outcome::Handled;
}

std::optional<HttpReply> HttpServer::Impl::readBody(const Route &route, const httplib::ContentReader &reader,
                                                    BodyBudget::Lease &lease, std::string &body) {
    bool large = false;
    bool crowded = false;
    const bool complete = reader([&](const char *data, std::size_t size) {
        large = size > route.bodyLimit - body.size();
        crowded = !large && !lease.grow(size);
        if (large || crowded) return false;
        body.append(data, size);
        return true;
    });
    if (large) return errorReply(tooLarge(route.bodyLimit));
    if (crowded) {
        return errorReply(apiError({ErrorCode::Busy, "Too many large requests at once; try again in a few seconds."}));
    }
    if (!complete) {
        return errorReply(
            apiError({ErrorCode::InvalidArgument, "The body of the request is damaged or came too slowly."}));
    }
    return std::nullopt;
}

void HttpServer::Impl::withBody(const httplib::Request &request, httplib::Response &response,
                                const httplib::ContentReader &reader) {
    const std::shared_ptr<Connection> connection = listener.connection(request);
    const Route *route = connection ? find("POST", connection->head().path()) : nullptr;
    if (!route) return send(errorReply(notFound()), response);
    auto lease = std::make_shared<BodyBudget::Lease>(bodies);
    std::string body;
    const HttpReply unread =
        guarded([&] { return readBody(*route, reader, *lease, body).value_or(HttpReply{.status = 0}); });
    if (unread.status != 0) return send(unread, response);
    run(*route, connection, std::move(body), std::move(lease), response);
}

void HttpServer::Impl::run(const Route &route, const std::shared_ptr<Connection> &connection, std::string body,
                           std::shared_ptr<BodyBudget::Lease> lease, httplib::Response &response) {
    auto call = std::make_shared<HttpCall>();
    const RequestHead &head = connection->head();
    call->method = head.method;
    call->path = route.path;
    if (const std::string *type = head.header("content-type")) call->contentType = *type;
    call->body = std::move(body);
    call->privateLink = options.privateLink;

    // Lives until the response is written, streams included.
    struct Handling {
        Handling(PeerWatch &w, std::shared_ptr<Connection> c, const CancelToken &gone)
            : connection(std::move(c)), lease(w.watch(connection->socket(), gone)) {
            connection->beginHandling(gone);
        }
        ~Handling() { connection->endHandling(); }
        std::shared_ptr<Connection> connection;
        PeerWatch::Lease lease;
    };
    const auto handling = std::make_shared<Handling>(watch, connection, call->gone);
    const HttpReply reply = guarded([&] { return route.handler(*call); });
    send(reply, response);
    if (!reply.stream) return;
    const auto provider = [stream = reply.stream, call, handling, lease = std::move(lease)](std::size_t,
                                                                                            httplib::DataSink &sink) {
        SseWriter writer([&sink](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); });
        const HttpReply failed = guarded([&] {
            stream(writer);
            return HttpReply{.status = 0};
        });
        if (failed.status != 0) {
            writer.event(failed.body);
            writer.done();
        }
        sink.done();
        return writer.alive();
    };
    if (head.http10) {
        connection->closeAfterReply();
        response.set_content_provider(reply.contentType, provider);
    } else {
        response.set_chunked_content_provider(reply.contentType, provider);
    }
}

void HttpServer::Impl::send(const HttpReply &reply, httplib::Response &response) {
    response.status = reply.status;
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_header("Cache-Control", "no-store");
    if (reply.retryAfterSeconds > 0) response.set_header("Retry-After", std::to_string(reply.retryAfterSeconds));
    if (reply.status == 204) {
        response.set_header("Allow", "GET, HEAD, POST, OPTIONS");
    } else if (!reply.stream) {
        response.set_content(reply.body, reply.contentType);
    }
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}

HttpServer::~HttpServer() { stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, std::vector<Route> routes) {
    if (options.key.empty()) return Error{ErrorCode::InvalidArgument, "The server needs a key."};
    const std::string address = options.host == "localhost" ? "127.0.0.1" : options.host;
    if (address != "127.0.0.1" && address != "::1") {
        return Error{ErrorCode::InvalidArgument,
                     "The server listens on this computer only; --host must be 127.0.0.1, localhost or ::1."};
    }
    const int wanted = options.port;
    if (wanted < 0 || wanted > 65535) return Error{ErrorCode::InvalidArgument, "The port must be from 0 to 65535."};
    auto impl = std::make_unique<Impl>(std::move(options), std::move(routes));
    impl->wire();
    const std::optional<int> port = impl->listener.start(address, wanted);
    if (!port) {
        return Error{ErrorCode::Busy,
                     "Port " + std::to_string(wanted) +
                         " cannot be listened on; another program may use it (--port 0 takes a free one)."};
    }
    impl->port = *port;
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

int HttpServer::port() const noexcept { return m_impl->port; }

void HttpServer::stop() {
    constexpr std::chrono::milliseconds kGrace{3000};
    m_impl->listener.stopAndWait(kGrace);
}

} // namespace facet::host
