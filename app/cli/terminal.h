// What a verb has of the world outside: standard output that is flushed as it grows, messages and progress on standard
// error, Ctrl-C as a CancelToken, and the exit codes.
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace facet::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kModelProblem = 3, kMediaProblem = 4, kCancelled = 130 };

class Terminal {
public:
    Terminal();

    // Standard output, flushed. False once the reader is gone: the verb should end.
    bool write(std::string_view text);
    bool writeLine(std::string_view text);
    bool broken() const noexcept { return m_broken; }
    // One line on standard error.
    void say(std::string_view line);
    // Replaces the progress line; nothing when standard error is no terminal.
    void progress(std::string_view line);
    void clearProgress();
    bool outIsTerminal() const noexcept { return m_outIsTerminal; }
    bool errIsTerminal() const noexcept { return m_errIsTerminal; }
    bool inIsTerminal() const noexcept { return m_inIsTerminal; }
    // A line from standard input; false at its end. The prompt goes to standard error.
    bool readLine(std::string_view prompt, std::string &line);

    // Prints the error and gives the exit code it stands for; `otherwise` for codes that depend on what was being done.
    int fail(const Error &error, ExitCode otherwise);

private:
    bool m_outIsTerminal, m_errIsTerminal, m_inIsTerminal;
    bool m_broken = false;
    bool m_progressShown = false;
};

// While it lives, the first Ctrl-C cancels the token (it acts within a layer); a second one ends the program.
class InterruptGuard {
public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard &) = delete;
    InterruptGuard &operator=(const InterruptGuard &) = delete;
    const CancelToken &token() const noexcept { return m_token; }

private:
    CancelToken m_token;
};

// "reading prompt 40 %" on the progress line.
ProgressFn progressLine(Terminal &terminal);

} // namespace facet::cli
