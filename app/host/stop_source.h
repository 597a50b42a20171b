// When to stop serving: SIGTERM or SIGINT, the end of standard input (private link), or somebody in this process
// asking.
//
//     StopSource stop(options.privateLink);   // before any thread is started: it blocks the signals for all of them
//     stop.wait();
#pragma once

namespace facet::host {

class StopSource {
public:
    explicit StopSource(bool watchInput);
    ~StopSource(); // the signals work as before
    StopSource(const StopSource &) = delete;
    StopSource &operator=(const StopSource &) = delete;

    void wait();
    void ask(); // from any thread

private:
    bool m_watchInput;
    int m_signals = -1;
    int m_asked = -1;
};

} // namespace facet::host
