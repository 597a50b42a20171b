// Keys and values in fewer bits: what it costs on the goldens, which type a load takes, and that nothing else changes.
#include "run_support.h"

#include "facet/probe.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

using namespace facet;
using namespace facet::test;

namespace {

struct Golden {
    std::vector<std::int32_t> ids, best; // the reference's most probable token of each position
};

Golden goldenCase(const std::string &checkpoint, const std::string &name) {
    std::ifstream file(environment("FACET_FIXTURES") + "/golden/" + checkpoint + "/" + name + ".json");
    const auto json = nlohmann::json::parse(file);
    return {json.at("input_ids").get<std::vector<std::int32_t>>(),
            json.at("argmax_per_position").get<std::vector<std::int32_t>>()};
}

std::unique_ptr<ProbeModel> probe(const std::string &path, bool reference) {
    LoadOptions options;
    options.path = path;
    options.threads = 2;
    options.contextLength = 2048;
    options.referencePrecision = reference;
    auto model = ProbeModel::load(options);
    REQUIRE(model);
    return std::move(*model);
}

// Share of positions where the most probable token is another one than the reference's.
double differing(const std::vector<std::int32_t> &got, const std::vector<std::int32_t> &want) {
    REQUIRE(got.size() == want.size());
    int count = 0;
    for (std::size_t i = 0; i < got.size(); ++i) count += got[i] != want[i] ? 1 : 0;
    return count / static_cast<double>(got.size());
}

struct Limit {
    double divergence, others; // nats; share of positions with another best token
};

void checkLoss(const KvLoss &loss, Limit f16, Limit q8, Limit q4) {
    const bool fourBits = loss.type == KvType::Q4_0 || loss.type == KvType::Q4_R;
    const Limit limit = fourBits ? q4 : loss.type == KvType::Q8_0 ? q8 : f16;
    INFO(std::string(kvTypeName(loss.type)), " divergence ", loss.divergence, ", other best token ", 1 - loss.sameBest,
         ", mean difference of logits ", loss.meanLogitDifference, ", perplexity ", loss.perplexity);
    if (environment("FACET_SHOW_KV_LOSS") == "1")
        MESSAGE(std::string(kvTypeName(loss.type)), " divergence ", loss.divergence, ", other best token ", 1 - loss.sameBest,
                ", mean difference of logits ", loss.meanLogitDifference, ", perplexity ", loss.perplexity);
    CHECK(loss.divergence <= limit.divergence);
    CHECK(1 - loss.sameBest <= limit.others);
}

Request longQuestion(int maxTokens) {
    std::string text;
    for (int i = 0; i < 120; ++i) text += "word" + std::to_string(i * 7919 % 1000) + " ";
    Request request = ask(text);
    request.maxTokens = maxTokens;
    return request;
}

LoadOptions tiny(KvType kv) {
    LoadOptions options;
    options.path = checkpointPath("tiny-e2b");
    options.threads = 2;
    options.contextLength = 1024;
    options.kv = kv;
    return options;
}

std::unique_ptr<Engine> loaded(const LoadOptions &options) {
    auto engine = Engine::load(options);
    INFO((engine ? std::string() : engine.error().describe()));
    REQUIRE(engine);
    return std::move(*engine);
}

} // namespace

TEST_CASE("the text goldens with keys and values in fewer bits") {
    // Random weights amplify every rounding: far more than models that were trained (below).
    for (const char *checkpoint : {"tiny-e2b", "tiny-26b-a4b", "tiny-31b"}) {
        const auto model = probe(checkpointPath(checkpoint), true);
        for (const char *name : {"long", "window", "unicode"}) {
            CAPTURE(std::string(checkpoint));
            CAPTURE(std::string(name));
            const Golden golden = goldenCase(checkpoint, name);
            const auto losses = model->kvLoss(golden.ids);
            REQUIRE(losses);
            CHECK(losses->size() == (std::string(checkpoint) == "tiny-31b" ? 2 : 5)); // heads of 16 values
            CHECK(differing(losses->front().best, golden.best) == 0);
            // Where a rounding makes a router choose another expert, the rest of the text differs by more.
            const bool experts = std::string(checkpoint) == "tiny-26b-a4b";
            for (const KvLoss &loss : *losses) checkLoss(loss, {experts ? 2e-2 : 2e-3, 0.03}, {0.4, 0.35}, {8, 0.95});
        }
    }
}

TEST_CASE("a trained model with keys and values in fewer bits") {
    const auto model = probe(demoModelPath(), false);
    const std::string text = "<bos><|turn>user\nHow are you?<turn|>\n<|turn>model\nI am fine, thank you! What shall I read or "
                             "listen to?<turn|>\n<|turn>user\nWho are you?<turn|>\n<|turn>model\nI am the **demo model** of "
                             "this app.<turn|>\n";
    const auto losses = model->kvLoss(model->tokenize(text, true));
    REQUIRE(losses);
    REQUIRE(losses->size() == 5);
    for (const KvLoss &loss : *losses) checkLoss(loss, {1e-4, 0.02}, {2e-3, 0.05}, {0.2, 0.15});
    CHECK((*losses)[4].type == KvType::Q4_R);
    CHECK((*losses)[4].divergence < (*losses)[3].divergence); // four bits as well, rotated
    CHECK((*losses)[4].bytes == (*losses)[3].bytes);
    CHECK((*losses)[3].bytes * 3 < (*losses)[1].bytes);
    CHECK_FALSE(model->kvLoss({2}));
}

TEST_CASE("a smaller type is taken where f16 does not fit, and only then") {
    LoadOptions options = tiny(KvType::F16);
    options.contextLength = 4096;
    const auto exact = inspectLoad(options);
    REQUIRE(exact);
    const auto find = [](const ModelInfo &info) {
        return *std::find_if(info.memory.begin(), info.memory.end(),
                             [](const MemoryEstimate &e) { return e.contextLength == 4096; });
    };
    const MemoryEstimate need = find(*exact);
    options.kv = KvType::Auto;
    CHECK(inspectLoad(options)->kv == KvType::F16);
    CHECK(inspectLoad(options)->notes.empty());
    // Pages of the program's libraries may come and go: a few of them are far less than half of a cache.
    options.contextLength = 4096;
    options.memoryLimitBytes = need.totalBytes() - need.kvBytes / 4;
    auto smaller = inspectLoad(options);
    CHECK(smaller->kv == KvType::Q8_0);
    CHECK(smaller->notes.size() == 1);
    CHECK(find(*smaller).totalBytes() <= options.memoryLimitBytes);
    CHECK(loaded(options)->info().kv == KvType::Q8_0);
    options.memoryLimitBytes = need.totalBytes() - need.kvBytes * 6 / 10;
    CHECK(inspectLoad(options)->kv == KvType::Q4_0);
    CHECK(loaded(options)->info().notes.front().find("q4_0") != std::string::npos);
    options.memoryLimitBytes = need.totalBytes() - need.kvBytes;
    const auto refused = Engine::load(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::OutOfMemory);
    // Never in place of what was asked for, and never where floats were.
    options.memoryLimitBytes = need.totalBytes() - need.kvBytes / 4;
    options.kv = KvType::F16;
    CHECK_FALSE(Engine::load(options));
    options.kv = KvType::Auto;
    options.referencePrecision = true;
    CHECK(inspectLoad(options)->kv == KvType::F32);
    // Heads that are no whole blocks: f16 or nothing.
    options.referencePrecision = false;
    options.path = checkpointPath("tiny-31b");
    CHECK(inspectLoad(options)->kv == KvType::F16);
    for (const KvType type : {KvType::Q8_0, KvType::Q4_R}) {
        options.kv = type;
        CHECK(inspectLoad(options).error().code == ErrorCode::InvalidArgument);
        CHECK(Engine::load(options).error().code == ErrorCode::InvalidArgument);
    }
}

TEST_CASE("what was read is never read again, and a drafter changes nothing, with every type") {
    for (const KvType type : {KvType::Q8_0, KvType::Q4_0, KvType::Q4_R}) {
        INFO(kvTypeName(type));
        LoadOptions options = tiny(type);
        const auto plain = loaded(options);
        CHECK(plain->info().kv == type);
        Request request = longQuestion(24);
        const auto first = plain->generate(request);
        REQUIRE(first);
        const auto again = plain->generate(request);
        REQUIRE(again);
        CHECK(again->usage.cachedTokens == again->usage.promptTokens - 1);
        CHECK(again->content == first->content);
        options.drafter = checkpointPath("tiny-e2b-assistant");
        const auto drafted = loaded(options)->generate(request);
        REQUIRE(drafted);
        CHECK(drafted->content == first->content);
        CHECK(drafted->usage.draftedTokens > 0);
        CHECK(loaded(tiny(KvType::F32))->generate(request)->usage.promptTokens == first->usage.promptTokens);
    }
}
