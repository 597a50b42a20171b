// facet-cli ocr and describe: a picture in, its text or a description out.
#include "picture_task.h"
#include "tasks/default_prompts.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

struct ReadArguments {
    PictureTask task;
    std::string prompt;
    bool json = false;
};

int runRead(ReadArguments &a, Terminal &terminal) {
    Json list = Json::array();
    bool first = true;
    a.task.show = a.json ? Show::Nothing : Show::Text;
    if (!a.prompt.empty()) a.task.prompt = [&a](const ModelInfo &) { return a.prompt; };
    // Several files: a heading for each, as head(1) writes them.
    a.task.begin = [&](const std::string &file) {
        if (!a.json && a.task.files.size() > 1) terminal.write((first ? "==> " : "\n==> ") + file + " <==\n");
        first = false;
    };
    a.task.done = [&](const std::string &file, const Part &, const Answer &answer) {
        if (a.json) list.push_back({{"file", file}, {"text", answer.content}});
        return true;
    };
    const int exitCode = runPictureTask(a.task, terminal);
    if (a.json && exitCode != kCancelled && !list.empty()) terminal.writeLine(jsonText(list));
    return terminal.broken() ? kFailed : exitCode;
}

void addReader(CLI::App *verb, RunVerb &chosen, const std::shared_ptr<ReadArguments> &a) {
    verb->add_option("files", a->task.files, "Pictures")->required();
    verb->add_option("--prompt", a->prompt, "Ask this instead");
    addBudgetFlag(*verb, a->task.budget);
    verb->add_flag("--json", a->json, "One JSON list of {file, text}");
    addSamplingFlags(*verb, a->task.sampling);
    addModelFlags(*verb, a->task.model);
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runRead(*a, terminal); }; });
}

} // namespace

void addOcr(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<ReadArguments>();
    a->task.prompt = [](const ModelInfo &model) { return tasks::readTextPrompt(model); };
    a->task.defaultBudget = [](const ModelInfo &model) { return tasks::readTextBudget(model); };
    CLI::App *verb = app.add_subcommand("ocr", "Read the text of pictures");
    addReader(verb, chosen, a);
    verb->footer("Examples:\n"
                 "  facet-cli ocr page.png\n"
                 "  facet-cli ocr scan*.jpg --json > texts.json\n"
                 "  facet-cli ocr sign.jpg --budget 280");
}

void addDescribe(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<ReadArguments>();
    a->task.films = true;
    a->task.prompt = [](const ModelInfo &model) { return tasks::describePrompt(model); };
    a->task.defaultBudget = [](const ModelInfo &model) { return model.vision.defaultBudget; };
    CLI::App *verb = app.add_subcommand("describe", "Describe pictures and films");
    addReader(verb, chosen, a);
    verb->footer("Examples:\n"
                 "  facet-cli describe holiday.jpg\n"
                 "  facet-cli describe clip.mp4 --prompt \"What happens here?\"");
}

} // namespace facet::cli
