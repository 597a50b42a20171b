#include "model/kv_cache.h"

#include "load/memory_plan.h"

#include <algorithm>
#include <cstring>

namespace facet {
namespace {

constexpr std::int64_t kFirstPositions = 256;

std::int64_t layerBytes(const KvCache::Impl &cache, const KvCache::Impl::Layer &layer, std::int64_t capacity) {
    return cache.rowBytes(layer) * layer.kvHeads * capacity;
}

std::unique_ptr<std::byte[]> room(const KvCache::Impl &cache, const KvCache::Impl::Layer &layer, std::int64_t capacity) {
    // Not zeroed: pages become resident as positions are written, and what was not written is never read.
    return std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(layerBytes(cache, layer, capacity)));
}

// The first `used` positions of each head, to where they lie with another capacity.
void copyHeads(const std::byte *old, const KvCache::Impl &cache, const KvCache::Impl::Layer &layer, std::int64_t used,
               std::int64_t capacity, std::byte *to) {
    const std::int64_t row = cache.rowBytes(layer);
    for (std::int64_t head = 0; head < layer.kvHeads && used > 0; ++head) {
        std::memcpy(to + head * capacity * row, old + head * layer.capacity * row, static_cast<std::size_t>(used * row));
    }
}

} // namespace

std::int64_t KvCache::Impl::capacityFor(const Layer &layer, std::int64_t positions) const noexcept {
    const std::int64_t needed = std::min(positions, layer.limit);
    if (layer.kvHeads == 0 || needed <= layer.capacity) return layer.capacity;
    return std::min(std::max({needed, 2 * layer.capacity, kFirstPositions}), layer.limit);
}

std::uint64_t KvCache::Impl::byteCountAt(std::int64_t positions) const noexcept {
    std::int64_t bytes = 0;
    for (const Layer &layer : layers) bytes += 2 * layerBytes(*this, layer, capacityFor(layer, positions));
    return static_cast<std::uint64_t>(bytes);
}

void KvCache::Impl::reserve(std::int64_t positions) {
    for (Layer &layer : layers) {
        const std::int64_t capacity = capacityFor(layer, positions);
        if (capacity == layer.capacity) continue;
        auto newKeys = room(*this, layer, capacity), newValues = room(*this, layer, capacity);
        const std::int64_t used = std::min(written, layer.capacity); // a ring that wraps never grows
        copyHeads(layer.keys.get(), *this, layer, used, capacity, newKeys.get());
        layer.keys = std::move(newKeys);
        copyHeads(layer.values.get(), *this, layer, used, capacity, newValues.get());
        layer.values = std::move(newValues);
        layer.capacity = capacity;
    }
    written = std::max(written, positions);
}

std::int64_t KvCache::Impl::offset(const Layer &layer, int kvHead, std::int64_t position) const noexcept {
    return (kvHead * layer.capacity + position % layer.capacity) * rowBytes(layer);
}

KvView KvCache::Impl::view(std::size_t layer) const noexcept {
    const Layer &l = layers[layer];
    return {type, l.keys.get(), l.values.get(), l.capacity, l.kvHeads, l.headDim};
}

Result<KvCache> KvCache::create(const TextConfig &config, CacheType type, std::int64_t contextLength,
                                std::int64_t maxBlock) {
    if (contextLength < 1 || maxBlock < 1) {
        return Error{ErrorCode::InvalidArgument, "The context length and the size of a pass must be positive.",
                     "contextLength " + std::to_string(contextLength) + ", maxBlock " + std::to_string(maxBlock)};
    }
    FACET_CHECK(checkCacheType(config, type));
    auto impl = std::make_unique<Impl>();
    impl->type = type;
    impl->contextLength = contextLength;
    impl->maxBlock = std::min(maxBlock, contextLength);
    impl->window = config.slidingWindow;
    impl->layers.resize(config.layers.size());
    for (std::size_t i = 0; i < config.layers.size(); ++i) {
        const LayerConfig &layer = config.layers[i];
        impl->layers[i].sliding = layer.sliding;
        if (layer.sharesKv) continue;
        impl->layers[i].kvHeads = layer.kvHeads;
        impl->layers[i].headDim = layer.headDim;
        impl->layers[i].limit = cacheCapacity(config, layer, contextLength, impl->maxBlock);
    }
    return KvCache(std::move(impl));
}

KvCache::KvCache(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
KvCache::KvCache(KvCache &&) noexcept = default;
KvCache &KvCache::operator=(KvCache &&) noexcept = default;
KvCache::~KvCache() = default;

std::int64_t KvCache::length() const noexcept { return m_impl->length; }

std::int64_t KvCache::contextLength() const noexcept { return m_impl->contextLength; }

std::uint64_t KvCache::byteCount() const noexcept {
    return m_impl->byteCountAt(0);
}

KvCache KvCache::emptyLike() const {
    auto impl = std::make_unique<Impl>();
    impl->type = m_impl->type;
    impl->contextLength = m_impl->contextLength;
    impl->maxBlock = m_impl->maxBlock;
    impl->window = m_impl->window;
    for (const auto &layer : m_impl->layers) {
        impl->layers.emplace_back();
        impl->layers.back().sliding = layer.sliding;
        impl->layers.back().kvHeads = layer.kvHeads;
        impl->layers.back().headDim = layer.headDim;
        impl->layers.back().limit = layer.limit;
    }
    return KvCache(std::move(impl));
}

bool KvCache::truncate(std::int64_t length) noexcept {
    if (length < 0) return false;
    if (length >= m_impl->length) return length == m_impl->length;
    if (length == 0) {
        clear();
        return true;
    }
    const std::int64_t needed =
        std::max<std::int64_t>(0, length - (m_impl->window - 1)); // oldest key that `length` will see
    for (const auto &layer : m_impl->layers) {
        if (layer.sliding && layer.kvHeads > 0 && needed < m_impl->written - layer.limit) return false;
    }
    m_impl->length = length;
    return true;
}

void KvCache::clear() noexcept {
    m_impl->length = 0;
    m_impl->written = 0;
}

} // namespace facet
