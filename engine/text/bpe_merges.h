// The merge list of a BPE tokenizer: pairs of ids with their rank and product, and the merging itself in O(n log n).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace facet {

class BpeMerges {
public:
    void reserve(std::size_t count);
    // The first of two equal pairs wins.
    void add(std::int32_t left, std::int32_t right, std::int32_t rank, std::int32_t product);
    // Merges the adjacent pair of lowest rank (leftmost among equals) until none applies.
    void apply(std::vector<std::int32_t> &ids) const;

private:
    struct Entry {
        std::uint64_t key = kEmpty;
        std::int32_t rank = 0;
        std::int32_t product = 0;
    };
    static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

    const Entry *find(std::int32_t left, std::int32_t right) const noexcept;
    void insert(const Entry &entry);
    void grow(std::size_t slots);

    std::vector<Entry> m_slots;  // open addressing, size a power of two, at most half full
    std::size_t m_count = 0;
};

}  // namespace facet
