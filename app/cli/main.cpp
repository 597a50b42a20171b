// facet-cli: the terminal program and the engine's host. One file a verb; this one only parses the command line.
#include "facet/file_guard.h"
#include "facet/version.h"
#include "verbs.h"

#include <CLI/CLI.hpp>

#include <exception>

using namespace facet::cli;

namespace {

int run(int argc, char **argv) {
    CLI::App app{"Facet: runs Gemma 4 on this computer. Reads pictures and recordings, answers, calls tools; offline.",
                 "facet-cli"};
    app.set_version_flag("--version", FACET_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    app.footer(
        "Examples:\n"
        "  facet-cli chat \"Who are you?\"\n"
        "  facet-cli ocr page.png\n"
        "  facet-cli detect photo.jpg --find \"red circle\" --overlay boxes.png\n"
        "  facet-cli transcribe talk.mp3 --format srt > talk.srt\n"
        "  facet-cli bench gemma-4-E2B-it\n"
        "  facet-cli serve --model gemma-4-E2B-it\n"
        "More: facet-cli VERB --help. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 model, 4 medium, 130 stopped.");
    RunVerb chosen;
    for (const auto add :
         {addChat, addOcr, addDetect, addTranscribe, addDescribe, addInspect, addBench, addModels, addQuantize, addServe, addTour,
          addProbe})
        add(app, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &e) {
        return app.exit(e) == 0 ? kDone : kUsage;
    }
    Terminal terminal;
    return chosen ? chosen(terminal) : kUsage;
}

} // namespace

int main(int argc, char **argv) {
    facet::guardMappedFiles(); // without it a model file cut short would end the host, not one answer
    try {
        return run(argc, argv);
    } catch (const std::exception &e) { // the standard library's: no memory left
        std::fprintf(stderr, "facet-cli: %s\n", e.what());
        return kFailed;
    }
}
