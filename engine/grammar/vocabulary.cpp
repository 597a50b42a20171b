#include "grammar/vocabulary.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace facet::grammar {

namespace {

// Longer pieces are never allowed under a grammar; no vocabulary has any that matter.
constexpr std::size_t kLongestPiece = 512;

}  // namespace

std::shared_ptr<const TokenVocabulary> TokenVocabulary::fromTokenizer(const Tokenizer &tokenizer) {
    std::vector<std::string> pieces(static_cast<std::size_t>(tokenizer.size()));
    for (std::int32_t id = 0; id < tokenizer.size(); ++id)
        if (!tokenizer.isSpecial(id)) pieces[static_cast<std::size_t>(id)] = tokenizer.pieceBytes(id);
    return fromPieces(pieces);
}

std::shared_ptr<const TokenVocabulary> TokenVocabulary::fromPieces(const std::vector<std::string> &pieces) {
    auto made = std::make_shared<TokenVocabulary>();
    made->m_offsets.push_back(0);
    for (const std::string &piece : pieces) {
        if (piece.size() <= kLongestPiece) {
            made->m_bytes += piece;
            made->m_longest = std::max(made->m_longest, piece.size());
        }
        made->m_offsets.push_back(static_cast<std::uint32_t>(made->m_bytes.size()));
    }
    made->build();
    return made;
}

std::string_view TokenVocabulary::bytesOf(std::int32_t id) const noexcept {
    if (id < 0 || id >= size()) return {};
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(m_bytes).substr(m_offsets[i], m_offsets[i + 1] - m_offsets[i]);
}

void TokenVocabulary::build() {
    std::vector<std::int32_t> order(static_cast<std::size_t>(size()));
    std::iota(order.begin(), order.end(), 0);
    std::erase_if(order, [this](std::int32_t id) { return bytesOf(id).empty(); });
    std::sort(order.begin(), order.end(), [this](std::int32_t a, std::int32_t b) {
        const int less = bytesOf(a).compare(bytesOf(b));
        return less != 0 ? less < 0 : a < b;
    });
    std::vector<std::uint32_t> path;  // the open nodes
    std::string_view before;
    for (const std::int32_t id : order) {
        const std::string_view bytes = bytesOf(id);
        const auto common = static_cast<std::size_t>(
            std::mismatch(before.begin(), before.end(), bytes.begin(), bytes.end()).first - before.begin());
        const auto here = static_cast<std::uint32_t>(m_nodes.size());
        while (path.size() > common) {
            m_nodes[path.back()].end = here;
            path.pop_back();
        }
        for (std::size_t d = common; d < bytes.size(); ++d) {
            path.push_back(static_cast<std::uint32_t>(m_nodes.size()));
            m_nodes.push_back({0, 0, 0, static_cast<std::uint16_t>(d + 1), static_cast<unsigned char>(bytes[d])});
        }
        Node &node = m_nodes[path.back()];
        if (node.tokenCount == 0) node.tokens = static_cast<std::uint32_t>(m_tokenIds.size());
        if (node.tokenCount < std::numeric_limits<std::uint16_t>::max()) {
            ++node.tokenCount;
            m_tokenIds.push_back(id);
        }
        before = bytes;
    }
    for (const std::uint32_t open : path) m_nodes[open].end = static_cast<std::uint32_t>(m_nodes.size());
}

}  // namespace facet::grammar
