// What the system says about this process, and running this program once more to measure its start.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace facet::bench {

struct MemoryFigures {
    std::uint64_t peakResident = 0;  // bytes; mapped files count as far as they were touched. 0: unknown
    std::uint64_t anonymous = 0;     // of what is resident now
    std::uint64_t mapped = 0;        // of what is resident now, from files
};
MemoryFigures memoryFigures();
// The peak counts from here on, where the system can do that.
void resetPeakMemory();

std::string processorName();  // "AMD EPYC ..."

// A line of a child's output and when it came.
struct TimedLine {
    double seconds = 0;  // since the child was started
    std::string text;
};
// Runs a program to its end. Errors: Internal (cannot be started, or failed: with its last line).
Result<std::vector<TimedLine>> runChild(const std::vector<std::string> &arguments);
// This program's own file.
std::string ownProgram(const char *argv0);

}  // namespace facet::bench
