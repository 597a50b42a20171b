// What an answer may go on with: a state machine over tokens (a grammar, a JSON schema) that the decode loop asks before
// each choice. One object belongs to one answer and sees every id of it in order, markers and thoughts included.
#pragma once

#include <cstdint>
#include <span>

namespace facet {

class TokenMask {
public:
    virtual ~TokenMask() = default;
    // Sets the logits of ids that cannot come next to -infinity. logits: [vocabulary].
    virtual void apply(std::span<float> logits) = 0;
    // The id that was chosen.
    virtual void accept(std::int32_t id) = 0;
    // Whether the answer may end here; if not, the model's stop ids are forbidden as well.
    virtual bool mayEnd() const = 0;
};

}  // namespace facet
