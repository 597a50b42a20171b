#include "run/token_chooser.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace facet {

namespace {

constexpr std::size_t kMaxBias = 4096;
constexpr int kMaxTopLogprobs = 20;
// Impossible tokens have no finite logarithm; JSON has no infinity.
constexpr float kLeastLogprob = -9999.0F;

Error invalid(const char *message) { return {ErrorCode::InvalidArgument, message}; }

Status checkSampling(const SamplingOptions &s) {
    const auto in = [](float value, float low, float high) { return value >= low && value <= high; };
    if (!in(s.temperature, 0.0F, 100.0F)) return invalid("The temperature must lie between 0 and 100.");
    if (s.topK < 0) return invalid("top_k must not be negative.");
    if (!in(s.topP, 0.0F, 1.0F)) return invalid("top_p must lie between 0 and 1.");
    if (!in(s.minP, 0.0F, 1.0F)) return invalid("min_p must lie between 0 and 1.");
    if (!in(s.repetitionPenalty, 0.01F, 100.0F)) return invalid("The repetition penalty must lie between 0.01 and 100.");
    if (!in(s.frequencyPenalty, -100.0F, 100.0F) || !in(s.presencePenalty, -100.0F, 100.0F))
        return invalid("Frequency and presence penalties must lie between -100 and 100.");
    return ok();
}

// Tokens that the answer must begin with when a tool has to be called.
std::vector<std::int32_t> forcedStart(const LoadedModel &model, const Request &request) {
    if (request.toolChoice != ToolChoice::Required || request.tools.empty()) return {};
    const auto marker = model.tokenizer.idOf("<|tool_call>");
    if (!marker) return {};
    std::vector<std::int32_t> ids{*marker};
    std::string start = "call:";
    if (request.tools.size() == 1) start += request.tools.front().name + "{";
    for (const std::int32_t id : model.tokenizer.encode(start, false)) ids.push_back(id);
    return ids;
}

// ln of the sum of exp, over what is a number.
double logSumExp(std::span<const float> logits) {
    float top = -std::numeric_limits<float>::infinity();
    for (const float x : logits)
        if (x > top) top = x;
    double sum = 0;
    for (const float x : logits)
        if (!std::isnan(x)) sum += std::exp(static_cast<double>(x) - top);
    return top + std::log(sum);
}

TokenLogprob entry(const Tokenizer &tokenizer, std::span<const float> logits, std::int32_t id, double total) {
    const double value = static_cast<double>(logits[static_cast<std::size_t>(id)]) - total;
    TokenLogprob out;
    out.id = id;
    out.bytes = id < tokenizer.size() ? tokenizer.pieceBytes(id) : std::string();
    out.logprob = value > kLeastLogprob ? static_cast<float>(std::min(value, 0.0)) : kLeastLogprob;  // NaN as well
    return out;
}

}  // namespace

Status checkRequest(const LoadedModel &model, const Request &request) {
    FACET_CHECK(checkSampling(request.sampling));
    if (request.maxTokens < 0) return invalid("The answer's length must not be negative.");
    if (request.topLogprobs < -1 || request.topLogprobs > kMaxTopLogprobs)
        return invalid("At most 20 log probabilities can be given for each token.");
    if (request.logitBias.size() > kMaxBias) return invalid("A logit bias may name at most 4096 tokens.");
    for (const auto &[id, bias] : request.logitBias) {
        if (id < 0 || id >= model.checkpoint.config.text.vocabularySize)
            return Error{ErrorCode::InvalidArgument, "The logit bias names a token that the model does not have.",
                         "id " + std::to_string(id)};
        if (!(bias >= -100.0F && bias <= 100.0F)) return invalid("A logit bias must lie between -100 and 100.");
    }
    return ok();
}

TokenLogprob tokenLogprob(const Tokenizer &tokenizer, std::span<const float> logits, std::int32_t id, int top) {
    const double total = logSumExp(logits);
    TokenLogprob out = entry(tokenizer, logits, id, total);
    // The k best, kept sorted: most logits only meet one comparison.
    const auto before = [&logits](std::int32_t a, std::int32_t b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    };
    std::vector<std::int32_t> best;
    for (std::int32_t i = 0; top > 0 && i < static_cast<std::int32_t>(logits.size()); ++i) {
        if (std::isnan(logits[static_cast<std::size_t>(i)])) continue;
        if (static_cast<int>(best.size()) == top) {
            if (!before(i, best.back())) continue;
            best.pop_back();
        }
        best.insert(std::upper_bound(best.begin(), best.end(), i, before), i);
    }
    for (const std::int32_t each : best) out.top.push_back(entry(tokenizer, logits, each, total));
    return out;
}

TokenChooser::TokenChooser(const LoadedModel &model, const Request &request, std::unique_ptr<TokenMask> mask)
    : m_model(model), m_bias(request.logitBias), m_topLogprobs(request.topLogprobs),
      m_forced(mask ? std::vector<std::int32_t>() : forcedStart(model, request)), m_mask(std::move(mask)), m_sampler(request.sampling) {}

TokenChooser::Choice TokenChooser::choose(std::span<float> logits) {
    std::vector<float> raw;
    if (m_topLogprobs >= 0) raw.assign(logits.begin(), logits.end());
    Choice choice;
    if (m_history.size() < m_forced.size()) {
        choice.id = m_forced[m_history.size()];
    } else {
        for (const auto &[id, bias] : m_bias) logits[static_cast<std::size_t>(id)] += bias;
        if (m_mask) {
            m_mask->apply(logits);
            if (!m_mask->mayEnd()) {
                for (const int id : m_model.checkpoint.config.stopIds)
                    if (id >= 0 && static_cast<std::size_t>(id) < logits.size())
                        logits[static_cast<std::size_t>(id)] = -std::numeric_limits<float>::infinity();
            }
        }
        choice.id = m_sampler.pickAt(m_history.size(), logits, m_history, m_model.suppressed);
    }
    if (m_mask) m_mask->accept(choice.id);
    m_history.push_back(choice.id);
    if (m_topLogprobs >= 0) choice.logprob = tokenLogprob(m_model.tokenizer, raw, choice.id, m_topLogprobs);
    return choice;
}

std::int32_t TokenChooser::guess(std::span<const std::int32_t> ids, std::span<const float> logits,
                                 std::span<const std::int32_t> guesses) const {
    const std::size_t place = m_history.size() + guesses.size();
    if (place < m_forced.size()) return m_forced[place];
    std::vector<std::int32_t> history = m_history;
    history.insert(history.end(), guesses.begin(), guesses.end());
    if (m_bias.empty()) return m_sampler.pickAt(place, logits, history, m_model.suppressed, ids);
    std::vector<float> biased(logits.begin(), logits.end());
    for (const auto &[id, bias] : m_bias) {
        const auto at = std::find(ids.begin(), ids.end(), id);
        if (ids.empty()) biased[static_cast<std::size_t>(id)] += bias;
        else if (at != ids.end()) biased[static_cast<std::size_t>(at - ids.begin())] += bias;
    }
    return m_sampler.pickAt(place, biased, history, m_model.suppressed, ids);
}

}  // namespace facet
