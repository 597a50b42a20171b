// tokenizer.json -> ids and back (text.md section 5). Immutable after loading.
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

class Tokenizer {
public:
    static Result<Tokenizer> fromFile(const std::string &path);
    static Result<Tokenizer> fromJson(std::string_view json, const std::string &fileForMessages);
    Tokenizer(Tokenizer &&) noexcept;
    Tokenizer &operator=(Tokenizer &&) noexcept;
    ~Tokenizer();

    std::int32_t size() const noexcept;  // ids are below this
    // matchControl: added tokens in the text become themselves. Inside `plain` spans (ascending, disjoint) they never do.
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
