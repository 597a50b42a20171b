// Ways back to an earlier point of a conversation. Full layers simply keep their positions; the rings of sliding layers
// overwrite old ones, so that a copy of their window must be taken before it is lost.
//
//     auto rings = RingSnapshot::take(cache, turnEnd);   // while ringsHold(cache, turnEnd)
//     ... much later ...
//     rewind(cache, *rings);                             // cache.length() == turnEnd, as if nothing had come after it
//     auto branch = copyPrefix(cache, turnEnd, rings.get());
#pragma once

#include "model/text_model.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace facet {

class RingSnapshot {
public:
    // The keys and values that `position` (at most the cache's length) will see in sliding layers. Null if the rings
    // hold them no more. Throws std::bad_alloc.
    static std::shared_ptr<const RingSnapshot> take(const KvCache &cache, std::int64_t position);
    // From bytes that a snapshot of a cache of the same shape had, for that position; null if their number is wrong.
    static std::shared_ptr<const RingSnapshot> fromBytes(const KvCache &shape, std::int64_t position,
                                                         std::span<const std::byte> bytes);

    std::int64_t position() const noexcept { return m_position; }
    std::span<const std::byte> bytes() const noexcept { return m_bytes; }
    static std::uint64_t byteCount(const KvCache &shape, std::int64_t position) noexcept;

private:
    friend bool rewind(KvCache &cache, const RingSnapshot &snapshot);
    std::int64_t m_position = 0;
    // Layer after layer: keys, then values, each [kvHeads][positions][row].
    std::vector<std::byte> m_bytes;
};

// Whether the cache can be cut to `position` as it is.
bool ringsHold(const KvCache &cache, std::int64_t position) noexcept;
// The same after `rows` more positions were written.
bool ringsWillHold(const KvCache &cache, std::int64_t position, std::int64_t rows) noexcept;
// Cuts the cache to the snapshot's position and restores its rings. False (nothing changed) if it is shorter than that
// or of another shape. Throws std::bad_alloc.
bool rewind(KvCache &cache, const RingSnapshot &snapshot);

// A cache of its own with the first `length` positions of another. `rings`: for exactly that length, or null if the
// other's rings still hold it. Errors: OutOfMemory, InvalidArgument (neither is so).
Result<KvCache> copyPrefix(const KvCache &from, std::int64_t length, const RingSnapshot *rings);

// Bytes that the cache will have when it holds that many positions.
std::uint64_t byteCountAt(const KvCache &cache, std::int64_t positions) noexcept;

// The layout in words: caches with the same one can take each other's bytes.
std::string shapeOf(const KvCache &cache);
// Bytes that visitPrefix gives and fillPrefix wants.
std::uint64_t prefixBytes(const KvCache &shape, std::int64_t length) noexcept;

// Keys, then values of every full layer, head after head, as far as `length` positions go: for files. Each piece is
// one head's; `visit` may stop with false.
bool visitPrefix(const KvCache &cache, std::int64_t length,
                 const std::function<bool(std::span<const std::byte>)> &visit);
// The other way round, into an empty cache of that shape: makes room, lets `fill` write the pieces. The cache then has
// that length, its rings are still to be restored (rewind). Throws std::bad_alloc.
bool fillPrefix(KvCache &cache, std::int64_t length, const std::function<bool(std::span<std::byte>)> &fill);

} // namespace facet
