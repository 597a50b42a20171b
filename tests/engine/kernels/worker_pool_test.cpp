#include "kernels/worker_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

using facet::WorkerPool;

TEST_CASE("parallelFor visits every index once, in pieces of the grain") {
    for (int threads = 1; threads <= 4; ++threads) {
        CAPTURE(threads);
        WorkerPool pool(threads);
        CHECK(pool.threadCount() == threads);
        for (const std::int64_t count : {0, 1, 2, 7, 16, 17, 1000, 4099}) {
            for (const std::int64_t grain : {0, 1, 3, 16, 5000}) {
                CAPTURE(count);
                CAPTURE(grain);
                std::vector<int> visits(static_cast<std::size_t>(count), 0);
                std::atomic<int> bad{0};
                const std::int64_t unit = grain > 0 ? grain : 1;
                pool.parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
                    if (begin % unit != 0 || (end % unit != 0 && end != count) || begin >= end) ++bad;
                    if (thread < 0 || thread >= threads) ++bad;
                    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
                });
                CHECK(bad == 0);
                int wrong = 0;
                for (const int v : visits) wrong += v != 1;
                CHECK(wrong == 0);
            }
        }
    }
}

TEST_CASE("many short calls in a row keep their figures apart") {
    for (int threads = 2; threads <= 4; ++threads) {
        WorkerPool pool(threads);
        std::int64_t wrong = 0;
        for (std::int64_t call = 1; call <= 5000; ++call) {
            const std::int64_t count = 1 + call % 97;
            std::atomic<std::int64_t> sum{0};  // gone after the call: a late worker would write to dead memory
            pool.parallelFor(count, 1, [&sum, call](std::int64_t begin, std::int64_t end, int) {
                for (std::int64_t i = begin; i < end; ++i) sum.fetch_add(call + i, std::memory_order_relaxed);
            });
            wrong += sum.load() != count * call + count * (count - 1) / 2;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("sleeping workers wake up, results of pieces are seen by the caller") {
    WorkerPool pool(3);
    for (int round = 0; round < 5; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // long enough for the workers to fall asleep
        std::vector<std::int64_t> squares(2000);
        pool.parallelFor(2000, 8, [&](std::int64_t begin, std::int64_t end, int) {
            for (std::int64_t i = begin; i < end; ++i) squares[static_cast<std::size_t>(i)] = i * i;
        });
        CHECK(squares[1999] == 1999 * 1999);
        CHECK(squares[1000] == 1000000);
    }
}

TEST_CASE("a pool may go at any time") {
    for (int i = 0; i < 50; ++i) {
        WorkerPool pool(1 + i % 4);
        if (i % 3 == 0) pool.parallelFor(10, 1, [](std::int64_t, std::int64_t, int) {});
    }
}

#if defined(__linux__)
TEST_CASE("the default count is that of the cores this process may use") {
    cpu_set_t before;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    CHECK(WorkerPool().threadCount() == CPU_COUNT(&before));
    int first = 0;
    while (!CPU_ISSET(first, &before)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    const int alone = WorkerPool().threadCount();
    sched_setaffinity(0, sizeof before, &before);
    CHECK(alone == 1);
}
#endif
