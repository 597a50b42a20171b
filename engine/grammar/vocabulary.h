// The pieces of a vocabulary as a tree over their bytes, so that one walk tells which tokens a grammar allows. Built
// once per model and shared by all requests.
#pragma once

#include "text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace facet::grammar {

class TokenVocabulary {
public:
    // Control tokens match no bytes: a grammar names them by their ids.
    static std::shared_ptr<const TokenVocabulary> fromTokenizer(const Tokenizer &tokenizer);
    // By id; an empty piece stands for a token without bytes.
    static std::shared_ptr<const TokenVocabulary> fromPieces(const std::vector<std::string> &pieces);

    std::int32_t size() const noexcept { return static_cast<std::int32_t>(m_offsets.size()) - 1; }
    // Empty for control tokens and for ids outside the vocabulary.
    std::string_view bytesOf(std::int32_t id) const noexcept;
    std::size_t longest() const noexcept { return m_longest; }

    // A node of the tree, in depth-first order: its children follow it, up to `end`.
    struct Node {
        std::uint32_t end = 0;         // first node behind the subtree
        std::uint32_t tokens = 0;      // into tokenIds()
        std::uint16_t tokenCount = 0;  // that end here
        std::uint16_t depth = 0;       // bytes up to and with this one
        unsigned char byte = 0;
    };
    const std::vector<Node> &nodes() const noexcept { return m_nodes; }
    const std::vector<std::int32_t> &tokenIds() const noexcept { return m_tokenIds; }

private:
    void build();

    std::string m_bytes;  // of all pieces
    std::vector<std::uint32_t> m_offsets;
    std::vector<Node> m_nodes;
    std::vector<std::int32_t> m_tokenIds;
    std::size_t m_longest = 0;
};

}  // namespace facet::grammar
