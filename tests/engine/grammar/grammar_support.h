// A small vocabulary with pieces that cross the borders of JSON, and random answers under a mask.
#pragma once

#include "grammar/token_constraint.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace facet::grammar::test {

// Ids 0..9 are control tokens without bytes, 10..265 the single bytes, then longer pieces.
inline constexpr std::int32_t kStop = 1, kCallOpens = 2, kCallCloses = 3, kQuote = 4, kThoughtOpens = 5, kThoughtCloses = 6,
                              kFirstByte = 10;

inline std::shared_ptr<const TokenVocabulary> smallVocabulary() {
    static const auto vocabulary = [] {
        std::vector<std::string> pieces(kFirstByte);
        for (int b = 0; b < 256; ++b) pieces.emplace_back(1, static_cast<char>(b));
        for (const char *piece : {"{\"", "\":", "\": ", "\",", "\", \"", "\"}", "}}", "}]", "]}", "[]", "{}", "true", "false", "null", "\n  ",
                                  "name", "the ", "ab", "abc", "12", "123", "0.", ".5", "-1", "ä", "ö", "€", "😀", "\\\"", "\\u00", "\\n",
                                  "call:", "call", ":[", ":{", ",\"", "]", "city", " 1", "e+", "\"a", "\"b\":", "1,", "2, ", "\xC3", "\x9F\x98"})
            pieces.emplace_back(piece);
        return TokenVocabulary::fromPieces(pieces);
    }();
    return vocabulary;
}

inline ConstraintOptions options(std::shared_ptr<const Grammar> grammar) {
    ConstraintOptions o;
    o.grammar = std::move(grammar);
    o.vocabulary = smallVocabulary();
    o.stopIds = {kStop};
    return o;
}

struct Sample {
    std::vector<std::int32_t> ids;
    std::string text;
    bool ended = false;
};

// Uniformly random among the allowed tokens; beyond `soft` tokens the closing ones are preferred, so that answers end.
inline Sample randomAnswer(TokenConstraint &constraint, std::mt19937 &random, std::size_t soft, std::size_t hard) {
    Sample sample;
    const std::string_view closing = "\"]}";
    while (sample.ids.size() < hard) {
        const TokenSet mask = constraint.allowed();
        std::vector<std::int32_t> allowed;
        std::int32_t preferred = -1;
        std::size_t rank = closing.size();
        for (std::int32_t id = 0; id < smallVocabulary()->size(); ++id) {
            if (!has(mask, id)) continue;
            allowed.push_back(id);
            const std::string_view bytes = smallVocabulary()->bytesOf(id);
            const std::size_t place = bytes.size() == 1 ? closing.find(bytes[0]) : std::string_view::npos;
            if (place < rank) rank = place, preferred = id;
        }
        REQUIRE_FALSE(allowed.empty());
        std::int32_t id = allowed[std::uniform_int_distribution<std::size_t>(0, allowed.size() - 1)(random)];
        if (sample.ids.size() > soft && preferred >= 0) id = preferred;
        if (sample.ids.size() > soft && has(mask, kStop)) id = kStop;
        REQUIRE(constraint.accept(id));
        sample.ids.push_back(id);
        if (id == kStop) {
            sample.ended = true;
            break;
        }
        sample.text += smallVocabulary()->bytesOf(id);
    }
    return sample;
}

}  // namespace facet::grammar::test
