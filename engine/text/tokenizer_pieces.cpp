// A tokenizer out of the lists of a GGUF file: pieces with their kinds, and merges or scores.
#include "text/tokenizer_data.h"

#include <bit>
#include <new>

namespace facet {

namespace {

constexpr std::size_t kMaxPieces = std::size_t{1} << 22U;
constexpr std::size_t kMaxMerges = std::size_t{1} << 24U;
constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::uint32_t kNoMerge = ~std::uint32_t{0};

// Numbers that order like scores, the best one lowest.
std::uint32_t rankOf(float score) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // one zero only
    const std::uint32_t rising = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
    return ~rising;
}

class Builder {
public:
    Builder(const PieceList &list, const std::string &file) : m_list(list), m_file(file) {}

    Result<std::unique_ptr<Tokenizer::Impl>> build() {
        if (m_list.pieces.empty() || m_list.kinds.size() != m_list.pieces.size() ||
            (!m_list.scores.empty() && m_list.scores.size() != m_list.pieces.size()))
            return corrupt("its lists are empty or not of the same length");
        if (m_list.pieces.size() > kMaxPieces || m_list.merges.size() > kMaxMerges)
            return Error{ErrorCode::LimitExceeded, "The tokenizer in the model file is larger than any real one.",
                         std::to_string(m_list.pieces.size()) + " pieces, " + std::to_string(m_list.merges.size()) + " merges",
                         m_file};
        FACET_CHECK(placePieces());
        if (m_list.scores.empty()) {
            FACET_CHECK(placeMerges());
        } else {
            m_impl->scoreRanks.assign(m_list.pieces.size(), kNoMerge);
            for (std::size_t id = 0; id < m_list.pieces.size(); ++id)
                if (m_list.kinds[id] == PieceList::kNormal) m_impl->scoreRanks[id] = rankOf(m_list.scores[id]);
        }
        return std::move(m_impl);
    }

private:
    Error corrupt(const std::string &what, const std::string &detail = {}) const {
        return {ErrorCode::ModelFileCorrupt, "The tokenizer in the model file contradicts itself: " + what + ".",
                detail.substr(0, 200), m_file};
    }

    Status placePieces() {
        Tokenizer::Impl &t = *m_impl;
        const std::size_t count = m_list.pieces.size();
        t.pieces.assign(m_list.pieces.begin(), m_list.pieces.end());
        t.ids.reserve(count);
        t.byteIds.fill(-1);
        t.byteValue.assign(count, -1);
        t.flags.assign(count, 0);
        for (std::size_t id = 0; id < count; ++id) {
            const std::string &piece = t.pieces[id];
            const auto number = static_cast<std::int32_t>(id);
            const std::string name = "piece " + std::to_string(id);
            if (piece.size() > kMaxPieceBytes) return corrupt("a piece is longer than 4096 bytes", name);
            if (piece.empty()) continue;  // placeholders of some converters; nothing in a text can mean them
            if (!t.ids.insert(number)) return corrupt("a piece occurs twice", name + ": \"" + piece + "\"");
            switch (m_list.kinds[id]) {
            case PieceList::kByte: {
                const std::int16_t byte = byteOfPiece(piece);
                if (byte < 0) return corrupt("a piece of the kind byte does not name one", name + ": \"" + piece + "\"");
                t.byteValue[id] = byte;
                t.byteIds[static_cast<std::size_t>(byte)] = number;
                break;
            }
            case PieceList::kControl: t.addToken(number, true); break;
            case PieceList::kUserDefined: t.addToken(number, false); break;
            default: break;
            }
        }
        t.unknown = t.has(m_list.unknown) ? m_list.unknown : -1;
        return ok();
    }

    Status placeMerges() {
        Tokenizer::Impl &t = *m_impl;
        t.merges.reserve(m_list.merges.size());
        std::string product;
        for (std::size_t rank = 0; rank < m_list.merges.size(); ++rank) {
            const std::string_view line = m_list.merges[rank];
            const std::size_t space = line.find(' ', 1);
            const auto where = [&] { return "merge " + std::to_string(rank) + ": \"" + std::string(line) + "\""; };
            if (line.empty() || space == std::string_view::npos) return corrupt("a merge does not name two pieces", where());
            const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
            product.assign(left).append(right);
            const std::int32_t l = t.ids.find(left), r = t.ids.find(right), p = t.ids.find(product);
            // Files with a shortened vocabulary keep the whole list: such a merge can never apply.
            if (l < 0 || r < 0 || p < 0) continue;
            t.merges.insert(l, r, {static_cast<std::uint32_t>(rank), p});
        }
        return ok();
    }

    const PieceList &m_list;
    const std::string &m_file;
    std::unique_ptr<Tokenizer::Impl> m_impl = std::make_unique<Tokenizer::Impl>();
};

}  // namespace

Result<Tokenizer> Tokenizer::fromPieces(const PieceList &list, const std::string &fileForMessages) {
    try {
        FACET_TRY(impl, Builder(list, fileForMessages).build());
        return Tokenizer(std::move(impl));
    } catch (const std::bad_alloc &) {
        return Error{ErrorCode::OutOfMemory, "There is not enough memory to load the tokenizer: close other programs.", {},
                     fileForMessages};
    }
}

}  // namespace facet
