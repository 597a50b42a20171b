// The verbs of facet-cli: each adds its subcommand with help and examples, and says what to run when it is chosen.
#pragma once

#include "flags.h"

namespace facet::cli {

void addBench(CLI::App &app, RunVerb &chosen);
void addChat(CLI::App &app, RunVerb &chosen);
void addOcr(CLI::App &app, RunVerb &chosen);
void addDetect(CLI::App &app, RunVerb &chosen);
void addTranscribe(CLI::App &app, RunVerb &chosen);
void addDescribe(CLI::App &app, RunVerb &chosen);
void addInspect(CLI::App &app, RunVerb &chosen);
void addModels(CLI::App &app, RunVerb &chosen);
void addProbe(CLI::App &app, RunVerb &chosen);
void addQuantize(CLI::App &app, RunVerb &chosen);
void addServe(CLI::App &app, RunVerb &chosen);
void addTour(CLI::App &app, RunVerb &chosen);

} // namespace facet::cli
