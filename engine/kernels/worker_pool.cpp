#include "kernels/worker_pool.h"

#include "facet/machine.h"
#include "kernels/profile.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace facet {
namespace {

constexpr int kSpins = 2000;        // pauses before a worker sleeps: some tens of microseconds
constexpr int kSpinsOfCaller = 200;  // pauses before the caller lets others run while it waits for the last pieces
constexpr std::int64_t kPiecesPerThread = 4;
constexpr std::int64_t kMaxPieces = 1 << 30;
constexpr int kMaxThreads = 256;
constexpr std::uint64_t kClosed = 0xFFFFFFFFU;  // lower half of the word while figures change

void pause() noexcept {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace

// One atomic word holds the number of the current call (upper half) and the next piece to hand out (lower half). A piece
// is claimed by raising the lower half with compare-and-swap. Before the figures of a call change the word is closed: who
// has read new figures cannot swap an old word any more, so a worker that wakes late never mixes two calls, and nobody has
// to wait for workers that claimed nothing.
struct WorkerPool::Impl {
    explicit Impl(int threads) : threadTotal(threads) {
        for (int i = 1; i < threads; ++i) workers.emplace_back([this, i] { serve(i); });
    }

    ~Impl() {
        {
            const std::lock_guard lock(mutex);
            stopping.store(true, std::memory_order_seq_cst);
        }
        wake.notify_all();
        for (std::thread &worker : workers) worker.join();
    }

    static std::uint64_t callOf(std::uint64_t word) noexcept { return word >> 32; }

    void run(std::int64_t total, std::int64_t step, const Body &work) {
        const std::int64_t pieceCount = (total + step - 1) / step;
        const std::uint64_t call = (callOf(state.load(std::memory_order_relaxed)) + 1) & 0xFFFFFFFFU;
        state.store(call << 32 | kClosed, std::memory_order_seq_cst);
        count.store(total, std::memory_order_release);
        pieceSize.store(step, std::memory_order_release);
        pieces.store(pieceCount, std::memory_order_release);
        body.store(&work, std::memory_order_release);
        finished.store(0, std::memory_order_relaxed);
        state.store(call << 32, std::memory_order_seq_cst);
        if (sleepers.load(std::memory_order_seq_cst) > 0) {
            const std::lock_guard lock(mutex);  // a worker between its last look and its wait holds the mutex
            wake.notify_all();
        }
        workOn(0);
        for (int spins = 0; finished.load(std::memory_order_acquire) < pieceCount; ++spins) {
            if (spins < kSpinsOfCaller) pause();
            else std::this_thread::yield();
        }
    }

    // Claims and runs pieces of the current call until none is left.
    void workOn(int thread) {
        for (;;) {
            std::uint64_t word = state.load(std::memory_order_acquire);
            if ((word & kClosed) == kClosed) {
                pause();
                continue;
            }
            const std::int64_t piece = static_cast<std::int64_t>(word & kClosed);
            const std::int64_t total = count.load(std::memory_order_acquire);
            const std::int64_t step = pieceSize.load(std::memory_order_acquire);
            const Body *work = body.load(std::memory_order_acquire);
            if (piece >= pieces.load(std::memory_order_acquire)) {
                if (state.load(std::memory_order_acquire) == word) return;
                continue;  // the figures were of a later call than the word
            }
            if (!state.compare_exchange_strong(word, word + 1, std::memory_order_acq_rel)) continue;
            const std::int64_t begin = piece * step;
            (*work)(begin, std::min(total, begin + step), thread);
            finished.fetch_add(1, std::memory_order_release);
        }
    }

    bool stopped() const noexcept { return stopping.load(std::memory_order_relaxed); }

    void serve(int thread) {
        std::uint64_t seen = 0;
        while (!stopped()) {
            std::uint64_t call = callOf(state.load(std::memory_order_acquire));
            for (int spins = 0; call == seen && spins < kSpins && !stopped(); ++spins) {
                pause();
                call = callOf(state.load(std::memory_order_acquire));
            }
            if (call == seen) {
                std::unique_lock lock(mutex);
                sleepers.fetch_add(1, std::memory_order_seq_cst);
                wake.wait(lock, [&] { return stopped() || callOf(state.load(std::memory_order_seq_cst)) != seen; });
                sleepers.fetch_sub(1, std::memory_order_relaxed);
                continue;
            }
            seen = call;
            workOn(thread);
        }
    }

    // run() with a clock around each piece.
    void watchedRun(std::int64_t total, std::int64_t step, const Body &work) {
        using Clock = Profile::Clock;
        const auto start = Clock::now();
        std::vector<Busy> busy(static_cast<std::size_t>(threadTotal));
        const Body timed = [&](std::int64_t begin, std::int64_t end, int thread) {
            const auto from = Clock::now();
            work(begin, end, thread);
            busy[static_cast<std::size_t>(thread)].time += Clock::now() - from;
        };
        if (step >= total) timed(0, total, 0);
        else run(total, step, timed);
        Clock::duration lost = (Clock::now() - start) * threadTotal;
        for (const Busy &each : busy) lost -= each.time;
        profile->addWait(std::chrono::duration<double>(lost).count() / threadTotal);
    }

    struct alignas(64) Busy {
        Profile::Clock::duration time{};
    };

    const int threadTotal;
    Profile *profile = nullptr;
    alignas(64) std::atomic<std::uint64_t> state{0};
    alignas(64) std::atomic<std::int64_t> finished{0};
    alignas(64) std::atomic<std::int64_t> count{0};
    std::atomic<std::int64_t> pieceSize{1};
    std::atomic<std::int64_t> pieces{0};
    std::atomic<const Body *> body{nullptr};
    std::atomic<int> sleepers{0};
    std::atomic<bool> stopping{false};
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::thread> workers;
};

WorkerPool::WorkerPool(int threads)
    : m_impl(std::make_unique<Impl>(std::min(threads > 0 ? threads : usableCores(), kMaxThreads))) {}

WorkerPool::~WorkerPool() = default;

int WorkerPool::threadCount() const noexcept { return m_impl->threadTotal; }

void WorkerPool::watch(Profile *profile) noexcept { m_impl->profile = profile; }

void WorkerPool::parallelFor(std::int64_t count, std::int64_t grain, const Body &body) {
    if (count <= 0) return;
    grain = std::max<std::int64_t>(grain, 1);
    const std::int64_t grains = (count - 1) / grain + 1;
    const std::int64_t threads = m_impl->threadTotal;
    if (threads == 1 || grains == 1) {
        if (m_impl->profile != nullptr) m_impl->watchedRun(count, count, body);
        else body(0, count, 0);
        return;
    }
    const std::int64_t wanted = std::max<std::int64_t>(1, grains / (threads * kPiecesPerThread));
    const std::int64_t least = (grains - 1) / kMaxPieces + 1;
    const std::int64_t step = std::max(wanted, least) * grain;
    if (m_impl->profile != nullptr) m_impl->watchedRun(count, step, body);
    else m_impl->run(count, step, body);
}

}  // namespace facet
