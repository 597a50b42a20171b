// Running this program once more, to measure its start.
#pragma once

#include "facet/result.h"

#include <string>
#include <vector>

namespace facet::bench {

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
