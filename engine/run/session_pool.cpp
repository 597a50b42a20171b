#include "run/session_pool.h"

#include "load/memory_plan.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

namespace facet {

namespace {

// A tail of so few positions is read again sooner than its conversation is copied.
constexpr std::int64_t kShortTail = 16;
constexpr std::size_t kMaxSessions = 64;

std::uint64_t newId() {
    std::random_device random;
    return (std::uint64_t{random()} << 32U) | random();
}

}  // namespace

SessionPool::SessionPool(const LoadedModel &model, MemoryBudget &budget) : m_model(model), m_budget(budget) {}

std::uint64_t SessionPool::committedBytes(const BuiltPrompt &prompt, int maxTokens) const {
    const auto read = static_cast<std::int64_t>(prompt.ids.size());
    const std::int64_t most = maxTokens > 0 ? std::min(read + maxTokens, m_model.contextLength) : m_model.contextLength;
    return facet::cacheBytes(m_model.checkpoint.config.text, m_model.cacheType, most, m_model.maxBlock);
}

bool SessionPool::admits(const BuiltPrompt &prompt, int maxTokens) const {
    std::uint64_t committed = 0;
    bool any = false;
    for (const Entry &entry : m_sessions) {
        if (entry.users == 0) continue;
        committed += std::max(entry.committed, entry.state.cache ? entry.state.cache->byteCount() : 0);
        any = true;
    }
    return !any || committed + committedBytes(prompt, maxTokens) <= m_budget.limit();
}

std::int64_t SessionPool::reusable(const BuiltPrompt &prompt) const {
    std::int64_t best = 0;
    for (const Entry &entry : m_sessions) best = std::max(best, resumePoint(entry.state, prompt));
    return best;
}

SessionPool::Entries::iterator SessionPool::find(const SessionState &session) {
    return std::find_if(m_sessions.begin(), m_sessions.end(),
                        [&session](const Entry &entry) { return &entry.state == &session; });
}

Result<SessionPool::Lease> SessionPool::lease(Entry &entry, std::int64_t kept, std::uint64_t committed) {
    entry.users = 1;
    entry.used = m_budget.tick();
    entry.committed = committed;
    return Lease{&entry.state, kept};
}

Result<SessionPool::Lease> SessionPool::fresh(std::uint64_t committed) {
    FACET_TRY(cache, KvCache::create(m_model.checkpoint.config.text, m_model.cacheType, m_model.contextLength,
                                     m_model.maxBlock));
    if (m_sessions.size() >= kMaxSessions && oldest()) dropOldest();
    m_sessions.emplace_back();
    m_sessions.back().state.cache.emplace(std::move(cache));
    m_sessions.back().state.id = newId();
    return lease(m_sessions.back(), 0, committed);
}

bool SessionPool::branch(Entry &from, std::int64_t position) {
    const auto rings = snapshotAt(from.state, position);
    ++from.users;  // must not go while room is made for its copy
    const bool room = m_budget.makeRoom(byteCountAt(from.state.cache->emptyLike(), position) +
                                        RingSnapshot::byteCount(*from.state.cache, position));
    --from.users;
    if (!room) return false;
    auto copy = copyPrefix(*from.state.cache, position, rings.get());
    if (!copy) return false;
    SessionState state;
    state.cache.emplace(std::move(*copy));
    state.id = newId();
    state.variant = from.state.variant;
    state.ids.assign(from.state.ids.begin(), from.state.ids.begin() + position);
    for (const SoftSpan &span : from.state.spans)
        if (span.first < position) state.spans.push_back(span);
    for (const ReturnPoint &point : from.state.returns) {
        if (point.position > position) break;
        ReturnPoint kept = point;
        const bool held = ringsHold(*state.cache, point.position);
        if (!kept.rings && !held) kept.rings = RingSnapshot::take(*from.state.cache, point.position);
        if (kept.rings || held) state.returns.push_back(std::move(kept));
    }
    m_sessions.push_back({std::move(state), 0, 0, 0});
    return true;
}

Result<SessionPool::Lease> SessionPool::acquire(const BuiltPrompt &prompt, int maxTokens) {
    const std::uint64_t committed = committedBytes(prompt, maxTokens);
    Entry *best = nullptr;
    std::int64_t position = 0;
    for (Entry &entry : m_sessions) {
        const std::int64_t here = resumePoint(entry.state, prompt);
        // Among equals one that is free, then the one that loses least.
        const bool better = here > position ||
                            (best && here == position && here > 0 &&
                             (entry.users < best->users ||
                              (entry.users == best->users && entry.state.ids.size() < best->state.ids.size())));
        if (!better) continue;
        best = &entry;
        position = here;
    }
    if (!best) return fresh(committed);

    best->used = m_budget.tick();
    const auto tail = static_cast<std::int64_t>(best->state.ids.size()) - position;
    // Asked once more, or something before the last question was changed: what follows there is another branch, and may
    // be wanted again. What only follows the last question is its answer, which comes back in the prompt if it is wanted.
    const bool again = position + 1 >= static_cast<std::int64_t>(prompt.ids.size());
    const bool earlier = position + kShortTail < best->state.promptEnd;
    const bool wanted = tail > kShortTail && (again || earlier);
    if (best->users > 0 || wanted) {
        if (branch(*best, position)) return lease(m_sessions.back(), position, committed);
        if (best->users > 0) return fresh(committed);
        position = resumePoint(best->state, prompt);  // making room may have taken a way back
    }
    cutTo(best->state, position);
    return lease(*best, position, committed);
}

void SessionPool::release(SessionState &session) {
    const auto entry = find(session);
    if (entry == m_sessions.end()) return;
    entry->users = 0;
    entry->committed = 0;
    entry->used = m_budget.tick();
    if (entry->state.ids.empty()) m_sessions.erase(entry);
    m_budget.makeRoom(0);
}

void SessionPool::drop(SessionState &session) {
    const auto entry = find(session);
    if (entry != m_sessions.end()) m_sessions.erase(entry);
}

void SessionPool::beforePass(SessionState &session, std::int64_t rows) {
    KvCache &cache = *session.cache;
    std::vector<std::int64_t> leaving;
    for (const ReturnPoint &point : session.returns) {
        if (!point.rings && ringsHold(cache, point.position) && !ringsWillHold(cache, point.position, rows))
            leaving.push_back(point.position);
    }
    for (const std::int64_t position : leaving) {
        if (!m_budget.makeRoom(RingSnapshot::byteCount(cache, position))) continue;
        // Looked up again: making room may take points of this very conversation.
        const auto point = std::find_if(session.returns.begin(), session.returns.end(),
                                        [position](const ReturnPoint &p) { return p.position == position; });
        if (point != session.returns.end()) point->rings = RingSnapshot::take(cache, position);
    }
    std::erase_if(session.returns, [&cache, rows](const ReturnPoint &point) {
        return !point.rings && point.position <= cache.length() && !ringsWillHold(cache, point.position, rows);
    });
    const std::uint64_t grown = byteCountAt(cache, cache.length() + rows), now = cache.byteCount();
    // Admission saw to it that those in use fit together; others make way.
    if (grown > now) m_budget.makeRoom(grown - now);
}

std::uint64_t SessionPool::cacheBytes() const {
    std::uint64_t bytes = 0;
    for (const Entry &entry : m_sessions) bytes += entry.state.cache ? entry.state.cache->byteCount() : 0;
    return bytes;
}

std::uint64_t SessionPool::snapshotBytes() const {
    std::set<const RingSnapshot *> seen;  // branches share them
    std::uint64_t bytes = 0;
    for (const Entry &entry : m_sessions)
        for (const ReturnPoint &point : entry.state.returns)
            if (point.rings && seen.insert(point.rings.get()).second) bytes += point.rings->bytes().size();
    return bytes;
}

std::optional<std::uint64_t> SessionPool::oldest() const {
    std::optional<std::uint64_t> free, ways;
    for (const Entry &entry : m_sessions) {
        if (entry.users == 0) {
            free = std::min(free.value_or(entry.used), entry.used);
        } else if (std::any_of(entry.state.returns.begin(), entry.state.returns.end(),
                               [](const ReturnPoint &point) { return point.rings != nullptr; })) {
            ways = std::min(ways.value_or(entry.used), entry.used);
        }
    }
    return free ? free : ways;
}

void SessionPool::dropOldest() {
    auto victim = m_sessions.end();
    for (auto entry = m_sessions.begin(); entry != m_sessions.end(); ++entry)
        if (entry->users == 0 && (victim == m_sessions.end() || entry->used < victim->used)) victim = entry;
    if (victim != m_sessions.end()) {
        m_sessions.erase(victim);
        return;
    }
    // Conversations in use can only give up ways back, the oldest turns first.
    for (auto entry = m_sessions.begin(); entry != m_sessions.end(); ++entry) {
        const bool has = std::any_of(entry->state.returns.begin(), entry->state.returns.end(),
                                     [](const ReturnPoint &point) { return point.rings != nullptr; });
        if (has && (victim == m_sessions.end() || entry->used < victim->used)) victim = entry;
    }
    if (victim == m_sessions.end()) return;
    const auto point = std::find_if(victim->state.returns.begin(), victim->state.returns.end(),
                                    [](const ReturnPoint &p) { return p.rings != nullptr; });
    victim->state.returns.erase(point);
}

std::vector<SessionPool::Idle> SessionPool::idle() {
    std::vector<Idle> out;
    for (Entry &entry : m_sessions)
        if (entry.users == 0) out.push_back({&entry.state, entry.used});
    std::sort(out.begin(), out.end(), [](const Idle &a, const Idle &b) { return a.used > b.used; });
    return out;
}

bool SessionPool::adopt(SessionState session) {
    std::uint64_t bytes = session.cache->byteCount();
    for (const ReturnPoint &point : session.returns) bytes += point.rings ? point.rings->bytes().size() : 0;
    if (!m_budget.makeRoom(bytes)) return false;
    m_sessions.push_back({std::move(session), 0, m_budget.tick(), 0});
    return true;
}

}  // namespace facet
