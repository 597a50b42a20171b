// Small model files made in memory and in a folder that goes away with the test.
#pragma once

#include "load/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace facet::test {

std::filesystem::path fixtures(); // $FACET_FIXTURES

class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder &) = delete;
    TemporaryFolder &operator=(const TemporaryFolder &) = delete;
    std::string write(const std::string &name, std::string_view content) const; // path of the file
    std::string path(const std::string &name = {}) const {
        return name.empty() ? m_path.string() : (m_path / name).string();
    }

private:
    std::filesystem::path m_path;
};

// Header length, header, `dataBytes` bytes of data 0, 1, 2, ...
std::string safetensorsText(const std::string &header, std::uint64_t dataBytes);
Result<SafetensorsFile> parseText(const std::string &text);
std::string readAll(const std::filesystem::path &path);

} // namespace facet::test
