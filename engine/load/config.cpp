#include "load/config.h"

#include "load/config_parts.h"
#include "load/json_text.h"

#include <algorithm>
#include <array>

namespace facet {
namespace {

constexpr JsonLimits kConfigLimits{.depth = 16, .values = 100'000};
constexpr std::size_t kMaxStopIds = 64;

// Released ids stand in for absent fields only if the vocabulary reaches that far.
int tokenId(const ConfigReader &root, std::initializer_list<const char *> keys, int released, int vocabulary) {
    for (const char *key : keys) {
        if (root.has(key)) return root.integer(key, -1, vocabulary - 1);
    }
    return released < vocabulary ? released : -1;
}

MediaTokens readMediaTokens(const ConfigReader &root, int vocabulary) {
    MediaTokens tokens;
    tokens.imageBegin = tokenId(root, {"boi_token_id"}, 255999, vocabulary);
    tokens.imageSoft = tokenId(root, {"image_token_id"}, 258880, vocabulary);
    tokens.imageEnd = tokenId(root, {"eoi_token_id"}, 258882, vocabulary);
    tokens.audioBegin = tokenId(root, {"boa_token_id"}, 256000, vocabulary);
    tokens.audioSoft = tokenId(root, {"audio_token_id"}, 258881, vocabulary);
    // Some files spell the end of sound "_index", some have both.
    tokens.audioEnd = tokenId(root, {"eoa_token_id", "eoa_token_index"}, 258883, vocabulary);
    tokens.videoSoft = tokenId(root, {"video_token_id"}, 258884, vocabulary);
    return tokens;
}

// eos_token_id: one id or a list.
std::vector<int> readStopIds(const ConfigReader &reader, int vocabulary) {
    std::vector<int> ids;
    const auto *value = reader.find("eos_token_id");
    if (!value) return ids;
    const std::string place = reader.place("eos_token_id");
    if (!value->is_array()) {
        ids.push_back(configInteger(*value, 0, vocabulary - 1, place, reader.problems()));
        return ids;
    }
    if (value->size() > kMaxStopIds) {
        reader.problems().corrupt(place + " has more than " + std::to_string(kMaxStopIds) + " entries");
        return ids;
    }
    for (const auto &id : *value) ids.push_back(configInteger(id, 0, vocabulary - 1, place, reader.problems()));
    return ids;
}

struct Kind {
    const char *modelType;
    const char *architecture;
    TextFamily family = TextFamily::Gemma4;
};
constexpr std::array<Kind, 6> kKinds = {{
    {"gemma4", "gemma4"},
    {"gemma4_text", "gemma4"},
    {"gemma4_unified", "gemma4_unified"},
    {"gemma4_assistant", "gemma4_assistant", TextFamily::Drafter},
    {"gemma3", "gemma3", TextFamily::Gemma3},
    {"gemma3_text", "gemma3", TextFamily::Gemma3},
}};

} // namespace

Result<ModelConfig> parseModelConfig(std::string_view configJson, std::string_view generationConfigJson,
                                     std::string_view processorConfigJson, const std::string &file) {
    const auto optionalJson = [&](std::string_view text, const char *name) -> Result<nlohmann::json> {
        if (text.empty()) return nlohmann::json::object();
        auto parsed = parseJsonObject(text, kConfigLimits, file);
        if (!parsed) parsed.error().detail = std::string(name) + ": " + parsed.error().detail;
        return parsed;
    };
    FACET_TRY(configValue, parseJsonObject(configJson, kConfigLimits, file));
    FACET_TRY(generationValue, optionalJson(generationConfigJson, "generation_config.json"));
    FACET_TRY(processorValue, optionalJson(processorConfigJson, "processor_config.json"));

    ConfigProblems problems(file);
    const ConfigReader root(configValue, "", problems);
    const ConfigReader generation(generationValue, "generation_config", problems);
    const ConfigReader processor(processorValue, "processor_config", problems);

    ModelConfig config;
    const std::string modelType = root.text("model_type", "");
    const Kind *kind = nullptr;
    for (const auto &known : kKinds) {
        if (modelType == known.modelType) kind = &known;
    }
    if (!kind) {
        problems.unsupported("model_type is \"" + modelType.substr(0, 60) + "\", Facet runs \"gemma4\" and \"gemma3\"");
        return *problems.first();
    }
    config.architecture = kind->architecture;
    config.demoModel = root.boolean("facet_demo_model", false);

    // A text-only checkpoint has the text fields in the outermost object.
    const ConfigReader text = root.has("text_config") || !modelType.ends_with("_text") ? root.child("text_config") : root;
    config.text = readTextConfig(text, kind->family);
    if (problems.first()) return *problems.first();
    if (!root.boolean("tie_word_embeddings", true)) problems.unsupported("tie_word_embeddings is false");

    if (kind->family == TextFamily::Drafter) {
        DrafterConfig drafter;
        drafter.backboneSize = root.integer("backbone_hidden_size", 1, kMaxWidth);
        if (root.boolean("use_ordered_embeddings", false)) {
            drafter.centroids = root.integer("num_centroids", 1, config.text.vocabularySize);
            drafter.topCentroids = root.integer("centroid_intermediate_top_k", 1, drafter.centroids);
            if (config.text.vocabularySize % drafter.centroids != 0) {
                problems.corrupt(std::to_string(config.text.vocabularySize) + " tokens cannot be split evenly into " +
                                 std::to_string(drafter.centroids) + " clusters (num_centroids)");
            }
        }
        config.drafter = drafter;
    }
    if (modelType == "gemma4") {
        if (root.has("vision_config")) config.vision = readVisionConfig(root.child("vision_config"), root, processor);
        if (root.has("audio_config")) config.audio = readAudioConfig(root.child("audio_config"), processor);
    }
    const int vocabulary = config.text.vocabularySize;
    if (kind->family != TextFamily::Gemma3) config.tokens = readMediaTokens(root, vocabulary);
    config.padId = text.integer("pad_token_id", 0, vocabulary - 1, 0);
    config.bosId = text.integer("bos_token_id", 0, vocabulary - 1, std::min(2, vocabulary - 1));
    config.stopIds = readStopIds(generation, vocabulary);
    if (config.stopIds.empty()) config.stopIds = readStopIds(root, vocabulary);
    if (config.stopIds.empty()) config.stopIds = readStopIds(text, vocabulary);
    config.temperature = static_cast<float>(generation.number("temperature", 0, 100, 1.0));
    config.topP = static_cast<float>(generation.number("top_p", 0, 1, 0.95));
    config.topK = generation.integer("top_k", 0, kMaxVocabulary, 64);
    if (problems.first()) return *problems.first();
    return config;
}

} // namespace facet
