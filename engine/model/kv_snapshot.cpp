#include "model/kv_snapshot.h"

#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace facet {
namespace {

using Layer = KvCache::Impl::Layer;

// The oldest position that `position` sees in sliding layers.
std::int64_t firstSeen(const KvCache::Impl &cache, std::int64_t position) {
    return std::max<std::int64_t>(0, position - (cache.window - 1));
}

bool isRing(const Layer &layer) { return layer.sliding && layer.kvHeads > 0; }

// Runs of slots that are contiguous in memory: [first, end) is cut where the ring wraps.
template <typename Function>
void forRuns(const Layer &layer, std::int64_t first, std::int64_t end, Function function) {
    while (first < end) {
        const std::int64_t slot = first % layer.capacity;
        const std::int64_t count = std::min(end - first, layer.capacity - slot);
        function(slot, count);
        first += count;
    }
}

// Copies the positions [first, end) of a ring to or from packed bytes; returns where the next layer begins.
template <typename Move>
std::size_t moveRing(const KvCache::Impl &cache, const Layer &layer, std::int64_t first, std::int64_t end, std::size_t at,
                     Move move) {
    const auto row = cache.rowBytes(layer);
    for (std::byte *store : {layer.keys.get(), layer.values.get()}) {
        for (std::int64_t head = 0; head < layer.kvHeads; ++head) {
            forRuns(layer, first, end, [&](std::int64_t slot, std::int64_t count) {
                const auto bytes = static_cast<std::size_t>(count * row);
                move(store + (head * layer.capacity + slot) * row, at, bytes);
                at += bytes;
            });
        }
    }
    return at;
}

} // namespace

std::uint64_t RingSnapshot::byteCount(const KvCache &shape, std::int64_t position) noexcept {
    const KvCache::Impl &cache = shape.impl();
    const std::int64_t positions = position - firstSeen(cache, position);
    std::int64_t bytes = 0;
    for (const Layer &layer : cache.layers) {
        if (isRing(layer)) bytes += 2 * layer.kvHeads * positions * cache.rowBytes(layer);
    }
    return static_cast<std::uint64_t>(bytes);
}

std::shared_ptr<const RingSnapshot> RingSnapshot::take(const KvCache &from, std::int64_t position) {
    if (!ringsHold(from, position)) return nullptr;
    const KvCache::Impl &cache = from.impl();
    auto snapshot = std::make_shared<RingSnapshot>();
    snapshot->m_position = position;
    snapshot->m_bytes.resize(static_cast<std::size_t>(byteCount(from, position)));
    std::size_t at = 0;
    for (const Layer &layer : cache.layers) {
        if (!isRing(layer)) continue;
        at = moveRing(cache, layer, firstSeen(cache, position), position, at,
                      [&](const std::byte *store, std::size_t to, std::size_t bytes) {
                          std::memcpy(snapshot->m_bytes.data() + to, store, bytes);
                      });
    }
    return snapshot;
}

std::shared_ptr<const RingSnapshot> RingSnapshot::fromBytes(const KvCache &shape, std::int64_t position,
                                                            std::span<const std::byte> bytes) {
    if (position < 0 || position > shape.contextLength() || bytes.size() != byteCount(shape, position)) return nullptr;
    auto snapshot = std::make_shared<RingSnapshot>();
    snapshot->m_position = position;
    snapshot->m_bytes.assign(bytes.begin(), bytes.end());
    return snapshot;
}

bool ringsWillHold(const KvCache &cache, std::int64_t position, std::int64_t rows) noexcept {
    const KvCache::Impl &impl = cache.impl();
    if (position < 0 || position > impl.length) return false;
    const std::int64_t written = std::max(impl.written, impl.length + rows);
    return std::none_of(impl.layers.begin(), impl.layers.end(), [&](const Layer &layer) {
        return isRing(layer) && firstSeen(impl, position) < written - layer.limit;
    });
}

bool ringsHold(const KvCache &cache, std::int64_t position) noexcept { return ringsWillHold(cache, position, 0); }

bool rewind(KvCache &to, const RingSnapshot &snapshot) {
    KvCache::Impl &cache = to.impl();
    const std::int64_t position = snapshot.m_position;
    if (position > cache.length || snapshot.m_bytes.size() != RingSnapshot::byteCount(to, position)) return false;
    const std::int64_t first = firstSeen(cache, position);
    std::int64_t limit = std::numeric_limits<std::int64_t>::max();
    std::size_t at = 0;
    for (const Layer &layer : cache.layers) {
        if (!isRing(layer)) continue;
        limit = std::min(limit, layer.limit);
        at = moveRing(cache, layer, first, position, at, [&](std::byte *store, std::size_t from, std::size_t bytes) {
            std::memcpy(store, snapshot.m_bytes.data() + from, bytes);
        });
    }
    cache.length = position;
    // Nothing older than the restored window is there, whatever was written before.
    cache.written = first > 0 && at > 0 ? first + limit : position;
    return true;
}

Result<KvCache> copyPrefix(const KvCache &from, std::int64_t length, const RingSnapshot *rings) {
    try {
        std::shared_ptr<const RingSnapshot> own;
        if (!rings) {
            own = RingSnapshot::take(from, length);
            rings = own.get();
        }
        if (!rings || rings->position() != length || length > from.length())
            return Error{ErrorCode::InvalidArgument, "That point of the conversation can not be returned to."};
        KvCache copy = from.emptyLike();
        fillPrefix(copy, length, [](std::span<std::byte>) { return true; });
        KvCache::Impl &target = copy.impl();
        for (std::size_t i = 0; i < target.layers.size(); ++i) {
            const Layer &old = from.impl().layers[i];
            Layer &layer = target.layers[i];
            if (layer.sliding || layer.kvHeads == 0) continue;
            const std::int64_t row = target.rowBytes(layer);
            for (std::int64_t head = 0; head < layer.kvHeads; ++head) {
                const auto bytes = static_cast<std::size_t>(length * row);
                std::memcpy(layer.keys.get() + head * layer.capacity * row, old.keys.get() + head * old.capacity * row,
                            bytes);
                std::memcpy(layer.values.get() + head * layer.capacity * row,
                            old.values.get() + head * old.capacity * row, bytes);
            }
        }
        rewind(copy, *rings);
        return copy;
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory for another branch of this conversation."};
    }
}

std::uint64_t byteCountAt(const KvCache &cache, std::int64_t positions) noexcept {
    return cache.impl().byteCountAt(positions);
}

std::string shapeOf(const KvCache &cache) {
    const KvCache::Impl &impl = cache.impl();
    std::string text = "type " + std::to_string(static_cast<int>(impl.type)) + " window " + std::to_string(impl.window);
    for (const Layer &layer : impl.layers) {
        text += layer.kvHeads == 0 ? " -" : layer.sliding ? " s" : " f";
        if (layer.kvHeads > 0) text += std::to_string(layer.kvHeads) + "x" + std::to_string(layer.headDim);
    }
    return text;
}

std::uint64_t prefixBytes(const KvCache &shape, std::int64_t length) noexcept {
    std::int64_t bytes = 0;
    for (const Layer &layer : shape.impl().layers) {
        if (!layer.sliding && layer.kvHeads > 0) bytes += 2 * layer.kvHeads * length * shape.impl().rowBytes(layer);
    }
    return static_cast<std::uint64_t>(bytes);
}

bool visitPrefix(const KvCache &from, std::int64_t length,
                 const std::function<bool(std::span<const std::byte>)> &visit) {
    const KvCache::Impl &cache = from.impl();
    if (length < 0 || length > cache.length) return false;
    for (const Layer &layer : cache.layers) {
        if (layer.sliding || layer.kvHeads == 0) continue;
        const std::int64_t row = cache.rowBytes(layer);
        for (const std::byte *store : {layer.keys.get(), layer.values.get()}) {
            for (std::int64_t head = 0; head < layer.kvHeads; ++head) {
                if (!visit({store + head * layer.capacity * row, static_cast<std::size_t>(length * row)})) return false;
            }
        }
    }
    return true;
}

bool fillPrefix(KvCache &to, std::int64_t length, const std::function<bool(std::span<std::byte>)> &fill) {
    KvCache::Impl &cache = to.impl();
    if (cache.length != 0 || length < 0 || length > cache.contextLength) return false;
    cache.reserve(length);
    for (const Layer &layer : cache.layers) {
        if (layer.sliding || layer.kvHeads == 0) continue;
        const std::int64_t row = cache.rowBytes(layer);
        for (std::byte *store : {layer.keys.get(), layer.values.get()}) {
            for (std::int64_t head = 0; head < layer.kvHeads; ++head) {
                if (!fill({store + head * layer.capacity * row, static_cast<std::size_t>(length * row)})) {
                    to.clear();
                    return false;
                }
            }
        }
    }
    cache.length = length;
    return true;
}

} // namespace facet
