#include "run/speculation.h"

#include "run/token_chooser.h"

#include <algorithm>

namespace facet {

namespace {

constexpr std::size_t kRun = 3;         // tokens that must agree before anything is guessed from them
constexpr std::size_t kLongest = 32;    // agreement beyond this is not counted
constexpr std::size_t kCandidates = 16; // earlier places that are compared
constexpr std::size_t kSure = 8;        // agreement from which the words of the prompt go before the drafter

constexpr double kFading = 0.9;   // of what was seen, with each round
constexpr double kPrior = 3.0;    // rounds that the first assumption counts
constexpr double kGain = 1.03;    // less than this is noise
constexpr std::size_t kLongestPause = 64;

double milliseconds(std::chrono::steady_clock::duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

std::uint64_t keyOf(std::span<const std::int32_t> ids, std::size_t end) {
    std::uint64_t key = 0xcbf29ce484222325ULL;
    for (std::size_t i = end - kRun; i < end; ++i) key = (key ^ static_cast<std::uint32_t>(ids[i])) * 0x100000001b3ULL;
    return key;
}

} // namespace

PromptLookup::Match PromptLookup::find(std::span<const std::int32_t> ids) {
    m_before.resize(ids.size() + 1, 0);
    Match best;
    if (ids.size() < kRun) return best;
    // Everything up to the last token but one: that run must not find itself.
    for (std::size_t end = std::max(m_indexed + 1, kRun); end < ids.size(); ++end) {
        std::size_t &last = m_last[keyOf(ids, end)];
        m_before[end] = last;
        last = end;
        m_indexed = end;
    }
    const auto found = m_last.find(keyOf(ids, ids.size()));
    if (found == m_last.end()) return best;
    std::size_t place = found->second;
    for (std::size_t tried = 0; place != 0 && tried < kCandidates; ++tried, place = m_before[place]) {
        std::size_t length = 0;
        while (length < kLongest && length < place && ids[place - 1 - length] == ids[ids.size() - 1 - length]) ++length;
        if (length >= kRun && length > best.length) best = {length, place};
    }
    return best;
}

double DraftLength::acceptance() const noexcept {
    return (m_hits + kPrior * m_limits.firstAcceptance) / (m_tries + kPrior);
}

std::size_t DraftLength::next(double single, double further, double guess) {
    const double rate = std::min(acceptance(), 0.98);
    const double plain = 1.0 / std::max(single, 1e-6);
    double expected = 1, power = 1, bestSpeed = kGain * plain;
    std::size_t best = 0;
    for (std::size_t n = 1; n <= m_limits.most; ++n) {
        power *= rate;
        expected += power; // tokens that a pass with n guesses gives
        const double speed = expected / std::max(single + static_cast<double>(n) * (further + guess), 1e-6);
        if (speed > bestSpeed) {
            bestSpeed = speed;
            best = n;
        }
    }
    if (best > 0) {
        m_waited = 0;
        return best;
    }
    if (++m_waited < m_pause) return 0;
    m_waited = 0; // the text may have changed its character
    m_pause = std::min(2 * m_pause, kLongestPause);
    return 1;
}

void DraftLength::verified(std::size_t sent, std::size_t stood) {
    m_hits = m_hits * kFading + static_cast<double>(stood);
    m_tries = m_tries * kFading + static_cast<double>(std::min(stood + 1, sent)); // what lies behind a miss says nothing
    if (stood == sent) m_pause = 4;
}

void PassCosts::took(std::size_t rows, double time) {
    const auto blend = [](double old, double now) { return old + 0.2 * (now - old); };
    if (rows <= 1) {
        // A pause of the machine must not make guesses look cheap.
        m_single = m_single > 0 ? blend(m_single, std::min(time, 3 * m_single)) : time;
        return;
    }
    if (m_single <= 0) return; // nothing to compare with
    const double each = std::max(0.0, (std::min(time, 20 * m_single) - m_single) / static_cast<double>(rows - 1));
    m_further = m_further >= 0 ? blend(m_further, each) : each;
}

void Speculator::passEnded() {
    if (m_rows > 0) m_costs.took(m_rows, milliseconds(Clock::now() - m_passStart));
    m_rows = 0;
}

std::vector<std::int32_t> Speculator::lookUp(const ProposeInput &input) {
    const PromptLookup::Match match = m_lookup.find(input.ids);
    if (match.length == 0 || (m_drafter && match.length < kSure)) return {};
    std::size_t count = m_lookupLength.next(m_costs.single(), m_costs.further(), 0);
    count = std::min({count, input.most, input.ids.size() - match.position});
    const auto from = input.ids.begin() + static_cast<std::ptrdiff_t>(match.position);
    if (count > 0) m_source = &m_lookupLength;
    return {from, from + static_cast<std::ptrdiff_t>(count)};
}

std::vector<std::int32_t> Speculator::draft(const ProposeInput &input) {
    const auto start = Clock::now();
    const std::size_t count = std::min(m_draftLength.next(m_costs.single(), m_costs.further(), m_guessMs), input.most);
    std::vector<std::int32_t> guesses;
    std::vector<float> hidden(input.hidden.begin(), input.hidden.end());
    std::int32_t id = input.ids.back();
    while (guesses.size() < count) {
        auto step = m_drafter->step(input.exec, m_target, input.cache, id, hidden);
        if (!step) break; // without guesses the answer only takes longer
        id = input.chooser.guess(step->ids, step->logits, guesses);
        hidden = std::move(step->hidden);
        guesses.push_back(id);
    }
    if (guesses.empty()) return guesses;
    m_source = &m_draftLength;
    const double each = milliseconds(Clock::now() - start) / static_cast<double>(guesses.size());
    m_guessMs = m_guessMs > 0 ? m_guessMs + 0.2 * (each - m_guessMs) : each;
    return guesses;
}

std::vector<std::int32_t> Speculator::propose(const ProposeInput &input) {
    passEnded();
    m_source = nullptr;
    std::vector<std::int32_t> guesses;
    if (input.most > 0 && !input.ids.empty()) guesses = lookUp(input);
    if (guesses.empty() && m_drafter && input.most > 0 && !input.hidden.empty()) guesses = draft(input);
    m_rows = 1 + guesses.size();
    m_passStart = Clock::now();
    return guesses;
}

void Speculator::verified(std::size_t sent, std::size_t stood) {
    passEnded();
    if (m_source) m_source->verified(sent, stood);
}

std::unique_ptr<TokenProposer> makeProposer(const LoadedModel &model) {
    return std::make_unique<Speculator>(model.text, model.drafter ? &*model.drafter : nullptr);
}

} // namespace facet
