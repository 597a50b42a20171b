// A model file that is cut short, or written to, while an answer is computed from it: that answer ends with an error,
// the program goes on, and nothing that was computed from the rest is kept.
#include "run_support.h"

#include "facet/file_guard.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace facet;
using namespace facet::test;
namespace fs = std::filesystem;

namespace {

class Copies {
public:
    Copies() {
        std::string name = (fs::temp_directory_path() / "facet-loss-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~Copies() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    Copies(const Copies &) = delete;
    Copies &operator=(const Copies &) = delete;
    std::string path(const std::string &name) const { return (m_path / name).string(); }
    std::string of(const std::string &name) const {
        fs::copy(checkpointPath(name), m_path / name);
        return path(name);
    }

private:
    fs::path m_path;
};

void writeOver(const std::string &path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-64, std::ios::end);
    file << "overwritten";
}

int talks(const std::string &folder) {
    int count = 0;
    if (!fs::exists(folder)) return count;
    for (const auto &entry : fs::directory_iterator(folder)) count += entry.path().extension() == ".talk" ? 1 : 0;
    return count;
}

Request longAnswer() {
    Request request = ask("One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen and "
                          "so on and on, until every position of the window has been read.");
    request.maxTokens = 300;
    return request;
}

} // namespace

TEST_CASE("a model file that is lost during an answer ends the answer, not the program") {
    REQUIRE(guardMappedFiles());
    for (const std::string how : {"cut short", "written over"}) {
        INFO(how);
        const Copies copies;
        LoadOptions options;
        options.path = copies.of("tiny-e2b");
        options.threads = 2;
        options.contextLength = 1024;
        options.cacheFolder = copies.path("cache");
        const std::string file = options.path + "/model.safetensors";
        auto engine = Engine::load(options);
        REQUIRE(engine);
        bool done = false;
        int pieces = 0, afterwards = 0;
        const auto sink = [&](const Event &event) {
            if (event.kind != Event::Kind::Text && event.kind != Event::Kind::Thought) return;
            afterwards += done ? 1 : 0;
            if (++pieces < 2 || done) return;
            done = true;
            if (how == "cut short") fs::resize_file(file, 4096);
            else writeOver(file);
        };
        const auto answer = (*engine)->generate(longAnswer(), sink);
        REQUIRE(done);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(answer.error().describe().find(file) != std::string::npos);
        CHECK(answer.error().describe().find("load the model again") != std::string::npos);
        CHECK(afterwards == 0); // nothing that came from the damaged file was told
        CHECK((*engine)->memoryUse().conversationCount == 0);
        // The model is not used any more.
        CHECK_FALSE((*engine)->generate(ask("Hello")));
        bool failed = false, ended = false;
        (*engine)->encodeAhead({{PartKind::Image, {}, noisePicture(9, 9, 1), nullptr, nullptr}}, [&](const Event &event) {
            failed = event.kind == Event::Kind::Failed;
            ended = failed || event.kind == Event::Kind::Done;
        });
        engine->reset(); // joins
        CHECK(ended);
        CHECK(talks(options.cacheFolder) == 0);
        const auto another = loadEngine(checkpointPath("tiny-e2b"));
        Request request = ask("Hello");
        request.maxTokens = 3;
        CHECK(another->generate(request));
    }
}

TEST_CASE("files of drafters and adapters count as well") {
    REQUIRE(guardMappedFiles());
    for (const std::string part : {"tiny-e2b-assistant/model.safetensors", "tiny-e2b-lora/adapter_model.safetensors"}) {
        INFO(part);
        const Copies copies;
        LoadOptions options;
        options.path = checkpointPath("tiny-e2b");
        options.threads = 2;
        options.drafter = copies.of("tiny-e2b-assistant");
        options.adapters = {{copies.of("tiny-e2b-lora"), 1.0F}};
        auto engine = Engine::load(options);
        INFO((engine ? std::string() : engine.error().describe()));
        REQUIRE(engine);
        bool cut = false;
        const auto answer = (*engine)->generate(longAnswer(), [&](const Event &event) {
            if (cut || (event.kind != Event::Kind::Text && event.kind != Event::Kind::Thought)) return;
            cut = true;
            fs::resize_file(copies.path(part), 512);
        });
        REQUIRE(cut);
        REQUIRE_FALSE(answer);
        CHECK(answer.error().describe().find(part) != std::string::npos);
    }
}
