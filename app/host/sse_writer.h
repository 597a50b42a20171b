// Server-sent events onto a connection. Used by one thread; remembers whether the peer still listens and when something
// was last written, so that the caller can keep a silent connection alive with comments.
//
//     SseWriter writer(write);
//     writer.event(R"({"loaded":true})");   // "data: {...}\n\n"
//     writer.done();                        // "data: [DONE]\n\n"
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

namespace facet::host {

class SseWriter {
public:
    using WriteFn = std::function<bool(std::string_view bytes)>; // false: the peer is gone
    explicit SseWriter(WriteFn write);

    // `json` must be one line. All return alive().
    bool event(std::string_view json);
    bool ping(); // ": ping", ignored by every client
    bool done();

    bool alive() const noexcept { return m_alive; }
    // Pings if nothing was written for that long.
    bool pingAfter(std::chrono::milliseconds silence);

private:
    bool write(std::string_view bytes);

    WriteFn m_write;
    std::chrono::steady_clock::time_point m_last;
    bool m_alive = true;
};

} // namespace facet::host
