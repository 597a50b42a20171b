// One conversation as a file: which model and which ids, then its keys and values and the snapshots of some of its
// turns' ends. Reading checks everything against the model and its caches before any memory is taken.
#pragma once

#include "run/cache_file.h"
#include "run/session.h"

#include <functional>
#include <string>
#include <vector>

namespace facet {

// What both sides must agree on.
struct ConversationShape {
    std::string model;   // LoadedModel::stateKey
    const KvCache &cache;  // an empty one of the shape in use
    std::int32_t vocabulary = 0;
};

struct ConversationHead {
    std::uint64_t id = 0;
    std::string variant;
    std::vector<std::int32_t> ids;
    std::vector<SoftSpan> spans;
    std::int64_t promptEnd = 0;
    std::vector<std::int64_t> snapshots;  // positions, ascending; the last one is ids.size()
};

// Errors: FileUnreadable (of another model, or contradicting itself).
Result<ConversationHead> readConversationHead(const CacheFileReader &file, const ConversationShape &shape,
                                              const std::string &name);
// Errors: FileUnreadable (damaged), OutOfMemory.
Result<SessionState> readConversation(CacheFileReader &file, const ConversationHead &head,
                                      const ConversationShape &shape, const std::string &name);

// `stop` is asked between pieces. Errors: FileWriteFailed, Cancelled, InvalidArgument (nothing worth keeping).
Status writeConversation(const std::string &path, const SessionState &session, const ConversationShape &shape,
                         const std::function<bool()> &stop, const std::function<bool(std::uint64_t)> &makeRoom);

}  // namespace facet
