// `facet-cli serve`: the engine's own process, an OpenAI-compatible HTTP server on loopback (PROTOCOL.md).
//
//     facet::host::ServeOptions options;
//     options.modelPath = "gemma-4-E2B-it";
//     return facet::host::runServe(options);   // returns on SIGTERM, SIGINT or, with privateLink, when stdin closes
#pragma once

#include "facet/engine.h"

#include <string>
#include <vector>

namespace facet::host {

inline constexpr int kDefaultPort = 8090;

struct ServeOptions {
    std::string modelPath;                     // loaded in the background after the start; empty: none
    WeightType weights = WeightType::AsStored; // for modelPath
    int contextLength = 0;                     // tokens, for modelPath; 0: the model's own, at most 8192
    int threads = 0;                           // 0: all cores
    KvType kv = KvType::Auto;                  // for modelPath
    Packing packing = Packing::Auto;           // for modelPath
    TuneMode tune = TuneMode::Auto;            // for modelPath, and for loads that do not say
    std::string tuningFolder;                  // of every model that is loaded; empty: nothing is measured
    std::uint64_t memoryLimitBytes = 0;        // for modelPath: everything; 0: what the machine has available
    std::string drafter;                       // for modelPath: a drafter's folder or file
    std::vector<AdapterOption> adapters;       // for modelPath
    std::string cacheFolder;                   // read pictures and conversations, kept over restarts; empty: nowhere
    std::string host = "127.0.0.1";            // 127.0.0.1, localhost or ::1; anything else is refused
    int port = kDefaultPort;                   // 0: any free port
    std::string key;                           // empty: a random one is made and printed on standard error
    bool privateLink = false;                  // started by the window: key on stdin, port on stdout (PROTOCOL.md)
};

// Serves until told to stop. Returns the exit code: 0, or 1 when it could not start (the reason is on stderr).
int runServe(const ServeOptions &options);

} // namespace facet::host
