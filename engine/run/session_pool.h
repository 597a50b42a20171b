// The conversations that the engine remembers. A prompt gets the one that it goes on with: as it is, taken back to an
// earlier turn, or a copy of the beginning when the rest is still wanted (another branch, a conversation that is being
// answered). Engine thread only.
#pragma once

#include "run/memory_budget.h"
#include "run/session.h"

#include <list>
#include <optional>

namespace facet {

class SessionPool final : public MemoryHolder {
public:
    // The model and the budget must outlive the pool.
    SessionPool(const LoadedModel &model, MemoryBudget &budget);

    struct Lease {
        SessionState *session = nullptr;
        std::int64_t kept = 0;  // leading positions of the prompt that need not be read
    };
    // Errors: OutOfMemory. The session stays in use until release() or drop().
    Result<Lease> acquire(const BuiltPrompt &prompt, int maxTokens);
    void release(SessionState &session);
    void drop(SessionState &session);  // what it holds can not be trusted any more

    // Leading positions that acquire() would find.
    std::int64_t reusable(const BuiltPrompt &prompt) const;
    // Whether there is room for one more conversation that grows as far as it may, beside those in use.
    bool admits(const BuiltPrompt &prompt, int maxTokens) const;
    // Before `rows` positions are added: keeps ways back that this would overwrite, makes room.
    void beforePass(SessionState &session, std::int64_t rows);

    std::uint64_t cacheBytes() const;
    std::uint64_t snapshotBytes() const;
    int count() const { return static_cast<int>(m_sessions.size()); }

    std::uint64_t heldBytes() const override { return cacheBytes() + snapshotBytes(); }
    std::optional<std::uint64_t> oldest() const override;
    void dropOldest() override;

    // Conversations that nobody uses, with what changed since they were last looked at (state files).
    struct Idle {
        SessionState *session = nullptr;
        std::uint64_t used = 0;  // tick
    };
    std::vector<Idle> idle();
    // Takes in a conversation from elsewhere; false: there is no room for it.
    bool adopt(SessionState session);

private:
    struct Entry {
        SessionState state;
        int users = 0;
        std::uint64_t used = 0;       // tick
        std::uint64_t committed = 0;  // bytes that it may grow to while in use
    };
    using Entries = std::list<Entry>;

    std::uint64_t committedBytes(const BuiltPrompt &prompt, int maxTokens) const;
    Result<Lease> lease(Entry &entry, std::int64_t kept, std::uint64_t committed);
    Result<Lease> fresh(std::uint64_t committed);
    bool branch(Entry &from, std::int64_t position);  // the copy is the last entry
    Entries::iterator find(const SessionState &session);

    const LoadedModel &m_model;
    MemoryBudget &m_budget;
    Entries m_sessions;
};

}  // namespace facet
