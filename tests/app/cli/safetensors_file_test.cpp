#include "safetensors_file.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace facet;
using namespace facet::cli;

namespace {

struct TemporaryFile {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("facet-tensors-" + std::to_string(::getpid()));
    ~TemporaryFile() { std::filesystem::remove(path); }
    void write(const std::string &bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

std::string withHeader(const std::string &header, const std::string &body) {
    std::string out(8, '\0');
    for (int i = 0; i < 8; ++i) out[static_cast<std::size_t>(i)] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
    return out + header + body;
}

} // namespace

TEST_CASE("what is written is read again") {
    const TemporaryFile file;
    OutTensors tensors;
    tensors["f"] = {{2, 2}, std::vector<float>{1.5F, -2.0F, 0.25F, 3.0F}};
    tensors["i"] = {{3}, std::vector<std::int32_t>{-1, 0, 7}};
    tensors["u"] = {{1, 2}, std::vector<std::uint8_t>{0, 255}};
    file.write(encodeSafetensors(tensors));
    const Result<SafetensorsFile> read = SafetensorsFile::read(file.path.string());
    REQUIRE(read);
    CHECK(read->shape("f") == std::vector<std::int64_t>{2, 2});
    CHECK(read->floats("f").value() == std::vector<float>{1.5F, -2.0F, 0.25F, 3.0F});
    CHECK(read->integers("i").value() == std::vector<std::int32_t>{-1, 0, 7});
    CHECK(read->integers("u").value() == std::vector<std::int32_t>{0, 255});
    CHECK_FALSE(read->floats("missing"));
}

TEST_CASE("other number types and golden files are read") {
    const TemporaryFile file;
    file.write(withHeader(
        R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]}})",
        std::string("\x00\x3C\x00\xC0\xC0\x3F", 6)));
    const Result<SafetensorsFile> read = SafetensorsFile::read(file.path.string());
    REQUIRE(read);
    CHECK(read->floats("h").value() == std::vector<float>{1.0F, -2.0F});
    CHECK(read->floats("b").value() == std::vector<float>{1.5F});
    const std::string golden = std::string(std::getenv("FACET_FIXTURES")) + "/golden/media/audio_frontend.safetensors";
    const Result<SafetensorsFile> real = SafetensorsFile::read(golden);
    REQUIRE(real);
    CHECK(real->floats("window").value().size() == 320);
}

TEST_CASE("hostile files are refused") {
    const TemporaryFile file;
    for (const std::string &bytes :
         {std::string(), std::string("short"), std::string(8, '\xFF'), withHeader("{", ""), withHeader("[]", ""),
          withHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", std::string(8, 'x')),
          withHeader(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", std::string(8, 'x')),
          withHeader(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})",
                     std::string(8, 'x')),
          withHeader(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", std::string(8, 'x')),
          withHeader(R"({"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", std::string(8, 'x')),
          withHeader(R"({"a":3})", "")}) {
        file.write(bytes);
        const Result<SafetensorsFile> read = SafetensorsFile::read(file.path.string());
        REQUIRE_FALSE(read);
        CHECK(read.error().code == ErrorCode::ModelFileCorrupt);
    }
    CHECK(SafetensorsFile::read("/nowhere").error().code == ErrorCode::FileNotFound);
}
