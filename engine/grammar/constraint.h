// A request's constraint and tools -> what restricts the tokens of its answer. The one header that engine/run needs.
//
//     FACET_TRY(constraint, makeConstraint(request, source));   // before the prompt is read
//     ... constraint->allowed(), constraint->accept(id) ...     // nothing if the answer is free
#pragma once

#include "facet/engine.h"
#include "grammar/token_constraint.h"
#include "grammar/vocabulary.h"
#include "text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace facet::grammar {

// The vocabulary's tree, built when the first constrained answer is asked for. Thread-safe.
class LazyVocabulary {
public:
    std::shared_ptr<const TokenVocabulary> get(const Tokenizer &tokenizer);

private:
    std::mutex m_mutex;
    std::shared_ptr<const TokenVocabulary> m_vocabulary;
};

struct ConstraintSource {
    const Tokenizer &tokenizer;
    LazyVocabulary &vocabulary;
    std::vector<std::int32_t> stopIds;
    bool startsInThought = false;  // of the prompt
};

// Nothing if every answer will do. With tools that may be called the answer is either calls or what the constraint asks.
// Errors: InvalidArgument naming the place in the schema or grammar, LimitExceeded.
Result<std::optional<TokenConstraint>> makeConstraint(const Request &request, const ConstraintSource &source);

}  // namespace facet::grammar
