// The engine thread: takes requests from one queue and answers several at once. Nobody else touches the caches.
// A round gives every answer that is being written its next token in one pass, and one request that still reads its
// prompt the next chunk; so a long prompt never stops the others. Media are encoded between rounds, with rounds in
// between their layers; those that are only expected to be asked about wait until nobody asks anything. When it has been
// quiet for a while, conversations are saved and what was not measured yet is measured (run/tuner.h).
#pragma once

#include "facet/engine.h"
#include "run/loaded_model.h"

#include <memory>

namespace facet {

class Scheduler {
public:
    explicit Scheduler(std::shared_ptr<const LoadedModel> model);
    ~Scheduler();  // cancels everything, answers everything, joins

    RequestId submit(Request request, EventSink sink);
    RequestId encodeAhead(std::vector<Part> media, EventSink sink);
    void cancel(RequestId id);
    MemoryUse memoryUse() const;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
