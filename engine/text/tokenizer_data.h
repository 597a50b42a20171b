// What a tokenizer consists of once tokenizer.json has been read and checked. Internal to this folder.
#pragma once

#include "text/tokenizer.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

struct Merge {
    std::uint32_t rank = 0;     // place in the list: lower merges first
    std::int32_t product = -1;  // id of left + right
};

// Pair of ids -> merge, open addressing: half a million entries are looked up for every character of a prompt.
class MergeTable {
public:
    void reserve(std::size_t count);
    // False if the pair is known already (the first entry stays).
    bool insert(std::int32_t left, std::int32_t right, Merge merge);
    const Merge *find(std::int32_t left, std::int32_t right) const noexcept;

private:
    struct Slot {
        std::uint64_t key = kEmpty;
        Merge merge;
    };
    static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
    static std::uint64_t keyOf(std::int32_t left, std::int32_t right) noexcept {
        return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
    }
    std::size_t slotOf(std::uint64_t key) const noexcept;
    std::vector<Slot> m_slots;  // a power of two, at most half full
};

// Piece -> id, open addressing over the list of pieces, which it does not own.
class PieceIds {
public:
    explicit PieceIds(const std::vector<std::string> &pieces) : m_pieces(&pieces) {}
    void reserve(std::size_t count);
    // False if the text is known already (the first id stays). Only after reserve() for all of them.
    bool insert(std::int32_t id);
    std::int32_t find(std::string_view piece) const noexcept;  // -1: unknown

private:
    struct Slot {
        std::uint32_t tag = 0;
        std::int32_t id = -1;
    };
    const std::vector<std::string> *m_pieces;
    std::vector<Slot> m_slots;  // a power of two, at most half full
};

// Finds the longest added token at a position.
class AddedTokenTrie {
public:
    void insert(std::string_view content, std::int32_t id);
    struct Match {
        std::int32_t id = -1;  // -1: none
        std::size_t length = 0;
    };
    // The longest match that does not reach beyond `limit`.
    Match longest(std::string_view text, std::size_t at, std::size_t limit) const noexcept;

private:
    struct Node {
        std::int32_t id = -1;
        std::vector<std::pair<unsigned char, std::uint32_t>> next;  // sorted by byte
    };
    std::vector<Node> m_nodes = std::vector<Node>(1);
    std::array<bool, 256> m_starts{};
};

struct Tokenizer::Impl {
    std::vector<std::string> pieces;  // by id
    PieceIds ids{pieces};
    MergeTable merges;
    std::vector<std::uint32_t> scoreRanks;  // by id, lower is better; empty: `merges` counts
    AddedTokenTrie added;
    AddedTokenTrie spaces;  // those of `added` that are white space and no control tokens
    std::vector<std::int16_t> byteValue;  // by id: 0..255 for <0x..>, else -1
    std::vector<std::uint8_t> flags;      // by id: kAdded, kSpecial
    std::array<std::int32_t, 256> byteIds{};  // -1: no such piece
    std::int32_t unknown = -1;
    bool fuseUnknown = true;

    Impl() = default;
    Impl(const Impl &) = delete;  // `ids` looks into `pieces`
    Impl &operator=(const Impl &) = delete;

    static constexpr std::uint8_t kAdded = 1, kSpecial = 2;

    bool has(std::int32_t id) const noexcept { return id >= 0 && static_cast<std::size_t>(id) < pieces.size(); }
    void encodePlain(std::string_view text, std::vector<std::int32_t> &out) const;
    // Makes a piece an added token.
    void addToken(std::int32_t id, bool special);
    // The text of one piece with U+2581 as a space.
    std::string spaced(std::int32_t id) const;
};

// The byte that "<0x00>" .. "<0xFF>" (upper case) stands for; -1: another text.
std::int16_t byteOfPiece(std::string_view piece);

// Reads and checks tokenizer.json. Errors: ModelFileCorrupt, ModelUnsupported, LimitExceeded.
Result<std::unique_ptr<Tokenizer::Impl>> readTokenizerJson(std::string_view json, const std::string &file);

}  // namespace facet
