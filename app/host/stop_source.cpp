#include "host/stop_source.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace facet::host {

namespace {

sigset_t stopSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

// The peer writes nothing after the key; whatever comes is thrown away.
bool inputEnded() {
    std::array<char, 256> ignored{};
    const ssize_t count = ::read(STDIN_FILENO, ignored.data(), ignored.size());
    return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
}

} // namespace

StopSource::StopSource(bool watchInput) : m_watchInput(watchInput), m_asked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    const sigset_t set = stopSignals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_signals = ::signalfd(-1, &set, SFD_CLOEXEC);
}

StopSource::~StopSource() {
    const sigset_t set = stopSignals();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::close(m_signals);
    ::close(m_asked);
}

void StopSource::wait() {
    for (;;) {
        std::array<pollfd, 3> polled{
            {{m_signals, POLLIN, 0}, {m_asked, POLLIN, 0}, {m_watchInput ? STDIN_FILENO : -1, POLLIN, 0}}};
        if (::poll(polled.data(), polled.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return;
        }
        if (polled[0].revents != 0) {
            signalfd_siginfo taken{}; // taken out, or it would strike when the signals are unblocked
            if (::read(m_signals, &taken, sizeof taken) > 0) return;
        }
        if (polled[1].revents != 0) return;
        if (polled[2].revents != 0 && inputEnded()) return;
    }
}

void StopSource::ask() { ::eventfd_write(m_asked, 1); }

} // namespace facet::host
