// Guesses of the next tokens that one pass of the model then checks all at once (a drafter, the prompt's own words).
// The answer is the same with and without: a guess stands only if the model's own choice is that very token.
#pragma once

#include "kernels/ops.h"
#include "model/text_model.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace facet {

class TokenChooser;

struct ProposeInput {
    const Exec &exec;
    std::span<const std::int32_t> ids;  // prompt and answer so far; the last one is not in the cache yet
    std::span<const float> hidden;      // row behind the final norm that the last id was chosen from, [hiddenSize]
    KvCache &cache;                     // holds ids.size() - 1 positions
    std::size_t most = 0;               // guesses beyond this are dropped
    const TokenChooser &chooser;        // what will judge the guesses: guess() draws as it will
};

class TokenProposer {
public:
    virtual ~TokenProposer() = default;
    // May be empty; must leave the cache as it is. Called once before each pass of its answer.
    virtual std::vector<std::int32_t> propose(const ProposeInput &input) = 0;
    // How many of the last guesses were sent to the model and how many of them stood.
    virtual void verified(std::size_t sent, std::size_t stood) = 0;
};

}  // namespace facet
