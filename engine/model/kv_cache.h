// What lies behind KvCache (text_model.h): one buffer of keys and one of values per producing layer. Inside this folder
// only.
#pragma once

#include "model/text_model.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace facet {

struct KvCache::Impl {
    // Layout [kvHeads][capacity][headDim]; position p is slot p % capacity. The capacity grows up to `limit`, and only
    // at the limit of a sliding layer do positions begin to overwrite each other.
    struct Layer {
        bool sliding = false;
        int kvHeads = 0; // 0: this layer makes no keys
        int headDim = 0;
        std::int64_t limit = 0;
        std::int64_t capacity = 0;
        std::unique_ptr<std::byte[]> keys, values;
    };

    CacheType type = CacheType::F16;
    std::int64_t contextLength = 0;
    std::int64_t maxBlock = 0;
    std::int64_t window = 0;
    std::int64_t length = 0;
    std::int64_t written = 0; // positions ever written since the last clear: what rings may have overwritten
    std::vector<Layer> layers;

    // Bytes of one position of one head, in keys and in values each.
    std::int64_t rowBytes(const Layer &layer) const noexcept { return cacheRowBytes(type, layer.headDim); }
    std::uint64_t byteCountAt(std::int64_t positions) const noexcept; // with room for that many
    // Makes room for positions [0, positions) and remembers that they will be written. Throws std::bad_alloc.
    void reserve(std::int64_t positions);
    std::int64_t capacityFor(const Layer &layer, std::int64_t positions) const noexcept;
    // Bytes into keys or values where head `kvHead` of `position` lies.
    std::int64_t offset(const Layer &layer, int kvHead, std::int64_t position) const noexcept;
    KvView view(std::size_t layer) const noexcept;
};

} // namespace facet
