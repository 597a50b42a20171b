#include "load/mapping_guard.h"

#include "facet/file_guard.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace facet {

// A signal handler can only reach what is global, and may only use what takes no lock: a fixed table of atomics. `begin`
// is written last and cleared first; a thread that faults inside a mapping keeps it alive, so its own place stands still
// while the handler reads it.
struct GuardedMapping::Place {
    std::atomic<bool> taken{false};
    std::atomic<bool> lost{false};
    std::atomic<std::uintptr_t> begin{0}; // 0: nothing here
    std::atomic<std::uintptr_t> end{0};   // up to the end of the last page
};

struct GuardTable {
    static constexpr std::size_t kPlaces = 1024; // files at once; a model of many shards has some dozens
    static GuardedMapping::Place places[kPlaces];
    static std::atomic<std::uintptr_t> pageBytes; // sysconf is not for handlers; 0: no handler was installed
    static struct sigaction earlier;

    static bool replaceLostPages(std::uintptr_t address) noexcept;
    static void handle(int signal, siginfo_t *info, void *context);
    static bool install() noexcept;
};

GuardedMapping::Place GuardTable::places[GuardTable::kPlaces];
std::atomic<std::uintptr_t> GuardTable::pageBytes{0};
struct sigaction GuardTable::earlier = {};

// The system call itself where it has this name: what wraps mmap (sanitizers, allocators) is not made for handlers, and the
// readers whose pages change under them are meant to go on.
static bool mapZeros(std::uintptr_t page, std::size_t bytes) noexcept {
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
#if defined(__linux__) && defined(SYS_mmap)
    return ::syscall(SYS_mmap, page, bytes, PROT_READ, flags, -1, 0) != -1;
#else
    return ::mmap(reinterpret_cast<void *>(page), bytes, PROT_READ, flags, -1, 0) != MAP_FAILED;
#endif
}

// True: the address can be read now. What lies behind it in the file is gone as well, so all of it goes at once.
bool GuardTable::replaceLostPages(std::uintptr_t address) noexcept {
    for (GuardedMapping::Place &place : places) {
        const std::uintptr_t begin = place.begin.load(std::memory_order_acquire);
        if (begin == 0 || address < begin) continue;
        const std::uintptr_t end = place.end.load(std::memory_order_acquire);
        if (address >= end || place.begin.load(std::memory_order_acquire) != begin) continue;
        place.lost.store(true, std::memory_order_release);
        const std::uintptr_t page = address & ~(pageBytes.load(std::memory_order_relaxed) - 1);
        return mapZeros(page, end - page);
    }
    return false;
}

void GuardTable::handle(int signal, siginfo_t *info, void *context) {
    const int savedErrno = errno;
    // A positive code comes from the kernel with an address; others were sent by somebody (kill).
    const bool mended = info && info->si_code > 0 && replaceLostPages(reinterpret_cast<std::uintptr_t>(info->si_addr));
    errno = savedErrno;
    if (mended) return;
    if ((earlier.sa_flags & SA_SIGINFO) != 0) return earlier.sa_sigaction(signal, info, context);
    if (earlier.sa_handler == SIG_IGN && info && info->si_code <= 0) return;
    if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) return earlier.sa_handler(signal);
    // The default: the same access faults again and ends the program; what was sent is sent again.
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(signal, &standard, nullptr);
    if (!info || info->si_code <= 0) ::raise(signal);
}

bool GuardTable::install() noexcept {
    if (pageBytes.load(std::memory_order_relaxed) != 0) return true;
    const long bytes = ::sysconf(_SC_PAGESIZE);
    if (bytes <= 0 || ::sigaction(SIGBUS, nullptr, &earlier) != 0) return false;
    pageBytes.store(static_cast<std::uintptr_t>(bytes), std::memory_order_release);
    struct sigaction action = {};
    action.sa_sigaction = &GuardTable::handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(SIGBUS, &action, nullptr) == 0) return true;
    pageBytes.store(0, std::memory_order_release);
    return false;
}

bool guardMappedFiles() noexcept {
    static std::mutex mutex; // of the installing only
    const std::lock_guard lock(mutex);
    return GuardTable::install();
}

GuardedMapping::GuardedMapping(void *begin, std::size_t bytes) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    const long page = ::sysconf(_SC_PAGESIZE);
    if (address == 0 || bytes == 0 || page <= 0) return;
    for (Place &place : GuardTable::places) {
        bool taken = false;
        if (!place.taken.compare_exchange_strong(taken, true, std::memory_order_acq_rel)) continue;
        const auto mask = static_cast<std::uintptr_t>(page) - 1;
        place.lost.store(false, std::memory_order_relaxed);
        place.end.store((address + bytes + mask) & ~mask, std::memory_order_release);
        place.begin.store(address, std::memory_order_release);
        m_place = &place;
        return;
    }
}

GuardedMapping::~GuardedMapping() {
    if (!m_place) return;
    m_place->begin.store(0, std::memory_order_release);
    m_place->taken.store(false, std::memory_order_release);
}

bool GuardedMapping::lost() const noexcept { return m_place && m_place->lost.load(std::memory_order_acquire); }

} // namespace facet
