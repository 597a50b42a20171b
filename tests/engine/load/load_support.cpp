#include "load_support.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace facet::test {

namespace fs = std::filesystem;

fs::path fixtures() {
    const char *folder = std::getenv("FACET_FIXTURES");
    REQUIRE_MESSAGE(folder != nullptr, "FACET_FIXTURES is not set");
    return folder;
}

TemporaryFolder::TemporaryFolder() {
    std::random_device random;
    m_path = fs::temp_directory_path() / ("facet-load-" + std::to_string(random()) + std::to_string(random()));
    fs::create_directories(m_path);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(m_path, ignored);
}

std::string TemporaryFolder::write(const std::string &name, std::string_view content) const {
    std::ofstream file(m_path / name, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    REQUIRE(file.good());
    return path(name);
}

std::string safetensorsText(const std::string &header, std::uint64_t dataBytes) {
    std::string text;
    for (int i = 0; i < 8; ++i) text += static_cast<char>((header.size() >> (8 * i)) & 255);
    text += header;
    for (std::uint64_t i = 0; i < dataBytes; ++i) text += static_cast<char>(i & 127);
    return text;
}

Result<SafetensorsFile> parseText(const std::string &text) {
    auto bytes = std::make_shared<std::vector<std::byte>>(text.size());
    if (!text.empty()) std::memcpy(bytes->data(), text.data(), text.size());
    return SafetensorsFile::parse(*bytes, bytes, "test.safetensors");
}

std::string readAll(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file.good());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

} // namespace facet::test
