#include "run/answer_tools.h"

#include "grammar/constraint.h"
#include "run/speculation.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace facet {

namespace {

// The constraint of a request as the decode loop knows it.
class GrammarMask final : public TokenMask {
public:
    GrammarMask(grammar::TokenConstraint constraint, std::vector<std::int32_t> stopIds)
        : m_constraint(std::move(constraint)), m_stopIds(std::move(stopIds)) {}

    void apply(std::span<float> logits) override {
        if (m_lost || !m_constraint.active()) return;
        const grammar::TokenSet &allowed = m_constraint.allowed();
        m_lost = std::all_of(allowed.begin(), allowed.end(), [](std::uint32_t bits) { return bits == 0; });
        if (m_lost) {
            // This vocabulary cannot go on as the grammar asks: the answer ends rather than breaking its form.
            std::fill(logits.begin(), logits.end(), -std::numeric_limits<float>::infinity());
            for (const std::int32_t id : m_stopIds)
                if (id >= 0 && static_cast<std::size_t>(id) < logits.size()) logits[static_cast<std::size_t>(id)] = 0;
            return;
        }
        grammar::forbidOthers(allowed, logits);
    }
    void accept(std::int32_t id) override {
        if (!m_lost && !m_constraint.accept(id)) m_lost = true;
    }
    bool mayEnd() const override { return m_lost || m_constraint.mayEnd(); }

private:
    grammar::TokenConstraint m_constraint;
    std::vector<std::int32_t> m_stopIds;
    bool m_lost = false;
};

}  // namespace

Result<AnswerTools> makeAnswerTools(const LoadedModel &model, const Request &request, const BuiltPrompt &prompt) {
    AnswerTools tools;
    tools.proposer = makeProposer(model);
    const std::vector<int> &ids = model.checkpoint.config.stopIds;
    std::vector<std::int32_t> stops(ids.begin(), ids.end());
    FACET_TRY(constraint, grammar::makeConstraint(request, {.tokenizer = model.tokenizer,
                                                            .vocabulary = *model.grammarVocabulary,
                                                            .grammars = *model.grammars,
                                                            .stopIds = stops,
                                                            .startsInThought = prompt.startsInThought}));
    if (constraint) tools.mask = std::make_unique<GrammarMask>(std::move(*constraint), std::move(stops));
    return tools;
}

}  // namespace facet
