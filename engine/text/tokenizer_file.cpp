#include "text/tokenizer_file.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace facet {

namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxPieces = 4U << 20U;
constexpr std::size_t kMaxMerges = 16U << 20U;
constexpr std::size_t kMaxAdded = 65536;
constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::int64_t kMaxId = 4 << 20;

// Collects what matters while the parser walks the file. Levels hold the key under which each open container stands.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Reader(std::string file) : m_file(std::move(file)) {}

    TokenizerFile take() { return std::move(m_out); }
    std::optional<Error> error() const { return m_error; }
    const std::string &modelType() const { return m_type; }

    bool null() override { return value(); }
    bool boolean(bool v) override {
        if (inAdded() && m_key == "special") m_added.special = v;
        return value();
    }
    bool number_integer(number_integer_t v) override { return number(v); }
    bool number_unsigned(number_unsigned_t v) override { return number(v > static_cast<number_unsigned_t>(kMaxId) ? -1 : static_cast<std::int64_t>(v)); }
    bool number_float(number_float_t, const string_t &) override {
        if (inVocabulary()) return fail("model.vocab", "an id is no whole number");
        return value();
    }
    bool binary(binary_t &) override { return value(); }
    bool string(string_t &v) override {
        if (inMerges() || inMergePair()) return mergeText(v);
        if (inAdded() && m_key == "content") m_added.content = v;
        if (m_path.size() == 2 && m_path[1] == "model") {
            if (m_key == "type") m_type = v;
            if (m_key == "unk_token") m_out.unknownToken = v;
        }
        return value();
    }
    bool key(string_t &v) override {
        m_key = v;
        return true;
    }
    bool start_object(std::size_t) override {
        if (inAddedList()) m_added = {};
        return open();
    }
    bool end_object() override {
        const bool added = inAdded();
        close();
        return added ? addToken() : true;
    }
    bool start_array(std::size_t) override {
        if (inMerges()) m_pair.clear();
        return open();
    }
    bool end_array() override {
        const bool pair = inMergePair();
        close();
        if (!pair) return true;
        if (m_pair.size() != 2) return fail("model.merges", "an entry is no pair");
        return addMerge(std::move(m_pair[0]), std::move(m_pair[1]));
    }
    bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override {
        m_error = Error{ErrorCode::ModelFileCorrupt, "The tokenizer file is not valid JSON: get tokenizer.json again.", {}, m_file, position};
        return false;
    }

private:
    // m_path[0] is the root (empty key); m_path.back() is the key of the innermost open container.
    bool at(std::initializer_list<std::string_view> keys) const {
        return m_path.size() == keys.size() + 1 && std::equal(keys.begin(), keys.end(), m_path.begin() + 1);
    }
    bool inVocabulary() const { return at({"model", "vocab"}); }
    bool inMerges() const { return at({"model", "merges"}); }
    bool inMergePair() const { return at({"model", "merges", ""}); }
    bool inAddedList() const { return at({"added_tokens"}); }
    bool inAdded() const { return at({"added_tokens", ""}); }

    bool value() { return true; }
    bool open() {
        if (m_path.size() >= kMaxDepth) return fail(m_key, "nested too deeply");
        const bool inArray = !m_arrays.empty() && m_arrays.back();
        m_path.push_back(m_path.empty() || inArray ? std::string() : m_key);
        m_arrays.push_back(false);
        m_key.clear();
        return true;
    }
    void close() {
        m_path.pop_back();
        m_arrays.pop_back();
        m_key.clear();
    }

    bool number(std::int64_t v) {
        if (inVocabulary()) {
            if (v < 0 || v > kMaxId) return fail("model.vocab", "id of \"" + m_key.substr(0, 40) + "\" is out of range");
            if (m_out.vocabulary.size() >= kMaxPieces) return fail("model.vocab", "too many pieces");
            if (m_key.empty() || m_key.size() > kMaxPieceBytes) return fail("model.vocab", "a piece is empty or too long");
            m_out.vocabulary.emplace_back(m_key, static_cast<std::int32_t>(v));
        }
        if (inAdded() && m_key == "id") {
            if (v < 0 || v > kMaxId) return fail("added_tokens", "an id is out of range");
            m_added.id = static_cast<std::int32_t>(v);
        }
        return value();
    }

    bool mergeText(std::string &v) {
        if (inMergePair()) {
            if (m_pair.size() >= 2) return fail("model.merges", "an entry is no pair");
            m_pair.push_back(std::move(v));
            return true;
        }
        // The old form: both parts in one string, divided by the first space after the first character.
        const std::size_t space = v.find(' ', 1);
        if (space == std::string::npos) return fail("model.merges", "an entry is no pair");
        return addMerge(v.substr(0, space), v.substr(space + 1));
    }

    bool addMerge(std::string left, std::string right) {
        if (m_out.merges.size() >= kMaxMerges) return fail("model.merges", "too many entries");
        m_out.merges.emplace_back(std::move(left), std::move(right));
        return true;
    }

    bool addToken() {
        if (m_added.id < 0 || m_added.content.empty() || m_added.content.size() > kMaxPieceBytes)
            return fail("added_tokens", "an entry has no id or no content");
        if (m_out.added.size() >= kMaxAdded) return fail("added_tokens", "too many entries");
        m_out.added.push_back(std::move(m_added));
        return true;
    }

    bool fail(const std::string &where, const std::string &what) {
        m_error = Error{ErrorCode::ModelFileCorrupt, "The tokenizer file contradicts itself: get tokenizer.json again.", where + ": " + what, m_file};
        return false;
    }

    std::string m_file, m_key, m_type;
    std::vector<std::string> m_path;
    std::vector<bool> m_arrays;
    std::vector<std::string> m_pair;
    TokenizerFile::AddedToken m_added;
    TokenizerFile m_out;
    std::optional<Error> m_error;
};

}  // namespace

Result<TokenizerFile> parseTokenizerFile(std::string_view json, const std::string &file) {
    Reader reader(file);
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader)) {
        if (reader.error()) return *reader.error();
        return Error{ErrorCode::ModelFileCorrupt, "The tokenizer file is not valid JSON: get tokenizer.json again.", {}, file};
    }
    if (reader.modelType() != "BPE")
        return Error{ErrorCode::ModelUnsupported, "This tokenizer is of another kind than Gemma 4's (BPE).", "model.type \"" + reader.modelType().substr(0, 40) + "\"", file};
    TokenizerFile out = reader.take();
    if (out.vocabulary.empty())
        return Error{ErrorCode::ModelFileCorrupt, "The tokenizer lists no pieces: get tokenizer.json again.", "model.vocab", file};
    return out;
}

}  // namespace facet
