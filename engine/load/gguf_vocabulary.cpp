#include "load/gguf_vocabulary.h"

#include <algorithm>
#include <cmath>

namespace facet {
namespace {

constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::uint8_t kNormal = 1, kControl = 3, kUserDefined = 4, kByte = 6;

class Reader {
public:
    explicit Reader(const GgufFile &file) : m_file(file) {}

    Result<std::optional<GgufVocabulary>> read();

private:
    Error corrupt(const char *key, const std::string &what) const {
        const GgufValue *value = m_file.find(key);
        Error error{ErrorCode::ModelFileCorrupt,
                    "The tokenizer in the model file is damaged; download the model again.",
                    "key " + std::string(key) + ": " + what, m_file.path()};
        if (value) error.offset = value->offset;
        return error;
    }
    Status readPieces();
    Status readKinds();
    Status readScores();
    Status readMerges();
    Status readIds();
    Status readId(const char *key, int &id) const;

    const GgufFile &m_file;
    GgufVocabulary m_out;
};

Status Reader::readPieces() {
    constexpr const char *kKey = "tokenizer.ggml.tokens";
    const GgufValue *tokens = m_file.find(kKey);
    if (!tokens || !tokens->isArrayOf(GgufType::String) || tokens->count == 0)
        return corrupt(kKey, "missing or no list of texts");
    m_out.pieces = tokens->strings();
    for (std::size_t id = 0; id < m_out.pieces.size(); ++id) {
        if (m_out.pieces[id].size() > kMaxPieceBytes)
            return corrupt(kKey, "piece " + std::to_string(id) + " is longer than 4096 bytes");
    }
    return ok();
}

Status Reader::readKinds() {
    constexpr const char *kKey = "tokenizer.ggml.token_type";
    const GgufValue *kinds = m_file.find(kKey);
    if (!kinds) return corrupt(kKey, "missing");
    if (!kinds->isArrayOf(GgufType::I32) && !kinds->isArrayOf(GgufType::U32))
        return corrupt(kKey, "no list of whole numbers");
    if (kinds->count != m_out.pieces.size()) {
        return corrupt(kKey, std::to_string(kinds->count) + " entries for " + std::to_string(m_out.pieces.size()) +
                                 " pieces");
    }
    m_out.kinds.resize(m_out.pieces.size());
    for (std::size_t id = 0; id < m_out.kinds.size(); ++id) {
        const auto kind = kinds->at(id).integer().value_or(-1);
        if (kind < kNormal || kind > kByte)
            return corrupt(kKey, "piece " + std::to_string(id) + " is of kind " + std::to_string(kind));
        m_out.kinds[id] = static_cast<std::uint8_t>(kind);
    }
    return ok();
}

Status Reader::readScores() {
    constexpr const char *kKey = "tokenizer.ggml.scores";
    const GgufValue *scores = m_file.find(kKey);
    if (scores && !scores->isArrayOf(GgufType::F32)) return corrupt(kKey, "no list of numbers");
    if (scores && scores->count != m_out.pieces.size()) {
        return corrupt(kKey, std::to_string(scores->count) + " entries for " + std::to_string(m_out.pieces.size()) +
                                 " pieces");
    }
    if (!m_out.scored) return ok();
    if (!scores) return corrupt(kKey, "missing");
    m_out.scores.resize(m_out.pieces.size());
    for (std::size_t id = 0; id < m_out.scores.size(); ++id) {
        m_out.scores[id] = static_cast<float>(scores->at(id).number().value_or(NAN));
        if (std::isnan(m_out.scores[id])) return corrupt(kKey, "entry " + std::to_string(id) + " is no number");
    }
    return ok();
}

Status Reader::readMerges() {
    constexpr const char *kKey = "tokenizer.ggml.merges";
    if (m_out.scored) return ok();
    const GgufValue *merges = m_file.find(kKey);
    if (!merges || !merges->isArrayOf(GgufType::String)) return corrupt(kKey, "missing or no list of texts");
    m_out.merges = merges->strings();
    return ok();
}

Status Reader::readId(const char *key, int &id) const {
    const GgufValue *value = m_file.find(key);
    if (!value) return ok();
    const auto number = value->integer();
    // Converters write 2^32 - 1 for "none".
    if (number && *number == static_cast<std::int64_t>(UINT32_MAX)) return ok();
    if (!number || *number < 0 || *number >= static_cast<std::int64_t>(m_out.pieces.size()))
        return corrupt(key, number ? std::to_string(*number) + " is no piece" : "no whole number");
    id = static_cast<int>(*number);
    return ok();
}

Status Reader::readIds() {
    FACET_CHECK(readId("tokenizer.ggml.bos_token_id", m_out.bos));
    FACET_CHECK(readId("tokenizer.ggml.eos_token_id", m_out.eos));
    FACET_CHECK(readId("tokenizer.ggml.eot_token_id", m_out.endOfTurn));
    FACET_CHECK(readId("tokenizer.ggml.unknown_token_id", m_out.unknown));
    FACET_CHECK(readId("tokenizer.ggml.padding_token_id", m_out.padding));
    int mask = -1; // only checked
    return readId("tokenizer.ggml.mask_token_id", mask);
}

Result<std::optional<GgufVocabulary>> Reader::read() {
    constexpr const char *kKey = "tokenizer.ggml.model";
    const GgufValue *model = m_file.find(kKey);
    if (!model && !m_file.find("tokenizer.ggml.tokens")) return std::optional<GgufVocabulary>();
    if (!model || !model->text()) return corrupt(kKey, "missing or no text");
    const std::string_view name = *model->text();
    if (name == "none" || name == "no_vocab") return std::optional<GgufVocabulary>();
    if (name != "gemma4" && name != "llama") {
        return Error{ErrorCode::ModelUnsupported,
                     "The model file has a kind of tokenizer that Facet does not run.",
                     "key " + std::string(kKey) + ": \"" + printable(name) + "\", known are gemma4 and llama",
                     m_file.path(), model->offset};
    }
    m_out.scored = name == "llama";
    FACET_CHECK(readPieces());
    FACET_CHECK(readKinds());
    FACET_CHECK(readScores());
    FACET_CHECK(readMerges());
    FACET_CHECK(readIds());
    return std::optional<GgufVocabulary>(std::move(m_out));
}

} // namespace

int GgufVocabulary::idOfMarker(std::string_view text) const {
    for (std::size_t id = 0; id < pieces.size(); ++id) {
        const bool marker = kinds[id] == kControl || kinds[id] == kUserDefined;
        if (marker && pieces[id] == text) return static_cast<int>(id);
    }
    return -1;
}

Result<std::optional<GgufVocabulary>> readGgufVocabulary(const GgufFile &file) { return Reader(file).read(); }

} // namespace facet
