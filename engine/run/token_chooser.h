// Logits -> the next token of one answer: log probabilities are noted, then the bias of the request and the mask of its
// constraint are applied, then the sampler picks. Tokens that the answer must begin with come first.
#pragma once

#include "facet/engine.h"
#include "run/loaded_model.h"
#include "sample/sampler.h"
#include "sample/token_mask.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace facet {

// Limits and ranges of a request's options. Errors: InvalidArgument.
Status checkRequest(const LoadedModel &model, const Request &request);

class TokenChooser {
public:
    TokenChooser(const LoadedModel &model, const Request &request, std::unique_ptr<TokenMask> mask);

    struct Choice {
        std::int32_t id = 0;
        std::optional<TokenLogprob> logprob;
    };
    // logits: [vocabulary], changed in place.
    Choice choose(std::span<float> logits);
    // What it would choose behind its history and these guesses, if the logits were those of a drafter and nothing were
    // masked: by the same steps and the same noise. ids: the token of each logit; empty: all in order.
    std::int32_t guess(std::span<const std::int32_t> ids, std::span<const float> logits,
                       std::span<const std::int32_t> guesses) const;
    const std::vector<std::int32_t> &history() const { return m_history; }

private:
    const LoadedModel &m_model;
    const std::vector<std::pair<std::int32_t, float>> m_bias;
    const int m_topLogprobs;
    const std::vector<std::int32_t> m_forced;
    std::unique_ptr<TokenMask> m_mask;
    Sampler m_sampler;
    std::vector<std::int32_t> m_history;
};

// The log probability of `id` and those of the `top` most probable ones, at temperature 1.
TokenLogprob tokenLogprob(const Tokenizer &tokenizer, std::span<const float> logits, std::int32_t id, int top);

}  // namespace facet
