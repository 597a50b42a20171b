// tokenizer.json and the chat template as tokenizer.* keys of a GGUF file (text.md 8).
#include "load/gguf_export.h"
#include "load/json_text.h"
#include "load/mapped_file.h"

#include <algorithm>
#include <array>

namespace facet {
namespace {

constexpr std::size_t kMaxTokenizerBytes = 256'000'000;
constexpr JsonLimits kTokenizerLimits{.depth = 32, .values = 8'000'000};
constexpr std::int32_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6;

// Markers that stay visible to whoever reads the output are no control tokens.
constexpr std::array<std::string_view, 7> kVisible = {"<|tool_call>",    "<tool_call|>", "<|tool_response>",
                                                      "<tool_response|>", "<|\"|>",      "<|channel>",
                                                      "<channel|>"};

bool isByte(const std::string &piece) {
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    return piece.size() == 6 && piece.starts_with("<0x") && piece.back() == '>' && hex(piece[3]) && hex(piece[4]);
}

class TokenizerExport {
public:
    TokenizerExport(const Checkpoint &checkpoint, const nlohmann::json &json)
        : m_checkpoint(checkpoint), m_json(json) {}

    Status run(GgufMetadata &out);

private:
    Error corrupt(const std::string &what) const {
        return {ErrorCode::ModelFileCorrupt, "The tokenizer of the model is damaged; download it again.", what,
                m_checkpoint.tokenizerFile};
    }
    Status put(std::int64_t id, const std::string &piece, std::int32_t kind);
    Status readVocabulary(const nlohmann::json &vocabulary);
    Status readAdded();
    Status readMerges(const nlohmann::json &merges);
    int idOf(std::string_view piece) const {
        const auto found = std::find(m_pieces.begin(), m_pieces.end(), piece);
        return found == m_pieces.end() ? -1 : static_cast<int>(found - m_pieces.begin());
    }

    const Checkpoint &m_checkpoint;
    const nlohmann::json &m_json;
    std::vector<std::string> m_pieces;
    std::vector<std::int32_t> m_kinds;
    std::vector<std::string> m_merges;
};

Status TokenizerExport::put(std::int64_t id, const std::string &piece, std::int32_t kind) {
    if (id < 0 || id >= static_cast<std::int64_t>(m_pieces.size())) {
        return corrupt("id " + std::to_string(id) + " of a piece lies outside the " + std::to_string(m_pieces.size()) +
                       " rows of the embedding");
    }
    m_pieces[static_cast<std::size_t>(id)] = piece;
    m_kinds[static_cast<std::size_t>(id)] = kind;
    return ok();
}

Status TokenizerExport::readVocabulary(const nlohmann::json &vocabulary) {
    for (const auto &[piece, id] : vocabulary.items()) {
        if (!id.is_number_integer()) return corrupt("model.vocab: an id is no whole number");
        FACET_CHECK(put(id.get<std::int64_t>(), piece, isByte(piece) ? kByte : kNormal));
    }
    return ok();
}

Status TokenizerExport::readAdded() {
    const auto added = m_json.find("added_tokens");
    if (added == m_json.end() || !added->is_array()) return ok();
    for (const auto &token : *added) {
        const bool whole = token.is_object() && token.contains("id") && token["id"].is_number_integer() &&
                           token.contains("content") && token["content"].is_string();
        if (!whole) return corrupt("added_tokens: an entry lacks its id or its content");
        const auto piece = token["content"].get<std::string>();
        const bool special = token.contains("special") && token["special"] == true;
        const bool visible = !special || std::find(kVisible.begin(), kVisible.end(), piece) != kVisible.end();
        FACET_CHECK(put(token["id"].get<std::int64_t>(), piece, visible ? kUserDefined : kControl));
    }
    return ok();
}

Status TokenizerExport::readMerges(const nlohmann::json &merges) {
    m_merges.reserve(merges.size());
    for (const auto &merge : merges) {
        if (merge.is_string()) {
            m_merges.push_back(merge.get<std::string>());
        } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            m_merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
        } else {
            return corrupt("model.merges: an entry is no pair of pieces");
        }
    }
    return ok();
}

Status TokenizerExport::run(GgufMetadata &out) {
    const auto model = m_json.find("model");
    const bool whole = model != m_json.end() && model->is_object() && model->contains("vocab") &&
                       (*model)["vocab"].is_object() && model->contains("merges") && (*model)["merges"].is_array();
    if (!whole) return corrupt("model.vocab or model.merges is missing");
    const auto count = static_cast<std::size_t>(m_checkpoint.config.text.vocabularySize);
    m_pieces.resize(count);
    m_kinds.assign(count, kUnused);
    for (std::size_t id = 0; id < count; ++id) m_pieces[id] = "[PAD" + std::to_string(id) + "]";
    FACET_CHECK(readVocabulary((*model)["vocab"]));
    FACET_CHECK(readAdded());
    FACET_CHECK(readMerges((*model)["merges"]));
    out.text("tokenizer.ggml.model", "gemma4");
    out.texts("tokenizer.ggml.tokens", m_pieces);
    out.f32s("tokenizer.ggml.scores", std::vector<float>(count, -1000.0F)); // the merges decide
    out.i32s("tokenizer.ggml.token_type", m_kinds);
    out.texts("tokenizer.ggml.merges", m_merges);
    const auto id = [&](const char *key, int value) {
        if (value >= 0) out.u32(std::string("tokenizer.ggml.") + key, static_cast<std::uint32_t>(value));
    };
    id("bos_token_id", m_checkpoint.config.bosId);
    id("eos_token_id", idOf("<eos>"));
    id("unknown_token_id", idOf("<unk>"));
    id("padding_token_id", m_checkpoint.config.padId);
    id("mask_token_id", idOf("<mask>"));
    if (!m_checkpoint.chatTemplate.empty()) out.text("tokenizer.chat_template", m_checkpoint.chatTemplate);
    out.boolean("tokenizer.ggml.add_space_prefix", false);
    out.boolean("tokenizer.ggml.add_bos_token", true);
    return ok();
}

} // namespace

Status exportTokenizer(const Checkpoint &checkpoint, GgufMetadata &metadata) {
    FACET_TRY(text, readTextFile(checkpoint.tokenizerFile, kMaxTokenizerBytes));
    FACET_TRY(json, parseJsonObject(text, kTokenizerLimits, checkpoint.tokenizerFile));
    return TokenizerExport(checkpoint, json).run(metadata);
}

} // namespace facet
