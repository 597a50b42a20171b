#include "run/active_answer.h"

#include <algorithm>
#include <utility>

namespace facet {

ActiveAnswer::ActiveAnswer(const LoadedModel &model, const Request &request, const BuiltPrompt &prompt,
                           SessionState &session, AnswerTools tools, std::function<void(Event)> emit)
    : m_model(model), m_session(session), m_maxTokens(request.maxTokens),
      m_writer(model, request, prompt.startsInThought, std::move(emit)),
      m_chooser(model, request, std::move(tools.mask)), m_proposer(std::move(tools.proposer)),
      m_adapterScales(prompt.adapterScales) {
    if (m_proposer) m_ids = prompt.ids;
}

void ActiveAnswer::end(FinishReason reason) {
    m_ended = true;
    m_finish = reason;
}

void ActiveAnswer::write(std::span<float> logits) {
    TokenChooser::Choice choice = m_chooser.choose(logits);
    if (m_proposer) m_ids.push_back(choice.id);
    m_writer.push(choice.id, std::move(choice.logprob));
    const std::vector<int> &stopIds = m_model.checkpoint.config.stopIds;
    if (m_writer.ended() || std::find(stopIds.begin(), stopIds.end(), choice.id) != stopIds.end()) {
        end(FinishReason::Stop);
    } else if (m_maxTokens > 0 && static_cast<int>(m_chooser.history().size()) >= m_maxTokens) {
        end(FinishReason::Length);
    }
}

Segment ActiveAnswer::nextSegment(const Exec &exec) {
    Segment segment;
    segment.cache = &*m_session.cache;
    segment.adapterScales = m_adapterScales;
    segment.ids = {m_chooser.history().back()};
    m_guesses.clear();
    if (m_proposer) {
        std::int64_t most = std::min(m_model.maxBlock, m_model.contextLength - m_session.cache->length()) - 1;
        if (m_maxTokens > 0)
            most = std::min(most, m_maxTokens - static_cast<std::int64_t>(m_chooser.history().size()) - 1);
        if (most > 0) {
            const auto limit = static_cast<std::size_t>(most);
            m_guesses = m_proposer->propose({exec, m_ids, m_hidden, *m_session.cache, limit, m_chooser});
            if (m_guesses.size() > limit) m_guesses.resize(limit);
        }
        segment.ids.insert(segment.ids.end(), m_guesses.begin(), m_guesses.end());
    }
    for (std::size_t row = 0; row < segment.ids.size(); ++row)
        segment.logitRows.push_back(static_cast<std::int64_t>(row));
    m_sent = true;
    return segment;
}

void ActiveAnswer::take(std::span<float> logits, std::span<const float> hidden) {
    const auto vocabulary = static_cast<std::size_t>(m_model.checkpoint.config.text.vocabularySize);
    const auto width = static_cast<std::size_t>(m_model.checkpoint.config.text.hiddenSize);
    const std::int32_t sentId = m_sent ? m_chooser.history().back() : 0;
    std::size_t stood = 0;
    while (true) {
        write(logits.subspan(stood * vocabulary, vocabulary));
        if (m_ended || stood >= m_guesses.size() || m_guesses[stood] != m_chooser.history().back()) break;
        ++stood;
    }
    if (m_proposer) {
        const auto row = hidden.subspan(stood * width, width);
        m_hidden.assign(row.begin(), row.end());
    }
    if (std::exchange(m_sent, false)) {
        m_session.ids.push_back(sentId);
        m_session.ids.insert(m_session.ids.end(), m_guesses.begin(),
                             m_guesses.begin() + static_cast<std::ptrdiff_t>(stood));
        if (m_guesses.size() > stood) m_session.cache->truncate(static_cast<std::int64_t>(m_session.ids.size()));
        m_drafted += static_cast<int>(m_guesses.size());
        m_accepted += static_cast<int>(stood);
        if (!m_guesses.empty()) m_proposer->verified(m_guesses.size(), stood);
    }
    if (!m_ended && m_session.cache->length() >= m_model.contextLength) {
        m_contextFull = true;
        end(FinishReason::Length);
    }
}

Answer ActiveAnswer::finish() {
    Answer answer = m_writer.finish();
    answer.finish = m_finish == FinishReason::Stop && !answer.toolCalls.empty() ? FinishReason::ToolCalls : m_finish;
    answer.contextFull = m_contextFull;
    answer.usage.draftedTokens = m_drafted;
    answer.usage.acceptedTokens = m_accepted;
    return answer;
}

}  // namespace facet
