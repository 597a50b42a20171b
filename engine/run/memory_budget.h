// One budget for everything that may be computed again: caches of conversations, their snapshots, soft tokens. Whoever
// needs room asks here; what was not used for longest goes first, whoever holds it. Engine thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace facet {

class MemoryHolder {
public:
    virtual ~MemoryHolder() = default;
    virtual std::uint64_t heldBytes() const = 0;
    // When the thing that may go next was last used (MemoryBudget::tick); nothing: all of it is in use.
    virtual std::optional<std::uint64_t> oldest() const = 0;
    virtual void dropOldest() = 0;
};

class MemoryBudget {
public:
    explicit MemoryBudget(std::uint64_t limitBytes) : m_limit(limitBytes) {}

    void add(MemoryHolder &holder) { m_holders.push_back(&holder); }  // must outlive the budget's use
    std::uint64_t tick() { return ++m_tick; }
    std::uint64_t limit() const { return m_limit; }

    std::uint64_t used() const {
        std::uint64_t bytes = 0;
        for (const MemoryHolder *holder : m_holders) bytes += holder->heldBytes();
        return bytes;
    }
    // False: even with everything dropped that may go, there is no room for that many bytes more.
    bool makeRoom(std::uint64_t bytes) {
        if (bytes > m_limit) return false;
        while (used() > m_limit - bytes) {
            MemoryHolder *victim = nullptr;
            std::uint64_t when = 0;
            for (MemoryHolder *holder : m_holders) {
                const auto candidate = holder->oldest();
                if (!candidate || (victim && *candidate >= when)) continue;
                victim = holder;
                when = *candidate;
            }
            if (!victim) return false;
            victim->dropOldest();
        }
        return true;
    }

private:
    std::uint64_t m_limit;
    std::uint64_t m_tick = 0;
    std::vector<MemoryHolder *> m_holders;
};

}  // namespace facet
