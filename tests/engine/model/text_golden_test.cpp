// Every golden text case of every checkpoint, against the reference's tensors, on the plain kernels and on the best
// ones.
#include "text_support.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <map>

using namespace facet;
using namespace facet::test;

namespace {

constexpr std::int64_t kMostScalarTokens = 120; // longer prompts are decoded with the fast kernels only: time

struct Tolerance {
    double maxAbs = 0, minCosine = 0;
};

Tolerance toleranceOf(const nlohmann::json &golden, const std::string &name) {
    const auto &t = golden.at("tolerances");
    if (name.find("logits") != std::string::npos)
        return {t.value("logits_max_abs", 5e-3), t.value("logits_min_cosine", 0.99999)};
    return {t.value("hidden_max_abs", 2e-3), t.value("hidden_min_cosine", 0.99999)};
}

// The rule of fixtures/check.py.
void compareTensor(const nlohmann::json &golden, const std::string &name, const std::vector<float> &want,
                   const std::vector<float> &got) {
    REQUIRE(want.size() == got.size());
    double worst = 0, largest = 0;
    bool finite = true;
    for (std::size_t i = 0; i < want.size(); ++i) {
        finite = finite && std::isfinite(got[i]);
        worst = std::max(worst, std::abs(double{want[i]} - got[i]));
        largest = std::max(largest, std::abs(double{want[i]}));
    }
    CHECK(finite);
    const Tolerance tolerance = toleranceOf(golden, name);
    CHECK(worst <= std::max(tolerance.maxAbs, 2e-4 * (1 + largest)));
    CHECK(cosine(want, got) >= tolerance.minCosine);
}

using Taps = std::map<std::string, std::vector<float>>;

// All tensors at the golden rows, from one pass with a tap.
Taps tappedPass(const TextRig &rig, const std::vector<std::int32_t> &ids, const std::vector<std::int32_t> &rows) {
    const auto total = static_cast<std::int64_t>(ids.size());
    KvCache cache = rig.cache(total, total);
    Segment segment;
    segment.cache = &cache;
    segment.ids = ids;
    segment.logitRows.assign(rows.begin(), rows.end());
    Taps taps;
    const Tap tap = [&](const std::string &name, const float *data, std::int64_t count, std::int64_t width) {
        REQUIRE(count == total);
        for (const auto row : rows) taps[name].insert(taps[name].end(), data + row * width, data + (row + 1) * width);
    };
    auto output = rig.model.forward(rig.exec, std::span(&segment, 1), tap);
    if (!output) FAIL(output.error().describe());
    taps["logits"] = output->logits;
    CHECK(output->hidden == taps["final_norm"]);
    return taps;
}

void checkCase(const TextRig &rig, const std::filesystem::path &path) {
    INFO(rig.checkpoint.name, " ", path.stem().string(), " ", rig.exec.kernels->name);
    std::ifstream stream(path);
    const auto golden = nlohmann::json::parse(stream);
    auto tensors = path;
    auto file = SafetensorsFile::open(tensors.replace_extension(".safetensors").string());
    REQUIRE(file);
    const auto ids = golden.at("input_ids").get<std::vector<std::int32_t>>();
    const auto rows = golden.at("rows").get<std::vector<std::int32_t>>();
    Taps taps = tappedPass(rig, ids, rows);
    int compared = 0;
    for (const auto &tensor : file->tensors()) {
        const std::string &name = tensor.info.name;
        INFO(name);
        if (name == "input_ids" || name == "rows" || name == "greedy_ids") continue;
        REQUIRE(taps.contains(name));
        if (tensor.info.typeName == "I32") {
            const auto want = integersOf(*file, tensor);
            CHECK(std::vector<float>(want.begin(), want.end()) == taps[name]);
        } else {
            compareTensor(golden, name, floatsOf(*file, tensor), taps[name]);
        }
        ++compared;
    }
    CHECK(compared >= rig.model.config().layerCount + 2);

    // Without a tap, in pieces, then token by token: the product's way.
    const auto *greedy = file->find("greedy_ids");
    REQUIRE(greedy);
    auto want = integersOf(*file, *greedy);
    want.resize(golden.at("greedy").value("robust_prefix", want.size()));
    const auto total = static_cast<std::int64_t>(ids.size());
    if (rig.exec.kernels == &kernelsFor(InstructionSet::Scalar) && total > kMostScalarTokens) return;
    KvCache cache = rig.cache(total + static_cast<std::int64_t>(want.size()), 32);
    auto logits = rig.feed(cache, ids, 32, {total - 1});
    CHECK(rig.greedy(cache, std::move(logits), static_cast<int>(want.size())) == want);
}

void checkAll(InstructionSet isa) {
    const auto names = textCheckpoints();
    REQUIRE(names.size() >= 3);
    for (const auto &name : names) {
        const TextRig rig = TextRig::open(name, isa);
        for (const auto &path : textCases(name)) checkCase(rig, path);
    }
}

} // namespace

TEST_CASE("golden text cases, best kernels") { checkAll(InstructionSet::Auto); }

TEST_CASE("golden text cases, scalar kernels") { checkAll(InstructionSet::Scalar); }
