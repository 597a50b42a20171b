#include "media/prepare/golden_file.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace facet::test {

namespace {

std::string below(const char *variable, const std::string &relative) {
    const char *root = std::getenv(variable);
    if (!root) throw std::runtime_error(std::string(variable) + " is not set: run the tests through ctest");
    return std::string(root) + "/" + relative;
}

template <typename T>
void widen(const std::string &bytes, std::size_t begin, std::size_t end, std::vector<double> &out) {
    for (std::size_t at = begin; at + sizeof(T) <= end; at += sizeof(T)) {
        T value{};
        std::memcpy(&value, bytes.data() + at, sizeof(T));
        out.push_back(static_cast<double>(value));
    }
}

GoldenTensors readSafetensors(const std::string &path) {
    const std::string bytes = readText(path);
    std::uint64_t length = 0;
    if (bytes.size() < 8) throw std::runtime_error(path + ": too short");
    std::memcpy(&length, bytes.data(), 8);
    const std::size_t data = 8 + static_cast<std::size_t>(length);
    if (data > bytes.size()) throw std::runtime_error(path + ": cut short");
    GoldenTensors tensors;
    const nlohmann::json header = nlohmann::json::parse(bytes.substr(8, length));
    for (const auto &[name, entry] : header.items()) {
        if (name == "__metadata__") continue;
        GoldenTensor tensor{entry.at("dtype").get<std::string>(), entry.at("shape").get<std::vector<std::int64_t>>(), {}};
        const std::size_t begin = data + entry.at("data_offsets").at(0).get<std::size_t>();
        const std::size_t end = data + entry.at("data_offsets").at(1).get<std::size_t>();
        if (tensor.type == "F32") widen<float>(bytes, begin, end, tensor.values);
        else if (tensor.type == "F64") widen<double>(bytes, begin, end, tensor.values);
        else if (tensor.type == "I32") widen<std::int32_t>(bytes, begin, end, tensor.values);
        else if (tensor.type == "I16") widen<std::int16_t>(bytes, begin, end, tensor.values);
        else if (tensor.type == "U8") widen<std::uint8_t>(bytes, begin, end, tensor.values);
        else throw std::runtime_error(path + ": type " + tensor.type + " of " + name);
        tensors.emplace(name, std::move(tensor));
    }
    return tensors;
}

}  // namespace

std::string fixturePath(const std::string &relative) { return below("FACET_FIXTURES", relative); }
std::string resourcePath(const std::string &relative) { return below("FACET_RESOURCES", relative); }

std::string readText(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

nlohmann::json readJson(const std::string &path) { return nlohmann::json::parse(readText(path)); }

std::vector<std::string> goldenCases(const std::string &prefix) {
    std::vector<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(fixturePath("golden/media"))) {
        const std::string name = entry.path().stem().string();
        if (entry.path().extension() == ".json" && name.rfind(prefix, 0) == 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    if (names.empty()) throw std::runtime_error("no golden case begins with " + prefix);
    return names;
}

GoldenCase readGolden(const std::string &name) {
    const std::string base = fixturePath("golden/media/" + name);
    GoldenCase golden{name, readJson(base + ".json"), {}};
    if (std::filesystem::exists(base + ".safetensors")) golden.tensors = readSafetensors(base + ".safetensors");
    return golden;
}

std::string judge(const GoldenCase &golden, const std::string &tensor, const float *ours, std::size_t count) {
    const std::vector<double> &reference = golden[tensor].values;
    if (count != reference.size()) {
        return tensor + ": " + std::to_string(count) + " values instead of " + std::to_string(reference.size());
    }
    double error = 0, largest = 0, dot = 0, squaresA = 0, squaresB = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const double a = reference[i], b = static_cast<double>(ours[i]);
        if (!std::isfinite(b)) return tensor + ": not finite at " + std::to_string(i);
        error = std::max(error, std::fabs(a - b));
        largest = std::max(largest, std::fabs(a));
        dot += a * b;
        squaresA += a * a;
        squaresB += b * b;
    }
    const nlohmann::json tolerances = golden.json.value("tolerances", nlohmann::json::object());
    const double allowed = std::max(tolerances.value("hidden_max_abs", 2e-3), 2e-4 * (1 + largest));
    const double least = tolerances.value("hidden_min_cosine", 0.99999);
    const double norms = std::sqrt(squaresA) * std::sqrt(squaresB);
    const double cosine = norms > 0 ? dot / norms : (error <= allowed ? 1.0 : 0.0);
    if (error <= allowed && cosine >= least) return {};
    std::ostringstream line;
    line << golden.name << " " << tensor << ": max abs " << error << " (<= " << allowed << "), cosine " << cosine;
    return line.str();
}

std::string judgeRows(const GoldenCase &golden, const std::string &tensor, const std::vector<float> &ours,
                      std::int64_t rows, std::int64_t width, const GoldenTensor *index) {
    if (!index || golden[tensor].rows() == rows) return judge(golden, tensor, ours.data(), ours.size());
    std::vector<float> chosen;
    for (const double row : index->values) {
        const std::int64_t r = static_cast<std::int64_t>(row);
        if (r < 0 || r >= rows) return tensor + ": has no row " + std::to_string(r);
        chosen.insert(chosen.end(), ours.begin() + r * width, ours.begin() + (r + 1) * width);
    }
    return judge(golden, tensor, chosen.data(), chosen.size());
}

std::vector<float> goldenSamples(const GoldenCase &golden) {
    std::vector<float> samples;
    if (golden.has("pcm_16k")) {
        for (const double x : golden["pcm_16k"].values) samples.push_back(static_cast<float>(x));
    } else {
        for (const double x : golden["pcm_16k_s16"].values) samples.push_back(static_cast<float>(x / 32768.0));
    }
    return samples;
}

}  // namespace facet::test
