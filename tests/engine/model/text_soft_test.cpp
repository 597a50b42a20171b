// Soft tokens of pictures and sound: the whole-model goldens with the reference's own embeddings put in, no tower
// involved.
#include "text_support.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

using namespace facet;
using namespace facet::test;

namespace {

struct SoftCase {
    std::vector<std::int32_t> ids, greedy;
    std::vector<std::uint8_t> kinds; // 0 text, 1 image, 2 video, 3 audio
    std::vector<float> embeddings;   // [ids, H]
    std::vector<std::int64_t> rows;
    std::vector<float> logits;
};

SoftCase readCase(const std::filesystem::path &json, const nlohmann::json &golden) {
    auto path = json;
    auto file = SafetensorsFile::open(path.replace_extension(".safetensors").string());
    REQUIRE(file);
    const auto at = [&](const char *name) -> const SafetensorsTensor & {
        const auto *tensor = file->find(name);
        REQUIRE_MESSAGE(tensor != nullptr, name);
        return *tensor;
    };
    SoftCase out;
    out.ids = integersOf(*file, at("input_ids"));
    out.greedy = integersOf(*file, at("greedy_ids"));
    out.greedy.resize(golden.value("robust_prefix", out.greedy.size()));
    for (const std::byte kind : file->data(at("mm_token_type_ids")))
        out.kinds.push_back(std::to_integer<std::uint8_t>(kind));
    out.embeddings = floatsOf(*file, at("inputs_embeds"));
    for (const auto row : integersOf(*file, at("logits.positions"))) out.rows.push_back(row);
    out.logits = floatsOf(*file, at("logits"));
    return out;
}

Segment segmentOf(const SoftCase &c, std::int64_t hidden) {
    Segment segment;
    segment.ids = c.ids;
    for (std::size_t i = 0; i < c.kinds.size();) {
        std::size_t end = i + 1;
        while (end < c.kinds.size() && c.kinds[end] == c.kinds[i]) ++end;
        if (c.kinds[i] != 0) {
            segment.soft.push_back({static_cast<std::int64_t>(i), static_cast<std::int64_t>(end - i),
                                    c.embeddings.data() + static_cast<std::int64_t>(i) * hidden, c.kinds[i] != 3});
        }
        i = end;
    }
    segment.logitRows = c.rows;
    return segment;
}

void checkLogits(const std::vector<float> &want, const std::vector<float> &got) {
    REQUIRE(want.size() == got.size());
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(double{want[i]} - got[i]));
    CHECK(worst <= 5e-3);
    CHECK(cosine(want, got) >= 0.99999);
}

} // namespace

TEST_CASE("soft tokens give the reference's logits, with and without rows left out") {
    int cases = 0;
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        const std::int64_t hidden = rig.model.config().hiddenSize;
        for (const auto &entry : std::filesystem::directory_iterator(fixtures() / "golden" / "media")) {
            const std::string file = entry.path().filename().string();
            if (!file.starts_with("model_" + name + "_") || entry.path().extension() != ".json") continue;
            std::ifstream stream(entry.path());
            const auto golden = nlohmann::json::parse(stream);
            if (golden.at("tensors").contains("inputs_embeds.positions")) continue; // only some embeddings are stored
            INFO(file);
            const SoftCase c = readCase(entry.path(), golden);
            const auto total = static_cast<std::int64_t>(c.ids.size());
            KvCache cache = rig.cache(total + 64, total);
            Segment segment = segmentOf(c, hidden);
            segment.cache = &cache;
            auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
            REQUIRE(output);
            checkLogits(c.logits, output->logits);
            REQUIRE(c.rows.back() == total - 1);
            const std::vector<float> last(output->logits.end() - rig.model.config().vocabularySize,
                                          output->logits.end());
            CHECK(rig.greedy(cache, last, static_cast<int>(c.greedy.size())) == c.greedy);
            ++cases;
        }
    }
    CHECK(cases >= 3);
}

TEST_CASE("a picture in a later piece gives the same logits as in one pass") {
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        INFO(name);
        const std::int64_t hidden = rig.model.config().hiddenSize, total = 80, first = 30, count = 40;
        const auto ids = someIds(total, rig.model.config().vocabularySize, 5);
        std::vector<float> soft(static_cast<std::size_t>(count * hidden));
        for (std::size_t i = 0; i < soft.size(); ++i) soft[i] = std::sin(static_cast<float>(i) * 0.37F);
        KvCache whole = rig.cache(128, 96), pieces = rig.cache(128, 96);
        Segment segment{&whole, ids, {{first, count, soft.data(), true}}, {total - 1}};
        auto once = rig.model.forward(rig.exec, std::span(&segment, 1));
        REQUIRE(once);
        rig.feed(pieces, {ids.begin(), ids.begin() + first}, 7, {});
        Segment middle{
            &pieces, {ids.begin() + first, ids.begin() + first + count}, {{0, count, soft.data(), true}}, {}};
        REQUIRE(rig.model.forward(rig.exec, std::span(&middle, 1)));
        CHECK(rig.feed(pieces, {ids.begin() + first + count, ids.end()}, 4, {total - first - count - 1}) ==
              once->logits);
    }
}

TEST_CASE("a placeholder without its medium reads as padding") {
    for (const auto &name : textCheckpoints()) {
        const TextRig rig = TextRig::open(name);
        const auto &tokens = rig.checkpoint.config.tokens;
        for (const int id : {tokens.imageSoft, tokens.audioSoft, tokens.videoSoft}) {
            if (id < 0) continue;
            KvCache a = rig.cache(16, 8), b = rig.cache(16, 8);
            CHECK(rig.feed(a, {2, id, 105}, 8, {2}) == rig.feed(b, {2, rig.checkpoint.config.padId, 105}, 8, {2}));
        }
    }
}
