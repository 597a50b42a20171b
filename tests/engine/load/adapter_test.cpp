// Adapter folders: what is read, what is refused with a sentence, hostile patterns.
#include "load/adapter.h"
#include "load/name_pattern.h"
#include "load_support.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace facet;
using namespace facet::test;

namespace {

bool matches(const char *pattern, const char *name) {
    auto parsed = NamePattern::parse(pattern);
    if (!parsed) FAIL(parsed.error().describe());
    return parsed->matchesEnd(name);
}

std::string tensors(const char *a, const char *b) {
    return safetensorsText(std::string("{\"") + a + R"(":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]},")" + b +
                               R"(":{"dtype":"BF16","shape":[3,2],"data_offsets":[16,28]}})",
                           28);
}

constexpr const char *kA = "base_model.model.m.up.lora_A.weight";
constexpr const char *kB = "base_model.model.m.up.lora_B.weight";

Error refusal(const std::string &config, const std::string &file = tensors(kA, kB)) {
    const TemporaryFolder folder;
    folder.write("adapter_config.json", config);
    folder.write("adapter_model.safetensors", file);
    const auto opened = openAdapter(folder.path());
    REQUIRE_FALSE(opened);
    return opened.error();
}

} // namespace

TEST_CASE("patterns of module names") {
    CHECK(matches("up_proj", "model.layers.3.mlp.up_proj"));
    CHECK_FALSE(matches("proj", "model.layers.3.mlp.up_proj")); // only behind a dot
    CHECK(matches("layers\\.(1|3)\\.mlp\\..*", "model.layers.3.mlp.up_proj"));
    CHECK_FALSE(matches("layers\\.(1|3)\\.mlp\\..*", "model.layers.13.mlp.up_proj"));
    CHECK(matches("^model.*_proj$", "model.layers.3.mlp.up_proj"));
    CHECK_FALSE(matches("^layers.*", "model.layers.3"));
    CHECK(matches("layers\\.[0-9]+\\.a?b*c", "layers.42.bbc"));
    CHECK(matches("(?:x|y\\d)+", "m.xy1x"));
    CHECK(matches("[^.]+", "a.b"));
    CHECK(matches("", "a."));
    for (const char *bad : {"a{2}", "(a", "a)", "[a", "*a", "(?=a)", "\\b", "a\\"}) {
        INFO(bad);
        CHECK_FALSE(NamePattern::parse(bad));
    }
    CHECK_FALSE(NamePattern::parse(std::string(2000, 'a')));
    CHECK_FALSE(NamePattern::parse(std::string(500, '(') + std::string(500, ')')));
    // Exponential for backtracking matchers.
    CHECK_FALSE(matches("(a*)*(a*)*(a|a)*(a*)*b", std::string(900, 'a').c_str()));
}

TEST_CASE("strength by rank, root of rank and pattern") {
    const TemporaryFolder folder;
    folder.write("adapter_model.safetensors", tensors(kA, kB));
    const auto scale = [&folder](const char *config) {
        folder.write("adapter_config.json", config);
        const auto opened = openAdapter(folder.path());
        if (!opened) FAIL(opened.error().describe());
        REQUIRE(opened->pairs.size() == 1);
        CHECK(opened->pairs[0].module == "m.up");
        return opened->pairs[0].scale;
    };
    CHECK(scale(R"({"lora_alpha": 8, "r": 64})") == 4.0F); // the tensor's rank counts
    CHECK(scale(R"({"lora_alpha": 8, "use_rslora": true})") == doctest::Approx(8 / std::sqrt(2.0)));
    CHECK(scale(R"({"lora_alpha": 8, "alpha_pattern": {"up": 3, "down": 5}})") == 1.5F);
    CHECK(scale(R"({"peft_type": "LORA", "bias": "none", "modules_to_save": [], "target_parameters": null})") == 4.0F);
    CHECK(openAdapter(folder.path("adapter_config.json"))); // the file stands for its folder
}

TEST_CASE("what an adapter may not ask for") {
    for (const char *config : {R"({"use_dora": true})", R"({"bias": "all"})", R"({"modules_to_save": ["lm_head"]})",
                               R"({"target_parameters": ["experts.down_proj"]})", R"({"peft_type": "IA3"})",
                               R"({"lora_bias": true})", R"({"alpha_pattern": {"a{3}": 1}})"}) {
        INFO(config);
        CHECK(refusal(config).code == ErrorCode::ModelUnsupported);
    }
    CHECK(refusal(R"({"use_dora": true})").message.find("use_dora") != std::string::npos);
    CHECK(refusal(R"({"alpha_pattern": {"up": 1, ".*": 2}})").describe().find("m.up") != std::string::npos);
    CHECK(refusal("{\"lora_alpha\": \"much\"}").code == ErrorCode::ModelFileCorrupt);
    CHECK(refusal("[]").code == ErrorCode::ModelFileCorrupt);
    CHECK(refusal("{}", tensors(kA, "base_model.model.lm_head.weight")).describe().find("lm_head.weight") !=
          std::string::npos);
    CHECK(refusal("{}", tensors(kA, "base_model.model.m.down.lora_B.weight")).code == ErrorCode::ModelFileCorrupt);
    CHECK(refusal("{}", tensors(kA, kA)).code == ErrorCode::ModelFileCorrupt);
    const TemporaryFolder empty;
    CHECK(openAdapter(empty.path()).error().code == ErrorCode::FileNotFound);
    empty.write("adapter_config.json", "{}");
    CHECK(openAdapter(empty.path()).error().code == ErrorCode::FileNotFound);
    CHECK(openAdapter("").error().code == ErrorCode::FileNotFound);
}

TEST_CASE("ranks that differ are named") {
    const std::string file = safetensorsText(
        std::string("{\"") + kA + R"(":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]},")" + kB +
            R"(":{"dtype":"BF16","shape":[2,3],"data_offsets":[16,28]}})",
        28);
    const std::string text = refusal("{}", file).describe();
    CHECK(text.find("rank 2") != std::string::npos);
    CHECK(text.find("rank 3") != std::string::npos);
}
