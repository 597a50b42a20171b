#include "run/measured_passes.h"

#include "model/kv_snapshot.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace facet {

namespace {

void tile(std::span<std::byte> to, std::span<const std::byte> from) {
    for (std::size_t at = 0; at < to.size() && !from.empty(); at += from.size())
        std::memcpy(to.data() + at, from.data(), std::min(from.size(), to.size() - at));
}

// A cache of `depth` positions that repeats those of `from`: reading so many tokens would take minutes, and the speed of a
// pass does not depend on what the cache holds. Rings hold rows of other layers and heads, which are rows all the same.
Result<KvCache> repeated(const KvCache &from, std::int64_t depth) {
    KvCache deep = from.emptyLike();
    std::vector<std::vector<std::byte>> pieces;
    visitPrefix(from, from.length(), [&](std::span<const std::byte> piece) {
        pieces.emplace_back(piece.begin(), piece.end());
        return true;
    });
    std::size_t next = 0;
    const bool filled = fillPrefix(deep, depth, [&](std::span<std::byte> piece) {
        if (next >= pieces.size()) return false;
        tile(piece, pieces[next++]);
        return true;
    });
    const auto rings = RingSnapshot::take(from, from.length());
    std::vector<std::byte> bytes(static_cast<std::size_t>(RingSnapshot::byteCount(deep, depth)));
    if (rings) tile(bytes, rings->bytes());
    const auto deepRings = RingSnapshot::fromBytes(deep, depth, bytes);
    if (!filled || !rings || !deepRings || !rewind(deep, *deepRings))
        return Error{ErrorCode::Internal, "A deep cache could not be made from a short one."};
    return deep;
}

}  // namespace

std::vector<std::int32_t> MeasuredPasses::tokens(std::int64_t count) {
    const std::int32_t vocabulary = m_model.text.config().vocabularySize;
    const std::int32_t first = vocabulary > 2000 ? 1000 : 0, last = std::min(vocabulary, 200000);
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    for (std::int32_t &id : ids) {
        m_random = m_random * 6364136223846793005U + 1442695040888963407U;
        id = first + static_cast<std::int32_t>((m_random >> 33U) % static_cast<std::uint64_t>(last - first));
    }
    return ids;
}

Status MeasuredPasses::read(const Exec &exec, KvCache &cache, std::int64_t count, bool wantLogits) {
    while (count > 0) {
        const std::int64_t chunk = std::min(count, kPrefillChunk);
        Segment segment;
        segment.cache = &cache;
        segment.ids = tokens(chunk);
        if (wantLogits && chunk == count) segment.logitRows = {chunk - 1};
        FACET_CHECK(m_model.text.forward(exec, std::span(&segment, 1)));
        count -= chunk;
    }
    return ok();
}

Status MeasuredPasses::write(const Exec &exec, KvCache &cache, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
        Segment segment;
        segment.cache = &cache;
        segment.ids = tokens(1);
        segment.logitRows = {0};
        FACET_CHECK(m_model.text.forward(exec, std::span(&segment, 1)));
    }
    return ok();
}

Result<KvCache> MeasuredPasses::cacheAt(const Exec &exec, CacheType type, std::int64_t depth, std::int64_t block) {
    FACET_TRY(cache, KvCache::create(m_model.text.config(), type, m_model.contextLength, std::max(block, m_model.maxBlock)));
    if (depth <= std::max(m_depths.readUpTo, m_depths.repeated)) {
        FACET_CHECK(read(exec, cache, depth, false));
        return cache;
    }
    FACET_CHECK(read(exec, cache, m_depths.repeated, false));
    return repeated(cache, depth);
}

}  // namespace facet
