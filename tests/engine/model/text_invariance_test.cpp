// What must not change a result: how a prompt is cut, who shares a pass, how many threads, which rows are left out.
#include "text_support.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace facet;
using namespace facet::test;

namespace {

constexpr std::int64_t kTotal = 210; // longer than the rings of the tiny models, so that they wrap
const std::vector<std::int64_t> kRows = {0, 17, 63, 64, 130, kTotal - 1};

struct Product {
    WeightType weights;
    CacheType cache;
};
constexpr Product kProducts[] = {{WeightType::AsStored, CacheType::F32},
                                 {WeightType::Q8_0, CacheType::F16},
                                 {WeightType::AsStored, CacheType::Q8_0},
                                 {WeightType::AsStored, CacheType::Q4_R}};

} // namespace

TEST_CASE("pieces of any size give bit-identical logits, decoding token by token included") {
    for (const auto &name : textCheckpoints()) {
        for (const auto &product : kProducts) {
            const TextRig rig = TextRig::open(name, InstructionSet::Auto, product.weights);
            // Heads of 16 values cannot be kept in blocks of 32: create() refuses them, see text_load_test.cpp.
            if (!KvCache::create(rig.model.config(), product.cache, 256, kTotal)) {
                CHECK(name == "tiny-31b");
                CHECK((product.cache == CacheType::Q8_0 || product.cache == CacheType::Q4_R));
                continue;
            }
            const auto ids = someIds(kTotal, rig.model.config().vocabularySize, 1);
            KvCache whole = rig.cache(256, kTotal, product.cache);
            const auto want = rig.feed(whole, ids, kTotal, kRows);
            for (const std::int64_t chunk : {1, 7, 32, 64}) {
                INFO(name, " chunk ", chunk, " weights ", static_cast<int>(product.weights));
                KvCache cache = rig.cache(256, 64, product.cache);
                CHECK(rig.feed(cache, ids, chunk, kRows) == want);
                CHECK(cache.length() == kTotal);
            }
        }
    }
}

TEST_CASE("the number of threads does not change a bit") {
    for (const auto &name : textCheckpoints()) {
        const TextRig one = TextRig::open(name, InstructionSet::Auto, WeightType::AsStored, 1);
        const TextRig three = TextRig::open(name, InstructionSet::Auto, WeightType::AsStored, 3);
        const auto ids = someIds(60, one.model.config().vocabularySize, 2);
        KvCache a = one.cache(64, 64), b = three.cache(64, 64);
        CHECK(one.feed(a, ids, 40, {5, 59}) == three.feed(b, ids, 40, {5, 59}));
    }
}

TEST_CASE("two conversations in one pass equal each alone") {
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        INFO(name);
        const std::int32_t vocabulary = rig.model.config().vocabularySize;
        const auto history = someIds(40, vocabulary, 3);
        const auto more = someIds(9, vocabulary, 4);
        KvCache a1 = rig.cache(64, 48), a2 = rig.cache(64, 48), b1 = rig.cache(128, 48), b2 = rig.cache(128, 48);
        rig.feed(a1, history, 48, {});
        rig.feed(a2, history, 48, {});
        const auto wantA = rig.feed(a1, {more[0]}, 1, {0});
        const auto wantB = rig.feed(b1, more, 48, {3, 8});
        Segment segments[2];
        segments[0].cache = &a2;
        segments[0].ids = {more[0]};
        segments[0].logitRows = {0};
        segments[1].cache = &b2;
        segments[1].ids = more;
        segments[1].logitRows = {3, 8};
        auto both = rig.model.forward(rig.exec, segments);
        REQUIRE(both);
        auto want = wantA;
        want.insert(want.end(), wantB.begin(), wantB.end());
        CHECK(both->logits == want);
        CHECK(a2.length() == 41);
        CHECK(b2.length() == 9);
    }
}

TEST_CASE("leaving out rows after the last layer with keys changes nothing") {
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        INFO(name);
        const auto ids = someIds(50, rig.model.config().vocabularySize, 6);
        KvCache a = rig.cache(64, 64), b = rig.cache(64, 64);
        Segment segment;
        segment.cache = &a;
        segment.ids = ids;
        segment.logitRows = {20, 49};
        int calls = 0;
        auto all = rig.model.forward(rig.exec, std::span(&segment, 1),
                                     [&](const std::string &, const float *, std::int64_t rows, std::int64_t) {
                                         CHECK(rows == 50);
                                         ++calls;
                                     });
        REQUIRE(all);
        CHECK(calls > rig.model.config().layerCount);
        segment.cache = &b;
        auto few = rig.model.forward(rig.exec, std::span(&segment, 1));
        REQUIRE(few);
        CHECK(few->logits == all->logits);
        CHECK(few->hidden == all->hidden);
        CHECK(rig.feed(a, {5}, 1, {0}) == rig.feed(b, {5}, 1, {0}));
    }
}

TEST_CASE("positions taken back leave no trace") {
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        INFO(name);
        const std::int32_t vocabulary = rig.model.config().vocabularySize;
        const auto ids = someIds(kTotal, vocabulary, 7);
        const auto other = someIds(12, vocabulary, 8);
        const std::vector<std::int32_t> head(ids.begin(), ids.begin() + 190);
        KvCache cache = rig.cache(256, 64), fresh = rig.cache(256, 64);
        rig.feed(cache, ids, 32, {});
        CHECK_FALSE(cache.truncate(-1));
        CHECK_FALSE(cache.truncate(kTotal + 1));
        CHECK(cache.truncate(kTotal));
        REQUIRE(cache.truncate(190));
        CHECK(cache.length() == 190);
        rig.feed(fresh, head, 64, {});
        CHECK(rig.feed(cache, other, 5, {11}) == rig.feed(fresh, other, 12, {11}));
        // The rings have moved on: that far back only a new reading helps.
        CHECK_FALSE(cache.truncate(40));
        CHECK(cache.length() == 202);
        CHECK(cache.truncate(0));
        KvCache empty = rig.cache(256, 64);
        CHECK(rig.feed(cache, other, 12, {11}) == rig.feed(empty, other, 12, {11}));
    }
}

TEST_CASE("a cancelled pass leaves the conversation as it was") {
    for (const auto &name : textCheckpoints()) {
        TextRig rig = TextRig::open(name);
        INFO(name);
        const auto ids = someIds(kTotal, rig.model.config().vocabularySize, 9);
        const std::vector<std::int32_t> head(ids.begin(), ids.begin() + 150), tail(ids.begin() + 150, ids.end());
        KvCache cache = rig.cache(256, 64), fresh = rig.cache(256, 64);
        rig.feed(cache, head, 50, {});
        rig.feed(fresh, head, 50, {});

        std::atomic<bool> stop{false};
        rig.exec.cancel = &stop;
        Segment segment;
        segment.cache = &cache;
        segment.ids = tail;
        auto stopped = rig.model.forward(rig.exec, std::span(&segment, 1),
                                         [&](const std::string &tensor, const float *, std::int64_t, std::int64_t) {
                                             if (tensor == "layer_02.out") stop = true;
                                         });
        REQUIRE_FALSE(stopped);
        CHECK(stopped.error().code == ErrorCode::Cancelled);
        CHECK(cache.length() == 150);
        CHECK_FALSE(rig.model.forward(rig.exec, std::span(&segment, 1)));
        rig.exec.cancel = nullptr;
        CHECK(rig.feed(cache, tail, 30, {59}) == rig.feed(fresh, tail, 30, {59}));
    }
}

namespace {

// Cosine between the logits of `name` loaded like this and exactly.
double similarity(const std::string &name, WeightType type, CacheType cacheType, bool floatActivations) {
    const TextRig exact = TextRig::open(name);
    TextRig rig = TextRig::open(name, InstructionSet::Auto, type);
    rig.exec.reference = floatActivations;
    if (type != WeightType::AsStored) CHECK(rig.model.residentBytes() < exact.model.residentBytes() * 2 / 3);
    const auto ids = someIds(40, exact.model.config().vocabularySize, 10);
    KvCache reference = exact.cache(64, 64), cache = rig.cache(64, 64, cacheType);
    const auto want = exact.feed(reference, ids, 64, {10, 25, 39});
    const double similar = cosine(rig.feed(cache, ids, 64, {10, 25, 39}), want);
    CHECK(similar < 1.0);
    return similar;
}

} // namespace

TEST_CASE("quantised weights and float16 caches stay close to the reference") {
    // A trained model shows what users get; random weights amplify rounding strongly (text.md, "How sure is this").
    const char *resources = std::getenv("FACET_RESOURCES");
    REQUIRE(resources != nullptr);
    const std::string demo = std::string(resources) + "/demo-model";
    CHECK(similarity(demo, WeightType::AsStored, CacheType::F16, true) >= 0.9999);
    CHECK(similarity(demo, WeightType::AsStored, CacheType::Q8_0, true) >= 0.999);
    CHECK(similarity(demo, WeightType::AsStored, CacheType::Q4_0, true) >= 0.9);
    CHECK(similarity(demo, WeightType::AsStored, CacheType::Q4_R, true) >= 0.9);
    CHECK(similarity(demo, WeightType::Q8_0, CacheType::F32, true) >= 0.999);
    CHECK(similarity(demo, WeightType::Q8_0, CacheType::F16, false) >= 0.998);
    CHECK(similarity(demo, WeightType::Q4_0, CacheType::F16, false) >= 0.9);
    for (const auto &name : textCheckpoints()) {
        INFO(name);
        CHECK(similarity(name, WeightType::AsStored, CacheType::F16, true) >= 0.999);
        CHECK(similarity(name, WeightType::Q8_0, CacheType::F32, true) >= 0.98);
        CHECK(similarity(name, WeightType::Q8_0, CacheType::F16, false) >= 0.97);
    }
}
