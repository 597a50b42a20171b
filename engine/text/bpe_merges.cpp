#include "text/bpe_merges.h"

#include <queue>
#include <utility>

namespace facet {

namespace {

std::uint64_t keyOf(std::int32_t left, std::int32_t right) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U | static_cast<std::uint32_t>(right);
}

std::size_t hashOf(std::uint64_t key) noexcept {
    key *= 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(key ^ (key >> 29U));
}

// A pair that may be merged: where, what it was when it was found, and what it becomes.
struct Offer {
    std::int32_t rank = 0;
    std::int32_t at = 0;  // index of the left part
    std::int32_t left = 0, right = 0, product = 0;
    bool operator>(const Offer &other) const noexcept { return rank != other.rank ? rank > other.rank : at > other.at; }
};

}  // namespace

void BpeMerges::grow(std::size_t slots) {
    std::vector<Entry> old(slots);
    old.swap(m_slots);
    for (const Entry &entry : old)
        if (entry.key != kEmpty) insert(entry);
}

void BpeMerges::reserve(std::size_t count) {
    std::size_t slots = 16;
    while (slots < count * 2) slots *= 2;
    if (slots > m_slots.size()) grow(slots);
}

void BpeMerges::insert(const Entry &entry) {
    std::size_t i = hashOf(entry.key) & (m_slots.size() - 1);
    while (m_slots[i].key != kEmpty) {
        if (m_slots[i].key == entry.key) return;
        i = (i + 1) & (m_slots.size() - 1);
    }
    m_slots[i] = entry;
}

void BpeMerges::add(std::int32_t left, std::int32_t right, std::int32_t rank, std::int32_t product) {
    reserve(++m_count);
    insert({keyOf(left, right), rank, product});
}

const BpeMerges::Entry *BpeMerges::find(std::int32_t left, std::int32_t right) const noexcept {
    if (m_slots.empty()) return nullptr;
    const std::uint64_t key = keyOf(left, right);
    for (std::size_t i = hashOf(key) & (m_slots.size() - 1); m_slots[i].key != kEmpty; i = (i + 1) & (m_slots.size() - 1))
        if (m_slots[i].key == key) return &m_slots[i];
    return nullptr;
}

void BpeMerges::apply(std::vector<std::int32_t> &ids) const {
    const auto count = static_cast<std::int32_t>(ids.size());
    if (count < 2) return;
    // A linked list over the symbols; a merged right part becomes -1.
    std::vector<std::int32_t> previous(ids.size()), next(ids.size());
    std::priority_queue<Offer, std::vector<Offer>, std::greater<>> offers;
    const auto at = [&ids](std::int32_t i) -> std::int32_t & { return ids[static_cast<std::size_t>(i)]; };
    const auto offer = [&](std::int32_t i) {
        if (i < 0) return;
        const std::int32_t j = next[static_cast<std::size_t>(i)];
        if (j >= count) return;
        if (const Entry *entry = find(at(i), at(j))) offers.push({entry->rank, i, at(i), at(j), entry->product});
    };
    for (std::int32_t i = 0; i < count; ++i) {
        previous[static_cast<std::size_t>(i)] = i - 1;
        next[static_cast<std::size_t>(i)] = i + 1;
    }
    for (std::int32_t i = 0; i + 1 < count; ++i) offer(i);
    while (!offers.empty()) {
        const Offer best = offers.top();
        offers.pop();
        const std::int32_t right = at(best.at) == best.left ? next[static_cast<std::size_t>(best.at)] : count;
        if (right >= count || at(right) != best.right) continue;  // overtaken by an earlier merge
        at(best.at) = best.product;
        at(right) = -1;
        const std::int32_t after = next[static_cast<std::size_t>(right)];
        next[static_cast<std::size_t>(best.at)] = after;
        if (after < count) previous[static_cast<std::size_t>(after)] = best.at;
        offer(previous[static_cast<std::size_t>(best.at)]);
        offer(best.at);
    }
    std::size_t kept = 0;
    for (std::int32_t i = 0; i < count; i = next[static_cast<std::size_t>(i)]) ids[kept++] = at(i);
    ids.resize(kept);
}

}  // namespace facet
