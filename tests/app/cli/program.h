// Runs facet-cli as a user does: a process with arguments, its output, its exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facet::test {

struct ProgramResult {
    int exitCode = -1; // 128 + signal when it was killed by one
    std::string out, err;
    std::uint64_t peakBytes = 0; // most that was resident at once (VmHWM)
};

// The program of this build ($FACET_BIN). `input`: standard input. `interruptAfterMs`: sends SIGINT after that time.
ProgramResult runProgram(const std::vector<std::string> &arguments, const std::string &input = {},
                         int interruptAfterMs = 0);

// A folder of its own, removed at the end.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    std::string file(const std::string &name) const { return m_path + "/" + name; }
    std::string write(const std::string &name, const std::string &text) const;

private:
    std::string m_path;
};

std::string readFile(const std::string &path);

} // namespace facet::test
