// What one conversation left behind: its cache, the ids at each position, and which media stand there.
#pragma once

#include "model/text_model.h"
#include "run/prompt_builder.h"

#include <optional>
#include <vector>

namespace facet {

struct SessionState {
    std::optional<KvCache> cache;
    std::vector<std::int32_t> ids;
    std::vector<SoftSpan> spans;  // inputs dropped, keys kept
};

// How many leading positions of `prompt` the session holds already; never the last one (its logits are wanted) and
// never a part of a picture.
std::int64_t commonPrefix(const SessionState &session, const BuiltPrompt &prompt);

}  // namespace facet
