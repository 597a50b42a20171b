#include "host/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace facet::host {

namespace {

const char *reasonPhrase(int status) {
    switch (status) {
    case 400: return "Bad Request";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

std::chrono::milliseconds until(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(0));
}

} // namespace

Connection::Connection(int socket, std::uint64_t id, const ConnectionLimits &limits)
    : m_socket(socket), m_id(id), m_limits(limits) {
    const int on = 1; // tokens are small and must not wait for each other
    ::setsockopt(m_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() { ::close(m_socket); }

int Connection::waitFor(short events, std::chrono::milliseconds time) const {
    const Clock::time_point deadline = Clock::now() + time;
    for (;;) {
        pollfd polled{m_socket, events, 0};
        const int ready = ::poll(&polled, 1, static_cast<int>(until(deadline).count()));
        if (ready > 0) return (polled.revents & events) != 0 ? 1 : -1;
        if (ready == 0) return 0;
        if (errno != EINTR) return -1;
    }
}

ssize_t Connection::receive(char *data, std::size_t size, std::chrono::milliseconds time) {
    if (waitFor(POLLIN, time) <= 0) return -1;
    ssize_t count = 0;
    do {
        count = ::recv(m_socket, data, size, 0);
    } while (count < 0 && errno == EINTR);
    return count;
}

Result<std::optional<RequestHead>> Connection::readHead() {
    std::array<char, 4096> block{};
    Clock::time_point deadline = Clock::now() + m_limits.idle;
    bool begun = false;
    std::size_t end = std::string::npos;
    for (;;) {
        while (!begun && m_ahead.starts_with("\r\n")) m_ahead.erase(0, 2); // empty lines before a request are allowed
        if (!begun && !m_ahead.empty()) {
            begun = true;
            deadline = Clock::now() + m_limits.head;
        }
        end = m_ahead.find("\r\n\r\n");
        if (end != std::string::npos && end + 4 <= kMaxHeadBytes) break;
        if (m_ahead.size() >= kMaxHeadBytes)
            return Error{ErrorCode::LimitExceeded, "The head of the request is too large."};
        const ssize_t count = receive(block.data(), block.size(), until(deadline));
        if (count <= 0) return std::optional<RequestHead>();
        m_ahead.append(block.data(), static_cast<std::size_t>(count));
    }
    FACET_TRY(head, parseRequestHead(std::string_view(m_ahead).substr(0, end + 4)));
    m_ahead.erase(0, end + 4);
    m_head = head;
    m_libraryHead = head.forLibrary(m_id);
    m_bodyRead = 0;
    m_bodyBegan = Clock::now();
    return std::optional(std::move(head));
}

bool Connection::mayContinue() const noexcept {
    return !m_closeAfter && m_head.keepAlive && !m_head.chunked && m_bodyRead == m_head.contentLength.value_or(0);
}

ssize_t Connection::read(char *data, size_t size) {
    const auto takeFrom = [&](std::string &text) {
        const std::size_t count = std::min(size, text.size());
        std::memcpy(data, text.data(), count);
        text.erase(0, count);
        return count;
    };
    if (!m_libraryHead.empty()) return static_cast<ssize_t>(takeFrom(m_libraryHead));
    if (m_ahead.empty()) {
        const auto earned =
            std::chrono::milliseconds(m_bodyRead * 1000 / std::max<std::uint64_t>(m_limits.slowestBody, 1));
        const std::chrono::milliseconds time =
            std::min(m_limits.bodySilence, until(m_bodyBegan + m_limits.bodyGrace + earned));
        if (!m_head.chunked && size >= 4096) { // straight into the library's buffer
            const ssize_t count = receive(data, size, time);
            if (count > 0) m_bodyRead += static_cast<std::uint64_t>(count);
            return count;
        }
        m_ahead.resize(4096);
        const ssize_t count = receive(m_ahead.data(), m_ahead.size(), time);
        m_ahead.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        if (count <= 0) return count;
    }
    const std::size_t count = takeFrom(m_ahead);
    m_bodyRead += count;
    return static_cast<ssize_t>(count);
}

bool Connection::is_readable() const {
    return !m_libraryHead.empty() || !m_ahead.empty() || waitFor(POLLIN, m_limits.bodySilence) > 0;
}

bool Connection::is_writable() const { return waitFor(POLLOUT, m_limits.write) > 0; }

ssize_t Connection::write(const char *data, size_t size) {
    for (;;) {
        if (waitFor(POLLOUT, m_limits.write) <= 0) return -1;
        const ssize_t count = ::send(m_socket, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0 || (errno != EINTR && errno != EAGAIN)) return count;
    }
}

void Connection::writeReply(const HttpReply &reply) {
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + reasonPhrase(reply.status) + "\r\n";
    text += "Content-Type: " + reply.contentType + "\r\nConnection: close\r\n";
    if (reply.retryAfterSeconds > 0) text += "Retry-After: " + std::to_string(reply.retryAfterSeconds) + "\r\n";
    text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
    ::send(m_socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT); // small: fits the socket's buffer
}

void Connection::linger() {
    constexpr std::chrono::milliseconds kLinger{2000};
    ::shutdown(m_socket, SHUT_WR);
    std::array<char, 16384> rest{};
    const Clock::time_point deadline = Clock::now() + kLinger;
    while (Clock::now() < deadline && receive(rest.data(), rest.size(), until(deadline)) > 0) {
    }
}

void Connection::beginHandling(const CancelToken &gone) {
    const std::lock_guard lock(m_mutex);
    m_handling = gone;
    if (m_stopping) gone.cancel();
}

void Connection::endHandling() {
    const std::lock_guard lock(m_mutex);
    m_handling.reset();
    if (m_stopping) ::shutdown(m_socket, SHUT_RD);
}

void Connection::askToStop() {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
    if (m_handling) {
        m_handling->cancel();
    } else {
        ::shutdown(m_socket, SHUT_RD);
    }
}

void Connection::shutDown() { ::shutdown(m_socket, SHUT_RDWR); }

namespace {

void describeAddress(const sockaddr_storage &address, std::string &ip, int &port) {
    ip = address.ss_family == AF_INET6 ? "::1" : "127.0.0.1"; // nothing else is listened on
    in_port_t raw = 0;
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        raw = v4.sin_port;
    } else {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        raw = v6.sin6_port;
    }
    port = ntohs(raw);
}

} // namespace

void Connection::get_remote_ip_and_port(std::string &ip, int &port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    void *raw = &address;
    if (::getpeername(m_socket, static_cast<sockaddr *>(raw), &size) == 0) describeAddress(address, ip, port);
}

void Connection::get_local_ip_and_port(std::string &ip, int &port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    void *raw = &address;
    if (::getsockname(m_socket, static_cast<sockaddr *>(raw), &size) == 0) describeAddress(address, ip, port);
}

} // namespace facet::host
