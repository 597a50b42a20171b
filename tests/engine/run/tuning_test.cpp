// Measured choices: what follows from figures, the file they are kept in, that the caller's own options win, and that the
// measuring gives way. No time is asserted: figures are put in, or only their form is looked at.
#include "load/tuning_file.h"
#include "run/tuner.h"
#include "run_support.h"

#include "facet/machine.h"
#include "facet/measure.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace facet;
using namespace facet::test;

namespace {

namespace fs = std::filesystem;

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "facet-tuning-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::string path() const { return (m_path / "tuning").string(); }  // not there yet

private:
    fs::path m_path;
};

// Eight cores with hyper-threading, a model that every type suits.
TuningFigures figures() {
    TuningFigures out;
    out.threads = {{16, 100, 10}, {8, 90, 9}, {6, 80, 8}, {4, 60, 7}};
    out.caches = {{KvType::F16, 1e-7, 1, 10, 4000}, {KvType::Q8_0, 1e-4, 1, 10.5, 2100}, {KvType::Q4_0, 1e-3, 0.996, 11, 1100}};
    out.positions = 250;
    out.depth = 4096;
    return out;
}

const TuningIdentity kHere{"A processor", "avx2", "abc;weights 0", 8};

// The sentence of it.
std::string refusal(const std::string &text, const TuningIdentity &identity = kHere) {
    const auto tuning = parseTuning(text, identity);
    REQUIRE_FALSE(tuning);
    CHECK(tuning.error().code == ErrorCode::FileUnreadable);
    return tuning.error().message;
}

LoadOptions tiny(const std::string &folder) {
    LoadOptions options;
    options.path = checkpointPath("tiny-e2b");
    options.contextLength = 2048;
    options.tuningFolder = folder;
    return options;
}

TuningIdentity identityOf(const LoadOptions &options) {
    const auto checkpoint = openCheckpoint(options.path);
    REQUIRE(checkpoint);
    return tuningIdentity(*checkpoint, options);
}

std::string onlyFile(const std::string &folder) {
    std::string found;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(folder, error)) {
        CHECK(found.empty());
        found = entry.path().string();
    }
    return found;
}

std::string contents(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::unique_ptr<Engine> loaded(const LoadOptions &options) {
    auto engine = Engine::load(options);
    INFO((engine ? std::string() : engine.error().describe()));
    REQUIRE(engine);
    return std::move(*engine);
}

// The file appears when the engine had nothing else to do; how soon is nobody's promise.
bool measuredInTheEnd(const std::string &folder) {
    for (int i = 0; i < 12'000; ++i) {
        std::error_code error;
        for (const auto &entry : fs::directory_iterator(folder, error))
            if (entry.path().extension() == ".json") return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

}  // namespace

TEST_CASE("all cores unless fewer gain enough, for reading and writing each by themselves") {
    TuningFigures measured = figures();
    Tuning tuning = chooseTuning(measured);
    CHECK(tuning.readThreads == 16);
    CHECK(tuning.writeThreads == 16);
    measured.threads[1].writeRate = 10.4;  // noise
    CHECK(chooseTuning(measured).writeThreads == 16);
    measured.threads[1].writeRate = 12;
    measured.threads[2].writeRate = 11.9;
    tuning = chooseTuning(measured);
    CHECK(tuning.readThreads == 16);
    CHECK(tuning.writeThreads == 8);
    measured.threads[1].readRate = 130;
    tuning = chooseTuning(measured);
    CHECK(tuning.readThreads == 8);
    const auto aboutThreads = [](const TuningReason &reason) { return reason.about == TuningReason::About::Threads; };
    CHECK(std::count_if(tuning.reasons.begin(), tuning.reasons.end(), aboutThreads) == 2);
    CHECK(tuning.reasons.front().sentence == "8 threads read prompts: measured here to be 30 % faster than 16.");
    CHECK(chooseTuning({}).readThreads == 1);
}

TEST_CASE("the smallest type of cache that changes little enough and is not slower") {
    CHECK(chooseTuning(figures()).kv == KvType::Q4_0);
    TuningFigures measured = figures();
    const auto chosen = [&] { return chooseTuning(measured).kv; };
    measured.caches[2].sameBest = 0.99;
    CHECK(chosen() == KvType::Q8_0);
    const Tuning tuning = chooseTuning(measured);
    REQUIRE(tuning.reasons.size() == 1);
    CHECK(tuning.reasons[0].about == TuningReason::About::Cache);
    for (const char *part : {"q8_0", "100.0 %", "250 positions", "1.0e-04", "4096 tokens", "52 %"})
        CHECK(tuning.reasons[0].sentence.find(part) != std::string::npos);
    measured = figures();
    measured.caches[2].divergence = 0.0021;
    CHECK(chosen() == KvType::Q8_0);
    measured.caches[1].writeRate = 9.6;
    CHECK(chosen() == KvType::F16);
    measured.caches[1].writeRate = 9.8;
    CHECK(chosen() == KvType::Q8_0);
    measured.caches[1].sameBest = 0.9;
    CHECK(chosen() == KvType::F16);
    CHECK(chooseTuning(measured).reasons.empty());
    // Nothing was measured behind a long context, or the heads allow no other type.
    measured = figures();
    measured.depth = 0;
    for (auto &each : measured.caches) each.writeRate = 0;
    CHECK(chosen() == KvType::F16);
    measured.caches.resize(1);
    CHECK(chosen() == KvType::F16);
    measured.caches.clear();
    CHECK(chosen() == KvType::F16);
}

TEST_CASE("which numbers of threads are tried") {
    CHECK(threadCandidates(1, 1) == std::vector<int>{1});
    CHECK(threadCandidates(2, 2) == std::vector<int>{2, 1});
    CHECK(threadCandidates(16, 8) == std::vector<int>{16, 8, 6, 4});
    CHECK(threadCandidates(4, 4) == std::vector<int>{4, 3, 2});
    CHECK(threadCandidates(12, 12) == std::vector<int>{12, 9, 6});
}

TEST_CASE("the file keeps everything") {
    TuningFigures measured = figures();
    measured.threads[1].writeRate = 12;
    measured.caches[1].divergence = 1.23456789e-5;
    const Tuning before = chooseTuning(measured);
    const auto after = parseTuning(tuningText(before, kHere), kHere);
    REQUIRE(after);
    CHECK(after->readThreads == before.readThreads);
    CHECK(after->writeThreads == before.writeThreads);
    CHECK(after->kv == before.kv);
    REQUIRE(after->reasons.size() == before.reasons.size());
    for (std::size_t i = 0; i < before.reasons.size(); ++i) {
        CHECK(after->reasons[i].about == before.reasons[i].about);
        CHECK(after->reasons[i].sentence == before.reasons[i].sentence);
    }
    CHECK(tuningText(*after, kHere) == tuningText(before, kHere));
    // A processor whose name is no UTF-8.
    TuningIdentity odd = kHere;
    odd.processor = "Xeon\xFF\xC3";
    CHECK(parseTuning(tuningText(before, odd), odd));
}

TEST_CASE("a damaged, cut, foreign or newer file is refused with a sentence") {
    const std::string text = tuningText(chooseTuning(figures()), kHere);
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (const char other : {'0', '}', '\xFF'}) {
            std::string changed = text;
            changed[i] = other;
            // White space between values may be anything that is white.
            if (const auto tuning = parseTuning(changed, kHere); tuning) CHECK(tuningText(*tuning, kHere) == text);
        }
        if (i + 2 < text.size()) refusal(text.substr(0, i));
    }
    for (const char *none : {"", "[]", "null", "{}", "\xFF", "{\"format\":1}"}) refusal(none);
    refusal(std::string(100'000, '['));
    refusal(text + std::string(70'000, ' '));
    const auto other = [&](auto change) {
        TuningIdentity identity = kHere;
        change(identity);
        CHECK(refusal(text, identity).find("another machine or model") != std::string::npos);
        CHECK(tuningPath("/f", identity) != tuningPath("/f", kHere));
    };
    other([](TuningIdentity &identity) { identity.processor = "Another one"; });
    other([](TuningIdentity &identity) { identity.cores = 4; });
    other([](TuningIdentity &identity) { identity.kernels = "avx512"; });
    other([](TuningIdentity &identity) { identity.model = "abc;weights 1"; });
    // The checksum is right, the values are not.
    const auto wrong = [](auto change) {
        Tuning tuning = chooseTuning(figures());
        change(tuning);
        refusal(tuningText(tuning, kHere));
    };
    wrong([](Tuning &tuning) { tuning.readThreads = 0; });
    wrong([](Tuning &tuning) { tuning.writeThreads = 5000; });
    wrong([](Tuning &tuning) { tuning.kv = KvType::Auto; });
    wrong([](Tuning &tuning) { tuning.figures.threads[0].readRate = -1; });
    wrong([](Tuning &tuning) { tuning.figures.caches[0].sameBest = 2; });
    wrong([](Tuning &tuning) { tuning.reasons.push_back({TuningReason::About::Cache, std::string(2000, 'x')}); });
}

TEST_CASE("a load takes what was measured, and what the caller says goes before it") {
    const Folder folder;
    LoadOptions options = tiny(folder.path());
    const auto plain = inspectLoad(options);
    REQUIRE(plain);
    CHECK_FALSE(plain->tuned);
    CHECK(plain->threads == usableCores());
    CHECK(plain->kv == KvType::F16);
    Tuning tuning = chooseTuning(figures());
    tuning.readThreads = 3;
    tuning.writeThreads = 1;
    tuning.kv = KvType::Q8_0;
    tuning.reasons = {{TuningReason::About::Threads, "About threads."}, {TuningReason::About::Cache, "About the cache."}};
    REQUIRE(writeTuning(folder.path(), identityOf(options), tuning));
    const auto seen = inspectLoad(options);
    REQUIRE(seen);
    CHECK(seen->tuned);
    CHECK(seen->threads == 3);
    CHECK(seen->writeThreads == 1);
    CHECK(seen->kv == KvType::Q8_0);
    CHECK(seen->notes == std::vector<std::string>{"About threads.", "About the cache."});
    const auto engine = loaded(options);
    CHECK(engine->info().tuned);
    CHECK(engine->info().threads == 3);
    CHECK(engine->info().writeThreads == 1);
    CHECK(engine->info().kv == KvType::Q8_0);

    LoadOptions mine = options;
    mine.threads = 2;
    const auto threads = inspectLoad(mine);
    CHECK(threads->threads == 2);
    CHECK(threads->writeThreads == 2);
    CHECK(threads->kv == KvType::Q8_0);
    CHECK(threads->notes == std::vector<std::string>{"About the cache."});
    mine.kv = KvType::F16;
    const auto both = inspectLoad(mine);
    CHECK(both->kv == KvType::F16);
    CHECK_FALSE(both->tuned);
    CHECK(both->notes.empty());
    for (const TuneMode mode : {TuneMode::Off, TuneMode::Again}) {
        mine = options;
        mine.tune = mode;
        CHECK_FALSE(inspectLoad(mine)->tuned);
        CHECK(inspectLoad(mine)->kv == KvType::F16);
    }
    mine = options;
    mine.referencePrecision = true;
    CHECK(inspectLoad(mine)->kv == KvType::F32);
    CHECK_FALSE(inspectLoad(mine)->tuned);
    // Weights of another type are another model.
    mine = options;
    mine.weights = WeightType::Q8_0;
    CHECK_FALSE(inspectLoad(mine)->tuned);

    // Another thread for writing changes no token.
    LoadOptions untuned = options;
    untuned.tune = TuneMode::Off;
    untuned.kv = KvType::Q8_0;
    untuned.threads = 2;
    Request request = ask("Tell me about the sea, and then about the sky.");
    request.maxTokens = 24;
    const auto one = engine->generate(request), other = loaded(untuned)->generate(request);
    REQUIRE(one);
    REQUIRE(other);
    CHECK(one->content == other->content);

    // What cannot be used is said, and changes nothing.
    const std::string path = onlyFile(folder.path());
    std::ofstream(path, std::ios::app) << "x";
    const auto damaged = inspectLoad(options);
    REQUIRE(damaged);
    CHECK_FALSE(damaged->tuned);
    CHECK(damaged->kv == KvType::F16);
    REQUIRE(damaged->notes.size() == 1);
    CHECK(damaged->notes[0].find("damaged") != std::string::npos);
    CHECK(loaded(options)->info().threads == usableCores());
}

TEST_CASE("a type of cache that the heads do not allow is not taken from a file") {
    const Folder folder;
    LoadOptions options = tiny(folder.path());
    options.path = checkpointPath("tiny-31b");  // heads of 16 values
    Tuning tuning = chooseTuning(figures());
    tuning.kv = KvType::Q4_0;
    REQUIRE(writeTuning(folder.path(), identityOf(options), tuning));
    const auto info = inspectLoad(options);
    REQUIRE(info);
    CHECK(info->tuned);
    CHECK(info->kv == KvType::F16);
}

TEST_CASE("measuring fills in every figure, and the next load uses it") {
    const Folder folder;
    const LoadOptions options = tiny(folder.path());
    {
        const auto meter = ModelMeter::load(options);
        REQUIRE(meter);
        int steps = 0;
        const auto tuning = (*meter)->tune([&](const char *, int done, int total) {
            CHECK(done < total);
            ++steps;
        });
        REQUIRE(tuning);
        CHECK(steps >= 3);
        REQUIRE_FALSE(tuning->figures.threads.empty());
        CHECK(tuning->figures.threads.front().threads == usableCores());
        for (const auto &each : tuning->figures.threads) {
            CHECK(each.readRate > 0);
            CHECK(each.writeRate > 0);
        }
        REQUIRE(tuning->figures.caches.size() == 4);
        for (const auto &each : tuning->figures.caches) {
            CHECK(each.writeRate > 0);
            CHECK(each.bytes > 0);
            CHECK(each.sameBest >= 0);
            CHECK(each.sameBest <= 1);
        }
        CHECK(tuning->figures.caches[2].bytes < tuning->figures.caches[0].bytes);
        CHECK(tuning->figures.positions > 100);
        CHECK(tuning->figures.depth >= 1024);
        CHECK(tuning->kv == KvType::F16);  // random weights amplify every rounding
        CHECK_FALSE(fs::path(onlyFile(folder.path())).empty());
    }
    const auto info = inspectLoad(options);
    REQUIRE(info);
    CHECK(info->tuned);
    LoadOptions none = options;
    none.tuningFolder.clear();
    const auto meter = ModelMeter::load(none);
    REQUIRE(meter);
    CHECK((*meter)->tune().error().code == ErrorCode::InvalidArgument);
    LoadOptions nowhere = options;
    nowhere.tuningFolder = onlyFile(folder.path()) + "/sub";  // below a file
    const auto other = ModelMeter::load(nowhere);
    REQUIRE(other);
    const auto failed = (*other)->tune();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::FileWriteFailed);
}

TEST_CASE("an idle engine measures once; requests go first and get their answers") {
    const Folder folder;
    LoadOptions options = tiny(folder.path());
    options.tuneAfterMs = 1;
    Request request = ask("What is this?");
    request.maxTokens = 4;
    {
        const auto engine = loaded(options);
        CHECK_FALSE(engine->info().tuned);
        // Each of them interrupts whatever is being measured.
        std::string first;
        for (int i = 0; i < 20; ++i) {
            const auto answer = engine->generate(request);
            REQUIRE(answer);
            if (i == 0) first = answer->content;
            CHECK(answer->content == first);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        REQUIRE(measuredInTheEnd(folder.path()));
        CHECK(engine->generate(request)->content == first);
    }
    const std::string path = onlyFile(folder.path()), before = contents(path);
    CHECK(parseTuning(before, identityOf(options)));
    {
        // It is there already: nothing is measured.
        const auto engine = loaded(options);
        CHECK(engine->info().tuned);
        REQUIRE(engine->generate(request));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    CHECK(contents(path) == before);
    // Ended in the middle of it: at once, and without a file.
    const Folder other;
    options.tuningFolder = other.path();
    for (int i = 0; i < 5; ++i) {
        const auto engine = loaded(options);
        std::this_thread::sleep_for(std::chrono::milliseconds(3 * i));
    }
}

TEST_CASE("figures of passes") {
    const auto meter = ModelMeter::load(tiny({}));
    REQUIRE(meter);
    const auto read = (*meter)->read(64), write = (*meter)->write(4, 0), deep = (*meter)->write(4, 1500);
    REQUIRE(read);
    REQUIRE(write);
    REQUIRE(deep);
    for (const PassFigures &each : {*read, *write, *deep}) {
        CHECK(each.seconds > 0);
        CHECK(each.bytes > 0);
        CHECK(each.operations > 0);
    }
    CHECK(read->tokens == 64);
    CHECK(deep->tokens == 4);
    CHECK(deep->bytes > write->bytes);  // keys and values of what lies before
    CHECK(read->bytes < 16 * write->bytes);  // a weight counts once a pass, not once a token
    CHECK((*meter)->write(1, 4096).error().code == ErrorCode::ContextExceeded);
    CHECK((*meter)->read(4096).error().code == ErrorCode::ContextExceeded);
    const CancelToken cancel;
    const auto stopped = ModelMeter::load(tiny({}), {}, cancel);
    REQUIRE(stopped);
    cancel.cancel();
    CHECK((*stopped)->read(64).error().code == ErrorCode::Cancelled);
}
