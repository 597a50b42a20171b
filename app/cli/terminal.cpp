#include "terminal.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace facet::cli {

namespace {

// A signal handler can only reach a global. It points at the flag of the living InterruptGuard's token.
std::atomic<const std::atomic<bool> *> g_interruptFlag{nullptr};

void onInterrupt(int) {
    if (const std::atomic<bool> *flag = g_interruptFlag.load()) const_cast<std::atomic<bool> *>(flag)->store(true);
}

} // namespace

Terminal::Terminal()
    : m_outIsTerminal(::isatty(1) != 0), m_errIsTerminal(::isatty(2) != 0), m_inIsTerminal(::isatty(0) != 0) {
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is seen as a failed write
}

bool Terminal::write(std::string_view text) {
    if (m_broken) return false;
    clearProgress();
    m_broken = std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0;
    return !m_broken;
}

bool Terminal::writeLine(std::string_view text) { return write(std::string(text) + "\n"); }

void Terminal::say(std::string_view line) {
    clearProgress();
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void Terminal::progress(std::string_view line) {
    if (!m_errIsTerminal) return;
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(line.size()), line.data());
    std::fflush(stderr);
    m_progressShown = true;
}

void Terminal::clearProgress() {
    if (!m_progressShown) return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    m_progressShown = false;
}

bool Terminal::readLine(std::string_view prompt, std::string &line) {
    clearProgress();
    if (m_inIsTerminal) {
        std::fprintf(stderr, "%.*s", static_cast<int>(prompt.size()), prompt.data());
        std::fflush(stderr);
    }
    return static_cast<bool>(std::getline(std::cin, line));
}

int Terminal::fail(const Error &error, ExitCode otherwise) {
    if (error.code == ErrorCode::Cancelled) {
        say("Stopped.");
        return kCancelled;
    }
    say("facet-cli: " + error.describe());
    switch (error.code) {
    case ErrorCode::ModelFileCorrupt:
    case ErrorCode::ModelUnsupported:
    case ErrorCode::OutOfMemory: return kModelProblem;
    case ErrorCode::MediaUnreadable:
    case ErrorCode::MediaUnsupported: return kMediaProblem;
    default: return otherwise;
    }
}

InterruptGuard::InterruptGuard() {
    g_interruptFlag.store(m_token.flag());
    struct sigaction action {};
    action.sa_handler = onInterrupt;
    // The second Ctrl-C has its ordinary effect. No SA_RESTART: reading a line must end too.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
    std::signal(SIGINT, SIG_DFL);
    g_interruptFlag.store(nullptr);
}

ProgressFn progressLine(Terminal &terminal) {
    return [&terminal, last = std::string()](Phase phase, std::uint64_t done, std::uint64_t total) mutable {
        std::string text;
        const auto percent = [&] { return " " + std::to_string(total > 0 ? done * 100 / total : 0) + " %"; };
        const auto of = [&] {
            return " " + std::to_string(done + (done < total ? 1 : 0)) + "/" + std::to_string(total);
        };
        switch (phase) {
        case Phase::Loading: text = "loading the model" + percent(); break;
        case Phase::Waiting: text = "waiting"; break;
        case Phase::ReadingPicture: text = "reading picture" + of(); break;
        case Phase::ReadingSound: text = "reading sound" + of(); break;
        case Phase::ReadingPrompt: text = "reading prompt" + percent(); break;
        case Phase::Thinking: text = "thinking, " + std::to_string(done) + " tokens"; break;
        case Phase::Writing: return; // the text itself shows it
        }
        if (text == last) return;
        last = text;
        terminal.progress(text);
    };
}

} // namespace facet::cli
