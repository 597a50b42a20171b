#include "text/tokenizer.h"

#include "text/tokenizer_data.h"
#include "text/unicode.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <queue>

namespace facet {

namespace {

constexpr std::string_view kSpacePiece = "\xE2\x96\x81";  // U+2581 stands for a space
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{512} << 20U;
constexpr std::uint32_t kNoMerge = ~std::uint32_t{0};

struct Symbol {
    std::int32_t id = -1;  // -1: swallowed by its left neighbour
    std::int32_t previous = -1;
    std::int32_t next = -1;
    std::uint32_t rank = kNoMerge;  // of the pair (this, next)
};

// What a pair becomes when its product must be looked up by its text: the best score first.
class ScoredPairs {
public:
    explicit ScoredPairs(const Tokenizer::Impl &impl) : m_impl(impl) {}
    const Merge *find(std::int32_t left, std::int32_t right) {
        m_text.assign(m_impl.pieces[static_cast<std::size_t>(left)]).append(m_impl.pieces[static_cast<std::size_t>(right)]);
        const std::int32_t product = m_impl.ids.find(m_text);
        if (product < 0 || m_impl.scoreRanks[static_cast<std::size_t>(product)] == kNoMerge) return nullptr;
        m_merge = {m_impl.scoreRanks[static_cast<std::size_t>(product)], product};
        return &m_merge;
    }

private:
    const Tokenizer::Impl &m_impl;
    std::string m_text;
    Merge m_merge;
};

// Merges the pair of lowest rank, leftmost among equals, until none is left: a heap of (rank, position) over a linked
// list. A heap entry is stale when the pair at its position has another rank by now.
template <typename Pairs>
void mergeSymbols(Pairs &merges, std::vector<Symbol> &symbols) {
    using Entry = std::uint64_t;  // rank in the upper half, position in the lower
    std::vector<Entry> entries;
    const auto rate = [&](std::int32_t at) {
        Symbol &symbol = symbols[static_cast<std::size_t>(at)];
        symbol.rank = kNoMerge;
        if (symbol.next < 0) return;
        if (const Merge *merge = merges.find(symbol.id, symbols[static_cast<std::size_t>(symbol.next)].id))
            symbol.rank = merge->rank;
    };
    const auto entryOf = [&](std::int32_t at) {
        return (Entry{symbols[static_cast<std::size_t>(at)].rank} << 32U) | static_cast<std::uint32_t>(at);
    };
    for (std::int32_t at = 0; static_cast<std::size_t>(at) < symbols.size(); ++at) {
        rate(at);
        if (symbols[static_cast<std::size_t>(at)].rank != kNoMerge) entries.push_back(entryOf(at));
    }
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue(std::greater<>{}, std::move(entries));
    while (!queue.empty()) {
        const Entry entry = queue.top();
        queue.pop();
        const auto at = static_cast<std::int32_t>(entry & 0xFFFFFFFFU);
        Symbol &symbol = symbols[static_cast<std::size_t>(at)];
        if (symbol.id < 0 || symbol.rank != static_cast<std::uint32_t>(entry >> 32U)) continue;
        Symbol &right = symbols[static_cast<std::size_t>(symbol.next)];
        symbol.id = merges.find(symbol.id, right.id)->product;
        right.id = -1;
        symbol.next = right.next;
        if (symbol.next >= 0) symbols[static_cast<std::size_t>(symbol.next)].previous = at;
        for (const std::int32_t changed : {at, symbol.previous}) {
            if (changed < 0) continue;
            rate(changed);
            if (symbols[static_cast<std::size_t>(changed)].rank != kNoMerge) queue.push(entryOf(changed));
        }
    }
}

}  // namespace

void MergeTable::reserve(std::size_t count) {
    std::size_t size = 16;
    while (size < count * 2) size *= 2;
    m_slots.assign(size, {});
}

std::size_t MergeTable::slotOf(std::uint64_t key) const noexcept {
    std::uint64_t hash = key * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 32U;
    std::size_t slot = hash & (m_slots.size() - 1);
    while (m_slots[slot].key != key && m_slots[slot].key != kEmpty) slot = (slot + 1) & (m_slots.size() - 1);
    return slot;
}

bool MergeTable::insert(std::int32_t left, std::int32_t right, Merge merge) {
    const std::uint64_t key = keyOf(left, right);
    Slot &slot = m_slots[slotOf(key)];
    if (slot.key == key) return false;
    slot = {key, merge};
    return true;
}

const Merge *MergeTable::find(std::int32_t left, std::int32_t right) const noexcept {
    if (m_slots.empty()) return nullptr;
    const std::uint64_t key = keyOf(left, right);
    const Slot &slot = m_slots[slotOf(key)];
    return slot.key == key ? &slot.merge : nullptr;
}

namespace {

// Eight bytes at a time; pieces are short.
std::uint64_t hashOf(std::string_view text) noexcept {
    std::uint64_t hash = text.size() * 0x9E3779B97F4A7C15ULL;
    for (std::size_t at = 0; at < text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
        hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
        hash ^= hash >> 32U;
    }
    return hash;
}

}  // namespace

void PieceIds::reserve(std::size_t count) {
    std::size_t size = 16;
    while (size < count * 2) size *= 2;
    m_slots.assign(size, {});
}

bool PieceIds::insert(std::int32_t id) {
    const std::string &piece = (*m_pieces)[static_cast<std::size_t>(id)];
    const std::uint64_t hash = hashOf(piece);
    const auto tag = static_cast<std::uint32_t>(hash >> 32U);
    std::size_t slot = hash & (m_slots.size() - 1);
    for (; m_slots[slot].id >= 0; slot = (slot + 1) & (m_slots.size() - 1)) {
        if (m_slots[slot].tag == tag && (*m_pieces)[static_cast<std::size_t>(m_slots[slot].id)] == piece) return false;
    }
    m_slots[slot] = {tag, id};
    return true;
}

std::int32_t PieceIds::find(std::string_view piece) const noexcept {
    if (m_slots.empty()) return -1;
    const std::uint64_t hash = hashOf(piece);
    const auto tag = static_cast<std::uint32_t>(hash >> 32U);
    for (std::size_t slot = hash & (m_slots.size() - 1); m_slots[slot].id >= 0; slot = (slot + 1) & (m_slots.size() - 1)) {
        if (m_slots[slot].tag == tag && (*m_pieces)[static_cast<std::size_t>(m_slots[slot].id)] == piece)
            return m_slots[slot].id;
    }
    return -1;
}

void AddedTokenTrie::insert(std::string_view content, std::int32_t id) {
    std::uint32_t node = 0;
    for (const char c : content) {
        const auto byte = static_cast<unsigned char>(c);
        auto &next = m_nodes[node].next;
        const auto place = std::lower_bound(next.begin(), next.end(), byte,
                                            [](const auto &entry, unsigned char value) { return entry.first < value; });
        if (place != next.end() && place->first == byte) {
            node = place->second;
            continue;
        }
        const auto fresh = static_cast<std::uint32_t>(m_nodes.size());
        next.insert(place, {byte, fresh});
        m_nodes.emplace_back();
        node = fresh;
    }
    m_nodes[node].id = id;
    if (!content.empty()) m_starts[static_cast<unsigned char>(content.front())] = true;
}

AddedTokenTrie::Match AddedTokenTrie::longest(std::string_view text, std::size_t at, std::size_t limit) const noexcept {
    Match best;
    if (!m_starts[static_cast<unsigned char>(text[at])]) return best;
    std::uint32_t node = 0;
    for (std::size_t i = at; i < limit; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto &next = m_nodes[node].next;
        const auto place = std::lower_bound(next.begin(), next.end(), byte,
                                            [](const auto &entry, unsigned char value) { return entry.first < value; });
        if (place == next.end() || place->first != byte) break;
        node = place->second;
        if (m_nodes[node].id >= 0) best = {m_nodes[node].id, i + 1 - at};
    }
    return best;
}

std::int16_t byteOfPiece(std::string_view piece) {
    if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    const int high = digit(piece[3]), low = digit(piece[4]);
    return static_cast<std::int16_t>(high < 0 || low < 0 ? -1 : high * 16 + low);
}

void Tokenizer::Impl::addToken(std::int32_t id, bool special) {
    const std::string &text = pieces[static_cast<std::size_t>(id)];
    flags[static_cast<std::size_t>(id)] |= static_cast<std::uint8_t>(special ? kAdded | kSpecial : kAdded);
    added.insert(text, id);
    if (!special && text.find_first_not_of(" \t\n\r") == std::string::npos) spaces.insert(text, id);
}

void Tokenizer::Impl::encodePlain(std::string_view text, std::vector<std::int32_t> &out) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    bool afterUnknown = false;
    const auto push = [&](std::int32_t id) {
        const auto at = static_cast<std::int32_t>(symbols.size());
        if (at > 0) symbols.back().next = at;
        symbols.push_back({id, at - 1, -1, kNoMerge});
    };
    for (std::size_t at = 0; at < text.size();) {
        const utf8::Char c = utf8::read(text, at);
        const std::string_view bytes = text.substr(at, c.length);
        at += c.length;
        const auto known = c.state == utf8::Char::State::Valid ? ids.find(c.code == U' ' ? kSpacePiece : bytes) : -1;
        if (known >= 0) {
            push(known);
            afterUnknown = false;
            continue;
        }
        const bool spelled = std::all_of(bytes.begin(), bytes.end(),
                                         [this](char b) { return byteIds[static_cast<unsigned char>(b)] >= 0; });
        if (spelled) {
            for (const char b : bytes) push(byteIds[static_cast<unsigned char>(b)]);
            afterUnknown = false;
        } else if (unknown >= 0 && !(afterUnknown && fuseUnknown)) {
            push(unknown);
            afterUnknown = true;
        }
    }
    if (scoreRanks.empty()) {
        mergeSymbols(merges, symbols);
    } else {
        ScoredPairs pairs(*this);
        mergeSymbols(pairs, symbols);
    }
    for (const Symbol &symbol : symbols)
        if (symbol.id >= 0) out.push_back(symbol.id);
}

std::string Tokenizer::Impl::spaced(std::int32_t id) const {
    const std::string &piece = pieces[static_cast<std::size_t>(id)];
    std::string out;
    out.reserve(piece.size());
    std::size_t from = 0;
    for (std::size_t at = piece.find(kSpacePiece); at != std::string::npos; at = piece.find(kSpacePiece, from)) {
        out.append(piece, from, at - from);
        out.push_back(' ');
        from = at + kSpacePiece.size();
    }
    out.append(piece, from);
    return out;
}

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::fromFile(const std::string &path) {
    std::error_code code;
    const std::uintmax_t size = std::filesystem::file_size(path, code);
    if (code)
        return Error{code == std::errc::no_such_file_or_directory ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
                     "The tokenizer's file cannot be opened: check that the model folder is complete.", code.message(), path};
    if (size > kMaxFileBytes)
        return Error{ErrorCode::LimitExceeded, "The tokenizer's file is larger than 512 MiB: it cannot be a tokenizer.", {},
                     path};
    std::string json(static_cast<std::size_t>(size), '\0');
    std::ifstream file(path, std::ios::binary);
    if (!file.read(json.data(), static_cast<std::streamsize>(json.size())))
        return Error{ErrorCode::FileUnreadable, "Reading the tokenizer's file failed: check the disk and try again.", {}, path};
    return fromJson(json, path);
}

Result<Tokenizer> Tokenizer::fromJson(std::string_view json, const std::string &fileForMessages) {
    FACET_TRY(impl, readTokenizerJson(json, fileForMessages));
    return Tokenizer(std::move(impl));
}

std::int32_t Tokenizer::size() const noexcept {
    return static_cast<std::int32_t>(m_impl->pieces.size());
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool matchControl, std::span<const ByteSpan> plain) const {
    std::vector<std::int32_t> out;
    const ByteSpan everything{0, text.size()};
    if (!matchControl) plain = {&everything, 1};
    std::size_t from = 0, span = 0;  // start of the piece without added tokens; first plain span that ends after `at`
    for (std::size_t at = 0; at < text.size();) {
        while (span < plain.size() && (plain[span].end <= at || plain[span].begin >= plain[span].end)) ++span;
        const bool inPlain = span < plain.size() && plain[span].begin <= at;
        const std::size_t limit = span < plain.size() ? std::min(inPlain ? plain[span].end : plain[span].begin, text.size())
                                                      : text.size();
        const AddedTokenTrie::Match match = (inPlain ? m_impl->spaces : m_impl->added).longest(text, at, limit);
        if (match.id < 0) {
            ++at;
            continue;
        }
        if (at > from) m_impl->encodePlain(text.substr(from, at - from), out);
        out.push_back(match.id);
        at += match.length;
        from = at;
    }
    if (from < text.size()) m_impl->encodePlain(text.substr(from), out);
    return out;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skipSpecial) const {
    std::string out, run;  // run: byte pieces in a row
    const auto endRun = [&out, &run] {
        if (utf8::isValid(run))
            out += run;
        else
            for (std::size_t i = 0; i < run.size(); ++i) out.append(utf8::kReplacement);
        run.clear();
    };
    for (const std::int32_t id : ids) {
        if (!m_impl->has(id) || (skipSpecial && isSpecial(id))) continue;
        const std::int16_t byte = m_impl->byteValue[static_cast<std::size_t>(id)];
        if (byte >= 0) {
            run.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
            continue;
        }
        endRun();
        out += m_impl->spaced(id);
    }
    endRun();
    return out;
}

std::optional<std::int32_t> Tokenizer::idOf(std::string_view piece) const {
    const std::int32_t found = m_impl->ids.find(piece);
    return found < 0 ? std::nullopt : std::optional(found);
}

bool Tokenizer::isSpecial(std::int32_t id) const noexcept {
    return m_impl->has(id) && (m_impl->flags[static_cast<std::size_t>(id)] & Impl::kSpecial) != 0;
}

bool Tokenizer::isAdded(std::int32_t id) const noexcept {
    return m_impl->has(id) && (m_impl->flags[static_cast<std::size_t>(id)] & Impl::kAdded) != 0;
}

std::string Tokenizer::pieceBytes(std::int32_t id) const {
    if (!m_impl->has(id)) return {};
    const std::int16_t byte = m_impl->byteValue[static_cast<std::size_t>(id)];
    if (byte >= 0) return std::string(1, static_cast<char>(static_cast<unsigned char>(byte)));
    if (isAdded(id)) return m_impl->pieces[static_cast<std::size_t>(id)];
    return m_impl->spaced(id);
}

std::string StreamDecoder::push(std::int32_t id) {
    m_tail += m_tokenizer->pieceBytes(id);
    std::string out;
    std::size_t at = 0;
    while (at < m_tail.size()) {
        const utf8::Char c = utf8::read(m_tail, at);
        if (c.state == utf8::Char::State::Incomplete) break;
        out.append(c.state == utf8::Char::State::Valid ? std::string_view(m_tail).substr(at, c.length) : utf8::kReplacement);
        at += c.length;
    }
    m_tail.erase(0, at);
    return out;
}

std::string StreamDecoder::finish() {
    std::string out;
    for (std::size_t i = 0; i < m_tail.size(); ++i) out.append(utf8::kReplacement);
    m_tail.clear();
    return out;
}

}  // namespace facet
