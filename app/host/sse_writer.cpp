#include "host/sse_writer.h"

#include <string>
#include <utility>

namespace facet::host {

SseWriter::SseWriter(WriteFn write) : m_write(std::move(write)), m_last(std::chrono::steady_clock::now()) {}

bool SseWriter::write(std::string_view bytes) {
    m_alive = m_alive && m_write(bytes);
    m_last = std::chrono::steady_clock::now();
    return m_alive;
}

bool SseWriter::event(std::string_view json) {
    std::string line;
    line.reserve(json.size() + 8);
    line += "data: ";
    line += json;
    line += "\n\n";
    return write(line);
}

bool SseWriter::ping() { return write(": ping\n\n"); }

bool SseWriter::done() { return write("data: [DONE]\n\n"); }

bool SseWriter::pingAfter(std::chrono::milliseconds silence) {
    if (std::chrono::steady_clock::now() - m_last < silence) return m_alive;
    return ping();
}

} // namespace facet::host
