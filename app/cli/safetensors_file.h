// Reading and writing safetensors for the probe: golden inputs in, named tensors out. Everything a file says is
// checked.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace facet::cli {

struct OutTensor {
    std::vector<std::int64_t> shape;
    std::variant<std::vector<float>, std::vector<std::int32_t>, std::vector<std::uint8_t>> data;
    std::size_t size() const;
};
using OutTensors = std::map<std::string, OutTensor>;

// F32, I32 and U8.
std::string encodeSafetensors(const OutTensors &tensors);

class SafetensorsFile {
public:
    // Errors: FileNotFound, FileUnreadable, ModelFileCorrupt.
    static Result<SafetensorsFile> read(const std::string &path);

    bool has(const std::string &name) const { return m_entries.count(name) != 0; }
    const std::vector<std::int64_t> &shape(const std::string &name) const { return m_entries.at(name).shape; }
    // Converted from any number type. Errors: InvalidArgument when it is missing.
    Result<std::vector<float>> floats(const std::string &name) const;
    Result<std::vector<std::int32_t>> integers(const std::string &name) const;

private:
    struct Entry {
        std::string type;
        std::vector<std::int64_t> shape;
        std::size_t begin = 0, count = 0;
    };
    template <typename T>
    Result<std::vector<T>> converted(const std::string &name) const;

    std::string m_path;
    std::string m_bytes;
    std::map<std::string, Entry> m_entries;
};

} // namespace facet::cli
