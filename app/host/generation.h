// One request through the engine, watched from the request's own thread: events come back in order, the request is
// cancelled as soon as nobody waits for it any more.
//
//     auto answer = runRequest(engine, std::move(request), {.event = writeChunk, .idle = ping}, call.gone);
#pragma once

#include "host/engine_port.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace facet::host {

struct RunHooks {
    std::function<bool(const Event &)> event; // every event but Done and Failed; false: stop
    std::function<bool()> idle;               // called several times a second while nothing comes; false: stop
    // Instead of `event`, where it matters which of several requests it is of.
    std::function<bool(const Event &, std::size_t)> choice;
};

// Returns after the engine's last event, so that nothing of the request is left behind. Cancelled requests give an
// Answer with FinishReason::Cancelled.
Result<Answer> runRequest(EnginePort &engine, Request request, const RunHooks &hooks, const CancelToken &gone);
// Several at once: n answers to one prompt. The first error ends all; a cancelled one makes all Cancelled.
Result<std::vector<Answer>> runRequests(EnginePort &engine, std::vector<Request> requests, const RunHooks &hooks,
                                        const CancelToken &gone);
// The same for media that are encoded ahead: returns when they are.
Status runEncodeAhead(EnginePort &engine, std::vector<Part> media, const CancelToken &gone);

} // namespace facet::host
