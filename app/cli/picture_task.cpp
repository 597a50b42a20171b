#include "picture_task.h"

namespace facet::cli {

int runPictureTask(PictureTask &task, Terminal &terminal) {
    const Status checked =
        task.films ? checkMedia(task.files, {media::MediaKind::Picture, media::MediaKind::Film}, "a picture or a film")
                   : checkMedia(task.files, {media::MediaKind::Picture}, "a picture");
    if (!checked) return terminal.fail(checked.error(), kMediaProblem);
    const InterruptGuard interrupt;
    Result<std::unique_ptr<Engine>> engine = loadEngine(task.model, terminal, interrupt.token());
    if (!engine) return terminal.fail(engine.error(), kModelProblem);
    const ModelInfo &info = (*engine)->info();
    const Result<int> budget = pictureBudget(task.budget, task.defaultBudget(info), info);
    if (!budget) return terminal.fail(budget.error(), kUsage);

    int exitCode = kDone;
    for (const std::string &file : task.files) {
        if (terminal.broken()) return kFailed;
        MediaContext context{.model = info, .tokenBudget = *budget, .cancel = interrupt.token()};
        const bool film = media::sniff(media::Source::file(file)) == media::MediaKind::Film;
        if (film && task.budget == 0) context.tokenBudget = 0; // frames have a default of their own
        Result<Part> part = film ? videoPart(file, context) : imagePart(file, context);
        int failed = kDone;
        if (!part) {
            failed = terminal.fail(part.error(), kMediaProblem);
        } else {
            Request request;
            request.messages.push_back(userMessage({*part}, task.prompt(info)));
            applySampling(task.sampling, 0.0F, request);
            if (task.begin) task.begin(file);
            const Result<Answer> answer = ask(**engine, std::move(request), terminal, task.show, interrupt.token());
            if (terminal.broken()) return kFailed;
            if (!answer)
                failed = terminal.fail(answer.error(), kFailed);
            else if (task.done && !task.done(file, *part, *answer))
                failed = kFailed;
        }
        if (failed == kCancelled) return kCancelled;
        if (exitCode == kDone) exitCode = failed;
    }
    return exitCode;
}

} // namespace facet::cli
