// One request through the engine, watched from the request's own thread: events come back in order, the request is
// cancelled as soon as nobody waits for it any more.
//
//     auto answer = runRequest(engine, std::move(request), {.event = writeChunk, .idle = ping}, call.gone);
#pragma once

#include "host/engine_port.h"

#include <functional>

namespace facet::host {

struct RunHooks {
    std::function<bool(const Event &)> event; // every event but Done and Failed; false: stop
    std::function<bool()> idle;               // called several times a second while nothing comes; false: stop
};

// Returns after the engine's last event, so that nothing of the request is left behind. Cancelled requests give an
// Answer with FinishReason::Cancelled.
Result<Answer> runRequest(EnginePort &engine, Request request, const RunHooks &hooks, const CancelToken &gone);

} // namespace facet::host
