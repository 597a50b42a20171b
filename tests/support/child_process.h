// A program of ours as a child, with its standard input and output in our hands.
//
//     ChildProcess child({path, "serve", "--private"});
//     child.write("key\n");
//     std::string line = child.readLine();
//     child.closeInput();
//     CHECK(child.wait() == 0);
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace facet::host {

class ChildProcess {
public:
    explicit ChildProcess(const std::vector<std::string> &command) {
        int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return;
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
        std::vector<char *> arguments;
        for (const std::string &each : command) arguments.push_back(const_cast<char *>(each.c_str()));
        arguments.push_back(nullptr);
        if (::posix_spawn(&m_pid, command[0].c_str(), &actions, nullptr, arguments.data(), environ) != 0) m_pid = -1;
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        ::close(err[1]);
        m_in = in[1];
        m_out = out[0];
        m_err = err[0];
    }
    ~ChildProcess() {
        if (m_pid > 0) {
            ::kill(m_pid, SIGKILL);
            ::waitpid(m_pid, nullptr, 0);
        }
        closeInput();
        ::close(m_out);
        ::close(m_err);
    }
    ChildProcess(const ChildProcess &) = delete;
    ChildProcess &operator=(const ChildProcess &) = delete;

    bool write(const std::string &text) {
        return ::write(m_in, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    }
    void closeInput() {
        if (m_in >= 0) ::close(m_in);
        m_in = -1;
    }
    void signal(int number) const { ::kill(m_pid, number); }
    std::string readLine() { return line(m_out); }
    std::string readErrorLine() { return line(m_err); }
    // The exit code; nothing when it has not ended in time or was killed.
    std::optional<int> wait() {
        for (int i = 0; i < 30'000; ++i) {
            int status = 0;
            if (m_pid > 0 && ::waitpid(m_pid, &status, WNOHANG) == m_pid) {
                m_pid = -1;
                return WIFEXITED(status) ? std::optional(WEXITSTATUS(status)) : std::nullopt;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return std::nullopt;
    }

private:
    static std::string line(int from) {
        std::string text;
        char c = 0;
        pollfd polled{from, POLLIN, 0};
        while (::poll(&polled, 1, 30'000) > 0 && ::read(from, &c, 1) == 1 && c != '\n') text += c;
        return text;
    }

    pid_t m_pid = -1;
    int m_in = -1, m_out = -1, m_err = -1;
};

} // namespace facet::host
