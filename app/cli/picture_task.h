// What ocr, detect and describe have in common: files checked, the model loaded, each picture asked about in turn.
#pragma once

#include "ask.h"
#include "flags.h"

#include <functional>
#include <string>
#include <vector>

namespace facet::cli {

struct PictureTask {
    std::vector<std::string> files;
    ModelFlags model;
    SamplingFlags sampling;
    int budget = 0;
    bool films = false; // films may be named too
    std::function<std::string(const ModelInfo &)> prompt;
    std::function<int(const ModelInfo &)> defaultBudget;
    Show show = Show::Text;
    // Before a file is asked about (for headings), and with its answer. False from the second: stop.
    std::function<void(const std::string &file)> begin;
    std::function<bool(const std::string &file, const Part &part, const Answer &answer)> done;
};

// A file that fails is reported and the others go on; the exit code is the first failure's.
int runPictureTask(PictureTask &task, Terminal &terminal);

} // namespace facet::cli
