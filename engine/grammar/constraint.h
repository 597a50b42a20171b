// A request's constraint and tools -> what restricts the tokens of its answer. The one header that engine/run needs.
//
//     FACET_TRY(constraint, makeConstraint(request, source));   // before the prompt is read
//     ... constraint->allowed(), constraint->accept(id) ...     // nothing if the answer is free
#pragma once

#include "facet/engine.h"
#include "grammar/token_constraint.h"
#include "grammar/vocabulary.h"
#include "text/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
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

// What schemas, grammars and tools were compiled to, by their text: a request is judged when it is let in and held to
// the same form when it runs, and agents ask in the same form again and again. Least recently used goes first. Thread-safe.
class GrammarCache {
public:
    using Compile = std::function<Result<std::shared_ptr<const Grammar>>()>;
    Result<std::shared_ptr<const Grammar>> get(const std::string &key, const Compile &compile);
    int compiled() const; // how often nothing was found

private:
    static constexpr std::size_t kMost = 8;
    static constexpr std::size_t kMostBytes = std::size_t{8} << 20U; // of keys
    mutable std::mutex m_mutex;
    std::list<std::pair<std::string, std::shared_ptr<const Grammar>>> m_entries; // last used first
    std::size_t m_bytes = 0;
    int m_compiled = 0;
};

struct ConstraintSource {
    const Tokenizer &tokenizer;
    LazyVocabulary &vocabulary;
    GrammarCache &grammars;
    std::vector<std::int32_t> stopIds;
    bool startsInThought = false;  // of the prompt
};

// Nothing if every answer will do. With tools that may be called the answer is either calls or what the constraint asks.
// Errors: InvalidArgument naming the place in the schema or grammar, LimitExceeded.
Result<std::optional<TokenConstraint>> makeConstraint(const Request &request, const ConstraintSource &source);

}  // namespace facet::grammar
