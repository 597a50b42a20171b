#include "load_support.h"

#include "load/config.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <functional>

using namespace facet;
using namespace facet::test;

namespace {

using Json = nlohmann::json;

Json fixtureConfig(const std::string &folder) { return Json::parse(readAll(fixtures() / folder / "config.json")); }

Result<ModelConfig> parse(const Json &config, const std::string &generation = {}, const std::string &processor = {}) {
    return parseModelConfig(config.dump(), generation, processor, "config.json");
}

ModelConfig good(const Json &config) {
    auto parsed = parse(config);
    if (!parsed) FAIL(parsed.error().describe());
    return std::move(parsed).value();
}

int sourceOf(const ModelConfig &config, int layer) {
    return config.text.layers[static_cast<std::size_t>(layer)].kvSource;
}

} // namespace

TEST_CASE("every released configuration is read") {
    int count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(fixtures() / "real-configs")) {
        const auto generation = entry.path() / "generation_config.json";
        const auto parsed =
            parseModelConfig(readAll(entry.path() / "config.json"),
                             std::filesystem::exists(generation) ? readAll(generation) : "", "", "config.json");
        INFO(entry.path().filename().string());
        if (!parsed) FAIL(parsed.error().describe());
        CHECK(parsed->text.vocabularySize == 262144);
        CHECK(parsed->text.layers.size() == static_cast<std::size_t>(parsed->text.layerCount));
        CHECK_FALSE(parsed->demoModel);
        ++count;
    }
    CHECK(count == 8);
}

TEST_CASE("E2B: shared keys, per-layer inputs, double-wide layers, towers, tokens") {
    const ModelConfig c = good(fixtureConfig("real-configs/E2B"));
    CHECK(c.architecture == "gemma4");
    CHECK(c.text.hiddenSize == 1536);
    CHECK(c.text.perLayerInputSize == 256);
    CHECK(c.text.doubleWideMlp);
    CHECK(c.text.sharedKvLayers == 20);
    CHECK(c.text.layers[4].headDim == 512);
    CHECK(c.text.layers[3].headDim == 256);
    CHECK_FALSE(c.text.layers[14].sharesKv);
    for (int i = 15; i < 35; ++i) {
        CHECK(c.text.layers[static_cast<std::size_t>(i)].sharesKv);
        CHECK(sourceOf(c, i) == (i % 5 == 4 ? 14 : 13));
    }
    CHECK(sourceOf(c, 7) == 7);
    CHECK(c.text.logitSoftcap == 30.0F);
    REQUIRE(c.vision);
    CHECK(c.vision->hiddenSize == 768);
    CHECK(c.vision->defaultBudget == 280);
    CHECK(c.vision->clippedLinears);
    REQUIRE(c.audio);
    CHECK(c.audio->outputSize == 1536);
    CHECK(c.audio->convChannels[1] == 32);
    CHECK(c.tokens.imageSoft == 258880);
    CHECK(c.tokens.audioEnd == 258883);
    CHECK(c.stopIds == std::vector<int>{1, 106, 50});
    // text.md 2.5: 64 rotating pairs of 256, exponents over the whole head.
    CHECK(c.text.fullFrequencies.size() == 256);
    CHECK(c.text.fullFrequencies[1] == doctest::Approx(std::pow(1e6, -2.0 / 512)));
    CHECK(c.text.fullFrequencies[63] > 0);
    CHECK(c.text.fullFrequencies[64] == 0);
    CHECK(c.text.slidingFrequencies.size() == 128);
    CHECK(c.text.slidingFrequencies[127] == doctest::Approx(std::pow(1e4, -254.0 / 256)));
}

TEST_CASE("26B-A4B and 31B: experts, keys as values, pictures both ways") {
    const ModelConfig moe = good(fixtureConfig("real-configs/26B-A4B"));
    CHECK(moe.text.experts == 128);
    CHECK(moe.text.activeExperts == 8);
    CHECK(moe.text.expertSize == 704);
    CHECK(moe.text.bidirectionalVision);
    CHECK(moe.text.layers[5].keyIsValue);
    CHECK(moe.text.layers[5].kvHeads == 2);
    CHECK_FALSE(moe.text.layers[4].keyIsValue);
    CHECK(moe.text.layers[4].kvHeads == 8);
    CHECK_FALSE(moe.audio);
    CHECK(moe.vision->standardize);
    const ModelConfig dense = good(fixtureConfig("real-configs/31B"));
    CHECK(dense.text.experts == 0);
    CHECK(dense.text.layers[59].kvHeads == 4);
    CHECK(good(fixtureConfig("real-configs/E2B-assistant")).architecture == "gemma4_assistant");
}

TEST_CASE("the newer spelling says the same") {
    Json old = fixtureConfig("checkpoints/tiny-26b-a4b");
    Json fresh = old;
    auto &text = fresh["text_config"];
    for (const auto &[index, type] : old["text_config"]["layer_types"].items()) {
        if (type == "full_attention") {
            text["per_layer_config"][index] = {
                {"head_dim", old["text_config"]["global_head_dim"]},
                {"num_key_value_heads", old["text_config"]["num_global_key_value_heads"]}};
        }
    }
    text.erase("global_head_dim");
    text.erase("num_global_key_value_heads");
    const ModelConfig a = good(old), b = good(fresh);
    for (std::size_t i = 0; i < a.text.layers.size(); ++i) {
        CHECK(a.text.layers[i].headDim == b.text.layers[i].headDim);
        CHECK(a.text.layers[i].kvHeads == b.text.layers[i].kvHeads);
    }
    CHECK(a.text.fullFrequencies == b.text.fullFrequencies);
}

TEST_CASE("full layers that per_layer_config does not name are as all others") {
    Json json = fixtureConfig("checkpoints/tiny-31b");
    Json &text = json["text_config"];
    text.erase("global_head_dim");
    text.erase("num_global_key_value_heads");
    text["per_layer_config"] = Json::object(); // as it is written where head_dim and global_head_dim are the same
    const ModelConfig c = good(json);
    for (const LayerConfig &layer : c.text.layers) {
        CHECK(layer.headDim == text["head_dim"]);
        CHECK(layer.kvHeads == text["num_key_value_heads"]);
    }
}

TEST_CASE("without layer_types every sixth layer is full, and always the last") {
    Json json = fixtureConfig("checkpoints/tiny-31b");
    json["text_config"].erase("layer_types");
    json["text_config"]["num_hidden_layers"] = 8;
    const ModelConfig c = good(json);
    for (std::size_t i = 0; i < 8; ++i) CHECK(c.text.layers[i].sliding == (i != 5 && i != 7));
    json["text_config"]["layer_types"] = Json::array({"full_attention", "sliding_attention"});
    json["text_config"]["num_hidden_layers"] = 2;
    CHECK_FALSE(good(json).text.layers[1].sliding);
}

TEST_CASE("shared layers read the last producing layer of their type, wherever it is") {
    Json json = fixtureConfig("checkpoints/tiny-e2b");
    auto &text = json["text_config"];
    text["num_hidden_layers"] = 7;
    text["num_kv_shared_layers"] = 3;
    const char *s = "sliding_attention", *f = "full_attention";
    text["layer_types"] = Json::array({f, s, s, s, s, f, f});
    const ModelConfig c = good(json);
    CHECK(sourceOf(c, 4) == 3);
    CHECK(sourceOf(c, 5) == 0);
    CHECK(sourceOf(c, 6) == 0);
    text["layer_types"] = Json::array({s, s, s, s, s, f, f});
    CHECK(parse(json).error().describe().find("layer 5") != std::string::npos);
}

TEST_CASE("the demo model says so, odd names and missing fields are understood") {
    Json json = fixtureConfig("checkpoints/tiny-e2b");
    CHECK_FALSE(good(json).demoModel);
    json["facet_demo_model"] = true;
    json["never_heard_of"] = {{"x", 1}};
    json["text_config"]["neither"] = "y";
    CHECK(good(json).demoModel);
    json.erase("eoa_token_id");
    json["eoa_token_index"] = 77;
    CHECK(good(json).tokens.audioEnd == 77);
    json.erase("eoa_token_index");
    json.erase("image_token_id");
    CHECK(good(json).tokens.audioEnd == -1); // the released id is outside this vocabulary
    CHECK(good(json).tokens.imageSoft == -1);
    json["text_config"]["rope_parameters"]["full_attention"]["factor"] = 4.0;
    const auto plain = good(fixtureConfig("checkpoints/tiny-e2b")).text.fullFrequencies;
    CHECK(good(json).text.fullFrequencies[0] == plain[0] / 4);
    json["text_config"].erase("rope_parameters");
    CHECK(good(json).text.fullFrequencies == plain);
    json["vision_config"].erase("default_output_length");
    json["vision_soft_tokens_per_image"] = 70;
    CHECK(good(json).vision->defaultBudget == 70);
    json.erase("vision_soft_tokens_per_image");
    CHECK(parse(json, "", R"({"image_processor":{"max_soft_tokens":140}})")->vision->defaultBudget == 140);
    CHECK(parse(json, "", R"({"feature_extractor":{"feature_size":80}})")->audio->melBins == 80);

    Json textOnly = fixtureConfig("checkpoints/tiny-31b")["text_config"];
    textOnly["model_type"] = "gemma4_text";
    CHECK(good(textOnly).architecture == "gemma4");
    CHECK(good(textOnly).text.layerCount == 6);
}

TEST_CASE("sampling hints and stop ids come from generation_config.json first") {
    const Json json = fixtureConfig("checkpoints/tiny-e2b");
    const auto c = parse(json, R"({"eos_token_id": 7, "temperature": 0.5, "top_p": 0.9, "top_k": 10})");
    REQUIRE(c);
    CHECK(c->stopIds == std::vector<int>{7});
    CHECK(c->temperature == 0.5F);
    CHECK(c->topP == 0.9F);
    CHECK(c->topK == 10);
    CHECK(parse(json, "{}")->stopIds == std::vector<int>{1, 106, 50});
    for (const char *bad : {R"({"eos_token_id": -1})", R"({"eos_token_id": [99999999]})", R"({"eos_token_id": "x"})",
                            R"({"temperature": -1})", R"({"top_p": 2})", R"({"top_k": -3})", "[]", "{"}) {
        INFO(bad);
        const auto refused = parse(json, bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::ModelFileCorrupt);
        CHECK(refused.error().describe().find("generation_config") != std::string::npos);
    }
}

TEST_CASE("numbers that leave their limits are refused with their key") {
    const Json original = fixtureConfig("checkpoints/tiny-e2b");
    struct Bad {
        const char *section; // "" for the outermost object
        const char *key;
        std::vector<Json> values;
        bool required = false;
    };
    const std::vector<Json> sizes = {-1, 0, 1e30, 4294967297LL, "8", 1.5, Json::array({1})};
    const Bad table[] = {
        {"text_config", "num_hidden_layers", sizes, true},
        {"text_config", "hidden_size", sizes, true},
        {"text_config", "vocab_size", sizes, true},
        {"text_config", "num_attention_heads", sizes, true},
        {"text_config", "intermediate_size", sizes, true},
        {"text_config", "num_key_value_heads", sizes},
        {"text_config", "head_dim", sizes},
        {"text_config", "global_head_dim", sizes},
        {"text_config", "sliding_window", sizes},
        {"text_config", "max_position_embeddings", sizes},
        {"text_config", "num_hidden_layers", {513}},
        {"text_config", "hidden_size", {65537}},
        {"text_config", "vocab_size", {4194305}},
        {"text_config", "num_kv_shared_layers", {-1, 11, "x"}},
        {"text_config", "hidden_size_per_layer_input", {-1, 1e9}},
        {"text_config", "vocab_size_per_layer_input", {-1, 0, 1e9}},
        {"text_config", "rms_norm_eps", {-1, 2, "x"}},
        {"text_config", "final_logit_softcapping", {-1, "x"}},
        {"text_config", "pad_token_id", {-1, 2048}},
        {"text_config", "bos_token_id", {2048}},
        {"text_config", "layer_types", {7, Json::array(), Json::array({"sliding_attention"})}},
        {"text_config", "use_double_wide_mlp", {1, "true"}},
        {"text_config", "per_layer_config", {7, {{"99", {{"head_dim", 64}}}}, {{"x", Json::object()}}, {{"4", 7}}}},
        {"text_config",
         "rope_parameters",
         {7,
          {{"full_attention", 7}},
          {{"full_attention", {{"rope_theta", 0}}}},
          {{"full_attention", {{"factor", 0}}}},
          {{"full_attention", {{"partial_rotary_factor", 1.5}}}}}},
        {"vision_config", "hidden_size", sizes, true},
        {"vision_config", "num_hidden_layers", sizes, true},
        {"vision_config", "num_attention_heads", sizes, true},
        {"vision_config", "intermediate_size", sizes, true},
        {"vision_config", "patch_size", sizes},
        {"vision_config", "pooling_kernel_size", sizes},
        {"vision_config", "position_embedding_size", sizes},
        {"vision_config", "default_output_length", sizes},
        {"vision_config", "head_dim", {-1, 2, 18}},
        {"audio_config", "hidden_size", sizes, true},
        {"audio_config", "num_hidden_layers", sizes, true},
        {"audio_config", "num_attention_heads", {0, 3}, true},
        {"audio_config", "output_proj_dims", sizes, true},
        {"audio_config", "conv_kernel_size", sizes},
        {"audio_config", "attention_context_left", sizes},
        {"audio_config", "subsampling_conv_channels", {7, Json::array({1}), Json::array({0, 1})}},
        {"audio_config", "attention_logit_cap", {0}},
        {"", "image_token_id", {-2, 2048, "x"}},
        {"", "eoa_token_id", {2048}},
        {"", "eos_token_id", {2048, "x"}},
        {"", "facet_demo_model", {1}},
        {"", "text_config", {7, Json::array()}, true},
        {"", "vision_config", {7}},
        {"", "audio_config", {"x"}},
    };
    for (const auto &bad : table) {
        const auto sectionOf = [&](Json &json) -> Json & { return *bad.section ? json[bad.section] : json; };
        for (const auto &value : bad.values) {
            INFO(bad.section, ".", bad.key, " = ", value.dump());
            Json json = original;
            sectionOf(json)[bad.key] = value;
            const auto parsed = parse(json);
            REQUIRE_FALSE(parsed);
            CHECK(parsed.error().code == ErrorCode::ModelFileCorrupt);
            CHECK(parsed.error().file == "config.json");
            CHECK_FALSE(parsed.error().detail.empty());
        }
        if (!bad.required) continue;
        INFO(bad.section, ".", bad.key, " missing");
        Json json = original;
        sectionOf(json).erase(bad.key);
        const auto parsed = parse(json);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == ErrorCode::ModelFileCorrupt);
    }
}

TEST_CASE("what contradicts itself or is not built is refused with a reason") {
    const Json original = fixtureConfig("checkpoints/tiny-e2b");
    const auto refused = [&](const std::function<void(Json &, Json &)> &change, ErrorCode code, const char *says) {
        Json json = original;
        change(json, json["text_config"]);
        const auto parsed = parse(json);
        REQUIRE_FALSE(parsed);
        INFO(parsed.error().describe());
        CHECK(parsed.error().code == code);
        CHECK(parsed.error().describe().find(says) != std::string::npos);
    };
    const auto corrupt = ErrorCode::ModelFileCorrupt, unsupported = ErrorCode::ModelUnsupported;
    refused([](Json &, Json &t) { t["num_key_value_heads"] = 3; }, corrupt, "heads");
    refused([](Json &, Json &t) { t["head_dim"] = 33; }, corrupt, "odd");
    refused([](Json &, Json &t) { t["num_kv_shared_layers"] = 10; }, corrupt, "shares keys");
    refused([](Json &, Json &t) { t["per_layer_config"] = {{"5", {{"num_key_value_heads", 2}}}}; }, corrupt, "layer 5");
    refused([](Json &, Json &t) { t["per_layer_config"] = {{"4", {{"head_dim", 48}}}}; }, unsupported, "differs");
    refused([](Json &, Json &t) { t["enable_moe_block"] = true; }, corrupt, "num_experts");
    refused(
        [](Json &, Json &t) {
            t.update(
                {{"enable_moe_block", true}, {"num_experts", 4}, {"top_k_experts", 5}, {"moe_intermediate_size", 8}});
        },
        corrupt, "top_k_experts");
    refused([](Json &, Json &t) { t["layer_types"][0] = "linear_attention"; }, unsupported, "layer_types[0]");
    refused([](Json &, Json &t) { t["attention_bias"] = true; }, unsupported, "attention_bias");
    refused([](Json &, Json &t) { t["hidden_activation"] = "relu"; }, unsupported, "relu");
    refused([](Json &, Json &t) { t["use_bidirectional_attention"] = "all"; }, unsupported, "all");
    refused([](Json &, Json &t) { t["rope_parameters"]["full_attention"]["rope_type"] = "yarn"; }, unsupported, "yarn");
    refused([](Json &j, Json &) { j["tie_word_embeddings"] = false; }, unsupported, "tie_word_embeddings");
    refused([](Json &j, Json &) { j["model_type"] = "llama"; }, unsupported, "llama");
    refused([](Json &j, Json &) { j.erase("model_type"); }, unsupported, "model_type");
    refused([](Json &j, Json &) { j["vision_config"]["num_key_value_heads"] = 2; }, unsupported, "num_key_value_heads");
    refused([](Json &j, Json &) { j["audio_config"]["attention_context_right"] = 1; }, unsupported,
            "attention_context_right");
}

TEST_CASE("text that is no JSON, too deep or too long is refused") {
    for (const char *text : {"", "x", "[]", "{", "{\"a\":}", "{\"model_type\":\"gemma4\",\"model_type\":\"gemma4\"}",
                             "{\"a\":\"\xff\"}"}) {
        INFO(text);
        const auto parsed = parseModelConfig(text, "", "", "config.json");
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == ErrorCode::ModelFileCorrupt);
    }
    const std::string deep = "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
    CHECK(parseModelConfig(deep, "", "", "config.json").error().code == ErrorCode::LimitExceeded);
    std::string wide = "{\"a\":[0";
    for (int i = 0; i < 300000; ++i) wide += ",0";
    CHECK(parseModelConfig(wide + "]}", "", "", "config.json").error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("Gemma 3 in both spellings") {
    const auto read = [](const char *text) {
        auto config = parseModelConfig(text, "", "", "config.json");
        if (!config) FAIL(config.error().describe());
        return std::move(config).value();
    };
    const ModelConfig old = read(R"({"model_type":"gemma3_text","head_dim":16,"hidden_size":64,"intermediate_size":128,
        "num_attention_heads":4,"num_hidden_layers":7,"num_key_value_heads":1,"query_pre_attn_scalar":64,
        "rope_local_base_freq":10000,"rope_theta":1000000,"rope_scaling":{"factor":8.0,"rope_type":"linear"},
        "sliding_window":512,"sliding_window_pattern":6,"vocab_size":300,"eos_token_id":[1,106]})");
    CHECK(old.architecture == "gemma3");
    CHECK(old.text.normsPlusOne);
    CHECK_FALSE(old.text.valueNorm);
    CHECK_FALSE(old.text.layerScalar);
    CHECK(old.text.queryScale == 0.125F);
    CHECK(old.text.layers[5].sliding == false);
    CHECK(old.text.layers[6].sliding); // the last layer is like any other
    CHECK(old.text.layers[5].headDim == 16);
    CHECK(old.text.fullFrequencies[0] == doctest::Approx(1.0 / 8));
    CHECK(old.text.slidingFrequencies[0] == doctest::Approx(1.0));
    CHECK(old.text.fullFrequencies.back() > 0); // the whole head rotates
    CHECK(old.tokens.imageSoft == -1);
    CHECK(old.stopIds == std::vector<int>{1, 106});

    const ModelConfig whole = read(R"({"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":64,
        "intermediate_size":128,"num_hidden_layers":6,"rope_parameters":{"full_attention":{"rope_type":"linear",
        "factor":8.0,"rope_theta":1000000},"sliding_attention":{"rope_type":"default","rope_theta":10000}}},
        "vision_config":{"model_type":"siglip_vision_model"}})");
    CHECK(whole.text.heads == 8);
    CHECK(whole.text.layers[0].kvHeads == 4);
    CHECK(whole.text.layers[5].headDim == 256);
    CHECK(whole.text.vocabularySize == 262208);
    CHECK(whole.text.fullFrequencies[1] == doctest::Approx(std::pow(1e6, -2.0 / 256) / 8));
    CHECK_FALSE(whole.vision);
}
