// Which tokens may come next in one answer. The decode loop asks before it samples and tells what was chosen:
//
//     if (constraint.active()) forbidOthers(constraint.allowed(), logits);
//     const int32_t id = sample(logits);
//     FACET_CHECK(constraint.accept(id));
//
// Drafted tokens: allows(id) and accept(id) one after the other, then rollback(n) for those that did not stand.
// One per answer, not thread-safe. Costs: allowed() walks the vocabulary (about a millisecond or two for 262 144 pieces)
// the first time a place of the grammar is reached and looks the mask up afterwards.
#pragma once

#include "facet/result.h"
#include "grammar/matcher.h"
#include "grammar/vocabulary.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace facet::grammar {

// Bit id % 32 of word id / 32.
using TokenSet = std::vector<std::uint32_t>;
inline bool has(const TokenSet &mask, std::int32_t id) {
    const auto i = static_cast<std::size_t>(id);
    return id >= 0 && i / 32 < mask.size() && ((mask[i / 32] >> (i % 32)) & 1U) != 0;
}
// Logits of tokens that are not in the mask become -infinity.
void forbidOthers(const TokenSet &mask, std::span<float> logits);

struct ConstraintOptions {
    std::shared_ptr<const Grammar> grammar;
    std::shared_ptr<const TokenVocabulary> vocabulary;
    std::vector<std::int32_t> stopIds;  // allowed where the grammar may end, and only there
    bool startsInThought = false;       // the prompt opened a thought: the grammar waits for its end
    bool mayThink = false;              // the answer may begin with a thought
    std::int32_t thoughtOpens = -1, thoughtCloses = -1;
    // Not negative: free text up to this token, with which the grammar begins; free again when the grammar has ended.
    std::int32_t trigger = -1;
};

class TokenConstraint {
public:
    explicit TokenConstraint(ConstraintOptions options);

    // False while everything is allowed (free text before a trigger).
    bool active() const noexcept { return now().mode != Mode::Free && now().mode != Mode::FreeThought; }
    // Valid until the next call of a member. Empty of tokens only if the vocabulary cannot write what the grammar wants.
    const TokenSet &allowed();
    bool allows(std::int32_t id);
    // Error: InvalidArgument if the token is not allowed here; nothing changes then.
    Status accept(std::int32_t id);
    // The grammar is complete: nothing but a stop token may follow.
    bool finished() const;
    bool mayEnd() const;
    // Takes back the last accepted tokens, at most kHistory of them.
    void rollback(std::size_t count);

    std::size_t maskCount() const noexcept { return m_masks.size(); }  // computed and kept

    static constexpr std::size_t kHistory = 64;

private:
    enum class Mode : std::uint8_t { Start, Thought, Grammar, Free, FreeThought, Ended };
    struct Moment {
        Mode mode = Mode::Start;
        Matcher::State state = Matcher::kDead;
    };
    const Moment &now() const noexcept { return m_history.back(); }
    bool isStop(std::int32_t id) const;
    Moment after(std::int32_t id);
    const TokenSet &grammarMask(Matcher::State state);
    void keepSmall();

    ConstraintOptions m_options;
    Matcher m_matcher;
    std::deque<Moment> m_history;
    std::unordered_map<Matcher::State, TokenSet> m_masks;
    TokenSet m_scratch;
    std::vector<Matcher::State> m_walk;
};

}  // namespace facet::grammar
