#include "gguf_support.h"
#include "load_support.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>

using namespace facet;
using namespace facet::test;

namespace {

GgufText oneTensor() {
    GgufText text;
    text.text("general.architecture", "gemma4").tensor("a", {2, 3}, {1, 2, 3, 4, 5, 6});
    return text;
}

void refused(const std::string &bytes, const std::string &says, ErrorCode code = ErrorCode::ModelFileCorrupt) {
    const auto file = parseGguf(bytes);
    INFO(says);
    REQUIRE_FALSE(file);
    INFO(file.error().describe());
    CHECK(file.error().code == code);
    CHECK(file.error().describe().find(says) != std::string::npos);
    CHECK(file.error().file == "small.gguf");
    CHECK(file.error().offset.has_value());
}

std::string number(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
}

std::string with(std::string bytes, std::size_t at, const std::string &patch) {
    return bytes.replace(at, patch.size(), patch);
}

} // namespace

TEST_CASE("a well-formed file gives its values and tensors") {
    GgufText text = oneTensor();
    text.u32("n", 7).f32("x", 1.5F).boolean("yes", true).texts("list", {"one", "", "three"}).u32s("ids", {4, 5});
    text.pair("deep", 9, number(9, 4) + number(1, 8) + number(4, 4) + number(1, 8) + number(3, 4));
    for (const std::uint32_t version : {2U, 3U}) {
        const auto file = parseGguf(text.finish(version));
        if (!file) FAIL(file.error().describe());
        CHECK(file->architecture() == "gemma4");
        CHECK(file->find("n")->integer() == 7);
        CHECK(file->find("x")->number() == 1.5);
        CHECK(file->find("yes")->boolean() == true);
        CHECK_FALSE(file->find("yes")->integer());
        CHECK(file->find("list")->strings() == std::vector<std::string_view>{"one", "", "three"});
        CHECK(file->find("ids")->at(1).integer() == 5);
        CHECK(file->find("absent") == nullptr);
        const GgufTensor *a = file->tensor("a");
        REQUIRE(a);
        CHECK(a->info.shape == std::vector<std::int64_t>{3, 2});
        CHECK(a->info.type == TensorType::F32);
        CHECK(a->info.bytes == 24);
        CHECK(a->begin % 32 == 0);
        CHECK(file->data(*a).size() == 24);
        CHECK(file->tensor("b") == nullptr);
    }
}

TEST_CASE("other alignments count") {
    const auto file = parseGguf(GgufText().alignment(64).tensor("a", {1}, {1}).tensor("b", {1}, {2}).finish());
    if (!file) FAIL(file.error().describe());
    CHECK(file->tensor("b")->begin - file->tensor("a")->begin == 64);
    for (const std::uint32_t bad : {0U, 3U, 4U, 48U, 1U << 21U}) {
        GgufText text;
        text.u32("general.alignment", bad);
        refused(text.finish(), "key general.alignment");
    }
}

TEST_CASE("other kinds of files are refused with a sentence") {
    refused("", "ends too early");
    refused("GG", "ends too early");
    refused("NOPE and more", "instead of \"GGUF\"");
    refused("ggjt and more", "older than GGUF", ErrorCode::ModelUnsupported);
    const std::string good = oneTensor().finish();
    refused(with(good, 4, number(1, 4)), "version 1", ErrorCode::ModelUnsupported);
    refused(with(good, 4, number(4, 4)), "version 4", ErrorCode::ModelUnsupported);
    refused(with(good, 4, number(0x03000000, 4)), "big-endian", ErrorCode::ModelUnsupported);
    refused(with(good, 8, number(1ULL << 40U, 8)), "tensor count", ErrorCode::LimitExceeded);
    refused(with(good, 16, number(1ULL << 63U, 8)), "key count", ErrorCode::LimitExceeded);
}

TEST_CASE("every contradiction in a header is refused and named") {
    const std::string good = oneTensor().finish();
    const std::size_t key = 24, keyType = key + 8 + 20, value = keyType + 4;
    refused(with(good, key, number(0, 8)), "key 0 has no name");
    refused(with(good, key, number(257, 8)), "key 0: its name has 257 bytes");
    refused(with(good, key, number(UINT64_MAX, 8)), "key 0: its name has");
    refused(with(good, key + 8, "\x01"), "characters that no name has");
    refused(with(good, keyType, number(13, 4)), "key general.architecture: unknown type 13");
    refused(with(good, value, number(UINT64_MAX, 8)), "key general.architecture: a text of");
    refused(with(good, value, number(1'000'000, 8)), "key general.architecture");
    GgufText twice = oneTensor();
    refused(twice.u32("x", 1).u32("x", 1).finish(), "key x occurs twice");
    refused(GgufText().pair("b", 7, "\x02").finish(), "key b is no truth value");
    const auto array = [](std::uint32_t type, std::uint64_t count, const std::string &rest) {
        return GgufText().pair("list", 9, number(type, 4) + number(count, 8) + rest).finish();
    };
    refused(array(13, 1, "x"), "key list: elements of unknown type 13");
    refused(array(4, UINT64_MAX, "x"), "key list", ErrorCode::LimitExceeded);
    refused(array(8, 3'000'000, "x"), "key list: element 0");
    refused(array(4, 3'000'000, "x"), "key list: 3000000 elements");
    refused(array(8, 1, number(UINT64_MAX, 8)), "key list: element 0 has");
    refused(array(7, 2, std::string("\x01\x05")), "key list: element 1 is no truth value");
    std::string nested;
    for (int depth = 0; depth < 6; ++depth) nested += number(9, 4) + number(1, 8);
    refused(GgufText().pair("list", 9, nested).finish(), "more than 3 deep");

    // name, dimensions, sizes, type and offset of the tensor
    const std::size_t tensor = value + 8 + 6, dimensions = tensor + 8 + 1, type = dimensions + 4 + 16;
    refused(with(good, tensor, number(0, 8)), "tensor 0 has no name");
    refused(with(good, tensor, number(999, 8)), "tensor 0: its name");
    refused(with(good, dimensions, number(0, 4)), "tensor a: 0 dimensions");
    refused(with(good, dimensions, number(5, 4)), "tensor a: 5 dimensions");
    refused(with(good, dimensions + 4, number(0, 8)), "tensor a: impossible dimension 0");
    refused(with(good, dimensions + 4, number(UINT64_MAX, 8)), "tensor a: impossible dimension 0");
    refused(with(with(good, dimensions + 4, number(1ULL << 40U, 8)), dimensions + 12, number(1ULL << 40U, 8)),
            "tensor a: impossible dimension 1");
    refused(with(good, dimensions + 4, number(1ULL << 39U, 8)), "tensor a: offset");
    refused(with(good, type, number(5, 4)), "tensor a: unknown type 5");
    refused(with(good, type, number(300, 4)), "tensor a: unknown type 300");
    refused(with(good, type, number(8, 4)), "tensor a: rows of 2 values cannot be cut into Q8_0");
    refused(with(good, type + 4, number(8, 8)), "tensor a: offset 8 is no multiple");
    refused(with(good, type + 4, number(32, 8)), "tensor a: offset 32");
    refused(with(good, type + 4, number(UINT64_MAX - 31, 8)), "tensor a: offset");
    refused(good.substr(0, good.size() - 1), "tensor a: offset 0 + 24 bytes");

    refused(oneTensor().tensor("a", {1}, {1}).finish(), "tensor a occurs twice");
    const std::string two = GgufText().tensor("a", {1}, {1}).tensor("b", {1}, {2}).finish();
    const std::size_t secondOffset = 24 + (8 + 1 + 4 + 8 + 4 + 8) + (8 + 1 + 4 + 8 + 4);
    refused(with(two, secondOffset, number(0, 8)), "overlaps that of tensor");
}

TEST_CASE("types that nothing computes with are listed, not used") {
    const auto file = parseGguf(GgufText().tensor("ids", {2}, 27, std::string(16, '\0')).finish());
    if (!file) FAIL(file.error().describe());
    CHECK_FALSE(file->tensor("ids")->info.usable);
    CHECK(file->tensor("ids")->info.typeName == "I64");
}

TEST_CASE("a file cut anywhere or with any byte of its header changed never does harm") {
    const std::string good = smallGemma3().finish();
    const auto parsed = parseGguf(good);
    REQUIRE(parsed);
    const std::size_t header = parsed->headerBytes();
    for (std::size_t size = 0; size < header; size += size < 64 ? 1 : 7) CHECK_FALSE(parseGguf(good.substr(0, size)));
    std::size_t survivors = 0;
    for (std::size_t at = 0; at < header; ++at) {
        for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
            std::string bad = good;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ flip);
            const auto file = parseGguf(bad);
            if (!file) {
                CHECK_FALSE(file.error().message.empty());
                continue;
            }
            ++survivors; // a letter of a text, a number that is looked at later
            for (const GgufTensor &tensor : file->tensors())
                CHECK(tensor.begin + tensor.info.bytes <= bad.size());
        }
    }
    CHECK(survivors > 0);
}

TEST_CASE("a model of several files is one model") {
    const TemporaryFolder folder;
    const auto part = [](std::uint16_t no, const char *tensor) {
        GgufText text;
        if (no == 0) text.text("general.architecture", "gemma4");
        text.u16("split.no", no).u16("split.count", 2).u32("split.tensors.count", 2);
        return text.tensor(tensor, {1}, {1}).finish();
    };
    const std::string first = folder.write("m-00001-of-00002.gguf", part(0, "a"));
    const auto missing = openGgufModel(first);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == ErrorCode::FileNotFound);
    CHECK(missing.error().describe().find("m-00002-of-00002.gguf") != std::string::npos);

    const std::string second = folder.write("m-00002-of-00002.gguf", part(1, "b"));
    for (const std::string &path : {first, second}) {
        const auto model = openGgufModel(path);
        if (!model) FAIL(model.error().describe());
        CHECK(model->files.size() == 2);
        CHECK(model->main().tensor("a"));
    }
    folder.write("m-00002-of-00002.gguf", part(1, "a"));
    CHECK(openGgufModel(first).error().describe().find("tensor a occurs in two parts") != std::string::npos);
    folder.write("m-00002-of-00002.gguf", part(0, "b"));
    CHECK(openGgufModel(first).error().describe().find("split.no") != std::string::npos);
    const std::string renamed = folder.write("other.gguf", part(0, "a"));
    CHECK(openGgufModel(renamed).error().describe().find("split.count") != std::string::npos);
}

TEST_CASE("a mapped file that changes is noticed") {
    const TemporaryFolder folder;
    const std::string path = folder.write("m.gguf", oneTensor().finish());
    const auto file = GgufFile::open(path);
    REQUIRE(file);
    CHECK(file->mapped().stillIntact());
    std::filesystem::resize_file(path, 10);
    const Status status = file->mapped().stillIntact();
    REQUIRE_FALSE(status);
    CHECK(status.error().describe().find("now 10") != std::string::npos);
}
