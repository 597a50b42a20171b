#include "text/tokenizer.h"

#include "text/bpe_merges.h"
#include "text/tokenizer_file.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>
#include <unordered_map>

namespace facet {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, how a space is written inside pieces
constexpr std::uintmax_t kMaxFileBytes = 256U << 20U;

// "<0x41>" -> 0x41, anything else -> nothing.
std::optional<unsigned char> byteOfPiece(std::string_view piece) {
    if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return std::nullopt;
    int value = 0;
    for (const char c : piece.substr(3, 2)) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return std::nullopt;
        value = value * 16 + digit;
    }
    return static_cast<unsigned char>(value);
}

std::string replaceAll(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    std::size_t at = 0;
    for (std::size_t next; (next = text.find(from, at)) != std::string_view::npos; at = next + from.size()) {
        out.append(text, at, next - at);
        out += to;
    }
    out.append(text, at);
    return out;
}

// Bytes of byte pieces in a row as text: the run as it is if it is valid as a whole, else one U+FFFD a byte.
void appendByteRun(const std::string &run, std::string &out) {
    if (utf8::isValid(run)) {
        out += run;
        return;
    }
    for (std::size_t i = 0; i < run.size(); ++i) out += utf8::kReplacement;
}

}  // namespace

struct Tokenizer::Impl {
    enum class Kind : std::uint8_t { Absent, Text, Byte, Added };
    struct Piece {
        std::string text;  // as decoded: spaces instead of U+2581; the byte itself for byte pieces
        Kind kind = Kind::Absent;
        bool special = false;
    };
    struct Added {
        std::string text;
        std::int32_t id = 0;
    };

    std::vector<Piece> pieces;  // by id
    std::unordered_map<std::string, std::int32_t> vocabulary;
    std::unordered_map<std::string, std::int32_t> addedIds;
    std::array<std::vector<Added>, 256> addedByFirstByte;  // longest first
    std::array<std::int32_t, 256> byteIds{};
    std::int32_t unknownId = -1;
    BpeMerges merges;

    Status build(TokenizerFile &&file, const std::string &name);
    const Added *matchAt(std::string_view text, std::size_t at, const ByteSpan *plain) const;
    void encodePlain(std::string_view text, std::vector<std::int32_t> &out) const;
    std::vector<std::int32_t> characters(const std::string &text) const;
};

Status Tokenizer::Impl::build(TokenizerFile &&file, const std::string &name) {
    std::int32_t last = -1;
    for (const auto &[piece, id] : file.vocabulary) last = std::max(last, id);
    for (const auto &token : file.added) last = std::max(last, token.id);
    pieces.resize(static_cast<std::size_t>(last) + 1);
    byteIds.fill(-1);
    vocabulary.reserve(file.vocabulary.size());
    for (auto &[piece, id] : file.vocabulary) {
        Piece &slot = pieces[static_cast<std::size_t>(id)];
        if (slot.kind != Kind::Absent || !vocabulary.emplace(piece, id).second)
            return Error{ErrorCode::ModelFileCorrupt, "The tokenizer lists a piece or an id twice: get the file again.",
                         "piece \"" + piece + "\", id " + std::to_string(id), name};
        if (const auto byte = byteOfPiece(piece)) {
            slot = {std::string(1, static_cast<char>(*byte)), Kind::Byte, false};
            byteIds[*byte] = id;
        } else {
            slot = {replaceAll(piece, kSpace, " "), Kind::Text, false};
        }
    }
    for (auto &token : file.added) {
        Piece &slot = pieces[static_cast<std::size_t>(token.id)];
        if (slot.kind == Kind::Added || !addedIds.emplace(token.content, token.id).second)
            return Error{ErrorCode::ModelFileCorrupt, "The tokenizer lists an added token twice: get the file again.",
                         "\"" + token.content + "\", id " + std::to_string(token.id), name};
        slot = {token.content, Kind::Added, token.special};
        addedByFirstByte[static_cast<unsigned char>(token.content[0])].push_back({token.content, token.id});
    }
    for (auto &bucket : addedByFirstByte)
        std::sort(bucket.begin(), bucket.end(), [](const Added &a, const Added &b) { return a.text.size() > b.text.size(); });
    if (const auto it = vocabulary.find(file.unknownToken); it != vocabulary.end()) unknownId = it->second;

    merges.reserve(file.merges.size());
    for (std::size_t rank = 0; rank < file.merges.size(); ++rank) {
        const auto &[left, right] = file.merges[rank];
        const auto l = vocabulary.find(left), r = vocabulary.find(right), product = vocabulary.find(left + right);
        if (l == vocabulary.end() || r == vocabulary.end() || product == vocabulary.end())
            return Error{ErrorCode::ModelFileCorrupt, "The tokenizer merges pieces that it does not list: get the file again.",
                         "model.merges[" + std::to_string(rank) + "]", name};
        merges.add(l->second, r->second, static_cast<std::int32_t>(rank), product->second);
    }
    return ok();
}

const Tokenizer::Impl::Added *Tokenizer::Impl::matchAt(std::string_view text, std::size_t at, const ByteSpan *plain) const {
    for (const Added &token : addedByFirstByte[static_cast<unsigned char>(text[at])]) {
        if (text.compare(at, token.text.size(), token.text) != 0) continue;
        if (plain && at + token.text.size() > plain->begin) continue;  // would reach into untrusted text
        return &token;
    }
    return nullptr;
}

std::vector<std::int32_t> Tokenizer::Impl::characters(const std::string &text) const {
    std::vector<std::int32_t> ids;
    ids.reserve(text.size());
    std::string character;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8::characterLength(text, at);
        character.assign(text, at, length);
        at += length;
        if (const auto it = vocabulary.find(character); it != vocabulary.end()) {
            ids.push_back(it->second);
            continue;
        }
        const bool allBytes = std::all_of(character.begin(), character.end(),
                                          [this](char c) { return byteIds[static_cast<unsigned char>(c)] >= 0; });
        if (allBytes) {
            for (const char c : character) ids.push_back(byteIds[static_cast<unsigned char>(c)]);
        } else if (unknownId >= 0 && (ids.empty() || ids.back() != unknownId)) {
            ids.push_back(unknownId);
        }
    }
    return ids;
}

void Tokenizer::Impl::encodePlain(std::string_view text, std::vector<std::int32_t> &out) const {
    if (text.empty()) return;
    std::vector<std::int32_t> ids = characters(replaceAll(text, " ", kSpace));
    merges.apply(ids);
    out.insert(out.end(), ids.begin(), ids.end());
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::fromFile(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file)
        return Error{ErrorCode::FileNotFound, "The model has no readable tokenizer: get tokenizer.json that belongs to it.", {}, path};
    const std::streamoff size = file.tellg();
    if (size < 0 || static_cast<std::uintmax_t>(size) > kMaxFileBytes)
        return Error{ErrorCode::LimitExceeded, "The tokenizer file is larger than any tokenizer can be.", std::to_string(size) + " bytes", path};
    std::string json(static_cast<std::size_t>(size), '\0');
    file.seekg(0);
    if (!file.read(json.data(), size))
        return Error{ErrorCode::FileUnreadable, "The tokenizer file could not be read to its end.", {}, path};
    return fromJson(json, path);
}

Result<Tokenizer> Tokenizer::fromJson(std::string_view json, const std::string &fileForMessages) {
    FACET_TRY(file, parseTokenizerFile(json, fileForMessages));
    auto impl = std::make_unique<Impl>();
    FACET_CHECK(impl->build(std::move(file), fileForMessages));
    return Tokenizer(std::move(impl));
}

std::int32_t Tokenizer::size() const noexcept { return static_cast<std::int32_t>(m_impl->pieces.size()); }

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool matchControl, std::span<const ByteSpan> plain) const {
    std::vector<std::int32_t> out;
    std::size_t begin = 0;
    if (matchControl) {
        std::size_t next = 0;  // first plain span that does not end before `at`
        for (std::size_t at = 0; at < text.size();) {
            while (next < plain.size() && plain[next].end <= at) ++next;
            const ByteSpan *span = next < plain.size() ? &plain[next] : nullptr;
            if (span && span->begin <= at) {
                at = std::min(span->end, text.size());
                continue;
            }
            const Impl::Added *token = m_impl->matchAt(text, at, span);
            if (!token) {
                ++at;
                continue;
            }
            m_impl->encodePlain(text.substr(begin, at - begin), out);
            out.push_back(token->id);
            at += token->text.size();
            begin = at;
        }
    }
    m_impl->encodePlain(text.substr(begin), out);
    return out;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skipSpecial) const {
    std::string out, run;
    for (const std::int32_t id : ids) {
        if (id < 0 || id >= size()) continue;
        const Impl::Piece &piece = m_impl->pieces[static_cast<std::size_t>(id)];
        if (skipSpecial && piece.special) continue;
        if (piece.kind == Impl::Kind::Byte) {
            run += piece.text;
            continue;
        }
        appendByteRun(run, out);
        run.clear();
        out += piece.text;
    }
    appendByteRun(run, out);
    return out;
}

std::optional<std::int32_t> Tokenizer::idOf(std::string_view piece) const {
    const std::string key(piece);
    if (const auto it = m_impl->addedIds.find(key); it != m_impl->addedIds.end()) return it->second;
    if (const auto it = m_impl->vocabulary.find(key); it != m_impl->vocabulary.end()) return it->second;
    return std::nullopt;
}

bool Tokenizer::isSpecial(std::int32_t id) const noexcept {
    return id >= 0 && id < size() && m_impl->pieces[static_cast<std::size_t>(id)].special;
}

bool Tokenizer::isAdded(std::int32_t id) const noexcept {
    return id >= 0 && id < size() && m_impl->pieces[static_cast<std::size_t>(id)].kind == Impl::Kind::Added;
}

std::string Tokenizer::pieceBytes(std::int32_t id) const {
    return id >= 0 && id < size() ? m_impl->pieces[static_cast<std::size_t>(id)].text : std::string();
}

std::string StreamDecoder::push(std::int32_t id) {
    const std::string bytes = m_tokenizer->pieceBytes(id);
    // Byte pieces are one byte long; only they can be parts of a character.
    if (bytes.size() == 1 && static_cast<unsigned char>(bytes[0]) >= 0x80) {
        m_tail += bytes;
        if (utf8::isValid(m_tail)) return std::exchange(m_tail, {});
        if (utf8::isIncomplete(m_tail)) return {};
        return finish();
    }
    return finish() + bytes;
}

std::string StreamDecoder::finish() {
    std::string out;
    appendByteRun(m_tail, out);
    m_tail.clear();
    return out;
}

}  // namespace facet
