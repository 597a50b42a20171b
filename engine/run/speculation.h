// Where guesses of the next tokens come from, and how many of them are worth checking.
//
// A guess stands only if the token that the sampler chooses at its place is that very token. So the text is that of plain
// decoding, token by token, for greedy choice and for every seed, whatever stands between logits and choice (penalties,
// truncation, a mask); guesses change only how long it takes. For the words of the prompt, which are fixed before the
// choice, this is the usual rule of acceptance (with probability p(guess), else drawn from p without it). A drafter draws
// from its own distribution with the sampler's noise for that place, so that the two agree nearly as often as any rule
// that keeps the distribution could make them (sample/sampler.h); the usual rule min(1, p/q) with a draw from the
// residual would make the text depend on how many guesses were sent, that is on the machine's speed.
#pragma once

#include "run/loaded_model.h"
#include "run/token_proposer.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace facet {

// Continuations of the last tokens where the same ones stood before, in the prompt or in the answer: edits, quotes,
// transcriptions and tables repeat what they read.
class PromptLookup {
public:
    struct Match {
        std::size_t length = 0;   // tokens before it that agree
        std::size_t position = 0; // in ids: what followed there
    };
    // ids only grow between calls. Length 0: nothing.
    Match find(std::span<const std::int32_t> ids);

private:
    std::unordered_map<std::uint64_t, std::size_t> m_last; // of each run of kRun tokens: the position behind it
    std::vector<std::size_t> m_before;                     // by position: the one before with the same run; 0: none
    std::size_t m_indexed = 0;
};

// How many guesses to send, from how many stood so far and from what rows cost. None when they would not pay: then it
// tries again now and then, ever more rarely.
class DraftLength {
public:
    struct Limits {
        std::size_t most = 8;
        double firstAcceptance = 0.6; // assumed before anything was seen
    };
    explicit DraftLength(const Limits &limits) : m_limits(limits) {}

    // costs in milliseconds: of a pass of one row, of each further row, of one guess.
    std::size_t next(double single, double further, double guess);
    void verified(std::size_t sent, std::size_t stood);
    double acceptance() const noexcept;

private:
    Limits m_limits;
    double m_hits = 0, m_tries = 0; // fading counts
    std::size_t m_pause = 4, m_waited = 0;
};

// What passes take, by how many rows they have.
class PassCosts {
public:
    void took(std::size_t rows, double milliseconds);
    double single() const noexcept { return m_single > 0 ? m_single : 1.0; }
    double further() const noexcept { return m_further >= 0 ? m_further : 0.15 * single(); } // unseen: an assumption

private:
    double m_single = 0, m_further = -1;
};

// Guesses of the prompt's own words first, then of the drafter if there is one. drafter may be null.
class Speculator final : public TokenProposer {
public:
    Speculator(const TextModel &target, const Drafter *drafter) : m_target(target), m_drafter(drafter) {}

    std::vector<std::int32_t> propose(const ProposeInput &input) override;
    void verified(std::size_t sent, std::size_t stood) override;

private:
    using Clock = std::chrono::steady_clock;

    std::vector<std::int32_t> lookUp(const ProposeInput &input);
    std::vector<std::int32_t> draft(const ProposeInput &input);
    void passEnded();

    const TextModel &m_target;
    const Drafter *m_drafter;
    PromptLookup m_lookup;
    PassCosts m_costs;
    DraftLength m_lookupLength{{.most = 12, .firstAcceptance = 0.7}};
    DraftLength m_draftLength{{.most = 6, .firstAcceptance = 0.6}};
    DraftLength *m_source = nullptr; // of the guesses under way
    double m_guessMs = 0;            // of one guess of the drafter
    std::size_t m_rows = 0;          // of the pass under way; 0: none
    Clock::time_point m_passStart;
};

std::unique_ptr<TokenProposer> makeProposer(const LoadedModel &model);

} // namespace facet
