// What one conversation left behind: its cache, the ids at each position, which media stand there, and the points that
// it can be taken back to.
#pragma once

#include "model/kv_snapshot.h"
#include "model/text_model.h"
#include "run/prompt_builder.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace facet {

// A turn's end or the end of a picture. `rings` is null while the cache itself can still be cut there.
struct ReturnPoint {
    std::int64_t position = 0;
    std::shared_ptr<const RingSnapshot> rings;
};

struct SessionState {
    std::optional<KvCache> cache;
    std::vector<std::int32_t> ids;
    std::vector<SoftSpan> spans;           // inputs dropped, keys kept; the last one may be cut off by the end of ids
    std::vector<ReturnPoint> returns = {};  // ascending
    std::int64_t promptEnd = 0;             // where the last answer began
    std::string variant = {};               // BuiltPrompt::variant of what was read
    std::uint64_t id = 0;                   // of the conversation, for its file
};

// How many leading positions of `prompt` the session holds already; never the last one (its logits are wanted) and
// never a part of a picture.
std::int64_t commonPrefix(const SessionState &session, const BuiltPrompt &prompt);
// The same for two prompts, of which the first will be read.
std::int64_t commonPrefix(const BuiltPrompt &first, const BuiltPrompt &prompt);
// The last position up to there that the session can be taken back to.
std::int64_t resumePoint(const SessionState &session, const BuiltPrompt &prompt);
// Takes the session back to such a position.
void cutTo(SessionState &session, std::int64_t position);
// The snapshot that going back to `position` needs; null if the cache can be cut there as it is.
std::shared_ptr<const RingSnapshot> snapshotAt(const SessionState &session, std::int64_t position);

// Positions of a prompt that conversations come back to: behind each turn, behind the last of pictures that follow each
// other, and before the last id.
std::vector<std::int64_t> turnEnds(const LoadedModel &model, const BuiltPrompt &prompt);
void addReturnPoints(SessionState &session, const std::vector<std::int64_t> &positions);

}  // namespace facet
