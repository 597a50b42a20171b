// The seam between the server and the engine: the server knows only this, tests put a scripted engine behind it.
// The real one (engine_adapter.cpp) is facet::Engine, nothing added.
#pragma once

#include "facet/engine.h"

#include <memory>
#include <string>
#include <vector>

namespace facet::host {

// A loaded model. Destroying it cancels what runs and waits for it.
class EnginePort {
public:
    virtual ~EnginePort() = default;
    virtual const ModelInfo &info() const = 0;
    virtual RequestId submit(Request request, EventSink sink) = 0;
    virtual void cancel(RequestId id) = 0;
    virtual RequestId encodeAhead(std::vector<Part> media, EventSink sink) = 0;
    virtual MemoryUse memoryUse() const = 0;
    // Whether the request can be answered at all (context, media), without computing it; callable from any thread.
    virtual Status check(const Request &request) const = 0;
};

class EngineLoader {
public:
    virtual ~EngineLoader() = default;
    virtual Result<std::unique_ptr<EnginePort>> load(const LoadOptions &options, const ProgressFn &progress,
                                                     const CancelToken &cancel) = 0;
    virtual Result<ModelInfo> inspect(const LoadOptions &options) = 0;
};

std::unique_ptr<EngineLoader> makeEngineLoader();

} // namespace facet::host
