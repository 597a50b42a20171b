#include "model/text_pass.h"

#include <algorithm>
#include <cstring>

namespace facet {
namespace {

void makeRopeTables(const TextConfig &config, PassRows &rows) {
    ropeTable(rows.position, config.slidingFrequencies, rows.slidingCosines, rows.slidingSines);
    ropeTable(rows.position, config.fullFrequencies, rows.fullCosines, rows.fullSines);
}

// blockEnd[row] = end of the block of adjacent picture tokens that the row is in, else row + 1.
std::vector<std::int64_t> findBlocks(const TextConfig &config, const Segment &segment) {
    const auto count = static_cast<std::int64_t>(segment.ids.size());
    std::vector<std::int64_t> blockEnd(segment.ids.size());
    for (std::int64_t row = 0; row < count; ++row) blockEnd[static_cast<std::size_t>(row)] = row + 1;
    if (!config.bidirectionalVision) return blockEnd;
    // Back to front, so that a picture right before another one takes over its end.
    for (auto soft = segment.soft.rbegin(); soft != segment.soft.rend(); ++soft) {
        if (!soft->bidirectional || soft->count == 0) continue;
        std::int64_t end = soft->firstRow + soft->count;
        const auto next = soft == segment.soft.rbegin() ? segment.soft.end() : soft.base();
        if (next != segment.soft.end() && next->bidirectional && next->count > 0 && next->firstRow == end) {
            end = blockEnd[static_cast<std::size_t>(end)];
        }
        for (std::int64_t row = soft->firstRow; row < soft->firstRow + soft->count; ++row)
            blockEnd[static_cast<std::size_t>(row)] = end;
    }
    return blockEnd;
}

} // namespace

PassRows makeRows(const TextConfig &config, std::span<const Segment> segments) {
    PassRows rows;
    for (const Segment &segment : segments) {
        KvCache::Impl &cache = segment.cache->impl();
        const auto count = static_cast<std::int64_t>(segment.ids.size());
        const auto blockEnd = findBlocks(config, segment);
        rows.parts.push_back({&cache, rows.count(), count, segment.adapterScales});
        for (std::int64_t row = 0; row < count; ++row) {
            const std::int64_t position = cache.length + row;
            rows.source.push_back(rows.count());
            rows.position.push_back(position);
            rows.slidingFrom.push_back(std::max<std::int64_t>(0, position - config.slidingWindow + 1));
            rows.slidingTo.push_back(cache.length + blockEnd[static_cast<std::size_t>(row)]);
            rows.fullFrom.push_back(0);
            rows.fullTo.push_back(position + 1);
        }
    }
    makeRopeTables(config, rows);
    return rows;
}

PassRows queryRow(const TextConfig &config, KvCache &cache) {
    const std::int64_t position = cache.length();
    PassRows rows;
    rows.parts.push_back({&cache.impl(), 0, 1, {}});
    rows.source = {0};
    rows.position = {position};
    rows.slidingFrom = {std::max<std::int64_t>(0, position - config.slidingWindow + 1)};
    rows.slidingTo = {position};
    rows.fullFrom = {0};
    rows.fullTo = {position};
    makeRopeTables(config, rows);
    return rows;
}

PassRows selectRows(const TextConfig &config, const PassRows &rows, std::span<const std::int64_t> wanted) {
    PassRows out;
    for (const auto &part : rows.parts) {
        const auto begin = std::lower_bound(wanted.begin(), wanted.end(), part.first);
        const auto end = std::lower_bound(wanted.begin(), wanted.end(), part.first + part.count);
        if (begin != end) {
            out.parts.push_back({part.cache, begin - wanted.begin(), end - begin, part.adapterScales});
        }
    }
    for (const std::int64_t number : wanted) {
        const auto row = static_cast<std::size_t>(number);
        out.source.push_back(rows.source[row]);
        out.position.push_back(rows.position[row]);
        out.slidingFrom.push_back(rows.slidingFrom[row]);
        out.slidingTo.push_back(rows.slidingTo[row]);
        out.fullFrom.push_back(rows.fullFrom[row]);
        out.fullTo.push_back(rows.fullTo[row]);
    }
    makeRopeTables(config, out);
    return out;
}

void gatherRows(const float *from, std::span<const std::int64_t> wanted, std::int64_t width, float *out) {
    for (const std::int64_t row : wanted) {
        std::memcpy(out, from + row * width, static_cast<std::size_t>(width) * sizeof(float));
        out += width;
    }
}

} // namespace facet
