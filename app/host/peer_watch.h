// Notices peers that hang up while their request is being worked on: one thread waits on all such sockets and sets the
// request's CancelToken, so that decoding, queueing and computing stop without anyone having to look.
//
//     const PeerWatch::Lease lease = watch.watch(socket, call.gone);
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace facet::host {

class PeerWatch {
public:
    PeerWatch();
    ~PeerWatch();
    PeerWatch(const PeerWatch &) = delete;
    PeerWatch &operator=(const PeerWatch &) = delete;

    class Lease {
    public:
        Lease(PeerWatch &watch, std::uint64_t id) : m_watch(watch), m_id(id) {}
        ~Lease() { m_watch.forget(m_id); }
        Lease(const Lease &) = delete;
        Lease &operator=(const Lease &) = delete;

    private:
        PeerWatch &m_watch;
        std::uint64_t m_id;
    };
    // The socket must stay open as long as the lease lives.
    Lease watch(int socket, CancelToken gone);

private:
    void forget(std::uint64_t id);
    void run();
    void wake();

    std::mutex m_mutex;
    std::uint64_t m_nextId = 1;
    bool m_stop = false;
    std::map<std::uint64_t, std::pair<int, CancelToken>> m_watched;
    int m_wakeFd = -1;
    std::thread m_thread;
};

} // namespace facet::host
