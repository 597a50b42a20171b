#include "run/stop_strings.h"

#include <algorithm>
#include <utility>

namespace facet {

StopStrings::StopStrings(std::vector<std::string> stops) : m_stops(std::move(stops)) {
    std::erase_if(m_stops, [](const std::string &s) { return s.empty(); });
}

std::string StopStrings::push(std::string_view text) {
    if (m_hit) return {};
    if (m_stops.empty()) return std::string(text);
    m_held += text;
    std::size_t first = std::string::npos;
    for (const std::string &stop : m_stops) first = std::min(first, m_held.find(stop));
    if (first != std::string::npos) {
        m_hit = true;
        m_held.resize(first);
        return std::exchange(m_held, {});
    }
    std::size_t keep = 0;  // longest tail that is a proper prefix of a stop string
    for (const std::string &stop : m_stops) {
        for (std::size_t n = std::min(stop.size() - 1, m_held.size()); n > keep; --n)
            if (m_held.compare(m_held.size() - n, n, stop, 0, n) == 0) keep = n;
    }
    std::string out = m_held.substr(0, m_held.size() - keep);
    m_held.erase(0, out.size());
    return out;
}

std::string StopStrings::finish() { return m_hit ? std::string() : std::exchange(m_held, {}); }

}  // namespace facet
