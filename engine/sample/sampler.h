// Choosing a token from logits (text.md section 3; order and rules as golden/tiny-e2b/sampling.json).
#pragma once

#include "facet/engine.h"

#include <cstdint>
#include <random>
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

class Sampler {
public:
    explicit Sampler(const SamplingOptions &options);
    std::int32_t pick(std::span<const float> logits, std::span<const std::int32_t> history,
                      std::span<const std::int32_t> suppressed = {});

private:
    SamplingOptions m_options;
    std::mt19937_64 m_random;
};

}  // namespace facet
