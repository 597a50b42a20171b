// What `facet-cli bench` has measured, as text and as JSON.
#pragma once

#include "facet/machine.h"
#include "facet/measure.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace facet::cli {

struct BenchReport {
    struct Write {
        int depth = 0;           // tokens before
        PassFigures figures;
    };
    std::string processor;
    int cores = 0;
    Roofline limits;             // with as many threads as write
    double loadSeconds = 0;
    std::vector<PassFigures> reads;
    std::vector<Write> writes;
    std::optional<PassFigures> picture, sound;
    MemoryFigures memory;
    std::vector<std::string> skipped;  // a sentence each
};

// Tokens a second that streaming the bytes of one token from memory would leave room for; 0: unknown.
double writeLimit(const Roofline &limits, const PassFigures &figures);

std::string benchText(const ModelInfo &model, const BenchReport &report);
nlohmann::ordered_json benchJson(const ModelInfo &model, const BenchReport &report);

std::string tuningText(const Tuning &tuning);
nlohmann::ordered_json tuningJson(const Tuning &tuning);

} // namespace facet::cli
