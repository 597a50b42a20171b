// What the routes work with, put together once (serve.cpp; tests put fakes in).
#pragma once

#include "facet/discover.h"
#include "host/http_types.h"
#include "host/media_parts.h"
#include "host/model_slot.h"
#include "tasks/transcription.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace facet::host {

using TranscribeFn = std::function<Result<tasks::Transcript>(const tasks::AnswerFn &, const ModelInfo &,
                                                             const media::Source &, const tasks::TranscribeOptions &,
                                                             const tasks::TranscribeCallbacks &, const CancelToken &)>;

struct Services {
    ModelSlot &slot;
    MediaLoader &media;
    TranscribeFn transcribe;
    std::function<std::vector<FoundModel>()> findModels = [] { return std::vector<FoundModel>(); };
    std::string cacheFolder = {};                // of every model that is loaded; empty: nothing on disk
    std::string tuningFolder = {};               // of every model that is loaded; empty: nothing is measured
    TuneMode tune = TuneMode::Auto;              // where the load does not say
    std::int64_t started = 0;                    // seconds since 1970: the "created" of the model
    std::chrono::milliseconds pingAfter{15'000}; // silence on a stream
};

constexpr std::size_t kBodyLimit = std::size_t{64} << 20;
constexpr std::size_t kPrivateBodyLimit = std::size_t{256} << 20; // also for recordings
constexpr std::size_t kSmallBodyLimit = std::size_t{64} << 10;    // commands that name a file

// Each file of routes appends its own. The services must outlive the routes.
void addChatRoutes(std::vector<Route> &routes, Services &services, bool privateLink);
void addCompletionRoutes(std::vector<Route> &routes, Services &services);
void addAudioRoutes(std::vector<Route> &routes, Services &services);
void addModelRoutes(std::vector<Route> &routes, Services &services);
void addFacetRoutes(std::vector<Route> &routes, Services &services, bool privateLink);
void addFoundRoutes(std::vector<Route> &routes, Services &services);
std::vector<Route> allRoutes(Services &services, bool privateLink);

} // namespace facet::host
