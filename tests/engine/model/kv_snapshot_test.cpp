// Going back to an earlier point must give, bit for bit, what reading up to that point gives.
#include "model/kv_snapshot.h"
#include "text_support.h"

#include <doctest/doctest.h>

#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

constexpr std::int64_t kTurn = 50, kTotal = 230; // far more than a ring of the tiny models holds behind `kTurn`
constexpr std::int64_t kContext = 512, kBlock = 16;

struct Case {
    TextRig rig;
    std::vector<std::int32_t> ids, other;
    CacheType type;
    std::vector<float> want; // of other's last row behind ids[0, kTurn)

    Case(const std::string &name, CacheType cacheType)
        : rig(TextRig::open(name)), ids(someIds(kTotal, rig.model.config().vocabularySize, 1)),
          other(someIds(30, rig.model.config().vocabularySize, 2)), type(cacheType) {
        KvCache cache = fresh();
        rig.feed(cache, {ids.begin(), ids.begin() + kTurn}, kBlock, {});
        want = rig.feed(cache, other, kBlock, {0, 29});
    }
    KvCache fresh() const { return rig.cache(kContext, kBlock, type); }
    // A cache that read everything, and what its rings held at kTurn.
    std::pair<KvCache, std::shared_ptr<const RingSnapshot>> whole() const {
        KvCache cache = fresh();
        rig.feed(cache, {ids.begin(), ids.begin() + kTurn}, kBlock, {});
        auto rings = RingSnapshot::take(cache, kTurn);
        rig.feed(cache, {ids.begin() + kTurn, ids.end()}, kBlock, {});
        return {std::move(cache), std::move(rings)};
    }
};

} // namespace

TEST_CASE("rewinding and branching to an earlier turn equal reading up to it") {
    for (const auto &name : textCheckpoints()) {
        for (const CacheType type : {CacheType::F32, CacheType::F16, CacheType::Q8_0, CacheType::Q4_0, CacheType::Q4_R}) {
            if (name == "tiny-31b" && type != CacheType::F32 && type != CacheType::F16) continue; // heads of 16 values
            INFO(name);
            const Case c(name, type);
            auto [cache, rings] = c.whole();
            REQUIRE(rings);
            CHECK(rings->bytes().size() == RingSnapshot::byteCount(cache, kTurn));
            CHECK_FALSE(ringsHold(cache, kTurn));
            CHECK_FALSE(cache.truncate(kTurn));
            CHECK_FALSE(RingSnapshot::take(cache, kTurn));

            auto branch = copyPrefix(cache, kTurn, rings.get());
            REQUIRE(branch);
            CHECK(branch->length() == kTurn);
            CHECK(cache.length() == kTotal);
            CHECK(c.rig.feed(*branch, c.other, kBlock, {0, 29}) == c.want);
            // The original goes on as if nothing had been copied.
            KvCache same = c.fresh();
            c.rig.feed(same, c.ids, kBlock, {});
            CHECK(c.rig.feed(cache, c.other, kBlock, {29}) == c.rig.feed(same, c.other, kBlock, {29}));

            CHECK(rewind(cache, *rings));
            CHECK(cache.length() == kTurn);
            CHECK(ringsHold(cache, kTurn));
            CHECK_FALSE(ringsHold(cache, kTurn - 1));
            CHECK(c.rig.feed(cache, c.other, kBlock, {0, 29}) == c.want);
        }
    }
}

TEST_CASE("a cache goes through bytes and back") {
    for (const auto &name : textCheckpoints()) {
        const Case c(name, CacheType::F16);
        auto [cache, rings] = c.whole();
        std::vector<std::byte> full;
        CHECK(visitPrefix(cache, kTurn, [&](std::span<const std::byte> piece) {
            full.insert(full.end(), piece.begin(), piece.end());
            return true;
        }));
        KvCache copy = c.fresh();
        std::size_t at = 0;
        CHECK(fillPrefix(copy, kTurn, [&](std::span<std::byte> piece) {
            std::copy_n(full.begin() + static_cast<std::ptrdiff_t>(at), piece.size(), piece.begin());
            at += piece.size();
            return true;
        }));
        CHECK(at == full.size());
        const auto again = RingSnapshot::fromBytes(copy, kTurn, rings->bytes());
        REQUIRE(again);
        CHECK(rewind(copy, *again));
        CHECK(c.rig.feed(copy, c.other, kBlock, {0, 29}) == c.want);

        CHECK_FALSE(RingSnapshot::fromBytes(copy, kTurn, rings->bytes().first(3)));
        CHECK_FALSE(RingSnapshot::fromBytes(copy, -1, {}));
        KvCache broken = c.fresh();
        CHECK_FALSE(fillPrefix(broken, kTurn, [](std::span<std::byte>) { return false; }));
        CHECK(broken.length() == 0);
        CHECK_FALSE(fillPrefix(broken, kContext + 1, [](std::span<std::byte>) { return true; }));
        CHECK_FALSE(rewind(broken, *rings)); // shorter than the snapshot's position
    }
}

TEST_CASE("what is still in the rings can be cut without a copy, and it is known beforehand when not") {
    const TextRig rig = TextRig::open(textCheckpoints().front());
    const auto ids = someIds(kTotal, rig.model.config().vocabularySize, 5);
    KvCache cache = rig.cache(kContext, kBlock);
    rig.feed(cache, {ids.begin(), ids.begin() + kTurn}, kBlock, {});
    std::int64_t held = 0;
    while (ringsWillHold(cache, kTurn, held + 1)) ++held;
    CHECK(held >= kBlock);
    CHECK(held < kTotal - kTurn);
    rig.feed(cache, {ids.begin() + kTurn, ids.begin() + kTurn + held}, kBlock, {});
    CHECK(ringsHold(cache, kTurn));
    rig.feed(cache, {ids[0]}, 1, {});
    CHECK_FALSE(ringsHold(cache, kTurn));
    CHECK(byteCountAt(cache, cache.length()) == cache.byteCount());
    CHECK(byteCountAt(cache, kContext) > cache.byteCount());
    KvCache empty = rig.cache(kContext, kBlock);
    CHECK(empty.byteCount() == 0);
}
