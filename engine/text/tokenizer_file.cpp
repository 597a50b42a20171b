// Reads tokenizer.json event by event: the real files hold 262144 pieces and half a million merges, and a tree of JSON
// values would take ten times the memory of the result.
#include "text/tokenizer_data.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <optional>
#include <unordered_map>

namespace facet {

namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxPieces = std::size_t{1} << 22U;
constexpr std::size_t kMaxMerges = std::size_t{1} << 24U;
constexpr std::size_t kMaxAdded = std::size_t{1} << 16U;
constexpr std::size_t kMaxPieceBytes = 4096;

struct AddedEntry {
    std::int64_t id = -1;
    std::string content;
    bool special = false;
};

// What the file says, still unchecked against itself.
struct RawTokenizer {
    std::vector<std::pair<std::string, std::int64_t>> vocabulary;
    std::vector<std::pair<std::string, std::string>> merges;
    std::vector<AddedEntry> added;
    std::string type, unknown;
    bool fuseUnknown = true;
    bool hasModel = false;
};

// Steps of the text's way that this engine's fixed pipeline already contains.
bool isKnownStep(const std::string &section, const std::string &type) {
    static constexpr std::array<std::string_view, 2> kNormalisers{"Replace", "Sequence"};
    static constexpr std::array<std::string_view, 2> kSplitters{"Split", "Sequence"};
    static constexpr std::array<std::string_view, 4> kDecoders{"Sequence", "Replace", "ByteFallback", "Fuse"};
    const auto in = [&type](const auto &list) { return std::find(list.begin(), list.end(), type) != list.end(); };
    return section == "normalizer" ? in(kNormalisers) : section == "pre_tokenizer" ? in(kSplitters) : in(kDecoders);
}

// The events of nlohmann's parser. Returning false stops it; `error` says why.
class Reader : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Reader(std::string file) : m_file(std::move(file)) {}

    RawTokenizer raw;
    std::optional<Error> error;

    bool null() override { return true; }
    bool boolean(bool value) override {
        if (inAdded() && value) return addedFlag();
        if (at("model", "fuse_unk")) raw.fuseUnknown = value;
        return true;
    }
    bool number_integer(number_integer_t value) override { return number(value); }
    bool number_unsigned(number_unsigned_t value) override {
        return number(value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
                          ? std::numeric_limits<std::int64_t>::max()
                          : static_cast<std::int64_t>(value));
    }
    bool number_float(number_float_t /*value*/, const string_t & /*text*/) override {
        if (inVocabulary()) return fail(ErrorCode::ModelFileCorrupt, "an id of its vocabulary is not a whole number", m_key);
        return true;
    }
    bool binary(binary_t & /*value*/) override { return true; }

    bool string(string_t &value) override {
        if (m_path.size() == 3 && m_path[1] == "model" && m_path[2] == "merges") return mergeLine(value);
        if (m_path.size() == 4 && m_path[1] == "model" && m_path[2] == "merges") {
            m_pair.push_back(std::move(value));
            return m_pair.size() <= 2 || fail(ErrorCode::ModelFileCorrupt, "a merge names more than two pieces");
        }
        if (at("model", "type")) raw.type = value;
        if (at("model", "unk_token")) raw.unknown = value;
        if (inAdded() && m_key == "content") m_added.content = std::move(value);
        if (inVocabulary()) return fail(ErrorCode::ModelFileCorrupt, "an id of its vocabulary is not a number", m_key);
        return step(value);
    }

    bool start_object(std::size_t /*elements*/) override {
        if (!enter()) return false;
        if (inAdded()) m_added = {};
        return true;
    }
    bool end_object() override {
        if (inAdded()) {
            if (raw.added.size() >= kMaxAdded) return fail(ErrorCode::LimitExceeded, "it lists more than 65536 added tokens");
            raw.added.push_back(std::move(m_added));
        }
        m_path.pop_back();
        return true;
    }
    bool start_array(std::size_t /*elements*/) override {
        if (!enter()) return false;
        m_pair.clear();
        return true;
    }
    bool end_array() override {
        if (m_path.size() == 4 && m_path[1] == "model" && m_path[2] == "merges") {
            if (m_pair.size() != 2) return fail(ErrorCode::ModelFileCorrupt, "a merge does not name two pieces");
            if (!merge(std::move(m_pair[0]), std::move(m_pair[1]))) return false;
            m_pair.clear();
        }
        m_path.pop_back();
        return true;
    }
    bool key(string_t &value) override {
        m_key = std::move(value);
        if (m_path.size() >= 2 && m_path[1] == "pre_tokenizer" && m_key == "Regex")
            return fail(ErrorCode::ModelUnsupported, "it splits text by a regular expression, which this engine does not know");
        if (inVocabulary() && raw.vocabulary.size() >= kMaxPieces)
            return fail(ErrorCode::LimitExceeded, "its vocabulary has more than 4194304 pieces");
        return true;
    }
    bool parse_error(std::size_t position, const std::string & /*token*/, const nlohmann::detail::exception &why) override {
        fail(ErrorCode::ModelFileCorrupt, "it is not valid JSON", why.what());
        error->offset = position;
        return false;
    }

private:
    bool fail(ErrorCode code, const std::string &what, const std::string &detail = {}) {
        if (!error)
            error = Error{code, "The tokenizer's file cannot be used: " + what + ".", detail.substr(0, 200), m_file};
        return false;
    }
    bool enter() {
        if (m_path.size() >= kMaxDepth) return fail(ErrorCode::LimitExceeded, "its JSON is nested more than 32 deep");
        m_path.push_back(std::exchange(m_key, {}));
        if (m_path.size() == 2 && m_path[1] == "model") raw.hasModel = true;
        return true;
    }
    bool at(std::string_view section, std::string_view key) const {
        return m_path.size() == 2 && m_path[1] == section && m_key == key;
    }
    bool inVocabulary() const { return m_path.size() == 3 && m_path[1] == "model" && m_path[2] == "vocab"; }
    bool inAdded() const { return m_path.size() == 3 && m_path[1] == "added_tokens"; }

    bool number(std::int64_t value) {
        if (inAdded() && m_key == "id") m_added.id = value;
        if (!inVocabulary()) return true;
        if (m_key.size() > kMaxPieceBytes) return fail(ErrorCode::LimitExceeded, "a piece is longer than 4096 bytes");
        raw.vocabulary.emplace_back(std::move(m_key), value);
        return true;
    }
    bool addedFlag() {
        if (m_key == "special") m_added.special = true;
        if (m_key == "single_word" || m_key == "lstrip" || m_key == "rstrip")
            return fail(ErrorCode::ModelUnsupported, "an added token uses \"" + m_key + "\", which this engine does not know");
        return true;
    }
    bool merge(std::string left, std::string right) {
        if (raw.merges.size() >= kMaxMerges) return fail(ErrorCode::LimitExceeded, "it lists more than 16777216 merges");
        raw.merges.emplace_back(std::move(left), std::move(right));
        return true;
    }
    // The older spelling: "left right", separated by the first space after position 0.
    bool mergeLine(const std::string &line) {
        const std::size_t space = line.find(' ', 1);
        if (line.empty() || space == std::string::npos)
            return fail(ErrorCode::ModelFileCorrupt, "a merge does not name two pieces", line);
        return merge(line.substr(0, space), line.substr(space + 1));
    }
    bool step(const std::string &value) {
        if (m_key != "type" || m_path.size() < 2) return true;
        const std::string &section = m_path[1];
        if ((section == "normalizer" || section == "pre_tokenizer" || section == "decoder") && !isKnownStep(section, value))
            return fail(ErrorCode::ModelUnsupported,
                        "its " + section + " is of type \"" + value.substr(0, 60) + "\", which Gemma's tokenizer does not use");
        return true;
    }

    std::string m_file, m_key;
    std::vector<std::string> m_path;  // keys of the open objects and arrays; the outermost has none
    std::vector<std::string> m_pair;
    AddedEntry m_added;
};

// Builds the tables, checking every id.
class Builder {
public:
    Builder(RawTokenizer raw, std::string file) : m_raw(std::move(raw)), m_file(std::move(file)) {}

    Result<std::unique_ptr<Tokenizer::Impl>> build() {
        if (!m_raw.hasModel) return corrupt("it has no \"model\"");
        if (m_raw.type != "BPE" && !m_raw.type.empty())
            return Error{ErrorCode::ModelUnsupported,
                         "The tokenizer is of type \"" + m_raw.type.substr(0, 60) + "\"; this engine runs BPE tokenizers.", {},
                         m_file};
        FACET_CHECK(placePieces());
        FACET_CHECK(placeMerges());
        return std::move(m_impl);
    }

private:
    Error corrupt(const std::string &what, const std::string &detail = {}) const {
        return {ErrorCode::ModelFileCorrupt, "The tokenizer's file contradicts itself: " + what + ".", detail.substr(0, 200),
                m_file};
    }

    Status place(std::string piece, std::int64_t id) {
        if (id < 0 || static_cast<std::size_t>(id) >= m_impl->pieces.size())
            return corrupt("the ids do not run from 0 without gaps", "piece \"" + piece + "\" has id " + std::to_string(id));
        std::string &slot = m_impl->pieces[static_cast<std::size_t>(id)];
        if (m_taken[static_cast<std::size_t>(id)])
            return corrupt("two pieces have the same id", "id " + std::to_string(id) + ": \"" + slot + "\" and \"" + piece + "\"");
        m_taken[static_cast<std::size_t>(id)] = true;
        slot = std::move(piece);
        if (!m_impl->ids.insert(static_cast<std::int32_t>(id)))
            return corrupt("a piece occurs twice", slot);
        return ok();
    }

    Status placePieces() {
        // Added tokens are in the vocabulary or continue it; together the ids must be 0 .. n-1.
        std::unordered_map<std::string_view, std::int64_t> listed;
        listed.reserve(m_raw.vocabulary.size());
        for (const auto &[piece, id] : m_raw.vocabulary)
            if (!listed.emplace(piece, id).second) return corrupt("a piece occurs twice", piece);
        std::size_t count = m_raw.vocabulary.size();
        for (const AddedEntry &added : m_raw.added) {
            if (added.content.empty()) return corrupt("an added token is empty", "id " + std::to_string(added.id));
            if (added.content.size() > kMaxPieceBytes) return corrupt("an added token is longer than 4096 bytes");
            const auto known = listed.find(added.content);
            if (known != listed.end() && known->second != added.id)
                return corrupt("an added token has another id in the vocabulary", added.content);
            if (known == listed.end()) ++count;
        }
        if (count == 0) return corrupt("its vocabulary is empty");
        m_impl->pieces.resize(count);
        m_impl->ids.reserve(count);
        m_taken.assign(count, false);
        std::vector<std::pair<std::string, std::int64_t>> fresh;
        for (const AddedEntry &added : m_raw.added)
            if (listed.find(added.content) == listed.end()) fresh.emplace_back(added.content, added.id);
        listed.clear();
        for (auto &[piece, id] : m_raw.vocabulary) FACET_CHECK(place(std::move(piece), id));
        for (auto &[piece, id] : fresh) FACET_CHECK(place(std::move(piece), id));
        describePieces();
        return ok();
    }

    void describePieces() {
        Tokenizer::Impl &t = *m_impl;
        t.byteIds.fill(-1);
        t.byteValue.assign(t.pieces.size(), -1);
        t.flags.assign(t.pieces.size(), 0);
        for (std::size_t id = 0; id < t.pieces.size(); ++id) {
            t.byteValue[id] = byteOfPiece(t.pieces[id]);
            if (t.byteValue[id] >= 0) t.byteIds[static_cast<std::size_t>(t.byteValue[id])] = static_cast<std::int32_t>(id);
        }
        for (const AddedEntry &added : m_raw.added) {
            const std::int32_t id = t.ids.find(added.content);
            t.byteValue[static_cast<std::size_t>(id)] = -1;
            t.addToken(id, added.special);
        }
        if (!m_raw.unknown.empty()) t.unknown = t.ids.find(m_raw.unknown);
        t.fuseUnknown = m_raw.fuseUnknown;
    }

    Status placeMerges() {
        Tokenizer::Impl &t = *m_impl;
        t.merges.reserve(m_raw.merges.size());
        std::string product;
        for (std::size_t rank = 0; rank < m_raw.merges.size(); ++rank) {
            const auto &[left, right] = m_raw.merges[rank];
            product.assign(left).append(right);
            const auto l = t.ids.find(left), r = t.ids.find(right), p = t.ids.find(product);
            if (l < 0 || r < 0 || p < 0)
                return corrupt("a merge names a piece that is not in the vocabulary",
                               "merge " + std::to_string(rank) + ": \"" + left + "\" + \"" + right + "\"");
            t.merges.insert(l, r, {static_cast<std::uint32_t>(rank), p});
        }
        return ok();
    }

    RawTokenizer m_raw;
    std::string m_file;
    std::vector<bool> m_taken;
    std::unique_ptr<Tokenizer::Impl> m_impl = std::make_unique<Tokenizer::Impl>();
};

}  // namespace

Result<std::unique_ptr<Tokenizer::Impl>> readTokenizerJson(std::string_view json, const std::string &file) {
    try {
        Reader reader(file);
        const bool complete = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
        if (reader.error) return *std::move(reader.error);
        if (!complete)
            return Error{ErrorCode::ModelFileCorrupt, "The tokenizer's file cannot be used: it is not valid JSON.", {}, file};
        return Builder(std::move(reader.raw), file).build();
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory to load the tokenizer: close other programs.", {}, file};
    }
}

}  // namespace facet
