// facet-cli chat: one question or a conversation.
#include "ask.h"
#include "verbs.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace facet::cli {

namespace {

struct ChatArguments {
    ModelFlags model;
    SamplingFlags sampling;
    std::string prompt;
    std::vector<std::string> images, audios, videos;
    std::string system, toolsFile, messagesFile, schema, grammarFile;
    int budget = 0, frames = 0;
    bool think = false, json = false, noVideoSound = false;

    bool hasMedia() const { return !images.empty() || !audios.empty() || !videos.empty(); }
};

// A small model wanders at the family's sampling temperature.
float defaultTemperature(const ModelInfo &model) { return model.demoModel ? 0.0F : 1.0F; }

Result<std::vector<Part>> attachments(const ChatArguments &a, const MediaContext &context) {
    std::vector<Part> parts;
    for (const std::string &file : a.images) {
        FACET_TRY(part, imagePart(file, context));
        parts.push_back(std::move(part));
    }
    for (const std::string &file : a.videos) {
        FACET_TRY(part, videoPart(file, context));
        parts.push_back(std::move(part));
    }
    for (const std::string &file : a.audios) {
        FACET_TRY(part, audioPart(file, context));
        parts.push_back(std::move(part));
    }
    return parts;
}

Status checkAttachments(const ChatArguments &a) {
    FACET_CHECK(checkMedia(a.images, {media::MediaKind::Picture}, "a picture"));
    FACET_CHECK(checkMedia(a.audios, {media::MediaKind::Sound}, "a recording"));
    return checkMedia(a.videos, {media::MediaKind::Film}, "a film");
}

// --json-schema: a text that begins like a schema, else a file ("-": standard input). --grammar: a file.
Result<OutputConstraint> constraintOf(const ChatArguments &a) {
    using Kind = OutputConstraint::Kind;
    if (!a.grammarFile.empty()) {
        FACET_TRY(text, readTextFile(a.grammarFile));
        return OutputConstraint{Kind::Grammar, std::move(text)};
    }
    if (a.schema.empty()) return OutputConstraint{};
    const std::size_t first = a.schema.find_first_not_of(" \t\r\n");
    if (first != std::string::npos && a.schema[first] == '{') return OutputConstraint{Kind::JsonSchema, a.schema};
    FACET_TRY(text, readTextFile(a.schema));
    return OutputConstraint{Kind::JsonSchema, std::move(text)};
}

// Everything that is known before the first question.
Result<Request> startingRequest(const ChatArguments &a, const MediaContext &context) {
    Request request;
    if (!a.toolsFile.empty()) {
        FACET_TRY(json, readJsonFile(a.toolsFile));
        FACET_TRY(tools, toolsFromJson(json, a.toolsFile));
        request.tools = std::move(tools);
    }
    if (!a.system.empty()) request.messages.push_back({.role = Role::System, .parts = {{.text = a.system}}});
    if (!a.messagesFile.empty()) {
        FACET_TRY(json, readJsonFile(a.messagesFile));
        FACET_TRY(messages, messagesFromJson(json, std::filesystem::path(a.messagesFile).parent_path().string(),
                                             a.messagesFile, context));
        for (Message &message : messages) request.messages.push_back(std::move(message));
    }
    FACET_TRY(constraint, constraintOf(a));
    request.constraint = std::move(constraint);
    request.thinking = a.think;
    applySampling(a.sampling, defaultTemperature(context.model), request);
    return request;
}

int oneShot(const ChatArguments &a, Engine &engine, Terminal &terminal, const CancelToken &cancel) {
    const MediaContext context{.model = engine.info(),
                               .tokenBudget = a.budget,
                               .frames = a.frames,
                               .filmSound = !a.noVideoSound,
                               .cancel = cancel};
    Result<Request> request = startingRequest(a, context);
    if (!request) return terminal.fail(request.error(), kUsage);
    Result<std::vector<Part>> media = attachments(a, context);
    if (!media) return terminal.fail(media.error(), kMediaProblem);
    if (!a.prompt.empty() || !media->empty()) request->messages.push_back(userMessage(std::move(*media), a.prompt));
    const Result<Answer> answer =
        ask(engine, std::move(*request), terminal, a.json ? Show::Nothing : Show::TextAndCalls, cancel);
    if (terminal.broken()) return kFailed;
    if (!answer) return terminal.fail(answer.error(), kFailed);
    if (a.json) terminal.writeLine(jsonText(answerToJson(*answer)));
    else if (terminal.errIsTerminal()) terminal.say(usageLine(answer->usage));
    return terminal.broken() ? kFailed : kDone;
}

constexpr const char *kCommands =
    "/image FILE, /audio FILE, /video FILE add to the next question; /think on|off; /new starts again; /quit ends.\n"
    "Ctrl-C stops an answer.";

// Questions from the terminal, one after the other, with everything said before.
class Conversation {
public:
    Conversation(const ChatArguments &arguments, Engine &engine, Terminal &terminal, Request start)
        : m_arguments(arguments), m_engine(engine), m_terminal(terminal), m_request(std::move(start)),
          m_start(m_request.messages) {}

    int run(std::vector<Part> media) {
        m_pending = std::move(media);
        m_terminal.say(m_engine.info().name + ". " + kCommands);
        std::string line;
        while (!m_terminal.broken() && m_terminal.readLine("> ", line)) {
            if (line == "/quit" || line == "/exit") break;
            if (line.empty()) continue;
            if (line.front() == '/')
                command(line);
            else
                question(line);
        }
        return m_terminal.broken() ? kFailed : kDone;
    }

private:
    void command(const std::string &line) {
        const std::size_t space = line.find(' ');
        const std::string verb = line.substr(0, space);
        const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
        if (verb == "/new") {
            m_request.messages = m_start;
            m_pending.clear();
        } else if (verb == "/think") {
            m_request.thinking = value != "off";
        } else if (verb == "/image" || verb == "/audio" || verb == "/video") {
            attach(verb, value);
        } else {
            m_terminal.say(kCommands);
        }
    }

    void attach(const std::string &verb, const std::string &file) {
        const InterruptGuard interrupt;
        const MediaContext context{.model = m_engine.info(),
                                   .tokenBudget = m_arguments.budget,
                                   .frames = m_arguments.frames,
                                   .filmSound = !m_arguments.noVideoSound,
                                   .cancel = interrupt.token()};
        Result<Part> part = verb == "/image"   ? imagePart(file, context)
                            : verb == "/audio" ? audioPart(file, context)
                                               : videoPart(file, context);
        if (part)
            m_pending.push_back(std::move(*part));
        else
            m_terminal.fail(part.error(), kMediaProblem);
    }

    void question(const std::string &text) {
        const std::size_t before = m_request.messages.size();
        m_request.messages.push_back(userMessage(std::move(m_pending), text));
        m_pending.clear();
        for (int round = 0; round < kMaxToolRounds; ++round) {
            const InterruptGuard interrupt;
            Result<Answer> answer = ask(m_engine, m_request, m_terminal, Show::TextAndCalls, interrupt.token());
            if (!answer) {
                m_terminal.fail(answer.error(), kFailed);
                m_request.messages.resize(before); // as if the question had not been asked
                return;
            }
            Message said{.role = Role::Assistant,
                         .parts = {{.text = answer->content}},
                         .reasoning = answer->thinking,
                         .toolCalls = answer->toolCalls};
            m_request.messages.push_back(std::move(said));
            if (m_terminal.errIsTerminal()) m_terminal.say(usageLine(answer->usage));
            if (answer->toolCalls.empty()) return;
            for (const ToolCall &call : answer->toolCalls) {
                std::string result;
                if (!m_terminal.readLine("result of " + call.name + "> ", result)) return;
                m_request.messages.push_back({.role = Role::Tool,
                                              .parts = {{.text = std::move(result)}},
                                              .toolCallId = call.id,
                                              .toolName = call.name});
            }
        }
    }

    static constexpr int kMaxToolRounds = 16;
    const ChatArguments &m_arguments;
    Engine &m_engine;
    Terminal &m_terminal;
    Request m_request;
    std::vector<Message> m_start;
    std::vector<Part> m_pending;
};

int interactive(const ChatArguments &a, Engine &engine, Terminal &terminal) {
    const MediaContext context{
        .model = engine.info(), .tokenBudget = a.budget, .frames = a.frames, .filmSound = !a.noVideoSound};
    Result<Request> start = startingRequest(a, context);
    if (!start) return terminal.fail(start.error(), kUsage);
    Result<std::vector<Part>> media = attachments(a, context);
    if (!media) return terminal.fail(media.error(), kMediaProblem);
    return Conversation(a, engine, terminal, std::move(*start)).run(std::move(*media));
}

int runChat(ChatArguments &a, Terminal &terminal) {
    const bool asks = !a.prompt.empty() || !a.messagesFile.empty();
    const bool talk = !asks && !a.json && terminal.inIsTerminal();
    if (!asks && !talk) { // the question comes through a pipe
        Result<std::string> text = readTextFile("-");
        if (!text) return terminal.fail(text.error(), kFailed);
        while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
        a.prompt = std::move(*text);
        if (a.prompt.empty() && !a.hasMedia()) {
            terminal.say("facet-cli: nothing was asked; give a question, --messages or text on standard input.");
            return kUsage;
        }
    }
    if (const Status media = checkAttachments(a); !media) return terminal.fail(media.error(), kMediaProblem);
    std::unique_ptr<Engine> engine;
    {
        const InterruptGuard interrupt;
        Result<std::unique_ptr<Engine>> loaded = loadEngine(a.model, terminal, interrupt.token());
        if (!loaded) return terminal.fail(loaded.error(), kModelProblem);
        engine = std::move(*loaded);
        const Result<int> budget = pictureBudget(a.budget, 0, engine->info());
        if (!budget) return terminal.fail(budget.error(), kUsage);
        if (!talk) return oneShot(a, *engine, terminal, interrupt.token());
    }
    return interactive(a, *engine, terminal);
}

} // namespace

void addChat(CLI::App &app, RunVerb &chosen) {
    auto a = std::make_shared<ChatArguments>();
    CLI::App *verb = app.add_subcommand("chat", "Ask one question, or talk when none is given");
    verb->add_option("question", a->prompt, "What to ask; without it a conversation (or the text on standard input)");
    verb->add_option("--image", a->images, "Add a picture (repeatable)")->allow_extra_args(false);
    verb->add_option("--audio", a->audios, "Add a recording of at most 30 s (repeatable)")->allow_extra_args(false);
    verb->add_option("--video", a->videos, "Add a film (repeatable)")->allow_extra_args(false);
    verb->add_option("--system", a->system, "System message");
    verb->add_flag("--think", a->think, "Let the model think first; thoughts go to the terminal, or into --json");
    verb->add_option("--tools", a->toolsFile,
                     "JSON file with a list of tools in OpenAI's form; calls are printed, not run");
    verb->add_option("--messages", a->messagesFile, "JSON file with a list of messages; parts name files beside it");
    auto *schema = verb->add_option("--json-schema", a->schema,
                                    "The answer is JSON of this schema: a file, - or the schema itself");
    verb->add_option("--grammar", a->grammarFile, "The answer matches this GBNF grammar: a file or -")->excludes(schema);
    addBudgetFlag(*verb, a->budget);
    verb->add_option("--frames", a->frames, "Frames of a film; 0: by its length")->check(CLI::Range(0, 1024));
    verb->add_flag("--no-video-sound", a->noVideoSound, "Leave the sound of films out");
    verb->add_flag("--json", a->json, "One JSON object: thinking, content, tool_calls, usage");
    addSamplingFlags(*verb, a->sampling);
    addModelFlags(*verb, a->model);
    verb->footer("Examples:\n"
                 "  facet-cli chat \"Who are you?\"\n"
                 "  facet-cli chat --image sign.png \"What does it say?\" --temperature 0\n"
                 "  facet-cli chat --tools tools.json \"What is the weather in Paris?\" --json\n"
                 "  facet-cli chat --messages conversation.json --json\n"
                 "  facet-cli chat \"A colour?\" --json-schema '{\"enum\":[\"red\",\"blue\"]}'\n"
                 "  echo \"Hello\" | facet-cli chat\n"
                 "Without --temperature the demo model answers greedily, full models at 1.0.");
    verb->callback([a, &chosen] { chosen = [a](Terminal &terminal) { return runChat(*a, terminal); }; });
}

} // namespace facet::cli
