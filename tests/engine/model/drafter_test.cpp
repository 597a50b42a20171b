// The drafter: every step and trace of the reference, guesses that leave the cache alone, drafters of another model.
#include "text_support.h"

#include "model/drafter.h"
#include "model/kv_cache.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

using namespace facet;
using namespace facet::test;

namespace {

Checkpoint openedAssistant() {
    auto checkpoint = openCheckpoint((fixtures() / "checkpoints" / "tiny-e2b-assistant").string());
    if (!checkpoint) FAIL(checkpoint.error().describe());
    return std::move(checkpoint).value();
}

Drafter loaded(const Checkpoint &checkpoint, const TextRig &rig, WeightType type = WeightType::AsStored) {
    auto drafter = Drafter::load(checkpoint, rig.exec, type, rig.model);
    if (!drafter) FAIL(drafter.error().describe());
    return std::move(drafter).value();
}

nlohmann::json read(const std::filesystem::path &path) {
    std::ifstream stream(path);
    return nlohmann::json::parse(stream);
}

std::int32_t best(const float *logits, std::size_t count) {
    return static_cast<std::int32_t>(std::max_element(logits, logits + count) - logits);
}

struct Row {
    std::vector<float> logits, hidden;
};

// The whole prompt; logits and hidden row of its last token.
Row prefill(const TextRig &rig, KvCache &cache, const std::vector<std::int32_t> &ids) {
    Segment segment;
    segment.cache = &cache;
    segment.ids = ids;
    segment.logitRows = {static_cast<std::int64_t>(ids.size()) - 1};
    auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
    if (!output) FAIL(output.error().describe());
    return {output->logits, output->hidden};
}

void compare(const nlohmann::json &golden, const std::string &name, const std::vector<float> &want,
             const std::vector<float> &got) {
    INFO(name);
    REQUIRE(want.size() == got.size());
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(double{want[i]} - got[i]));
    const char *key = name.find("logits") != std::string::npos ? "logits_max_abs" : "hidden_max_abs";
    CHECK(worst <= golden.at("tolerances").at(key).get<double>());
}

void checkStep(const TextRig &rig, const Drafter &drafter, const std::string &name) {
    INFO(name);
    const auto folder = fixtures() / "golden" / "tiny-e2b-assistant";
    const auto golden = read(folder / (name + ".json"));
    auto file = SafetensorsFile::open((folder / (name + ".safetensors")).string());
    REQUIRE(file);
    KvCache cache = rig.cache(256, 128);
    Row row = prefill(rig, cache, golden.at("input_ids").get<std::vector<std::int32_t>>());
    compare(golden, "hidden", floatsOf(*file, *file->find("target.last_hidden")), row.hidden);
    auto id = golden.at("next_token").get<std::int32_t>();
    const auto drafted = golden.at("drafted").get<std::vector<std::int32_t>>();
    for (std::size_t k = 0; k < drafted.size(); ++k) {
        std::map<std::string, std::vector<float>> taps;
        const Tap tap = [&taps](const std::string &stage, const float *data, std::int64_t rows, std::int64_t width) {
            REQUIRE(rows == 1);
            taps[stage] = std::vector<float>(data, data + width);
        };
        auto step = drafter.step(rig.exec, rig.model, cache, id, row.hidden, tap);
        if (!step) FAIL(step.error().describe());
        CHECK(step->best == drafted[k]);
        const std::string prefix = "step" + std::to_string(k) + ".";
        int compared = 0;
        for (const auto &tensor : file->tensors()) {
            if (!tensor.info.name.starts_with(prefix)) continue;
            std::string stage = tensor.info.name.substr(prefix.size());
            if (stage == "token_in") continue;
            if (stage.starts_with("layer_")) stage.insert(6, "0");
            if (stage == "centroids_selected") {
                const auto want = integersOf(*file, tensor);
                CHECK(std::vector<float>(want.begin(), want.end()) == taps[stage]);
            } else {
                compare(golden, stage, floatsOf(*file, tensor), taps[stage]);
            }
            ++compared;
        }
        CHECK(compared >= 8);
        id = step->best;
        row.hidden = step->hidden;
    }
    CHECK(cache.length() == static_cast<std::int64_t>(golden.at("input_ids").size()));
}

// Rounds as text.md 4 says; returns how many guesses stood in each.
std::vector<int> trace(const TextRig &rig, const Drafter &drafter, const nlohmann::json &golden,
                       std::vector<std::int32_t> &emitted) {
    const std::size_t wanted = golden.at("emitted").size();
    const int length = golden.at("draft_length").get<int>();
    const auto ids = golden.at("input_ids").get<std::vector<std::int32_t>>();
    KvCache cache = rig.cache(512, 128);
    Row row = prefill(rig, cache, ids);
    const auto vocabulary = static_cast<std::size_t>(rig.model.config().vocabularySize);
    const auto width = static_cast<std::size_t>(rig.model.config().hiddenSize);
    emitted = {best(row.logits.data(), vocabulary)};
    std::vector<int> accepted;
    while (emitted.size() < wanted) {
        Segment segment;
        segment.cache = &cache;
        segment.ids = {emitted.back()};
        std::vector<float> hidden = row.hidden;
        for (int k = 0; k < length; ++k) {
            auto step = drafter.step(rig.exec, rig.model, cache, segment.ids.back(), hidden);
            REQUIRE(step);
            segment.ids.push_back(step->best);
            hidden = step->hidden;
        }
        for (int k = 0; k <= length; ++k) segment.logitRows.push_back(k);
        const std::int64_t before = cache.length();
        auto output = rig.model.forward(rig.exec, std::span(&segment, 1));
        REQUIRE(output);
        std::size_t stood = 0;
        while (true) {
            emitted.push_back(best(output->logits.data() + stood * vocabulary, vocabulary));
            if (stood == static_cast<std::size_t>(length) || emitted.back() != segment.ids[stood + 1]) break;
            ++stood;
        }
        accepted.push_back(static_cast<int>(stood));
        REQUIRE(cache.truncate(before + static_cast<std::int64_t>(stood) + 1));
        row.hidden.assign(output->hidden.begin() + static_cast<std::ptrdiff_t>(stood * width),
                          output->hidden.begin() + static_cast<std::ptrdiff_t>((stood + 1) * width));
    }
    emitted.resize(wanted);
    return accepted;
}

} // namespace

TEST_CASE("every tensor of the reference's drafting steps") {
    const Checkpoint assistant = openedAssistant();
    for (const InstructionSet isa : {InstructionSet::Auto, InstructionSet::Scalar}) {
        const TextRig rig = TextRig::open("tiny-e2b", isa);
        const Drafter drafter = loaded(assistant, rig);
        CHECK(drafter.residentBytes() > 100'000);
        checkStep(rig, drafter, "mtp_step_short");
        checkStep(rig, drafter, "mtp_step_window");
    }
}

TEST_CASE("the reference's rounds of drafting and checking") {
    const Checkpoint assistant = openedAssistant();
    const TextRig rig = TextRig::open("tiny-e2b");
    const Drafter drafter = loaded(assistant, rig);
    for (const char *name : {"mtp_trace_unicode", "mtp_trace_window"}) {
        INFO(name);
        const auto golden = read(fixtures() / "golden" / "tiny-e2b-assistant" / (std::string(name) + ".json"));
        std::vector<std::int32_t> emitted;
        const auto accepted = trace(rig, drafter, golden, emitted);
        CHECK(emitted == golden.at("emitted").get<std::vector<std::int32_t>>());
        std::vector<int> want;
        for (const auto &round : golden.at("rounds")) want.push_back(round.at("accepted").get<int>());
        CHECK(accepted == want);
    }
}

TEST_CASE("with every token scored the guesses are as good as the plain head's") {
    Checkpoint assistant = openedAssistant();
    assistant.config.drafter->centroids = 0; // as in files that carry no clusters
    const TextRig rig = TextRig::open("tiny-e2b");
    const Drafter drafter = loaded(assistant, rig);
    KvCache cache = rig.cache(64, 32);
    const Row row = prefill(rig, cache, someIds(20, 2048, 4));
    std::vector<float> full, logits;
    auto step = drafter.step(rig.exec, rig.model, cache, 17, row.hidden,
                             [&](const std::string &name, const float *data, std::int64_t, std::int64_t width) {
                                 if (name == "logits_full") full.assign(data, data + width);
                                 if (name == "logits") logits.assign(data, data + width);
                             });
    REQUIRE(step);
    CHECK(step->ids.empty());
    CHECK(full == logits);
    CHECK(step->best == best(full.data(), full.size()));
}

TEST_CASE("a drafter of another model is refused with the figures") {
    const Checkpoint assistant = openedAssistant();
    const auto refusal = [](const Checkpoint &checkpoint, const char *target) {
        const TextRig rig = TextRig::open(target);
        auto drafter = Drafter::load(checkpoint, rig.exec, WeightType::AsStored, rig.model);
        REQUIRE_FALSE(drafter);
        CHECK(drafter.error().code == ErrorCode::ModelUnsupported);
        return drafter.error().describe();
    };
    for (const char *other : {"tiny-31b", "tiny-26b-a4b"}) CHECK_FALSE(refusal(assistant, other).empty());
    Checkpoint window = assistant;
    window.config.text.slidingWindow = 99;
    CHECK(refusal(window, "tiny-e2b").find("99 in the drafter and 16") != std::string::npos);
    Checkpoint width = assistant;
    width.config.drafter->backboneSize = 300;
    CHECK(refusal(width, "tiny-e2b").find("300 in the drafter and 256") != std::string::npos);
    Checkpoint heads = assistant;
    heads.config.text.layers[3].kvHeads = 2;
    CHECK(refusal(heads, "tiny-e2b").find("layer 3: the number of key heads is 2") != std::string::npos);
    const TextRig rig = TextRig::open("tiny-e2b");
    CHECK_FALSE(Drafter::load(rig.checkpoint, rig.exec, WeightType::AsStored, rig.model)); // a model is no drafter
    CHECK_FALSE(TextModel::load(assistant, rig.exec, WeightType::AsStored, {}));           // and a drafter no model
}

TEST_CASE("steps that cannot be are refused") {
    const Checkpoint assistant = openedAssistant();
    const TextRig rig = TextRig::open("tiny-e2b");
    const Drafter drafter = loaded(assistant, rig);
    KvCache cache = rig.cache(64, 32);
    std::vector<float> hidden(256, 0.5F);
    CHECK_FALSE(drafter.step(rig.exec, rig.model, cache, 5, hidden)); // nothing to read
    prefill(rig, cache, {2, 5, 9});
    CHECK(drafter.step(rig.exec, rig.model, cache, 5, hidden));
    CHECK_FALSE(drafter.step(rig.exec, rig.model, cache, -1, hidden));
    CHECK_FALSE(drafter.step(rig.exec, rig.model, cache, 2048, hidden));
    CHECK_FALSE(drafter.step(rig.exec, rig.model, cache, 5, std::span(hidden).first(9)));
    CHECK(cache.length() == 3);
}
