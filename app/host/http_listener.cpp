#include "host/http_listener.h"

#include <sys/socket.h>

#include <deque>
#include <utility>
#include <vector>

namespace facet::host {

namespace {

// Threads as they are needed, kept for the next connection. Work beyond the limit runs on the accepting thread, where
// HttpListener refuses it.
class ConnectionThreads final : public httplib::TaskQueue {
public:
    explicit ConnectionThreads(std::size_t limit) : m_limit(limit) {}

    void enqueue(std::function<void()> work) override {
        {
            const std::lock_guard lock(m_mutex);
            if (m_work.size() < m_idle) {
                m_work.push_back(std::move(work));
            } else if (m_threads.size() < m_limit) {
                m_work.push_back(std::move(work));
                m_threads.emplace_back([this] { run(); });
                ++m_idle;
            }
        }
        if (work) {
            work();
        } else {
            m_wake.notify_one();
        }
    }
    void shutdown() override {
        {
            const std::lock_guard lock(m_mutex);
            m_stop = true;
        }
        m_wake.notify_all();
        for (std::thread &thread : m_threads) thread.join();
    }

private:
    void run() {
        std::unique_lock lock(m_mutex);
        for (;;) {
            m_wake.wait(lock, [this] { return m_stop || !m_work.empty(); });
            if (m_work.empty()) return;
            std::function<void()> work = std::move(m_work.front());
            m_work.pop_front();
            --m_idle;
            lock.unlock();
            work();
            lock.lock();
            ++m_idle;
        }
    }

    const std::size_t m_limit;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<std::function<void()>> m_work;
    std::vector<std::thread> m_threads;
    std::size_t m_idle = 0; // threads waiting or about to wait for work
    bool m_stop = false;
};

} // namespace

HttpListener::HttpListener(const ConnectionLimits &limits, std::size_t maxConnections) : m_limits(limits) {
    new_task_queue = [maxConnections] { return new ConnectionThreads(maxConnections); }; // the library takes it over
    // Not the library's default, which lets another process share the port.
    set_socket_options([](socket_t socket) {
        const int on = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
}

HttpListener::~HttpListener() { stopAndWait(std::chrono::milliseconds(0)); }

std::optional<int> HttpListener::start(const std::string &address, int port) {
    const int bound = port == 0 ? bind_to_any_port(address) : (bind_to_port(address, port) ? port : -1);
    if (bound <= 0) return std::nullopt;
    m_thread = std::thread([this] {
        m_acceptThread = std::this_thread::get_id();
        listen_after_bind();
        m_acceptThread = std::thread::id();
        m_ended = true;
    });
    while (!is_running() && !m_ended) std::this_thread::yield(); // stop() before that would be lost
    return bound;
}

void HttpListener::stopAndWait(std::chrono::milliseconds grace) {
    if (!m_thread.joinable()) return;
    m_stopping = true;
    stop();
    {
        std::unique_lock lock(m_mutex);
        for (const auto &[id, connection] : m_connections) connection->askToStop();
        m_changed.wait_for(lock, grace, [this] { return m_connections.empty(); });
        for (const auto &[id, connection] : m_connections) connection->shutDown();
    }
    m_thread.join();
}

std::shared_ptr<Connection> HttpListener::connection(const httplib::Request &request) {
    const std::string id = request.get_header_value(kConnectionHeader);
    const std::lock_guard lock(m_mutex);
    const auto found = m_connections.find(std::strtoull(id.c_str(), nullptr, 10));
    return found == m_connections.end() ? nullptr : found->second;
}

std::shared_ptr<Connection> HttpListener::add(int socket) {
    const std::lock_guard lock(m_mutex);
    const std::uint64_t id = m_nextId++;
    auto connection = std::make_shared<Connection>(socket, id, m_limits);
    m_connections.emplace(id, connection);
    if (m_stopping) connection->askToStop();
    return connection;
}

void HttpListener::remove(std::uint64_t id) {
    {
        const std::lock_guard lock(m_mutex);
        m_connections.erase(id);
    }
    m_changed.notify_all();
}

bool HttpListener::process_and_close_socket(socket_t socket) {
    if (std::this_thread::get_id() == m_acceptThread.load()) {
        Connection refused(socket, 0, m_limits);
        refuse(refused);
        return false;
    }
    const std::shared_ptr<Connection> connection = add(socket);
    serve(*connection);
    connection->linger();
    remove(connection->id());
    return true;
}

void HttpListener::serve(Connection &connection) {
    while (!m_stopping) {
        Result<std::optional<RequestHead>> head = connection.readHead();
        if (!head) {
            HttpReply reply = errorReply(apiError(head.error()));
            if (head.error().code == ErrorCode::LimitExceeded) reply.status = 431;
            connection.writeReply(reply);
            return;
        }
        if (!*head) return;
        bool closed = false;
        if (!process_request(connection, false, closed, nullptr)) return;
        if (!connection.mayContinue()) return;
    }
}

void HttpListener::refuse(Connection &connection) {
    ApiError error = apiError({ErrorCode::Busy, "Too many connections are open; try again in a few seconds."});
    error.status = 503;
    connection.writeReply(errorReply(error));
}

} // namespace facet::host
