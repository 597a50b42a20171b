// Conversations that outlive the program: saved when nobody asks anything, found again by the prompt that goes on with
// them. Engine thread only.
#pragma once

#include "run/cache_folder.h"
#include "run/conversation_file.h"
#include "run/session_pool.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace facet {

class ConversationStore {
public:
    // folder may be null: then nothing is kept. Reads the heads of what is there; foreign files are left alone.
    ConversationStore(const LoadedModel &model, std::shared_ptr<const CacheFolder> folder);

    // A saved conversation that holds clearly more of the prompt than the `known` positions in memory. One that turns
    // out to be damaged is deleted.
    std::optional<SessionState> find(const BuiltPrompt &prompt, std::int64_t known);

    // Whether there is anything to save, and saving the most recently used of it.
    bool unsaved(SessionPool &pool) const { return next(pool).session != nullptr; }
    void saveNext(SessionPool &pool, const std::function<bool()> &stop);

private:
    struct Stored {
        std::string path;
        ConversationHead head;
    };
    SessionPool::Idle next(SessionPool &pool) const;
    ConversationShape shape() const { return {m_model.stateKey, *m_shape, m_model.checkpoint.config.text.vocabularySize}; }
    void take(const std::string &path);

    const LoadedModel &m_model;
    std::shared_ptr<const CacheFolder> m_folder;
    std::optional<KvCache> m_shape;
    std::vector<Stored> m_stored;
    std::map<std::uint64_t, std::uint64_t> m_saved;  // conversation -> tick of its use that was saved
};

}  // namespace facet
