// A fixed set of threads for parallelFor; the calling thread works too. Workers spin briefly, then sleep.
//
//     pool.parallelFor(rows, 16, [&](std::int64_t begin, std::int64_t end, int thread) { ... });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace facet {

class Profile;

class WorkerPool {
public:
    // threads: all of them, the caller included; 0 = cores available to this process (affinity respected).
    explicit WorkerPool(int threads = 0);
    ~WorkerPool();
    WorkerPool(const WorkerPool &) = delete;
    WorkerPool &operator=(const WorkerPool &) = delete;

    int threadCount() const noexcept;

    // Calls body(begin, end, thread) over [0, count) in pieces that are multiples of `grain` (but for the last), each
    // index exactly once; thread in [0, threadCount()). Returns when all are done. Not reentrant: one caller at a
    // time, no nesting. Body must not throw.
    using Body = std::function<void(std::int64_t begin, std::int64_t end, int thread)>;
    void parallelFor(std::int64_t count, std::int64_t grain, const Body &body);

    // From the next call on the profile is told how long threads waited; null: nothing is measured. The caller's thread.
    void watch(Profile *profile) noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
