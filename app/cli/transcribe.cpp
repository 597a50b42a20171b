// facet-cli transcribe: recordings of any length to text or subtitles.
#include "flags.h"
#include "tasks/transcription.h"
#include "verbs.h"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace facet::cli {

namespace {

struct TranscribeArguments {
    std::vector<std::string> files;
    std::string format = "txt", language, prompt, output, journal;
    ModelFlags model;
};

std::string clock(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
    return text;
}

Result<tasks::Transcript> transcribeFile(const TranscribeArguments &a, const std::string &file, Engine &engine,
                                         Terminal &terminal, bool stream, const CancelToken &cancel) {
    const tasks::AnswerFn answer = [&engine](Request request, const EventSink &sink, const CancelToken &stop) {
        return engine.generate(std::move(request), sink, stop);
    };
    tasks::TranscribeOptions options;
    options.language = a.language;
    options.prompt = a.prompt;
    options.journalPath = !a.journal.empty() ? a.journal : a.output.empty() ? "" : a.output + ".journal";
    tasks::TranscribeCallbacks callbacks;
    callbacks.progress = [&terminal](double done, double total) {
        terminal.progress("transcribing " + clock(done) + " of " + clock(total));
    };
    if (stream) {
        callbacks.text = [&terminal, &cancel](std::string_view piece) {
            if (!terminal.write(piece)) cancel.cancel();
        };
    }
    Result<tasks::Transcript> transcript =
        tasks::transcribe(answer, engine.info(), media::Source::file(file), options, callbacks, cancel);
    terminal.clearProgress();
    return transcript;
}

void sayDoubts(const tasks::Transcript &transcript, const std::string &file, Terminal &terminal) {
    if (transcript.text.empty()) terminal.say("No speech was found in " + file + ".");
    if (transcript.doubtfulChunks > 0) {
        terminal.say(std::to_string(transcript.doubtfulChunks) + " stretches of " + file +
                     " could not be understood well.");
    }
}

int runTranscribe(const TranscribeArguments &a, Terminal &terminal) {
    if ((!a.output.empty() || !a.journal.empty()) && a.files.size() > 1) {
        terminal.say("facet-cli: --output and --journal go with a single recording.");
        return kUsage;
    }
    if (const Status checked = checkMedia(a.files, {media::MediaKind::Sound}, "a recording"); !checked) {
        return terminal.fail(checked.error(), kMediaProblem);
    }
    const InterruptGuard interrupt;
    Result<std::unique_ptr<Engine>> engine = loadEngine(a.model, terminal, interrupt.token());
    if (!engine) return terminal.fail(engine.error(), kModelProblem);
    // "json" of the terminal has the times too: OpenAI's verbose form.
    const tasks::TranscriptFormat format =
        a.format == "json" ? tasks::TranscriptFormat::VerboseJson
                           : tasks::transcriptFormat(a.format).value_or(tasks::TranscriptFormat::Text);
    const bool stream = format == tasks::TranscriptFormat::Text && a.output.empty();
    int exitCode = kDone;
    for (const std::string &file : a.files) {
        if (stream && a.files.size() > 1)
            terminal.write((&file == &a.files.front() ? "==> " : "\n==> ") + file + " <==\n");
        const Result<tasks::Transcript> transcript =
            transcribeFile(a, file, **engine, terminal, stream, interrupt.token());
        if (terminal.broken()) return kFailed;
        if (!transcript) {
            if (stream) terminal.write("\n");
            const int failed = terminal.fail(transcript.error(), kFailed);
            if (failed == kCancelled) return failed;
            if (exitCode == kDone) exitCode = failed;
            continue;
        }
        sayDoubts(*transcript, file, terminal);
        std::string text = stream ? "\n" : tasks::formatTranscript(*transcript, format);
        if (!text.empty() && text.back() != '\n') text += '\n';
        if (a.output.empty()) {
            terminal.write(text);
        } else {
            if (const Status written = writeFile(a.output, text); !written)
                return terminal.fail(written.error(), kFailed);
            if (a.journal.empty()) std::remove((a.output + ".journal").c_str()); // the result is complete
        }
    }
    return terminal.broken() ? kFailed : exitCode;
}

} // namespace

void addTranscribe(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<TranscribeArguments>();
    CLI::App *verb = app.add_subcommand("transcribe", "Write down what is said in recordings and films of any length");
    verb->add_option("files", a->files, "Recordings or films with sound")->required();
    verb->add_option("--format", a->format, "txt, srt, vtt or json (with times)")
        ->check(CLI::IsMember({"txt", "srt", "vtt", "json"}));
    verb->add_flag_callback(
        "--json", [a] { a->format = "json"; }, "The same as --format json");
    verb->add_option("--language", a->language, "Spoken language, for example German; helps when it is known");
    verb->add_option("--prompt", a->prompt, "Instruction instead of the usual one");
    verb->add_option("--output", a->output, "Write to this file; an interrupted run goes on from FILE.journal");
    verb->add_option("--journal", a->journal, "Keep finished stretches in this file, to go on from there");
    addModelFlags(*verb, a->model);
    verb->footer("Examples:\n"
                 "  facet-cli transcribe memo.wav\n"
                 "  facet-cli transcribe lecture.mp3 --format srt --output lecture.srt\n"
                 "  facet-cli transcribe interview.m4a --language German\n"
                 "Long recordings are cut at silences. Times inside a stretch are approximate.");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runTranscribe(*a, terminal); }; });
}

} // namespace facet::cli
