#include "host/peer_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vector>

namespace facet::host {

PeerWatch::PeerWatch() : m_wakeFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    m_thread = std::thread([this] { run(); });
}

PeerWatch::~PeerWatch() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    wake();
    m_thread.join();
    ::close(m_wakeFd);
}

PeerWatch::Lease PeerWatch::watch(int socket, CancelToken gone) {
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(m_mutex);
        id = m_nextId++;
        m_watched.emplace(id, std::pair(socket, std::move(gone)));
    }
    wake();
    return {*this, id};
}

void PeerWatch::forget(std::uint64_t id) {
    {
        const std::lock_guard lock(m_mutex);
        m_watched.erase(id);
    }
    wake();
}

void PeerWatch::wake() { ::eventfd_write(m_wakeFd, 1); }

void PeerWatch::run() {
    std::vector<pollfd> polled;
    std::vector<std::uint64_t> ids; // by id, not by socket: a number may be a new connection's by the time poll returns
    for (;;) {
        polled.assign(1, {m_wakeFd, POLLIN, 0});
        ids.assign(1, 0);
        {
            const std::lock_guard lock(m_mutex);
            if (m_stop) return;
            for (const auto &[id, entry] : m_watched) {
                polled.push_back({entry.first, POLLRDHUP, 0});
                ids.push_back(id);
            }
        }
        // The timeout only matters should the descriptor for waking up be missing.
        ::poll(polled.data(), polled.size(), m_wakeFd < 0 ? 50 : 10'000);
        eventfd_t ignored = 0;
        if (polled[0].revents != 0) ::eventfd_read(m_wakeFd, &ignored);
        const std::lock_guard lock(m_mutex);
        for (std::size_t i = 1; i < polled.size(); ++i) {
            if (polled[i].revents == 0) continue;
            const auto found = m_watched.find(ids[i]);
            if (found == m_watched.end()) continue;
            found->second.second.cancel();
            m_watched.erase(found);
        }
    }
}

} // namespace facet::host
