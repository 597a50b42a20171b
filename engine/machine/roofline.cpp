#include "machine/roofline.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace facet {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPage = std::size_t{2} << 20U;
constexpr int kRepetitions = 5;
constexpr std::int64_t kRounds = 1'500'000;  // some tens of milliseconds

struct Freed {
    void operator()(std::byte *p) const noexcept { std::free(p); }
};

// Best rate of several runs in which every thread does `job(thread)` and returns its amount of work.
double bestRate(int threads, int repetitions, const std::function<double(int)> &job) {
    double best = 0;
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        std::barrier<> together(threads);
        std::vector<Clock::time_point> begun(static_cast<std::size_t>(threads)), ended(begun);
        std::vector<double> done(begun.size());
        const auto one = [&](int thread) {
            const auto i = static_cast<std::size_t>(thread);
            together.arrive_and_wait();
            begun[i] = Clock::now();
            done[i] = job(thread);
            ended[i] = Clock::now();
        };
        std::vector<std::thread> others;
        for (int thread = 1; thread < threads; ++thread) others.emplace_back(one, thread);
        one(0);
        for (std::thread &other : others) other.join();
        double work = 0;
        for (const double each : done) work += each;
        const auto span = *std::max_element(ended.begin(), ended.end()) - *std::min_element(begun.begin(), begun.end());
        best = std::max(best, work / std::chrono::duration<double>(span).count());
    }
    return best;
}

// Bits that are harmless as 16-bit floats, so that no loop meets NaN or denormals.
std::unique_ptr<std::byte, Freed> filledBuffer(std::size_t bytes) {
    std::unique_ptr<std::byte, Freed> buffer(static_cast<std::byte *>(std::aligned_alloc(kPage, bytes)));
    if (!buffer) throw std::bad_alloc();
#if defined(__linux__)
    madvise(buffer.get(), bytes, MADV_HUGEPAGE);
#endif
    for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
        const std::uint64_t value = i * 0x9E3779B97F4A7C15U & 0x3BFF3BFF3BFF3BFFU;
        std::memcpy(buffer.get() + i, &value, sizeof value);
    }
    return buffer;
}

double arithmetic(int threads, float (*loop)(std::int64_t, double &)) {
    if (loop == nullptr) return 0;
    std::atomic<float> sink{0};
    return 1e-9 * bestRate(threads, kRepetitions, [&](int) {
               double operations = 0;
               sink.store(loop(kRounds, operations), std::memory_order_relaxed);
               return operations;
           });
}

}  // namespace

RooflineLoops rooflineLoops() noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        if (!__builtin_cpu_supports("avx512vnni")) return kAvx512Loops;
        RooflineLoops loops = kVnniLoops;
        if (!__builtin_cpu_supports("avx512bf16")) loops.bf16 = nullptr;
        return loops;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2Loops;
#endif
    return kPlainLoops;
}

Roofline measureRoofline(int threads, std::size_t bufferBytes) {
    const RooflineLoops loops = rooflineLoops();
    const auto count = static_cast<std::size_t>(threads);
    const std::size_t part = std::max<std::size_t>(1, bufferBytes / count / kPage) * kPage;
    Roofline out;
    out.threads = threads;
    {
        const auto buffer = filledBuffer(part * count);
        std::atomic<float> sink{0};
        const auto stream = [&](float (*loop)(const std::byte *, std::size_t)) {
            if (loop == nullptr) return 0.0;
            return 1e-9 * bestRate(threads, kRepetitions, [&](int thread) {
                       sink.store(loop(buffer.get() + static_cast<std::size_t>(thread) * part, part), std::memory_order_relaxed);
                       return static_cast<double>(part);
                   });
        };
        out.read = stream(loops.read);
        out.read4bit = stream(loops.read4bit);
    }
    out.int8 = arithmetic(threads, loops.int8);
    out.int4 = arithmetic(threads, loops.int4);
    out.bf16 = arithmetic(threads, loops.bf16);
    out.fp32 = arithmetic(threads, loops.fp32);
    return out;
}

double arithmeticPulse() noexcept {
    const RooflineLoops loops = rooflineLoops();
    const auto loop = loops.int8 != nullptr ? loops.int8 : loops.fp32;
    double operations = 0;
    const auto start = Clock::now();
    const volatile float sink = loop(kRounds / 8, operations);
    static_cast<void>(sink);
    return 1e-9 * operations / std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace facet
