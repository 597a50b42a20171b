#include "text_support.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

namespace facet::test {
namespace {

namespace fs = std::filesystem;

Checkpoint opened(const std::string &name) {
    auto checkpoint = openCheckpoint((fixtures() / "checkpoints" / name).string());
    if (!checkpoint) FAIL(checkpoint.error().describe());
    return std::move(checkpoint).value();
}

TextModel loaded(const Checkpoint &checkpoint, const Exec &exec, WeightType type) {
    auto model = TextModel::load(checkpoint, exec, type, {});
    if (!model) FAIL(model.error().describe());
    return std::move(model).value();
}

Exec execOf(WorkerPool &pool, InstructionSet isa, WeightType type) {
    Exec exec;
    exec.kernels = &kernelsFor(isa);
    exec.pool = &pool;
    exec.reference = type == WeightType::AsStored;
    return exec;
}

} // namespace

fs::path fixtures() {
    const char *folder = std::getenv("FACET_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "FACET_FIXTURES is not set");
    return folder;
}

std::vector<std::string> textCheckpoints() {
    std::vector<std::string> names;
    for (const auto &entry : fs::directory_iterator(fixtures() / "golden")) {
        const std::string name = entry.path().filename().string();
        if (entry.is_directory() && fs::exists(fixtures() / "checkpoints" / name) && !textCases(name).empty())
            names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<fs::path> textCases(const std::string &checkpoint) {
    std::vector<fs::path> cases;
    for (const auto &entry : fs::directory_iterator(fixtures() / "golden" / checkpoint)) {
        if (entry.path().extension() != ".json") continue;
        std::ifstream file(entry.path());
        const auto json = nlohmann::json::parse(file, nullptr, false);
        if (json.is_object() && json.contains("input_ids") && json.contains("rows") && json.contains("checkpoint"))
            cases.push_back(entry.path());
    }
    std::sort(cases.begin(), cases.end());
    return cases;
}

TextRig::TextRig(Checkpoint source, int threads, InstructionSet isa, WeightType type)
    : checkpoint(std::move(source)), pool(threads), exec(execOf(pool, isa, type)),
      model(loaded(checkpoint, exec, type)) {}

TextRig TextRig::open(const std::string &name, InstructionSet isa, WeightType type, int threads) {
    return TextRig(opened(name), threads, isa, type);
}

KvCache TextRig::cache(std::int64_t contextLength, std::int64_t maxBlock, CacheType type) const {
    auto made = KvCache::create(model.config(), type, contextLength, maxBlock);
    REQUIRE(made);
    return std::move(made).value();
}

std::vector<float> TextRig::feed(KvCache &cache, const std::vector<std::int32_t> &ids, std::int64_t chunk,
                                 const std::vector<std::int64_t> &rows) const {
    std::vector<float> logits;
    const auto total = static_cast<std::int64_t>(ids.size());
    for (std::int64_t begin = 0; begin < total; begin += chunk) {
        const std::int64_t end = std::min(begin + chunk, total);
        Segment segment;
        segment.cache = &cache;
        segment.ids.assign(ids.begin() + begin, ids.begin() + end);
        for (const std::int64_t row : rows) {
            if (row >= begin && row < end) segment.logitRows.push_back(row - begin);
        }
        auto output = model.forward(exec, std::span(&segment, 1));
        if (!output) FAIL(output.error().describe());
        logits.insert(logits.end(), output->logits.begin(), output->logits.end());
    }
    return logits;
}

std::vector<std::int32_t> TextRig::greedy(KvCache &cache, std::vector<float> logits, int count) const {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) {
        ids.push_back(static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
        if (i + 1 < count) logits = feed(cache, {ids.back()}, 1, {0});
    }
    return ids;
}

std::vector<std::int32_t> integersOf(const SafetensorsFile &file, const SafetensorsTensor &tensor) {
    REQUIRE(tensor.info.typeName == "I32");
    std::vector<std::int32_t> values(tensor.info.bytes / 4);
    if (!values.empty()) std::memcpy(values.data(), file.data(tensor).data(), tensor.info.bytes);
    return values;
}

std::vector<float> floatsOf(const SafetensorsFile &file, const SafetensorsTensor &tensor) {
    REQUIRE(tensor.info.typeName == "F32");
    std::vector<float> values(tensor.info.bytes / 4);
    if (!values.empty()) std::memcpy(values.data(), file.data(tensor).data(), tensor.info.bytes);
    return values;
}

std::vector<std::int32_t> someIds(std::int64_t count, std::int32_t vocabulary, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < count; ++i)
        ids.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(vocabulary)));
    return ids;
}

double cosine(const std::vector<float> &a, const std::vector<float> &b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        ab += double{a[i]} * b[i];
        aa += double{a[i]} * a[i];
        bb += double{b[i]} * b[i];
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : (aa == bb ? 1.0 : 0.0);
}

} // namespace facet::test
