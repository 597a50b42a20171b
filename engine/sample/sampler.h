// Choosing a token from logits (text.md section 3; order and rules as golden/tiny-e2b/sampling.json).
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <span>
#include <vector>

namespace facet {

struct Candidate {
    std::int32_t id = 0;
    float probability = 0;
};

// What survives the steps, by falling probability, summing to 1. Temperature 0: the single best (lowest id among equals).
// `suppressed` ids get the logit -inf.
std::vector<Candidate> candidates(std::span<const float> logits, std::span<const std::int32_t> history,
                                  const SamplingOptions &options, std::span<const std::int32_t> suppressed = {});

// Draws by a race: every token that survived gets an exponential variable of rate p from noise that depends on the seed,
// the place in the answer and the token alone; the first to arrive is chosen, which is token i with probability p_i. So a
// drafter that races with the same noise on its own probabilities q guesses the very token with probability
// sum_i 1 / sum_j max(p_j/p_i, q_j/q_i), at least (1 - d) / (1 + d) for a total variation distance d, while the choice
// itself never depends on whether or what anybody guessed: the same seed gives the same text with and without drafter.
class Sampler {
public:
    explicit Sampler(const SamplingOptions &options);
    // The choice for the next place: 0, 1, 2, ..
    std::int32_t pick(std::span<const float> logits, std::span<const std::int32_t> history,
                      std::span<const std::int32_t> suppressed = {});
    // The choice for a place of the answer. ids: the token of each logit, when not all of them were scored.
    std::int32_t pickAt(std::uint64_t place, std::span<const float> logits, std::span<const std::int32_t> history,
                        std::span<const std::int32_t> suppressed, std::span<const std::int32_t> ids = {}) const;

private:
    SamplingOptions m_options;
    std::uint64_t m_seed;
    std::uint64_t m_next = 0;
};

}  // namespace facet
