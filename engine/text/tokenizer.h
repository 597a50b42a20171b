// tokenizer.json or the vocabulary of a GGUF file -> ids and back (text.md sections 5, 8 and 10). Immutable after loading.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet {

struct ByteSpan {
    std::size_t begin = 0, end = 0;  // bytes of the text
};

// A vocabulary as GGUF files list it. The texts are only looked at while the tokenizer is made.
struct PieceList {
    enum Kind : std::uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
    std::vector<std::string_view> pieces;  // by id
    std::vector<std::uint8_t> kinds;       // by id
    std::vector<float> scores;             // by id: the adjacent pair whose product scores highest merges first; or
    std::vector<std::string_view> merges;  // "left right", best first
    std::int32_t unknown = -1;
};

class Tokenizer {
public:
    static Result<Tokenizer> fromFile(const std::string &path);
    static Result<Tokenizer> fromJson(std::string_view json, const std::string &fileForMessages);
    // Errors: ModelFileCorrupt (names the piece or merge), LimitExceeded, OutOfMemory.
    static Result<Tokenizer> fromPieces(const PieceList &list, const std::string &fileForMessages);
    Tokenizer(Tokenizer &&) noexcept;
    Tokenizer &operator=(Tokenizer &&) noexcept;
    ~Tokenizer();

    std::int32_t size() const noexcept;  // ids are below this
    // matchControl: added tokens in the text become themselves. Inside `plain` spans (ascending, disjoint) they never do,
    // but for runs of white space that are no control tokens.
    std::vector<std::int32_t> encode(std::string_view text, bool matchControl = true,
                                     std::span<const ByteSpan> plain = {}) const;
    std::string decode(std::span<const std::int32_t> ids, bool skipSpecial = false) const;

    std::optional<std::int32_t> idOf(std::string_view piece) const;   // exact piece or added token
    bool isSpecial(std::int32_t id) const noexcept;                   // added token with special: true
    bool isAdded(std::int32_t id) const noexcept;
    // Bytes that one token stands for (U+2581 as a space, <0x..> as its byte, added tokens as their text).
    std::string pieceBytes(std::int32_t id) const;

    struct Impl;

private:
    explicit Tokenizer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

// Turns ids into valid UTF-8 pieces one by one: an incomplete tail is held back until it is whole or proves wrong.
class StreamDecoder {
public:
    explicit StreamDecoder(const Tokenizer &tokenizer) : m_tokenizer(&tokenizer) {}
    std::string push(std::int32_t id);   // may be empty
    std::string finish();                // what is left; invalid bytes as U+FFFD

private:
    const Tokenizer *m_tokenizer;
    std::string m_tail;
};

}  // namespace facet
