// One answer while it is decoded: says which rows it wants computed next and takes their logits. Whoever drives it may
// put the rows of several answers into one pass.
//
//     ActiveAnswer answer(model, request, prompt, session, std::move(tools), emit);
//     answer.take(promptLogits, promptHidden);
//     while (!answer.ended()) {
//         Segment rows = answer.nextSegment(exec);
//         auto output = model.text.forward(exec, std::span(&rows, 1));
//         answer.take(output->logits, output->hidden);
//     }
//     Answer whole = answer.finish();
#pragma once

#include "run/answer_tools.h"
#include "run/answer_writer.h"
#include "run/session.h"
#include "run/token_chooser.h"

#include <functional>
#include <span>
#include <vector>

namespace facet {

class ActiveAnswer {
public:
    // The session's cache holds the prompt; session.ids and the cache grow together from here.
    ActiveAnswer(const LoadedModel &model, const Request &request, const BuiltPrompt &prompt, SessionState &session,
                 AnswerTools tools, std::function<void(Event)> emit);

    // The last chosen id, and behind it what the proposer guesses; logits of every row. Not after ended().
    Segment nextSegment(const Exec &exec);
    // One row of logits [vocabulary] and one hidden row for each row of that segment; at first those of the prompt's
    // last row. Guesses that did not stand are taken out of the cache again. logits are changed in place.
    void take(std::span<float> logits, std::span<const float> hidden);

    bool ended() const { return m_ended; }
    void end(FinishReason reason);  // from outside: cancelled
    // Tells what was held back; usage has the tokens of the answer only.
    Answer finish();

private:
    void write(std::span<float> logits);

    const LoadedModel &m_model;
    SessionState &m_session;
    int m_maxTokens;
    AnswerWriter m_writer;
    TokenChooser m_chooser;
    std::unique_ptr<TokenProposer> m_proposer;
    const std::vector<float> m_adapterScales;
    std::vector<std::int32_t> m_ids;      // prompt and answer, for the proposer
    std::vector<std::int32_t> m_guesses;  // sent behind the last id
    std::vector<float> m_hidden;          // what the last id was chosen from
    bool m_sent = false;                  // a segment is under way
    bool m_ended = false;
    bool m_contextFull = false;
    FinishReason m_finish = FinishReason::Length;
    int m_drafted = 0, m_accepted = 0;
};

}  // namespace facet
