#include "load_support.h"

#include "load/byte_reader.h"
#include "load/mapped_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sys/stat.h>

using namespace facet;
using namespace facet::test;

namespace {

constexpr const char *kTwo =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
    R"("b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}})";

struct Hostile {
    const char *header;
    std::uint64_t dataBytes;
    const char *says; // in describe()
    ErrorCode code = ErrorCode::ModelFileCorrupt;
};

} // namespace

TEST_CASE("a well-formed file gives its tensors") {
    auto file = parseText(safetensorsText(kTwo, 16));
    REQUIRE(file);
    REQUIRE(file->tensors().size() == 2);
    const auto *a = file->find("a");
    REQUIRE(a);
    CHECK(a->info.type == TensorType::BF16);
    CHECK(a->info.typeName == "BF16");
    CHECK(a->info.shape == std::vector<std::int64_t>{2, 3});
    CHECK(a->info.bytes == 12);
    CHECK(file->data(*a).size() == 12);
    CHECK(file->find("c") == nullptr);
    CHECK(file->find("b")->info.shape.empty());
}

TEST_CASE("every contradiction in a header is refused and named") {
    const Hostile table[] = {
        {"[]", 0, "no object"},
        {"{", 0, "damaged"},
        {"{}x", 0, "damaged"},
        {R"({"a":1})", 0, "tensor a"},
        {R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "without a name"},
        {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "tensor a: dtype"},
        {R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "tensor a: dtype"},
        {R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "tensor a: dtype \"F31\"",
         ErrorCode::ModelUnsupported},
        {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4, "tensor a: more than 8"},
        {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}})", 4, "tensor a: shape"},
        {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":4}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})", 8, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", 4, "tensor a: data_offsets"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8, "end at byte"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "tensor a: its data leaves a gap"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
         4, "overlaps"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
         12, "tensor b: its data leaves a gap"},
        {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
         8, "key \"a\""},
        {R"({"a":{"dtype":"F32","shape":[[[1]]],"data_offsets":[0,4]}})", 4, "nested", ErrorCode::LimitExceeded},
    };
    for (const auto &hostile : table) {
        INFO(hostile.header);
        const auto file = parseText(safetensorsText(hostile.header, hostile.dataBytes));
        REQUIRE_FALSE(file);
        CHECK(file.error().code == hostile.code);
        CHECK(file.error().file == "test.safetensors");
        INFO(file.error().describe());
        CHECK(file.error().describe().find(hostile.says) != std::string::npos);
    }
}

TEST_CASE("a file cut short anywhere is refused") {
    const std::string whole = safetensorsText(kTwo, 16);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const auto file = parseText(whole.substr(0, length));
        REQUIRE_FALSE(file);
        CHECK(file.error().code == ErrorCode::ModelFileCorrupt);
    }
    CHECK(parseText(whole));
    CHECK_FALSE(parseText(whole + "x"));
}

TEST_CASE("a header length beyond the file is refused before anything is allocated") {
    for (const char byte : {'\x7f', '\xff'}) {
        std::string text = safetensorsText(kTwo, 16);
        text[7] = byte;
        const auto file = parseText(text);
        REQUIRE_FALSE(file);
        CHECK(file.error().offset == 0);
    }
}

TEST_CASE("damage to any single byte of a header never gets past the checks into bad memory") {
    const std::string whole = safetensorsText(kTwo, 16);
    for (std::size_t at = 0; at + 16 < whole.size(); ++at) {
        for (const char byte : {'\0', '9', '"', '}', ',', '\xff'}) {
            std::string text = whole;
            text[at] = byte;
            const auto file = parseText(text);
            if (!file) continue;
            for (const auto &tensor : file->tensors()) CHECK(file->data(tensor).size() == tensor.info.bytes);
        }
    }
}

TEST_CASE("matrices and vectors are checked for shape and type") {
    auto file = parseText(safetensorsText(R"({"m":{"dtype":"BF16","shape":[2,3,4],"data_offsets":[0,48]},)"
                                          R"("i":{"dtype":"I64","shape":[2],"data_offsets":[48,64]},)"
                                          R"("s":{"dtype":"F16","shape":[],"data_offsets":[64,66]}})",
                                          66));
    REQUIRE(file);
    const auto weights = weightsOf(std::move(file).value());
    CHECK(weights->tensors().size() == 3);
    auto m = weights->matrix("m", 6, 4);
    REQUIRE(m);
    CHECK(m->rows == 6);
    CHECK(m->cols == 4);
    CHECK(m->name == "m");
    CHECK(weights->vector("m", 24));
    CHECK(weights->vector("s", 1));
    CHECK_FALSE(weights->find("i")->usable);
    for (const auto &[rows, cols] : {std::pair{2, 12}, {4, 6}, {6, 5}, {0, 4}, {-6, 4}, {6, 0}}) {
        const auto wrong = weights->matrix("m", rows, cols);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(wrong.error().describe().find("tensor m") != std::string::npos);
        CHECK(wrong.error().describe().find("test.safetensors") != std::string::npos);
    }
    CHECK_FALSE(weights->vector("m", 23));
    CHECK(weights->matrix("nowhere", 1, 1).error().describe().find("nowhere") != std::string::npos);
    CHECK(weights->vector("i", 2).error().code == ErrorCode::ModelUnsupported);
}

TEST_CASE("values come out exactly, at odd places as well") {
    // One space more or less moves the data to an odd byte.
    for (const char *space : {"", " "}) {
        const std::string header = std::string(R"({"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})") + space;
        std::string text = safetensorsText(header, 0);
        for (const char c : {'\x00', '\x3c', '\x00', '\xc0'}) text += c; // 1, -2
        auto file = parseText(text);
        REQUIRE(file);
        const auto weights = weightsOf(std::move(file).value());
        auto values = weights->vector("h", 2);
        REQUIRE(values);
        CHECK(*values == std::vector<float>{1.0F, -2.0F});
        auto matrix = weights->matrix("h", 1, 2);
        REQUIRE(matrix);
        CHECK(reinterpret_cast<std::uintptr_t>(matrix->data) % 2 == 0);
    }
}

TEST_CASE("fingerprints tell files apart") {
    const auto printOf = [](const std::string &text) {
        return weightsOf(std::move(parseText(text)).value())->fingerprint();
    };
    const std::string whole = safetensorsText(kTwo, 16);
    std::string other = whole;
    other.back() = '!';
    CHECK(printOf(whole) == printOf(whole));
    CHECK(printOf(whole) != printOf(other));
    CHECK(printOf(whole).size() == 16);
}

TEST_CASE("shards are found through their list and stay inside the folder") {
    const TemporaryFolder folder;
    folder.write("one.safetensors", safetensorsText(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
    folder.write("two.safetensors", safetensorsText(R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8));
    const std::string index = "model.safetensors.index.json";
    folder.write(index, R"({"metadata":{"total_size":12},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
    auto opened = openSafetensorsFolder(folder.path());
    REQUIRE(opened);
    CHECK(opened->weights->matrix("a", 1, 1));
    CHECK(opened->weights->vector("b", 2));
    CHECK(opened->fileBytes == std::filesystem::file_size(folder.path("one.safetensors")) +
                                   std::filesystem::file_size(folder.path("two.safetensors")));

    for (const char *name :
         {"../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", "", "one\\\\two", ".hidden"}) {
        INFO(name);
        folder.write(index, std::string(R"({"weight_map":{"a":")") + name + "\"}}");
        const auto refused = openSafetensorsFolder(folder.path());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(refused.error().describe().find("tensor a") != std::string::npos);
    }
    for (const char *text :
         {"{}", "[]", R"({"weight_map":{}})", R"({"weight_map":[]})", R"({"weight_map":{"a":1}})", "{"}) {
        folder.write(index, text);
        CHECK(openSafetensorsFolder(folder.path()).error().code == ErrorCode::ModelFileCorrupt);
    }
    folder.write(index, R"({"weight_map":{"z":"one.safetensors"}})");
    CHECK(openSafetensorsFolder(folder.path()).error().describe().find("tensor z") != std::string::npos);
    folder.write(index, R"({"weight_map":{"a":"three.safetensors"}})");
    CHECK(openSafetensorsFolder(folder.path()).error().code == ErrorCode::FileNotFound);
}

TEST_CASE("only regular files are mapped") {
    const TemporaryFolder folder;
    CHECK(MappedFile::open(folder.path("none")).error().code == ErrorCode::FileNotFound);
    CHECK(MappedFile::open(folder.path()).error().code == ErrorCode::FileUnreadable);
    REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
    CHECK(MappedFile::open(folder.path("pipe")).error().code == ErrorCode::FileUnreadable);
    auto empty = MappedFile::open(folder.write("empty", ""));
    REQUIRE(empty);
    CHECK(empty->bytes().empty());
    CHECK(SafetensorsFile::open(folder.path("empty")).error().code == ErrorCode::ModelFileCorrupt);
    CHECK(readTextFile(folder.write("text", "hello"), 5).valueOr("") == "hello");
    CHECK(readTextFile(folder.path("text"), 4).error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("checked arithmetic and reading never pass a border") {
    CHECK(checkedAdd(1, 2) == 3);
    CHECK_FALSE(checkedAdd(UINT64_MAX, 1));
    CHECK(checkedMul(3, 4) == 12);
    CHECK(checkedMul(0, UINT64_MAX) == 0);
    CHECK_FALSE(checkedMul(UINT64_MAX / 2, 3));
    const std::byte bytes[6] = {std::byte{1}, std::byte{2}, std::byte{0}, std::byte{0}, std::byte{9}, std::byte{9}};
    ByteReader reader(bytes);
    CHECK(reader.u32() == 0x201);
    CHECK_FALSE(reader.u64());
    CHECK_FALSE(reader.take(3));
    CHECK(reader.take(2)->size() == 2);
    CHECK(reader.remaining() == 0);
    CHECK(reader.offset() == 6);
}
