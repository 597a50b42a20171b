// One accepted connection as the HTTP library sees it, with what the library leaves open: a bound on the head,
// deadlines for slow senders and slow readers, and a check of every head (request_head.h) before the library gets to
// see it.
#pragma once

#include "facet/engine.h"
#include "host/http_types.h"
#include "host/request_head.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace facet::host {

struct ConnectionLimits {
    std::chrono::milliseconds idle{15'000};        // waiting for the next request
    std::chrono::milliseconds head{10'000};        // from the first byte of a head to its end
    std::chrono::milliseconds bodySilence{20'000}; // between two pieces of a body
    std::chrono::milliseconds bodyGrace{30'000};   // plus the time at slowestBody
    std::uint64_t slowestBody = 32 * 1024;         // bytes per second
    std::chrono::milliseconds write{30'000};       // a reader that takes nothing for so long is given up
};

class Connection final : public httplib::Stream {
public:
    // Takes the socket over and closes it in the end.
    Connection(int socket, std::uint64_t id, const ConnectionLimits &limits);
    ~Connection() override;
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    // Waits for the next request and lays its head out for the library. Nothing: the peer left or sent nothing in time.
    Result<std::optional<RequestHead>> readHead();
    std::uint64_t id() const noexcept { return m_id; }
    const RequestHead &head() const noexcept { return m_head; }
    // Whether another request may follow: nothing of this one's body is unread and the peer wants it.
    bool mayContinue() const noexcept;
    void closeAfterReply() noexcept { m_closeAfter = true; }

    // For refusals before the library is involved.
    void writeReply(const HttpReply &reply);
    // Lets a peer that is still sending read the reply: closing at once would throw it away.
    void linger();

    // From another thread. While a request is handled only its token is set; otherwise the socket is shut down.
    void askToStop();
    void shutDown();
    void beginHandling(const CancelToken &gone);
    void endHandling();

    bool is_readable() const override;
    bool is_writable() const override;
    ssize_t read(char *data, size_t size) override;
    ssize_t write(const char *data, size_t size) override;
    void get_remote_ip_and_port(std::string &ip, int &port) const override;
    void get_local_ip_and_port(std::string &ip, int &port) const override;
    socket_t socket() const override { return m_socket; }

private:
    using Clock = std::chrono::steady_clock;
    // 1: readable; 0: not in time; -1: broken.
    int waitFor(short events, std::chrono::milliseconds time) const;
    ssize_t receive(char *data, std::size_t size, std::chrono::milliseconds time);

    int m_socket;
    std::uint64_t m_id;
    const ConnectionLimits &m_limits;
    RequestHead m_head;
    std::string m_libraryHead; // still to be read by the library
    std::string m_ahead;       // received and not yet read: begins with the body
    std::uint64_t m_bodyRead = 0;
    Clock::time_point m_bodyBegan;
    bool m_closeAfter = false;

    std::mutex m_mutex; // the two below, shared with whoever stops the host
    std::optional<CancelToken> m_handling;
    bool m_stopping = false;
};

} // namespace facet::host
