#include "client/phase_names.h"

#include <array>
#include <utility>

namespace facet::client {

std::optional<chat::TurnPhase> phaseFromName(const QString &name) {
    using chat::TurnPhase;
    static constexpr std::array names = {
        std::pair{"waiting", TurnPhase::Waiting},
        std::pair{"reading_picture", TurnPhase::ReadingPicture},
        std::pair{"reading_sound", TurnPhase::ReadingSound},
        std::pair{"reading_prompt", TurnPhase::ReadingPrompt},
        std::pair{"thinking", TurnPhase::Thinking},
        std::pair{"writing", TurnPhase::Writing},
    };
    for (const auto &[text, phase] : names) {
        if (name == QLatin1String(text)) {
            return phase;
        }
    }
    return std::nullopt;
}

} // namespace facet::client
