#include "adapter_support.h"

#include <doctest/doctest.h>

#include <fstream>
#include <random>

namespace facet::test {

namespace fs = std::filesystem;

AdapterFolder::AdapterFolder(const std::string &name) {
    std::random_device random;
    m_path = fs::temp_directory_path() / ("facet-adapter-" + std::to_string(random())) / name;
    fs::create_directories(m_path);
}

AdapterFolder::~AdapterFolder() {
    std::error_code ignored;
    fs::remove_all(m_path.parent_path(), ignored);
}

void AdapterFolder::addTensor(const std::string &name, std::vector<std::int64_t> shape, std::vector<float> values) {
    m_tensors.push_back({name, std::move(shape), std::move(values)});
}

void AdapterFolder::addPair(const std::string &module, std::int64_t out, std::int64_t in, std::int64_t rank,
                            std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto some = [&random](std::int64_t count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float &value : values) value = static_cast<float>(static_cast<int>(random() % 201) - 100) * 1e-3F;
        return values;
    };
    addTensor("base_model.model." + module + ".lora_A.weight", {rank, in}, some(rank * in));
    addTensor("base_model.model." + module + ".lora_B.weight", {out, rank}, some(out * rank));
}

const std::vector<float> &AdapterFolder::values(const std::string &tensor) const {
    for (const Tensor &t : m_tensors) {
        if (t.name == tensor) return t.values;
    }
    FAIL("no tensor " << tensor);
    return m_tensors.front().values;
}

void AdapterFolder::write(const nlohmann::json &config) const {
    std::ofstream(m_path / "adapter_config.json") << config.dump();
    nlohmann::json header = nlohmann::json::object();
    std::size_t at = 0;
    for (const Tensor &t : m_tensors) {
        header[t.name] = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {at, at + 4 * t.values.size()}}};
        at += 4 * t.values.size();
    }
    const std::string text = header.dump();
    std::ofstream file(m_path / "adapter_model.safetensors", std::ios::binary);
    for (int i = 0; i < 8; ++i) file.put(static_cast<char>((text.size() >> (8 * i)) & 255));
    file << text;
    for (const Tensor &t : m_tensors)
        file.write(reinterpret_cast<const char *>(t.values.data()), static_cast<std::streamsize>(4 * t.values.size()));
}

} // namespace facet::test
