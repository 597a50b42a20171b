#include "grammar/token_constraint.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace facet::grammar {

namespace {

constexpr std::size_t kMaxMaskBytes = 16U << 20U;
constexpr std::size_t kMaxMatcherBytes = 64U << 20U;

void setBit(TokenSet &mask, std::int32_t id) {
    const auto i = static_cast<std::size_t>(id);
    if (id >= 0 && i / 32 < mask.size()) mask[i / 32] |= 1U << (i % 32);
}
void clearBit(TokenSet &mask, std::int32_t id) {
    const auto i = static_cast<std::size_t>(id);
    if (id >= 0 && i / 32 < mask.size()) mask[i / 32] &= ~(1U << (i % 32));
}

}  // namespace

void forbidOthers(const TokenSet &mask, std::span<float> logits) {
    constexpr float kNever = -std::numeric_limits<float>::infinity();
    for (std::size_t word = 0; word * 32 < logits.size(); ++word) {
        const std::uint32_t bits = word < mask.size() ? mask[word] : 0;
        if (bits == 0xFFFFFFFFU) continue;
        const std::size_t end = std::min(logits.size(), word * 32 + 32);
        for (std::size_t i = word * 32; i < end; ++i)
            if (((bits >> (i % 32)) & 1U) == 0) logits[i] = kNever;
    }
}

TokenConstraint::TokenConstraint(ConstraintOptions options)
    : m_options(std::move(options)), m_matcher(m_options.grammar), m_walk(m_options.vocabulary->longest() + 1) {
    Moment first{Mode::Start, m_matcher.start()};
    if (m_options.trigger >= 0) first.mode = m_options.startsInThought ? Mode::FreeThought : Mode::Free;
    else if (m_options.startsInThought) first.mode = Mode::Thought;
    m_history.push_back(first);
}

bool TokenConstraint::isStop(std::int32_t id) const {
    return std::find(m_options.stopIds.begin(), m_options.stopIds.end(), id) != m_options.stopIds.end();
}

bool TokenConstraint::mayEnd() const {
    switch (now().mode) {
    case Mode::Start:
    case Mode::Grammar: return m_matcher.mayEnd(now().state);
    case Mode::Thought: return false;
    default: return true;
    }
}

bool TokenConstraint::finished() const {
    return now().mode == Mode::Ended || (now().mode == Mode::Grammar && m_matcher.mustEnd(now().state));
}

const TokenSet &TokenConstraint::allowed() {
    keepSmall();
    const auto words = (static_cast<std::size_t>(m_options.vocabulary->size()) + 31) / 32;
    const Moment at = now();
    switch (at.mode) {
    case Mode::Thought:
        // A thought may hold anything but the end of the answer: what was asked for comes behind it.
        m_scratch.assign(words, 0xFFFFFFFFU);
        for (const std::int32_t id : m_options.stopIds) clearBit(m_scratch, id);
        clearBit(m_scratch, m_options.thoughtOpens);
        return m_scratch;
    case Mode::Start:
    case Mode::Grammar: {
        const TokenSet &mask = grammarMask(at.state);
        const bool thought = at.mode == Mode::Start && m_options.mayThink && m_options.thoughtOpens >= 0;
        if (!thought && !m_matcher.mayEnd(at.state)) return mask;
        m_scratch = mask;
        if (thought) setBit(m_scratch, m_options.thoughtOpens);
        if (m_matcher.mayEnd(at.state))
            for (const std::int32_t id : m_options.stopIds) setBit(m_scratch, id);
        return m_scratch;
    }
    case Mode::Ended: m_scratch.assign(words, 0); return m_scratch;
    case Mode::Free:
    case Mode::FreeThought: break;
    }
    m_scratch.assign(words, 0xFFFFFFFFU);
    return m_scratch;
}

const TokenSet &TokenConstraint::grammarMask(Matcher::State state) {
    const std::size_t width = m_options.vocabulary->longest() + 1;
    const Matcher::State near = m_matcher.horizon(state, static_cast<std::uint32_t>(width));
    const auto known = m_masks.find(near);
    if (known != m_masks.end()) return known->second;
    const auto words = (static_cast<std::size_t>(m_options.vocabulary->size()) + 31) / 32;
    if ((m_masks.size() + 1) * words * sizeof(std::uint32_t) > kMaxMaskBytes) m_masks.clear();
    TokenSet mask(words, 0);
    for (const std::int32_t id : m_matcher.nextTokens(near)) setBit(mask, id);
    const std::vector<TokenVocabulary::Node> &nodes = m_options.vocabulary->nodes();
    const std::vector<std::int32_t> &ids = m_options.vocabulary->tokenIds();
    m_walk[0] = near;
    for (std::size_t i = 0; i < nodes.size();) {
        const TokenVocabulary::Node &node = nodes[i];
        const Matcher::State next = m_matcher.step(m_walk[node.depth - 1U], node.byte);
        if (next == Matcher::kDead) {
            i = node.end;
            continue;
        }
        m_walk[node.depth] = next;
        for (std::uint32_t t = 0; t < node.tokenCount; ++t) setBit(mask, ids[node.tokens + t]);
        ++i;
    }
    return m_masks.emplace(near, std::move(mask)).first->second;
}

TokenConstraint::Moment TokenConstraint::after(std::int32_t id) {
    const Moment at = now();
    constexpr Moment kNone{Mode::Ended, Matcher::kDead};
    const Matcher::State start = m_matcher.start();
    switch (at.mode) {
    case Mode::Free:
        if (id == m_options.trigger) {
            const Matcher::State state = m_matcher.stepToken(start, id);
            return {Mode::Grammar, state};
        }
        if (isStop(id)) return {Mode::Ended, start};
        return {id == m_options.thoughtOpens ? Mode::FreeThought : Mode::Free, start};
    case Mode::FreeThought:
        if (id == m_options.trigger) return {Mode::Grammar, m_matcher.stepToken(start, id)};
        if (isStop(id)) return {Mode::Ended, start};
        return {id == m_options.thoughtCloses ? Mode::Free : Mode::FreeThought, start};
    case Mode::Thought:
        if (isStop(id) || id == m_options.thoughtOpens) return kNone;
        return id == m_options.thoughtCloses ? Moment{Mode::Grammar, start} : at;
    case Mode::Start:
        if (m_options.mayThink && id == m_options.thoughtOpens && id >= 0) return {Mode::Thought, start};
        break;
    case Mode::Grammar: break;
    case Mode::Ended: return kNone;
    }
    if (isStop(id)) {
        const bool asToken = m_matcher.stepToken(at.state, id) != Matcher::kDead;
        if (!asToken) return m_matcher.mayEnd(at.state) ? Moment{Mode::Ended, at.state} : kNone;
    }
    Matcher::State state = m_matcher.stepToken(at.state, id);
    const std::string_view bytes = m_options.vocabulary->bytesOf(id);
    if (state == Matcher::kDead && !bytes.empty()) {
        state = at.state;
        for (const char c : bytes) state = m_matcher.step(state, static_cast<unsigned char>(c));
    }
    if (state == Matcher::kDead) return kNone;
    // Behind a call the answer is free again.
    if (m_options.trigger >= 0 && m_matcher.mayEnd(state)) return {Mode::Free, start};
    return {Mode::Grammar, state};
}

bool TokenConstraint::allows(std::int32_t id) { return after(id).state != Matcher::kDead; }

Status TokenConstraint::accept(std::int32_t id) {
    keepSmall();
    const Moment next = after(id);
    if (next.state == Matcher::kDead)
        return Error{ErrorCode::InvalidArgument,
                     m_matcher.overflowed()
                         ? "The grammar has too many readings at this place: write it with fewer alternatives."
                         : "The answer cannot go on as its grammar asks.",
                     "token " + std::to_string(id)};
    m_history.push_back(next);
    if (m_history.size() > kHistory + 1) m_history.pop_front();
    return ok();
}

void TokenConstraint::rollback(std::size_t count) {
    for (; count > 0 && m_history.size() > 1; --count) m_history.pop_back();
}

void TokenConstraint::keepSmall() {
    if (m_matcher.memoryBytes() <= kMaxMatcherBytes) return;
    std::vector<Matcher::State> live;
    for (const Moment &moment : m_history) live.push_back(moment.state);
    m_matcher.compact(live);
    for (std::size_t i = 0; i < live.size(); ++i) m_history[i].state = live[i];
    m_masks.clear();
}

}  // namespace facet::grammar
