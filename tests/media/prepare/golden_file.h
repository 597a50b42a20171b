// A golden case: CASE.json and, beside it, CASE.safetensors. Broken fixtures end the test with a message.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace facet::test {

std::string fixturePath(const std::string &relative);    // below $FACET_FIXTURES
std::string resourcePath(const std::string &relative);   // below $FACET_RESOURCES
nlohmann::json readJson(const std::string &path);
std::string readText(const std::string &path);
// Names without folder and ".json" of golden/media that begin with prefix, sorted.
std::vector<std::string> goldenCases(const std::string &prefix);

struct GoldenTensor {
    std::string type;                  // "F32", "F64", "I32", "I16", "U8"
    std::vector<std::int64_t> shape;
    std::vector<double> values;
    std::int64_t rows() const { return shape.empty() ? 1 : shape.front(); }
    std::int64_t width() const { return rows() > 0 ? static_cast<std::int64_t>(values.size()) / rows() : 0; }
};
using GoldenTensors = std::map<std::string, GoldenTensor>;

struct GoldenCase {
    std::string name;
    nlohmann::json json;
    GoldenTensors tensors;             // empty where there is no .safetensors
    bool has(const std::string &tensor) const { return tensors.count(tensor) != 0; }
    const GoldenTensor &operator[](const std::string &tensor) const { return tensors.at(tensor); }
};
GoldenCase readGolden(const std::string &name);

// The judgement of fixtures/check.py: largest absolute difference and cosine against the case's tolerances, the first
// never below 2e-4 * (1 + max|reference|). Empty: passed; else one line for the test's message.
std::string judge(const GoldenCase &golden, const std::string &tensor, const float *ours, std::size_t count);
// The same for golden rows `index` (null: all) of `ours` [rows, width].
std::string judgeRows(const GoldenCase &golden, const std::string &tensor, const std::vector<float> &ours,
                      std::int64_t rows, std::int64_t width, const GoldenTensor *index);
// Stored samples of a sound: pcm_16k, or pcm_16k_s16 / 32768.
std::vector<float> goldenSamples(const GoldenCase &golden);

}  // namespace facet::test
