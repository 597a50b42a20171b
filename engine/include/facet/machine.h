// What this machine is and what it could do at most, measured; and what this process takes of it. No model is needed.
//
//     const Roofline limits = measureRoofline(usableCores());
//     std::printf("%.1f GB/s, %.0f GOP/s\n", limits.streaming(), limits.integers());
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace facet {

std::string processorName();      // "AMD EPYC ..."; "unknown" where the system does not tell
int usableCores() noexcept;       // logical ones that this process may run on, at least 1
int usablePhysicalCores();        // those, threads that share a core counted once; usableCores() where it is not known

struct MemoryFigures {
    std::uint64_t peakResident = 0;  // bytes; mapped files count as far as they were touched. 0: unknown
    std::uint64_t anonymous = 0;     // of what is resident now
    std::uint64_t mapped = 0;        // of what is resident now, from files
};
MemoryFigures memoryFigures();       // of this process
// The peak counts from here on, where the system can do that.
void resetPeakMemory();

// Streaming from memory and arithmetic of all threads together, measured with loops of their own (not with the engine's
// kernels).
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

// About a second. threads >= 1. Throws std::bad_alloc.
Roofline measureRoofline(int threads, std::size_t bufferBytes = std::size_t{512} << 20U);

// A few milliseconds of arithmetic on the calling thread, GOP/s: tells whether the machine is being disturbed just now.
double arithmeticPulse() noexcept;

}  // namespace facet
