// Stop strings over a stream: text that may be the beginning of one is held back until it is decided.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace facet {

class StopStrings {
public:
    explicit StopStrings(std::vector<std::string> stops);

    // What may be shown now. After a stop string was found: everything before it, and hit() is true for ever.
    std::string push(std::string_view text);
    // What was held back (nothing after a hit).
    std::string finish();
    bool hit() const noexcept { return m_hit; }

private:
    std::vector<std::string> m_stops;
    std::string m_held;
    bool m_hit = false;
};

}  // namespace facet
