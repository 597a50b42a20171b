// What outlives the program: conversations and soft tokens on disk, and what is refused.
#include "run/cache_file.h"
#include "run_support.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace facet;
using namespace facet::test;
namespace fs = std::filesystem;

namespace {

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "facet-cache-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string cache() const { return (m_path / "cache").string(); }
    std::vector<fs::path> files(const std::string &ending) const {
        std::vector<fs::path> out;
        if (!fs::exists(cache())) return out;
        for (const auto &entry : fs::directory_iterator(cache()))
            if (entry.path().extension() == ending) out.push_back(entry.path());
        return out;
    }

private:
    fs::path m_path;
};

std::unique_ptr<Engine> open(const std::string &cache, const std::string &name = "tiny-e2b", std::uint64_t limit = 0,
                             KvType kv = KvType::Auto) {
    LoadOptions options;
    options.path = checkpointPath(name);
    options.threads = 2;
    options.contextLength = 2048;
    options.cacheFolder = cache;
    options.cacheFolderBytes = limit;
    options.kv = kv;
    auto engine = Engine::load(options);
    INFO((engine ? std::string() : engine.error().describe()));
    REQUIRE(engine);
    return std::move(*engine);
}

Request question(const std::string &text, int maxTokens = 60) {
    Request request = ask(text);
    request.maxTokens = maxTokens;
    return request;
}

// The same, going on with another question.
Request goesOn(const Request &before, const std::string &answer, const std::string &text) {
    Request request = before;
    Message said;
    said.role = Role::Assistant;
    said.parts.push_back({PartKind::Text, answer, nullptr, nullptr, nullptr});
    request.messages.push_back(said);
    request.messages.push_back(ask(text).messages[0]);
    request.maxTokens = 10;
    return request;
}

Answer answered(Engine &engine, const Request &request) {
    auto answer = engine.generate(request);
    INFO((answer ? std::string() : answer.error().describe()));
    REQUIRE(answer);
    return std::move(*answer);
}

const std::string kText = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
                          "sixteen seventeen eighteen nineteen twenty and so on until the window is long past.";

std::vector<char> bytesOf(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write(const fs::path &path, const std::vector<char> &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("a conversation goes on after a restart without being read again") {
    for (const char *name : {"tiny-e2b", "tiny-31b", "tiny-26b-a4b"}) {
        INFO(std::string(name));
        const Folder folder;
        const Request first = question(kText);
        Answer before;
        {
            const auto engine = open(folder.cache(), name);
            before = answered(*engine, first);
        }
        REQUIRE(folder.files(".talk").size() == 1);
        const auto engine = open(folder.cache(), name);
        const Answer again = answered(*engine, first);
        CHECK(again.usage.cachedTokens == again.usage.promptTokens - 1);
        CHECK(again.content == before.content);
        const Request next = goesOn(first, "Fine.", kText + " More?");
        const Answer after = answered(*engine, next);
        // Everything up to the end of the last turn but the one that the answer stands in.
        const auto ids = engine->prompt(first);
        REQUIRE(ids);
        const std::int32_t turnEnd = engine->tokenize("<turn|>", true).front();
        const auto behind = ids->ids.rend() - std::find(ids->ids.rbegin(), ids->ids.rend(), turnEnd);
        CHECK(after.usage.cachedTokens >= static_cast<int>(behind));
        CHECK(after.content == answered(*open({}, name), next).content);
    }
}

TEST_CASE("a second question about a picture after a restart encodes nothing") {
    const Folder folder;
    Request request = question(kText, 8);
    request.messages[0].parts.insert(request.messages[0].parts.begin(),
                                     {PartKind::Image, {}, noisePicture(30, 30, 4), nullptr, nullptr});
    Answer before;
    {
        const auto engine = open(folder.cache());
        before = answered(*engine, request);
        CHECK(before.usage.encodeMs > 0);
    }
    REQUIRE(folder.files(".soft").size() == 1);
    for (const fs::path &file : folder.files(".talk")) fs::remove(file);
    const Answer after = answered(*open(folder.cache()), request);
    CHECK(after.usage.encodeMs == 0);
    CHECK(after.usage.cachedTokens == 0);
    CHECK(after.content == before.content);

    // A damaged one is encoded again.
    const fs::path soft = folder.files(".soft").front();
    auto bytes = bytesOf(soft);
    bytes[bytes.size() / 2] ^= 1;
    write(soft, bytes);
    for (const fs::path &file : folder.files(".talk")) fs::remove(file);
    const Answer repaired = answered(*open(folder.cache()), request);
    CHECK(repaired.usage.encodeMs > 0);
    CHECK(repaired.content == before.content);
}

TEST_CASE("damaged, cut and foreign states are not used, and the answer is right without them") {
    const Folder folder;
    const Request request = question(kText, 20);
    Answer before;
    {
        const auto engine = open(folder.cache());
        before = answered(*engine, request);
    }
    const fs::path file = folder.files(".talk").front();
    const auto whole = bytesOf(file);
    const auto tryWith = [&](std::vector<char> bytes) {
        for (const fs::path &old : folder.files(".talk")) fs::remove(old);
        write(file, bytes);
        const auto engine = open(folder.cache());
        const Answer answer = answered(*engine, request);
        CHECK(answer.usage.cachedTokens == 0);
        CHECK(answer.content == before.content);
    };
    for (const std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{20}, std::size_t{50}, whole.size() / 2,
                                 whole.size() - 3}) {
        auto bytes = whole;
        bytes[at] ^= 0x10;
        tryWith(bytes);
    }
    tryWith({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2)});
    tryWith({});

    for (const fs::path &old : folder.files(".talk")) fs::remove(old);
    write(file, whole);
    // Other weights, and the same with another type of cache.
    CHECK(answered(*open(folder.cache(), "tiny-31b"), request).usage.cachedTokens == 0);
    CHECK(answered(*open(folder.cache(), "tiny-e2b", 0, KvType::F32), request).usage.cachedTokens == 0);
    const std::string coarse = answered(*open(folder.cache(), "tiny-e2b", 0, KvType::Q8_0), request).content;
    CHECK(answered(*open(folder.cache(), "tiny-e2b", 0, KvType::Q4_0), request).usage.cachedTokens == 0);
    // As many bytes with another meaning.
    const Answer rotated = answered(*open(folder.cache(), "tiny-e2b", 0, KvType::Q4_R), request);
    CHECK(rotated.usage.cachedTokens == 0);
    const Answer again = answered(*open(folder.cache(), "tiny-e2b", 0, KvType::Q4_R), request);
    CHECK(again.usage.cachedTokens > 0);
    CHECK(again.content == rotated.content);
    const Answer continued = answered(*open(folder.cache(), "tiny-e2b", 0, KvType::Q8_0), request);
    CHECK(continued.usage.cachedTokens > 0);
    CHECK(continued.content == coarse);
    // The file of this one is still there and still good.
    CHECK(answered(*open(folder.cache()), request).usage.cachedTokens > 0);
}

TEST_CASE("the folder stays within its limit, and one that can not be made does no harm") {
    const Folder folder;
    {
        const auto engine = open(folder.cache(), "tiny-e2b", 400'000);
        for (int i = 0; i < 6; ++i) answered(*engine, question(std::to_string(i * 7717) + kText, 4));
    }
    std::uintmax_t total = 0;
    for (const auto &file : folder.files(".talk")) total += fs::file_size(file);
    CHECK(total <= 400'000);
    CHECK_FALSE(folder.files(".talk").empty());
    CHECK(folder.files(".part").empty());
    // Told, and nothing else: answers need no folder.
    std::ofstream(folder.cache() + "/file") << "x";
    for (const std::string &path : {std::string("/proc/nothing/here"), folder.cache() + "/file", folder.cache() + "/file/in"}) {
        const auto engine = open(path);
        REQUIRE(engine->info().unsupported.size() == 1);
        CHECK(engine->info().unsupported[0].find(path) != std::string::npos);
        CHECK(engine->info().unsupported[0].find("choose another folder") != std::string::npos);
        CHECK_FALSE(answered(*engine, question("Hello", 3)).usage.completionTokens == 0);
    }
    CHECK(open(folder.cache())->info().unsupported.empty());
    CHECK(open({})->info().unsupported.empty());
}

TEST_CASE("cache files say why they are refused") {
    const Folder folder;
    fs::create_directories(folder.cache());
    const std::string path = folder.cache() + "/a.soft";
    const std::vector<std::byte> payload(1000, std::byte{7});
    HeadWriter head;
    head.text("key");
    {
        auto file = CacheFileWriter::create(path, CacheFileKind::Encoded, head.bytes(), payload.size());
        REQUIRE(file);
        CHECK(file->write(payload));
        CHECK_FALSE(file->write(payload));  // more than was announced
        CHECK(file->commit());
    }
    auto file = CacheFileReader::open(path, CacheFileKind::Encoded);
    REQUIRE(file);
    std::vector<std::byte> read(1000);
    CHECK(file->read(read));
    CHECK(file->intact());
    CHECK(read == payload);
    CHECK(CacheFileReader::open(path, CacheFileKind::Conversation).error().message.find("something else") !=
          std::string::npos);
    CHECK(CacheFileReader::open(path + "x", CacheFileKind::Encoded).error().code == ErrorCode::FileNotFound);
    auto bytes = bytesOf(path);
    const auto refusal = [&](std::vector<char> changed) {
        write(path, changed);
        auto opened = CacheFileReader::open(path, CacheFileKind::Encoded);
        return opened ? std::string() : opened.error().message;
    };
    auto version = bytes;
    version[8] = 9;
    CHECK(refusal(version).find("another version") != std::string::npos);
    auto head2 = bytes;
    head2[44] ^= 1;
    CHECK(refusal(head2).find("damaged") != std::string::npos);
    CHECK(refusal({bytes.begin(), bytes.end() - 1}).find("cut short") != std::string::npos);
    CHECK(refusal({'x'}).find("not a cache file") != std::string::npos);
    // What was not committed leaves nothing behind.
    { CHECK(CacheFileWriter::create(folder.cache() + "/b.soft", CacheFileKind::Encoded, head.bytes(), 10)); }
    CHECK(folder.files(".part").empty());

    Checksum one, pieces;
    one.add(payload);
    for (std::size_t i = 0; i < payload.size();) {
        const std::size_t n = std::min<std::size_t>(1 + i % 13, payload.size() - i);
        pieces.add(std::span(payload).subspan(i, n));
        i += n;
    }
    CHECK(one.value() == pieces.value());
}
