// What stands beside one answer while it is decoded, made from its request: the mask of a constraint and the proposer of
// guesses. Both may be absent.
#pragma once

#include "run/prompt_builder.h"
#include "run/token_proposer.h"
#include "sample/token_mask.h"

#include <memory>

namespace facet {

struct AnswerTools {
    std::unique_ptr<TokenMask> mask;
    std::unique_ptr<TokenProposer> proposer;
};

// Errors: InvalidArgument (a constraint that cannot be read).
Result<AnswerTools> makeAnswerTools(const LoadedModel &model, const Request &request, const BuiltPrompt &prompt);

}  // namespace facet
