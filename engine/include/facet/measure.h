// How fast a model runs on this machine, for people: `facet-cli bench`. Random tokens are read and written outside of any
// conversation; the speed does not depend on what they are.
//
//     auto meter = facet::ModelMeter::load({.path = "gemma-4-E2B-it"});
//     const auto figures = (*meter)->read(512);
//     std::printf("%.1f tokens/s\n", figures->tokens / figures->seconds);
#pragma once

#include "facet/engine.h"

#include <functional>
#include <memory>
#include <string>

namespace facet {

struct PassFigures {
    double seconds = 0;
    double tokens = 0;      // read, written, or soft tokens of a medium
    double bytes = 0;       // weights, keys and values that were read, each matrix once a pass
    double operations = 0;  // 2 x multiply-adds
};

class ModelMeter {
public:
    // As Engine::load. The token stops loading and every measuring behind it (Cancelled).
    static Result<std::unique_ptr<ModelMeter>> load(const LoadOptions &options, const ProgressFn &progress = {},
                                                    const CancelToken &cancel = {});
    ~ModelMeter();
    const ModelInfo &info() const;

    // Reads a prompt of so many tokens up to the logits of the first token that would be written, once.
    Result<PassFigures> read(int tokens);
    // Writes so many tokens behind `depth` ones, one by one. Error: ContextExceeded.
    Result<PassFigures> write(int tokens, int depth);
    Result<PassFigures> encode(const ImageInput &image);
    Result<PassFigures> encode(const AudioInput &audio);

    // Measures what LoadOptions::tuningFolder is for and writes it there. `what`: "threads", "cache"; done of total steps.
    // Errors: InvalidArgument (no folder), FileWriteFailed, DiskFull.
    using TuneProgress = std::function<void(const char *what, int done, int total)>;
    Result<Tuning> tune(const TuneProgress &progress = {});

private:
    struct Impl;
    explicit ModelMeter(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace facet
