// What this machine could do at most: streaming from memory and arithmetic of all threads together, measured with loops
// of their own (not with the engine's kernels). About a second. Every figure of the benchmarks is held against these.
//
//     const Roofline limits = measureRoofline(2);
//     std::printf("%.1f GB/s, %.0f GOP/s\n", limits.streaming(), limits.int8);
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace facet::bench {

struct Roofline {
    int threads = 0;
    double read = 0;        // GB/s of plain reads, 2 MiB pages where the system has them
    double read4bit = 0;    // GB/s of 4-bit weights times an int8 vector; 0: no loop for this machine
    double int8 = 0;        // GOP/s of int8 products into 32 bits, 2 per multiply-add; 0: no loop
    double int4 = 0;        // the same for operands of 4 bits, where sums of 16 bits last longer
    double bf16 = 0;        // GFLOP/s; 0: the machine has no such instruction
    double fp32 = 0;        // GFLOP/s
    double streaming() const noexcept { return std::max(read, read4bit); }
    double integers() const noexcept { return std::max(int8, int4); }
};

// threads >= 1. Throws std::bad_alloc.
Roofline measureRoofline(int threads, std::size_t bufferBytes = std::size_t{512} << 20U);

// A few milliseconds of arithmetic on the calling thread, GOP/s: tells whether the machine is being disturbed just now.
double arithmeticPulse() noexcept;

// The loops, one table per instruction set; null where there is none. Each returns a value that depends on all it did.
struct RooflineLoops {
    const char *name;
    // Reads `bytes` (a multiple of 4096, 64-byte aligned).
    float (*read)(const std::byte *from, std::size_t bytes);
    float (*read4bit)(const std::byte *from, std::size_t bytes);
    // `rounds` rounds on registers; sets the operations done.
    float (*int8)(std::int64_t rounds, double &operations);
    float (*int4)(std::int64_t rounds, double &operations);
    float (*bf16)(std::int64_t rounds, double &operations);
    float (*fp32)(std::int64_t rounds, double &operations);
};
extern const RooflineLoops kPlainLoops;
extern const RooflineLoops kAvx2Loops, kAvx512Loops, kVnniLoops;  // x86-64 only
// The best table of this processor.
RooflineLoops rooflineLoops() noexcept;

}  // namespace facet::bench
