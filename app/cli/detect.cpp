// facet-cli detect: boxes and points of what a picture shows.
#include "detect_formats.h"
#include "overlay.h"
#include "picture_task.h"
#include "tasks/default_prompts.h"
#include "verbs.h"

#include <CLI/CLI.hpp>

#include <filesystem>

namespace facet::cli {

namespace {

namespace fs = std::filesystem;

struct DetectArguments {
    PictureTask task;
    std::string find, format = "json", overlay, output;
};

// OUT.png, OUT-2.png, ...
std::string overlayName(const std::string &wanted, std::size_t number) {
    if (number == 0) return wanted;
    const fs::path path(wanted);
    return (path.parent_path() / (path.stem().string() + "-" + std::to_string(number + 1) + path.extension().string()))
        .string();
}

Status writeOverlay(const std::string &file, const std::string &to, const std::vector<Detection> &detections) {
    FACET_TRY(picture, media::decodePicture(media::Source::file(file)));
    drawDetections(picture, detections);
    FACET_TRY(png, media::encodePng(picture));
    return writeFile(to, std::string_view(reinterpret_cast<const char *>(png.data()), png.size()));
}

// One text file a picture and the names of the classes, as YOLO trainers want them.
Status writeYolo(const std::vector<DetectedPicture> &pictures, const std::string &folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    const std::vector<std::string> classes = classesOf(pictures);
    std::string names;
    for (const std::string &name : classes) names += name + "\n";
    FACET_CHECK(writeFile((fs::path(folder) / "classes.txt").string(), names));
    for (const DetectedPicture &picture : pictures) {
        const fs::path name = fs::path(picture.file).stem().string() + ".txt";
        FACET_CHECK(writeFile((fs::path(folder) / name).string(), toYolo(picture, classes)));
    }
    return ok();
}

Status emit(const DetectArguments &a, const std::vector<DetectedPicture> &pictures, Terminal &terminal) {
    if (a.format == "yolo") {
        if (!a.output.empty()) return writeYolo(pictures, a.output);
        const std::vector<std::string> classes = classesOf(pictures);
        for (std::size_t i = 0; i < classes.size(); ++i) terminal.say("class " + std::to_string(i) + ": " + classes[i]);
        for (const DetectedPicture &picture : pictures) terminal.write(toYolo(picture, classes));
        return ok();
    }
    const std::string text = a.format == "coco"  ? toCoco(pictures)
                             : a.format == "csv" ? toCsv(pictures)
                                                 : toDetectionJson(pictures);
    if (!a.output.empty()) return writeFile(a.output, text);
    terminal.write(text);
    return ok();
}

int runDetect(DetectArguments &a, Terminal &terminal) {
    if (a.format == "yolo" && a.output.empty() && a.task.files.size() > 1) {
        terminal.say("facet-cli: YOLO has a file for each picture; name a folder with --output.");
        return kUsage;
    }
    std::vector<DetectedPicture> pictures;
    a.task.show = Show::Nothing;
    a.task.prompt = [&a](const ModelInfo &model) { return tasks::detectPrompt(model, a.find); };
    a.task.defaultBudget = [](const ModelInfo &model) { return tasks::detectBudget(model); };
    a.task.done = [&](const std::string &file, const Part &part, const Answer &answer) {
        DetectedPicture picture{file, part.image->sourceWidth, part.image->sourceHeight, {}};
        picture.detections = parseDetections(answer.content, picture.width, picture.height);
        if (picture.detections.empty()) terminal.say("Nothing was found in " + file + ".");
        if (!a.overlay.empty()) {
            const Status drawn = writeOverlay(file, overlayName(a.overlay, pictures.size()), picture.detections);
            if (!drawn) {
                terminal.fail(drawn.error(), kFailed);
                return false;
            }
        }
        pictures.push_back(std::move(picture));
        return true;
    };
    const int exitCode = runPictureTask(a.task, terminal);
    if (exitCode == kCancelled || pictures.empty()) return exitCode;
    if (const Status written = emit(a, pictures, terminal); !written) return terminal.fail(written.error(), kFailed);
    return terminal.broken() ? kFailed : exitCode;
}

} // namespace

void addDetect(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<DetectArguments>();
    CLI::App *verb = app.add_subcommand("detect", "Find objects in pictures: boxes and points");
    verb->add_option("files", a->task.files, "Pictures")->required();
    verb->add_option("--find", a->find, "What to look for, for example \"red circle\"; several by commas");
    verb->add_option("--format", a->format, "json, coco, yolo or csv")
        ->check(CLI::IsMember({"json", "coco", "yolo", "csv"}));
    verb->add_flag_callback(
        "--json", [a] { a->format = "json"; }, "The same as --format json");
    verb->add_option("--overlay", a->overlay, "Also write the picture with the boxes drawn into it, as PNG");
    verb->add_option("--output", a->output, "Write to this file (for yolo: folder) instead of standard output");
    addBudgetFlag(*verb, a->task.budget);
    addSamplingFlags(*verb, a->task.sampling);
    addModelFlags(*verb, a->task.model);
    verb->footer("Examples:\n"
                 "  facet-cli detect street.jpg\n"
                 "  facet-cli detect street.jpg --find car,bicycle --format coco > boxes.json\n"
                 "  facet-cli detect scene.png --overlay scene-boxes.png\n"
                 "Boxes are in pixels of the upright picture; box_2d is the model's own grid of 1000 (y first).");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runDetect(*a, terminal); }; });
}

} // namespace facet::cli
