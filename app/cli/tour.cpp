// facet-cli tour: what Facet does, on its own samples, where there is no display for the window.
#include "ask.h"
#include "overlay.h"
#include "resources.h"
#include "tasks/default_prompts.h"
#include "tasks/transcription.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace facet::cli {

namespace {

namespace fs = std::filesystem;

struct TourArguments {
    ModelFlags model;
    std::string output;
};

constexpr const char *kToolQuestion = "What's the weather like in Tunis?";
constexpr const char *kToolSchema =
    R"({"type":"object","properties":{"city":{"type":"string","description":"City name"}},"required":["city"]})";
// The demo model's adapter: the numbers of an invented language.
constexpr const char *kAdapter = "vorish";
constexpr const char *kAdapterQuestion = "How do you say 47 in Vorish?";
constexpr const char *kToolResult = R"({"condition":"sunny","temperature":24})";

class Tour {
public:
    // `adapter`: the engine was loaded with kAdapter.
    Tour(Engine &engine, bool adapter, Terminal &terminal, const CancelToken &cancel, fs::path output)
        : m_engine(engine), m_adapter(adapter), m_terminal(terminal), m_cancel(cancel), m_output(std::move(output)) {}

    Status run() {
        FACET_CHECK(readPicture());
        FACET_CHECK(boxScene());
        FACET_CHECK(hearRecording());
        FACET_CHECK(callTool());
        if (m_adapter) FACET_CHECK(learnWords());
        m_terminal.writeLine(
            "\nThat was the built-in demo model: small, and trained for exactly these things. Full Gemma 4 models are\n"
            "opened with --model FOLDER, or --model FILE.gguf; facet-cli models lists those that other programs have\n"
            "downloaded already, facet-cli --help what can be done with them.");
        return ok();
    }

private:
    Result<std::string> sample(const char *name) {
        const std::optional<std::string> path = findResource(std::string("samples/") + name);
        if (!path)
            return Error{.code = ErrorCode::FileNotFound,
                         .message = std::string("The sample ") + name + " is not installed."};
        return *path;
    }
    void heading(const std::string &title, const std::string &file) {
        m_terminal.writeLine("\n" + title + (file.empty() ? "" : "\n   input   " + file));
    }
    void result(const std::string &name, const std::string &text) {
        std::string indented;
        for (const char c : text) indented += c == '\n' ? "\n           " : std::string(1, c);
        m_terminal.writeLine("   " + name + std::string(name.size() < 8 ? 8 - name.size() : 1, ' ') + indented);
    }
    Result<Answer> question(Request request) {
        request.sampling.temperature = 0;
        return ask(m_engine, std::move(request), m_terminal, Show::Nothing, m_cancel);
    }
    Result<Answer> aboutPicture(const std::string &file, int budget, const std::string &prompt) {
        FACET_TRY(part, imagePart(file, {.model = m_engine.info(), .tokenBudget = budget, .cancel = m_cancel}));
        Request request;
        request.messages.push_back(userMessage({std::move(part)}, prompt));
        return question(std::move(request));
    }

    Status readPicture() {
        FACET_TRY(file, sample("picture.png"));
        heading("1. Reads the text of a picture", file);
        FACET_TRY(answer,
                  aboutPicture(file, tasks::readTextBudget(m_engine.info()), tasks::readTextPrompt(m_engine.info())));
        result("text", answer.content);
        return ok();
    }

    Status boxScene() {
        FACET_TRY(file, sample("scene.png"));
        heading("2. Boxes the objects of a scene", file);
        FACET_TRY(answer,
                  aboutPicture(file, tasks::detectBudget(m_engine.info()), tasks::detectPrompt(m_engine.info(), "")));
        FACET_TRY(picture, media::decodePicture(media::Source::file(file)));
        const std::vector<Detection> found = parseDetections(answer.content, picture.width, picture.height);
        for (const Detection &d : found) {
            result("box", d.label + " at " + std::to_string(static_cast<int>(d.pixels[0])) + "," +
                              std::to_string(static_cast<int>(d.pixels[1])) + " to " +
                              std::to_string(static_cast<int>(d.pixels[2])) + "," +
                              std::to_string(static_cast<int>(d.pixels[3])));
        }
        drawDetections(picture, found);
        FACET_TRY(png, media::encodePng(picture));
        const std::string overlay = (m_output / "scene-boxes.png").string();
        FACET_CHECK(writeFile(overlay, std::string_view(reinterpret_cast<const char *>(png.data()), png.size())));
        result("overlay", overlay);
        return ok();
    }

    Status hearRecording() {
        FACET_TRY(file, sample("recording.wav"));
        heading("3. Writes down what a recording says", file);
        const tasks::AnswerFn answer = [this](Request request, const EventSink &sink, const CancelToken &stop) {
            return m_engine.generate(std::move(request), sink, stop);
        };
        FACET_TRY(transcript, tasks::transcribe(answer, m_engine.info(), media::Source::file(file), {}, {}, m_cancel));
        result("text", transcript.text);
        const std::string subtitles = (m_output / "recording.srt").string();
        FACET_CHECK(writeFile(subtitles, tasks::formatTranscript(transcript, tasks::TranscriptFormat::Srt)));
        result("srt", subtitles);
        return ok();
    }

    Status callTool() {
        heading("4. Calls a tool", "");
        Request request;
        request.tools.push_back({"get_weather", "Get the weather of a city", kToolSchema});
        request.messages.push_back(userMessage({}, kToolQuestion));
        result("asked", kToolQuestion);
        FACET_TRY(first, question(request));
        if (first.toolCalls.empty()) {
            result("answer", first.content);
            return ok();
        }
        const ToolCall &call = first.toolCalls.front();
        result("call", call.name + " " + call.argumentsJson);
        result("result", std::string(kToolResult) + " (made up for this tour)");
        request.messages.push_back(
            {.role = Role::Assistant, .parts = {{.text = first.content}}, .toolCalls = first.toolCalls});
        request.messages.push_back(
            {.role = Role::Tool, .parts = {{.text = kToolResult}}, .toolCallId = call.id, .toolName = call.name});
        FACET_TRY(second, question(std::move(request)));
        result("answer", second.content);
        return ok();
    }

    Status learnWords() {
        heading("5. Learns one thing more from an adapter", "");
        result("asked", kAdapterQuestion);
        for (const float scale : {0.0F, 1.0F}) {
            Request request;
            request.adapters = {{.name = kAdapter, .scale = scale}};
            request.messages.push_back(userMessage({}, kAdapterQuestion));
            FACET_TRY(answer, question(std::move(request)));
            result(scale == 0 ? "without" : "with", answer.content);
        }
        return ok();
    }

    Engine &m_engine;
    bool m_adapter;
    Terminal &m_terminal;
    CancelToken m_cancel;
    fs::path m_output;
};

int runTour(const TourArguments &a, Terminal &terminal) {
    std::error_code error;
    const fs::path output = a.output.empty() ? fs::temp_directory_path(error) / "facet-tour" : fs::path(a.output);
    fs::create_directories(output, error);
    if (error) {
        return terminal.fail({.code = ErrorCode::FileWriteFailed,
                              .message = "The folder for the results cannot be made.",
                              .detail = error.message(),
                              .file = output.string()},
                             kFailed);
    }
    const InterruptGuard interrupt;
    ModelFlags model = a.model;
    const std::optional<std::string> adapter =
        model.model.empty() && model.adapters.empty() ? findResource(std::string("demo-model/adapters/") + kAdapter) : std::nullopt;
    if (adapter) model.adapters.push_back(*adapter + "=0");
    Result<std::unique_ptr<Engine>> engine = loadEngine(model, terminal, interrupt.token());
    if (!engine) return terminal.fail(engine.error(), kModelProblem);
    terminal.writeLine("Facet, with the model " + (*engine)->info().name + ".");
    const Status done = Tour(**engine, adapter.has_value(), terminal, interrupt.token(), output).run();
    if (terminal.broken()) return kFailed;
    return done ? kDone : terminal.fail(done.error(), kFailed);
}

} // namespace

void addTour(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<TourArguments>();
    CLI::App *verb = app.add_subcommand("tour", "Show on samples what Facet does");
    verb->add_option("--output", a->output, "Folder for the results; without it a temporary one");
    addModelFlags(*verb, a->model);
    verb->footer("Example:\n  facet-cli tour --output tour");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runTour(*a, terminal); }; });
}

} // namespace facet::cli
