// The engine thread: takes requests from one queue, runs them in order, emits their events. Nobody else touches the
// caches. Cancelled requests that still wait are answered between the tokens of the running one.
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
    void cancel(RequestId id);

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
