// The HTTP library's server with our own connections and threads: one thread a connection up to a limit (waiting
// requests hold theirs), refusals beyond it, and a way to end all connections.
#pragma once

#include "host/connection.h"

#include <httplib.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace facet::host {

class HttpListener final : public httplib::Server {
public:
    HttpListener(const ConnectionLimits &limits, std::size_t maxConnections);
    ~HttpListener() override;

    // Listens on a thread of its own; the port, or nothing when it cannot be had.
    std::optional<int> start(const std::string &address, int port);
    // Ends requests politely, and impolitely after `grace`. Waits for every thread.
    void stopAndWait(std::chrono::milliseconds grace);

    // The connection that a request belongs to.
    std::shared_ptr<Connection> connection(const httplib::Request &request);

private:
    bool process_and_close_socket(socket_t socket) override;
    void serve(Connection &connection);
    void refuse(Connection &connection);
    std::shared_ptr<Connection> add(int socket);
    void remove(std::uint64_t id);

    const ConnectionLimits m_limits;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::uint64_t m_nextId = 1;
    std::map<std::uint64_t, std::shared_ptr<Connection>> m_connections;
    std::atomic<bool> m_stopping{false};
    std::atomic<bool> m_ended{false}; // the accepting thread has left its loop
    std::thread m_thread;
    std::atomic<std::thread::id> m_acceptThread{};
};

} // namespace facet::host
