// Small adapter folders made for a test.
#pragma once

#include "text_support.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace facet::test {

// A folder that goes away with the test.
class AdapterFolder {
public:
    explicit AdapterFolder(const std::string &name);
    ~AdapterFolder();
    AdapterFolder(const AdapterFolder &) = delete;
    AdapterFolder &operator=(const AdapterFolder &) = delete;

    // Random small matrices for a module (the checkpoint's name); tensors are F32.
    void addPair(const std::string &module, std::int64_t out, std::int64_t in, std::int64_t rank, std::uint32_t seed);
    void addTensor(const std::string &name, std::vector<std::int64_t> shape, std::vector<float> values);
    void write(const nlohmann::json &config) const;
    std::string path() const { return m_path.string(); }
    const std::vector<float> &values(const std::string &tensor) const;

private:
    struct Tensor {
        std::string name;
        std::vector<std::int64_t> shape;
        std::vector<float> values;
    };
    std::filesystem::path m_path;
    std::vector<Tensor> m_tensors;
};

} // namespace facet::test
