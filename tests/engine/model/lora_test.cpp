// Adapters: the reference's logits, merged weights as the judge of every kind of module, rows with different adapters in
// one pass, and what is refused.
#include "adapter_support.h"

#include "model/lora.h"
#include "model/text_weights.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <random>

using namespace facet;
using namespace facet::test;

namespace {

std::string fixtureAdapter() { return (fixtures() / "checkpoints" / "tiny-e2b-lora").string(); }

LoraSet opened(std::vector<AdapterOption> options) {
    auto set = LoraSet::open(options);
    if (!set) FAIL(set.error().describe());
    return std::move(set).value();
}

const nlohmann::json kPlain = {{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 8}, {"bias", "none"}};

// Logits of the last row, with these scales.
std::vector<float> logitsWith(const TextRig &rig, const std::vector<std::int32_t> &ids,
                              const std::vector<float> &scales) {
    KvCache cache = rig.cache(256, 128);
    Segment segment;
    segment.cache = &cache;
    segment.ids = ids;
    segment.logitRows = {static_cast<std::int64_t>(ids.size()) - 1};
    segment.adapterScales = scales;
    auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
    if (!output) FAIL(output.error().describe());
    return output->logits;
}

double largestDifference(const std::vector<float> &a, const std::vector<float> &b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double{a[i]} - b[i]));
    return worst;
}

} // namespace

TEST_CASE("the reference adapter's logits, whole and in pieces") {
    std::ifstream stream(fixtures() / "golden" / "tiny-e2b" / "lora.json");
    const auto golden = nlohmann::json::parse(stream);
    auto file = SafetensorsFile::open((fixtures() / "golden" / "tiny-e2b" / "lora.safetensors").string());
    REQUIRE(file);
    for (const InstructionSet isa : {InstructionSet::Auto, InstructionSet::Scalar}) {
        TextRig rig = TextRig::open("tiny-e2b", isa);
        LoraSet set = opened({{fixtureAdapter(), 1.0F}});
        REQUIRE(rig.model.attach(set));
        REQUIRE(set.checkAllUsed(rig.model.config()));
        const std::vector<float> scales = set.defaultScales();
        for (const auto &entry : golden.at("cases")) {
            const auto ids = entry.at("input_ids").get<std::vector<std::int32_t>>();
            const auto rows = entry.at("rows").get<std::vector<std::int64_t>>();
            const auto *tensor = file->find(entry.at("logits").get<std::string>());
            REQUIRE(tensor);
            const std::vector<float> want = floatsOf(*file, *tensor);
            for (const std::int64_t chunk : {std::int64_t{64}, std::int64_t{5}}) {
                KvCache cache = rig.cache(128, 64);
                std::vector<float> got;
                for (std::int64_t begin = 0; begin < static_cast<std::int64_t>(ids.size()); begin += chunk) {
                    const auto end = std::min(begin + chunk, static_cast<std::int64_t>(ids.size()));
                    Segment segment;
                    segment.cache = &cache;
                    segment.adapterScales = scales;
                    segment.ids.assign(ids.begin() + begin, ids.begin() + end);
                    for (const std::int64_t row : rows)
                        if (row >= begin && row < end) segment.logitRows.push_back(row - begin);
                    auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
                    REQUIRE(output);
                    got.insert(got.end(), output->logits.begin(), output->logits.end());
                }
                CHECK(largestDifference(want, got) <= golden.at("tolerances").at("logits_max_abs").get<double>());
                CHECK(cosine(want, got) >= golden.at("tolerances").at("logits_min_cosine").get<double>());
            }
        }
    }
}

// y = (W + s B A) x: the same as W x + s B(A x), so merging into a copy of the weights is an independent judge.
TEST_CASE("every linear layer of every model takes its adapter as if merged") {
    for (const auto &name : textCheckpoints()) {
        TextRig rig = TextRig::open(name);
        auto weights = loadTextWeights(rig.checkpoint, rig.exec, WeightType::AsStored, {});
        REQUIRE(weights);
        int tried = 0;
        for (const LoraModule &module : loraModules(*weights)) {
            if (module.matrix->empty()) continue;
            // One layer of each type is enough for the layers' modules.
            if (module.name.find("layers.") != std::string::npos && module.name.find("layers.0.") == std::string::npos &&
                module.name.find("layers.5.") == std::string::npos)
                continue;
            INFO(name, " ", module.name);
            const Matrix &base = *module.matrix;
            AdapterFolder folder("one");
            folder.addPair(module.name, base.rows, base.cols, 3, 11);
            folder.write({{"peft_type", "LORA"}, {"r", 3}, {"lora_alpha", 6}, {"use_rslora", true}});
            LoraSet set = opened({{folder.path(), 0.5F}});
            REQUIRE(rig.model.attach(set));
            REQUIRE(set.checkAllUsed(rig.model.config()));
            const auto ids = someIds(20, rig.model.config().vocabularySize, 3);
            const auto plain = logitsWith(rig, ids, {0.0F});
            const auto none = logitsWith(rig, ids, {});
            CHECK(plain == none);
            const auto adapted = logitsWith(rig, ids, set.defaultScales());
            CHECK(largestDifference(plain, adapted) > 1e-4);
            // rsLoRA: alpha / sqrt(r); half of it.
            auto bound = set.bind(std::vector<LoraModule>{module});
            REQUIRE(bound);
            const auto *deltas = bound->find(module.matrix);
            REQUIRE(deltas);
            REQUIRE(deltas->size() == 1);
            CHECK(deltas->front().scale == doctest::Approx(6.0 / std::sqrt(3.0)));
            ++tried;
        }
        CHECK(tried >= 10);
    }
}

TEST_CASE("an adapter beside the weights equals the weights merged") {
    // Through the hook alone: any matrix, strides, several jobs of one call.
    TextRig rig = TextRig::open("tiny-e2b");
    const std::int64_t in = 48, out = 20, tokens = 7;
    AdapterFolder folder("merge"), second("second");
    folder.addPair("x.up", out, in, 5, 21);
    folder.write({{"peft_type", "LORA"}, {"lora_alpha", 10}, {"alpha_pattern", {{"up", 15}}}});
    second.addPair("x.up", out, in, 2, 22);
    second.write(kPlain);
    LoraSet set = opened({{folder.path(), 0.25F}, {second.path(), -1.5F}});
    std::mt19937 random(5);
    const auto some = [&random](std::int64_t count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float &value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) * 1e-3F;
        return values;
    };
    const std::vector<float> w = some(out * in), x = some(tokens * in);
    const Matrix matrix{TensorType::F32, out, in, std::as_bytes(std::span(w)).data(), {}, "w"};
    auto bound = set.bind(std::vector<LoraModule>{{"x.up", &matrix}});
    REQUIRE(bound);
    LoraHook hook(*bound);
    const std::vector<float> scales = set.defaultScales(), off = {0.0F, 0.0F};
    hook.setRows({{0, 3, scales}, {3, 1, off}, {5, 2, scales}}); // row 4 belongs to nobody
    Exec exec = rig.exec;
    exec.hook = &hook;
    std::vector<float> got(static_cast<std::size_t>(tokens * out));
    linear(exec, matrix, x.data(), tokens, got.data());

    std::vector<double> merged(w.begin(), w.end());
    const auto merge = [&](const AdapterFolder &from, std::int64_t rank, double scale) {
        const auto &a = from.values("base_model.model.x.up.lora_A.weight");
        const auto &b = from.values("base_model.model.x.up.lora_B.weight");
        for (std::int64_t r = 0; r < out; ++r)
            for (std::int64_t c = 0; c < in; ++c)
                for (std::int64_t k = 0; k < rank; ++k)
                    merged[static_cast<std::size_t>(r * in + c)] += scale *
                                                                    b[static_cast<std::size_t>(r * rank + k)] *
                                                                    a[static_cast<std::size_t>(k * in + c)];
    };
    merge(folder, 5, 0.25 * 15.0 / 5.0);
    merge(second, 2, -1.5 * 8.0 / 2.0);
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t r = 0; r < out; ++r) {
            double want = 0;
            for (std::int64_t c = 0; c < in; ++c) {
                const auto at = static_cast<std::size_t>(r * in + c);
                want += (t == 3 || t == 4 ? double{w[at]} : merged[at]) * x[static_cast<std::size_t>(t * in + c)];
            }
            CHECK(got[static_cast<std::size_t>(t * out + r)] == doctest::Approx(want).epsilon(1e-4).scale(1));
        }
    }
}

TEST_CASE("rows of one pass may have different adapters, on quantised weights too") {
    for (const WeightType type : {WeightType::AsStored, WeightType::Q8_0}) {
        TextRig rig = TextRig::open("tiny-e2b", InstructionSet::Auto, type);
        LoraSet set = opened({{fixtureAdapter(), 1.0F}});
        REQUIRE(rig.model.attach(set));
        const auto ids = someIds(25, rig.model.config().vocabularySize, 9);
        const std::vector<float> on = {1.0F}, half = {0.5F};
        const auto wantOn = logitsWith(rig, ids, on), wantHalf = logitsWith(rig, ids, half),
                   wantNone = logitsWith(rig, ids, {});
        CHECK(wantOn != wantHalf);
        CHECK(wantOn != wantNone);
        KvCache caches[3] = {rig.cache(64, 64), rig.cache(64, 64), rig.cache(64, 64)};
        Segment segments[3];
        for (int i = 0; i < 3; ++i) {
            segments[i].cache = &caches[i];
            segments[i].ids = ids;
            segments[i].logitRows = {24};
        }
        segments[0].adapterScales = half;
        segments[2].adapterScales = on;
        auto output = rig.model.forward(rig.exec, segments);
        REQUIRE(output);
        auto want = wantHalf;
        want.insert(want.end(), wantNone.begin(), wantNone.end());
        want.insert(want.end(), wantOn.begin(), wantOn.end());
        CHECK(output->logits == want);
    }
}

TEST_CASE("what does not fit is named") {
    TextRig rig = TextRig::open("tiny-e2b");
    SUBCASE("no such layer") {
        AdapterFolder folder("stranger");
        folder.addPair("model.language_model.layers.77.self_attn.q_proj", 128, 256, 4, 1);
        folder.write(kPlain);
        LoraSet set = opened({{folder.path(), 1.0F}});
        REQUIRE(rig.model.attach(set));
        const Status status = set.checkAllUsed(rig.model.config());
        REQUIRE_FALSE(status);
        CHECK(status.error().describe().find("layers.77.self_attn.q_proj.lora_A.weight") != std::string::npos);
    }
    SUBCASE("another shape") {
        AdapterFolder folder("wide");
        folder.addPair("model.language_model.layers.1.self_attn.q_proj", 128, 999, 4, 1);
        folder.write(kPlain);
        LoraSet set = opened({{folder.path(), 1.0F}});
        const Status status = rig.model.attach(set);
        REQUIRE_FALSE(status);
        CHECK(status.error().describe().find("[4, 999]") != std::string::npos);
        CHECK(status.error().describe().find("[128, 256]") != std::string::npos);
    }
    SUBCASE("keys of layers that share them are ignored, other spellings are known") {
        AdapterFolder folder("shared");
        folder.addPair("model.language_model.layers.9.self_attn.k_proj", 64, 256, 4, 1);
        folder.addPair("model.layers.1.self_attn.q_proj", 128, 256, 4, 1);
        folder.write(kPlain);
        LoraSet set = opened({{folder.path(), 1.0F}});
        REQUIRE(rig.model.attach(set));
        CHECK(set.checkAllUsed(rig.model.config()));
    }
    SUBCASE("names, scales and keys of requests") {
        LoraSet set = opened({{fixtureAdapter(), 0.5F}});
        CHECK(set.scalesFor({})->front() == 0.5F);
        const std::vector<AdapterChoice> off = {{"tiny-e2b-lora", 0.0F}}, more = {{"tiny-e2b-lora", 2.0F}},
                                         unknown = {{"nobody", 1.0F}}, wild = {{"tiny-e2b-lora", NAN}};
        CHECK(set.key(*set.scalesFor(off)).empty());
        CHECK(set.key(*set.scalesFor(more)) != set.key(*set.scalesFor({})));
        REQUIRE_FALSE(set.scalesFor(unknown));
        CHECK(set.scalesFor(unknown).error().message.find("tiny-e2b-lora") != std::string::npos);
        CHECK_FALSE(set.scalesFor(wild));
        const std::vector<AdapterOption> twice = {{fixtureAdapter(), 1.0F}, {fixtureAdapter(), 1.0F}};
        CHECK_FALSE(LoraSet::open(twice));
    }
}
