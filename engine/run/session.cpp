#include "run/session.h"

#include <algorithm>

namespace facet {

namespace {

constexpr std::size_t kMaxReturns = 64;
// Media with no more ids between them belong together: frames of a film with their time stamps.
constexpr std::int64_t kBetweenMedia = 12;

std::int64_t commonLength(const std::vector<std::int32_t> &ids, const std::vector<SoftSpan> &spans,
                          const BuiltPrompt &prompt) {
    const std::size_t limit = std::min(ids.size(), prompt.ids.size());
    const auto [end, ignored] =
        std::mismatch(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(limit), prompt.ids.begin());
    auto n = static_cast<std::int64_t>(end - ids.begin());
    n = std::min(n, static_cast<std::int64_t>(prompt.ids.size()) - 1);
    for (const SoftSpan &span : prompt.spans) {
        if (span.first >= n) break;
        const auto same = std::find_if(spans.begin(), spans.end(), [&span](const SoftSpan &s) {
            return s.first == span.first && s.count == span.count && s.kind == span.kind && !s.key.empty() &&
                   s.key == span.key;
        });
        if (same == spans.end() || span.first + span.count > n) return span.first;
    }
    return std::max<std::int64_t>(n, 0);
}

}  // namespace

std::int64_t commonPrefix(const SessionState &session, const BuiltPrompt &prompt) {
    if (session.variant != prompt.variant) return 0;
    return commonLength(session.ids, session.spans, prompt);
}

std::int64_t commonPrefix(const BuiltPrompt &first, const BuiltPrompt &prompt) {
    if (first.variant != prompt.variant) return 0;
    return commonLength(first.ids, first.spans, prompt);
}

std::int64_t resumePoint(const SessionState &session, const BuiltPrompt &prompt) {
    if (!session.cache) return 0;
    const std::int64_t common = commonPrefix(session, prompt);
    if (common == 0 || ringsHold(*session.cache, common)) return common;
    const auto usable = std::find_if(session.returns.rbegin(), session.returns.rend(), [&](const ReturnPoint &point) {
        return point.position <= common && (point.rings || ringsHold(*session.cache, point.position));
    });
    return usable == session.returns.rend() ? 0 : usable->position;
}

std::shared_ptr<const RingSnapshot> snapshotAt(const SessionState &session, std::int64_t position) {
    if (session.cache && ringsHold(*session.cache, position)) return nullptr;
    const auto at = std::find_if(session.returns.begin(), session.returns.end(),
                                 [position](const ReturnPoint &point) { return point.position == position; });
    return at == session.returns.end() ? nullptr : at->rings;
}

void cutTo(SessionState &session, std::int64_t position) {
    const auto rings = snapshotAt(session, position);
    const bool done = rings ? rewind(*session.cache, *rings) : session.cache->truncate(position);
    if (!done) {  // never for a position of resumePoint
        session.cache->clear();
        position = 0;
    }
    session.ids.resize(static_cast<std::size_t>(position));
    std::erase_if(session.spans, [position](const SoftSpan &span) { return span.first >= position; });
    std::erase_if(session.returns, [position](const ReturnPoint &point) { return point.position > position; });
}

std::vector<std::int64_t> turnEnds(const LoadedModel &model, const BuiltPrompt &prompt) {
    std::vector<std::int64_t> ends;
    const auto total = static_cast<std::int64_t>(prompt.ids.size());
    if (const auto marker = model.tokenizer.idOf("<turn|>")) {
        for (std::int64_t i = 0; i < total; ++i)
            if (prompt.ids[static_cast<std::size_t>(i)] == *marker) ends.push_back(i + 1);
    }
    for (std::size_t i = 0; i < prompt.spans.size(); ++i) {
        const std::int64_t end = prompt.spans[i].first + prompt.spans[i].count;
        if (i + 1 < prompt.spans.size() && prompt.spans[i + 1].first - end <= kBetweenMedia) continue;
        ends.push_back(end + 1);  // and its end marker
    }
    ends.push_back(total - 1);
    std::erase_if(ends, [total](std::int64_t end) { return end <= 0 || end >= total; });
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return ends;
}

void addReturnPoints(SessionState &session, const std::vector<std::int64_t> &positions) {
    const std::int64_t length = session.cache ? session.cache->length() : 0;
    for (const std::int64_t position : positions) {
        // What was read before and can not be returned to any more.
        if (position <= length && !(session.cache && ringsHold(*session.cache, position))) continue;
        const auto at = std::lower_bound(session.returns.begin(), session.returns.end(), position,
                                         [](const ReturnPoint &point, std::int64_t p) { return point.position < p; });
        if (at == session.returns.end() || at->position != position) session.returns.insert(at, {position, nullptr});
    }
    // Too many: every other one of the older half goes.
    while (session.returns.size() > kMaxReturns) {
        const std::size_t half = session.returns.size() / 2;
        std::vector<ReturnPoint> kept;
        for (std::size_t i = 0; i < session.returns.size(); ++i)
            if (i >= half || i % 2 == 0) kept.push_back(std::move(session.returns[i]));
        session.returns = std::move(kept);
    }
}

}  // namespace facet
