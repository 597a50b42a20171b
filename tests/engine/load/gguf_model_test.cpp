// A GGUF model must be the same model as the folder that it was made from.
#include "gguf_support.h"
#include "load_support.h"

#include "facet/model_info.h"
#include "load/gguf_vocabulary.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <set>

using namespace facet;
using namespace facet::test;

namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string &name) { return (fixtures() / name).string(); }

Checkpoint opened(const std::string &path, const std::string &mmproj = {}) {
    auto checkpoint = openCheckpoint(path, mmproj);
    if (!checkpoint) FAIL(checkpoint.error().describe());
    return std::move(checkpoint).value();
}

std::int64_t count(const TensorInfo &info) {
    std::int64_t n = 1;
    for (const auto size : info.shape) n *= size;
    return n;
}

void checkSameText(const TextConfig &a, const TextConfig &b) {
    CHECK(a.hiddenSize == b.hiddenSize);
    CHECK(a.vocabularySize == b.vocabularySize);
    CHECK(a.perLayerVocabularySize == b.perLayerVocabularySize);
    CHECK(a.layerCount == b.layerCount);
    CHECK(a.heads == b.heads);
    CHECK(a.intermediateSize == b.intermediateSize);
    CHECK(a.doubleWideMlp == b.doubleWideMlp);
    CHECK(a.perLayerInputSize == b.perLayerInputSize);
    CHECK(a.sharedKvLayers == b.sharedKvLayers);
    CHECK(a.slidingWindow == b.slidingWindow);
    CHECK(a.maxContext == b.maxContext);
    CHECK(a.experts == b.experts);
    CHECK(a.activeExperts == b.activeExperts);
    CHECK(a.expertSize == b.expertSize);
    CHECK(a.bidirectionalVision == b.bidirectionalVision);
    CHECK(a.logitSoftcap == b.logitSoftcap);
    CHECK(a.rmsNormEps == b.rmsNormEps);
    REQUIRE(a.layers.size() == b.layers.size());
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
        INFO("layer " << i);
        CHECK(a.layers[i].sliding == b.layers[i].sliding);
        CHECK(a.layers[i].headDim == b.layers[i].headDim);
        CHECK(a.layers[i].kvHeads == b.layers[i].kvHeads);
        CHECK(a.layers[i].keyIsValue == b.layers[i].keyIsValue);
        CHECK(a.layers[i].sharesKv == b.layers[i].sharesKv);
        CHECK(a.layers[i].kvSource == b.layers[i].kvSource);
    }
    REQUIRE(a.fullFrequencies.size() == b.fullFrequencies.size());
    for (std::size_t j = 0; j < a.fullFrequencies.size(); ++j)
        CHECK(a.fullFrequencies[j] == doctest::Approx(b.fullFrequencies[j]).epsilon(1e-9));
    REQUIRE(a.slidingFrequencies.size() == b.slidingFrequencies.size());
    for (std::size_t j = 0; j < a.slidingFrequencies.size(); ++j)
        CHECK(a.slidingFrequencies[j] == doctest::Approx(b.slidingFrequencies[j]).epsilon(1e-9));
}

void refused(const std::string &bytes, const std::string &says, ErrorCode code = ErrorCode::ModelFileCorrupt) {
    const TemporaryFolder folder;
    const auto checkpoint = openCheckpoint(folder.write("m.gguf", bytes));
    INFO(says);
    REQUIRE_FALSE(checkpoint);
    INFO(checkpoint.error().describe());
    CHECK(checkpoint.error().code == code);
    CHECK(checkpoint.error().describe().find(says) != std::string::npos);
    CHECK(checkpoint.error().file.ends_with("m.gguf"));
}

} // namespace

TEST_CASE("a GGUF model has the configuration of the folder it was made from") {
    const std::pair<const char *, const char *> pairs[] = {{"gguf/tiny-e2b-bf16.gguf", "checkpoints/tiny-e2b"},
                                                           {"gguf/tiny-26b-a4b-Q4_0.gguf", "checkpoints/tiny-26b-a4b"},
                                                           {"gguf/tiny-31b-Q8_0.gguf", "checkpoints/tiny-31b"}};
    for (const auto &[file, folder] : pairs) {
        INFO(file);
        const Checkpoint gguf = opened(fixture(file)), original = opened(fixture(folder));
        CHECK(gguf.config.architecture == "gemma4");
        checkSameText(gguf.config.text, original.config.text);
        CHECK(gguf.config.padId == original.config.padId);
        CHECK(gguf.config.bosId == original.config.bosId);
        CHECK(gguf.config.temperature == doctest::Approx(original.config.temperature));
        CHECK(gguf.config.topP == doctest::Approx(original.config.topP));
        CHECK(gguf.config.topK == original.config.topK);
        CHECK(std::set(gguf.config.stopIds.begin(), gguf.config.stopIds.end()) ==
              std::set(original.config.stopIds.begin(), original.config.stopIds.end()));
        const MediaTokens &a = gguf.config.tokens, &b = original.config.tokens;
        CHECK(a.imageBegin == b.imageBegin);
        CHECK(a.imageSoft == b.imageSoft);
        CHECK(a.imageEnd == b.imageEnd);
        CHECK(a.audioBegin == b.audioBegin);
        CHECK(a.audioSoft == b.audioSoft);
        CHECK(a.audioEnd == b.audioEnd);
        CHECK(a.videoSoft == b.videoSoft);
        CHECK(gguf.chatTemplate == original.chatTemplate);
    }
}

TEST_CASE("every tensor of the folder is answered from the GGUF files") {
    const Checkpoint gguf = opened(fixture("gguf/tiny-e2b-bf16.gguf")), original = opened(fixture("checkpoints/tiny-e2b"));
    CHECK(gguf.mmproj.ends_with("mmproj-tiny-e2b-bf16.gguf"));
    REQUIRE(gguf.config.vision);
    REQUIRE(gguf.config.audio);
    CHECK(gguf.config.vision->positionTableSize == original.config.vision->positionTableSize);
    CHECK(gguf.config.vision->clippedLinears == original.config.vision->clippedLinears);
    CHECK(gguf.config.audio->outputSize == original.config.audio->outputSize);
    CHECK(gguf.config.audio->convChannels[1] == original.config.audio->convChannels[1]);
    CHECK(gguf.config.audio->convKernel == original.config.audio->convKernel);
    int compared = 0;
    for (const TensorInfo &info : original.weights->tensors()) {
        const TensorInfo *ours = gguf.weights->find(info.name);
        INFO(info.name);
        if (!ours) { // the shared layers' own keys and values, which nobody reads
            CHECK(info.name.find("self_attn.") != std::string::npos);
            continue;
        }
        if (!info.shape.empty()) CHECK(ours->shape == info.shape); // [] and [1] are one number
        const auto a = gguf.weights->vector(info.name, count(info)), b = original.weights->vector(info.name, count(info));
        REQUIRE(a);
        REQUIRE(b);
        float worst = 0;
        for (std::size_t i = 0; i < a->size(); ++i) worst = std::max(worst, std::abs((*a)[i] - (*b)[i]));
        CHECK(worst <= (info.name.ends_with("per_dim_scale") ? 1e-5F : 0.0F));
        ++compared;
    }
    CHECK(compared > 300);
    const auto patch = gguf.weights->matrix("model.vision_tower.patch_embedder.input_proj.weight", 64, 768);
    const auto folderPatch = original.weights->vector("model.vision_tower.patch_embedder.input_proj.weight", 64 * 768);
    REQUIRE(patch);
    CHECK(patch->type == TensorType::F32);
    CHECK(std::memcmp(patch->data, folderPatch->data(), folderPatch->size() * sizeof(float)) == 0);
    CHECK(gguf.weights->fingerprint() != original.weights->fingerprint());
    CHECK(gguf.weights->stillIntact());
    CHECK_FALSE(gguf.weights->matrix("model.language_model.embed_tokens.weight", 2048, 255));
    CHECK_FALSE(gguf.weights->vector("no.such.tensor", 1));
}

TEST_CASE("matrices are views of the file, not copies") {
    const Checkpoint gguf = opened(fixture("gguf/tiny-31b-Q8_0.gguf"));
    const auto first = gguf.weights->matrix("model.language_model.embed_tokens.weight", 2048, 128);
    const auto again = gguf.weights->matrix("model.language_model.embed_tokens.weight", 2048, 128);
    REQUIRE(first);
    CHECK(first->type == TensorType::Q8_0);
    CHECK(first->data == again->data);
}

TEST_CASE("a drafter says what it drafts for") {
    for (const char *path : {"gguf/tiny-e2b-assistant-bf16.gguf", "checkpoints/tiny-e2b-assistant"}) {
        const Checkpoint drafter = opened(fixture(path));
        CHECK(drafter.config.architecture == "gemma4_assistant");
        REQUIRE(drafter.config.drafter);
        CHECK(drafter.config.drafter->backboneSize == 256);
        CHECK(drafter.weights->find("model.layers.0.self_attn.q_proj.weight"));
        CHECK(drafter.weights->matrix("pre_projection.weight", 64, 512));
        CHECK(drafter.weights->matrix("post_projection.weight", 256, 64));
        CHECK(drafter.config.text.layers[3].sliding == false);
    }
    CHECK(opened(fixture("checkpoints/tiny-e2b-assistant")).config.drafter->centroids == 64);
    CHECK(inspectModel(fixture("gguf/tiny-e2b-assistant-bf16.gguf"))->unsupported.size() == 1);
}

TEST_CASE("Gemma 3 brings its own arithmetic") {
    const TemporaryFolder folder;
    const std::string path = folder.write("small.gguf", smallGemma3().finish());
    const Checkpoint c = opened(folder.path()); // the only model of the folder
    CHECK(c.path == path);
    CHECK(c.name == "small");
    const TextConfig &text = c.config.text;
    CHECK(c.config.architecture == "gemma3");
    CHECK_FALSE(text.valueNorm);
    CHECK_FALSE(text.layerScalar);
    CHECK_FALSE(text.normsPlusOne);
    CHECK(text.queryScale == 0.5F);
    CHECK(text.layers[0].sliding);
    CHECK_FALSE(text.layers[1].sliding);
    CHECK(text.slidingFrequencies[1] == doctest::Approx(0.01));
    CHECK(text.fullFrequencies[1] == doctest::Approx(0.001));
    CHECK(c.config.stopIds == std::vector<int>{1, 4});
    REQUIRE(c.vocabulary);
    CHECK(c.vocabulary->scored);
    const auto info = inspectModel(path);
    REQUIRE(info);
    CHECK(info->baseModel);
    CHECK(info->unsupported.empty());
}

TEST_CASE("fused attention rows, a head of its own and long contexts are understood") {
    GgufText text = smallGemma3();
    std::vector<float> values(8 * 16);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    text.tensor("output.weight", {8, 16}, values);
    text.text("gemma3.rope.scaling.type", "linear").f32("gemma3.rope.scaling.factor", 8);
    std::string bytes = text.finish();
    const TemporaryFolder folder;
    const Checkpoint c = opened(folder.write("m.gguf", bytes));
    CHECK(c.config.text.separateHead);
    CHECK(c.weights->matrix("lm_head.weight", 16, 8));
    CHECK(c.config.text.fullFrequencies[0] == doctest::Approx(1.0 / 8));
    CHECK(c.config.text.slidingFrequencies[0] == doctest::Approx(1.0));

    GgufText gemma4;
    gemma4.text("general.architecture", "gemma4").u32("gemma4.block_count", 1).u32("gemma4.context_length", 64);
    gemma4.u32("gemma4.embedding_length", 8).u32("gemma4.feed_forward_length", 8);
    gemma4.u32("gemma4.attention.head_count", 2).u32("gemma4.attention.head_count_kv", 1);
    gemma4.u32("gemma4.attention.key_length", 4);
    gemma4.tensor("token_embd.weight", {8, 16}, values);
    gemma4.tensor("blk.0.attn_qkv.weight", {8, 16}, values);
    const Checkpoint fused = opened(folder.write("f.gguf", gemma4.finish()));
    const auto key = fused.weights->vector("model.language_model.layers.0.self_attn.k_proj.weight", 4 * 8);
    REQUIRE(key);
    CHECK(key->front() == 64); // behind 8 rows of queries
    const auto value = fused.weights->vector("model.language_model.layers.0.self_attn.v_proj.weight", 4 * 8);
    REQUIRE(value);
    CHECK(value->front() == 96);
    CHECK(inspectModel(folder.path("f.gguf"))); // no tokenizer: it can be looked at
}

TEST_CASE("metadata that contradicts itself is refused by the key's name") {
    const auto changed = [](const std::function<void(GgufText &)> &add, const std::string &without) {
        // The writer refuses nothing: a key twice is refused by the reader, so the old one gets another name.
        GgufText text = smallGemma3();
        add(text);
        std::string bytes = text.finish();
        const auto at = bytes.find(without);
        REQUIRE(at != std::string::npos);
        bytes[at] = '_';
        return bytes;
    };
    const auto number = [&](const std::string &key, std::uint32_t value) {
        return changed([&](GgufText &text) { text.u32(key, value); }, key);
    };
    refused(number("gemma3.block_count", 0), "key gemma3.block_count");
    refused(number("gemma3.block_count", 100000), "key gemma3.block_count");
    refused(number("gemma3.embedding_length", 0), "key gemma3.embedding_length");
    refused(number("gemma3.context_length", 0), "key gemma3.context_length");
    refused(number("gemma3.attention.head_count", 0), "key gemma3.attention.head_count");
    refused(number("gemma3.attention.head_count_kv", 3), "cannot share");
    refused(number("gemma3.attention.key_length", 1), "key gemma3.attention.key_length");
    refused(number("gemma3.attention.value_length", 8), "key gemma3.attention.value_length",
            ErrorCode::ModelUnsupported);
    refused(number("gemma3.attention.sliding_window", 0), "key gemma3.attention.sliding_window");
    refused(number("tokenizer.ggml.bos_token_id", 16), "key tokenizer.ggml.bos_token_id");
    refused(number("tokenizer.ggml.tokens", 1), "key tokenizer.ggml.tokens");
    refused(number("tokenizer.ggml.scores", 1), "key tokenizer.ggml.scores");
    refused(number("tokenizer.ggml.model", 1), "key tokenizer.ggml.model");
    refused(number("general.architecture", 1), "key general.architecture");
    const auto kinds = [&](std::vector<std::uint32_t> list) {
        return changed([&](GgufText &text) { text.u32s("tokenizer.ggml.token_type", list); },
                       "tokenizer.ggml.token_type");
    };
    refused(kinds({1, 2}), "key tokenizer.ggml.token_type: 2 entries for 16 pieces");
    refused(kinds(std::vector<std::uint32_t>(16, 7)), "key tokenizer.ggml.token_type: piece 0 is of kind 7");
    refused(changed([](GgufText &t) { t.f32("gemma3.rope.freq_base", NAN); }, "gemma3.rope.freq_base"),
            "key gemma3.rope.freq_base");
    refused(changed([](GgufText &t) { t.bools("gemma3.attention.sliding_window_pattern", {true}); },
                    "gemma3.attention.sliding_window_pattern"),
            "key gemma3.attention.sliding_window_pattern");
    refused(changed([](GgufText &t) { t.text("general.architecture", "llama"); }, "general.architecture"), "\"llama\"",
            ErrorCode::ModelUnsupported);
    refused(changed([](GgufText &t) { t.text("tokenizer.ggml.model", "gpt2"); }, "tokenizer.ggml.model"), "\"gpt2\"",
            ErrorCode::ModelUnsupported);
    GgufText fewerRows = smallGemma3();
    refused(fewerRows.tensor("blk.7.attn_qkv.weight", {8, 16}, std::vector<float>(128)).finish(), "blk.7.attn_qkv");
}

TEST_CASE("the projector must fit the model") {
    const TemporaryFolder folder;
    fs::copy(fixture("gguf/tiny-31b-Q8_0.gguf"), folder.path("m.gguf"));
    fs::copy(fixture("gguf/mmproj-tiny-e2b-bf16.gguf"), folder.path("mmproj-m.gguf"));
    const Checkpoint without = opened(folder.path("m.gguf")); // of another width: not taken
    CHECK(without.mmproj.empty());
    CHECK_FALSE(without.config.vision);
    const auto forced = openCheckpoint(folder.path("m.gguf"), folder.path("mmproj-m.gguf"));
    REQUIRE_FALSE(forced);
    CHECK(forced.error().describe().find("belongs to another model") != std::string::npos);
    CHECK_FALSE(openCheckpoint(folder.path("m.gguf"), folder.path("m.gguf")));
    CHECK_FALSE(openCheckpoint(folder.path("mmproj-m.gguf")));
    folder.write("mmproj-m.gguf", "GGUF");
    const auto broken = inspectModel(folder.path("m.gguf"));
    REQUIRE(broken);
    REQUIRE(broken->unsupported.size() == 1);
    CHECK(broken->unsupported.front().find("mmproj-m.gguf") != std::string::npos);
}
