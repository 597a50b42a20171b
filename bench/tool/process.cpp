#include "tool/process.h"

#include <chrono>
#include <filesystem>

#if defined(__unix__) || defined(__APPLE__)
#include <cerrno>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
#endif

namespace facet::bench {

std::string ownProgram(const char *argv0) {
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::string(argv0) : path.string();
}

#if defined(__unix__) || defined(__APPLE__)

namespace {

class Pipe {
public:
    ~Pipe() {
        closeEnd(0);
        closeEnd(1);
    }
    bool open() { return ::pipe(m_ends) == 0; }
    int end(int i) const { return m_ends[i]; }
    void closeEnd(int i) {
        if (m_ends[i] >= 0) ::close(m_ends[i]);
        m_ends[i] = -1;
    }

private:
    int m_ends[2] = {-1, -1};
};

Error childError(std::string detail) {
    return {ErrorCode::Internal, "The measured program did not run to its end.", std::move(detail)};
}

}  // namespace

Result<std::vector<TimedLine>> runChild(const std::vector<std::string> &arguments) {
    Pipe pipe;
    if (!pipe.open()) return childError(std::strerror(errno));
    std::vector<char *> argv;
    for (const std::string &argument : arguments) argv.push_back(const_cast<char *>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe.end(1), STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipe.end(0));
    pid_t child = 0;
    const auto start = std::chrono::steady_clock::now();
    const int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return childError(std::strerror(failed));
    pipe.closeEnd(1);
    std::vector<TimedLine> lines;
    std::string line;
    for (char byte = 0; true;) {
        const ssize_t got = ::read(pipe.end(0), &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        if (byte != '\n') {
            line += byte;
            continue;
        }
        lines.push_back({std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), std::move(line)});
        line.clear();
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return childError("status " + std::to_string(status) + (lines.empty() ? "" : ": " + lines.back().text));
    return lines;
}

#else

Result<std::vector<TimedLine>> runChild(const std::vector<std::string> &) {
    return Error{ErrorCode::Internal, "Starting a program to measure it is not possible on this system yet."};
}

#endif

}  // namespace facet::bench
