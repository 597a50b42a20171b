#include "host/openai_chat_request.h"

#include "host/errors.h"
#include "host/openai_messages.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace facet::host {

namespace {

constexpr std::size_t kMaxTools = 512;
constexpr std::size_t kMaxStops = 16;
constexpr std::size_t kMaxStopBytes = 1024;
constexpr std::size_t kMaxConstraintBytes = std::size_t{256} << 10;
constexpr std::size_t kMaxBias = 4096;

Status parseSampling(const JsonFields &body, SamplingOptions &sampling) {
    FACET_TRY(temperature, body.number("temperature", 0, 100));
    FACET_TRY(topP, body.number("top_p", 0, 1));
    FACET_TRY(minP, body.number("min_p", 0, 1));
    FACET_TRY(topK, body.integer("top_k", -1, std::numeric_limits<int>::max()));
    FACET_TRY(frequency, body.number("frequency_penalty", -2, 2));
    FACET_TRY(presence, body.number("presence_penalty", -2, 2));
    FACET_TRY(repetition, body.number("repetition_penalty", 0.01, 100));
    FACET_TRY(seed,
              body.integer("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()));
    sampling.temperature = static_cast<float>(temperature.value_or(sampling.temperature));
    sampling.topP = static_cast<float>(topP.value_or(sampling.topP));
    sampling.minP = static_cast<float>(minP.value_or(sampling.minP));
    sampling.topK = std::max(0, static_cast<int>(topK.value_or(sampling.topK))); // -1: off, as vLLM writes it
    sampling.frequencyPenalty = static_cast<float>(frequency.value_or(0));
    sampling.presencePenalty = static_cast<float>(presence.value_or(0));
    sampling.repetitionPenalty = static_cast<float>(repetition.value_or(1));
    if (seed && *seed != -1)
        sampling.seed = static_cast<std::uint64_t>(*seed); // -1: any, as llama.cpp's clients write it
    return ok();
}

Status parseStop(const JsonFields &body, std::vector<std::string> &stop) {
    const Json *value = body.find("stop");
    if (!value) return ok();
    const auto add = [&](const Json &entry) -> Status {
        if (!entry.is_string()) return body.wrong("stop", "be a string or a list of strings.");
        const auto &text = entry.get_ref<const std::string &>();
        if (text.size() > kMaxStopBytes) return body.wrong("stop", "hold short strings only.");
        if (!text.empty()) stop.push_back(text);
        return ok();
    };
    if (value->is_string()) return add(*value);
    if (!value->is_array()) return body.wrong("stop", "be a string or a list of strings.");
    if (value->size() > kMaxStops) return body.wrong("stop", "have at most " + std::to_string(kMaxStops) + " entries.");
    for (const Json &entry : *value) FACET_CHECK(add(entry));
    return ok();
}

Status parseBias(const JsonFields &body, Request &request) {
    FACET_TRY(bias, body.object("logit_bias"));
    if (!bias) return ok();
    if (bias->size() > kMaxBias) return body.wrong("logit_bias", "name at most " + std::to_string(kMaxBias) + " tokens.");
    for (const auto &[key, value] : bias->items()) {
        std::int32_t id = 0;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (error != std::errc() || end != key.data() + key.size() || id < 0 || !value.is_number())
            return body.wrong("logit_bias", "map token ids to numbers.");
        const double number = value.get<double>();
        if (!(number >= -100 && number <= 100)) return body.wrong("logit_bias", "hold numbers from -100 to 100.");
        request.logitBias.emplace_back(id, static_cast<float>(number));
    }
    return ok();
}

Status parseLogprobs(const JsonFields &body, Request &request) {
    FACET_TRY(wanted, body.boolean("logprobs"));
    FACET_TRY(top, body.integer("top_logprobs", 0, 20));
    if (top && !wanted.value_or(false)) return body.wrong("top_logprobs", "come together with logprobs: true.");
    if (wanted.value_or(false)) request.topLogprobs = static_cast<int>(top.value_or(0));
    return ok();
}

Status parseChoices(const JsonFields &body, ChatCall &call) {
    FACET_TRY(count, body.integer("n", 1, kMaxChoices));
    call.choices = static_cast<int>(count.value_or(1));
    return ok();
}

Status parseLength(const JsonFields &body, int &maxTokens) {
    constexpr std::int64_t kMost = std::numeric_limits<int>::max();
    FACET_TRY(older, body.integer("max_tokens", -1, kMost));
    FACET_TRY(newer, body.integer("max_completion_tokens", -1, kMost));
    const char *name = newer ? "max_completion_tokens" : "max_tokens";
    const std::int64_t value = newer ? *newer : older.value_or(-1);
    if (value == 0) return body.wrong(name, "be at least 1.");
    maxTokens = static_cast<int>(std::max<std::int64_t>(value, 0)); // -1: no limit
    return ok();
}

Status parseTools(const JsonFields &body, std::vector<ToolDeclaration> &tools) {
    FACET_TRY(list, body.array("tools", kMaxTools));
    if (!list) return ok();
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string path = "tools[" + std::to_string(i) + "]";
        if (!(*list)[i].is_object()) return fieldError(path, "'" + path + "' must be an object.");
        const JsonFields tool((*list)[i], path);
        FACET_TRY(type, tool.string("type"));
        if (type.value_or("function") != "function") return tool.wrong("type", "be function.");
        FACET_TRY(function, tool.object("function"));
        if (!function) return tool.wrong("function", "be an object.");
        const JsonFields fields(*function, tool.pathOf("function"));
        FACET_TRY(name, fields.string("name"));
        if (!name || name->empty()) return fields.wrong("name", "be the name of the function.");
        FACET_TRY(description, fields.string("description"));
        FACET_TRY(parameters, fields.object("parameters"));
        FACET_TRY(strict, fields.boolean("strict"));
        tools.push_back({std::move(*name), description.value_or(""),
                         parameters ? jsonLine(*parameters) : std::string(), strict.value_or(false)});
    }
    return ok();
}

Status requireTool(const JsonFields &body, const Json &choice, Request &request) {
    const JsonFields fields(choice, "tool_choice");
    FACET_TRY(function, fields.object("function"));
    if (!function) return body.wrong("tool_choice", "be none, auto, required or name a function.");
    FACET_TRY(name, JsonFields(*function, "tool_choice.function").string("name"));
    const auto named = [&name](const ToolDeclaration &tool) { return tool.name == name.value_or(""); };
    const auto found = std::find_if(request.tools.begin(), request.tools.end(), named);
    if (found == request.tools.end()) return body.wrong("tool_choice", "name one of the request's tools.");
    // The model is made to call something, and there is only this one.
    ToolDeclaration only = std::move(*found);
    request.tools.clear();
    request.tools.push_back(std::move(only));
    request.toolChoice = ToolChoice::Required;
    return ok();
}

Status parseToolChoice(const JsonFields &body, Request &request) {
    const Json *choice = body.find("tool_choice");
    if (!choice) return ok();
    if (choice->is_object()) return requireTool(body, *choice, request);
    const std::string name = choice->is_string() ? choice->get<std::string>() : "";
    if (name == "none") {
        request.toolChoice = ToolChoice::None;
    } else if (name == "required") {
        if (request.tools.empty()) return body.wrong("tool_choice", "not be required without tools.");
        request.toolChoice = ToolChoice::Required;
    } else if (name != "auto") {
        return body.wrong("tool_choice", "be none, auto, required or name a function.");
    }
    return ok();
}

// response_format as OpenAI writes it, `grammar` (GBNF) and `json_schema` as llama.cpp's clients do. `text`: of the
// body, for the order of a schema's properties; may be empty.
Status parseConstraint(const JsonFields &body, std::string_view text, OutputConstraint &constraint) {
    using Kind = OutputConstraint::Kind;
    const auto checked = [&](Kind kind, std::string form, const char *field) -> Status {
        if (form.size() > kMaxConstraintBytes) return body.wrong(field, "be shorter: at most 256 KB.");
        constraint = {kind, std::move(form)};
        return ok();
    };
    const auto schemaText = [](const Json &schema, std::string_view raw) {
        return raw.empty() ? jsonLine(schema) : std::string(raw);
    };
    FACET_TRY(format, body.object("response_format"));
    if (format) {
        const JsonFields fields(*format, "response_format");
        FACET_TRY(type, fields.string("type"));
        if (type != "text" && type != "json_object" && type != "json_schema")
            return fields.wrong("type", "be text, json_object or json_schema.");
        const std::string_view raw = memberText(text, "response_format");
        FACET_TRY(named, fields.object("json_schema"));
        const JsonFields holder(named ? *named : *format, named ? "response_format.json_schema" : "response_format");
        const Json *schema = holder.find("schema"); // llama.cpp's clients put it beside the type
        if (type == "json_schema" && !schema) return fields.wrong("json_schema", "hold the schema.");
        if (type != "text" && schema) {
            const std::string_view own = memberText(named ? memberText(raw, "json_schema") : raw, "schema");
            FACET_CHECK(checked(Kind::JsonSchema, schemaText(*schema, own), "response_format"));
        } else if (type == "json_object") {
            constraint.kind = Kind::JsonObject;
        }
    }
    if (const Json *schema = body.find("json_schema")) {
        if (constraint.kind != Kind::None) return body.wrong("json_schema", "not come together with a response_format.");
        FACET_CHECK(checked(Kind::JsonSchema, schemaText(*schema, memberText(text, "json_schema")), "json_schema"));
    }
    FACET_TRY(grammar, body.string("grammar"));
    if (!grammar || grammar->empty()) return ok();
    if (constraint.kind != Kind::None) return body.wrong("grammar", "not come together with another form of the answer.");
    return checked(Kind::Grammar, std::move(*grammar), "grammar");
}

Status parseThinking(const JsonFields &body, bool &thinking) {
    FACET_TRY(effort, body.string("reasoning_effort"));
    if (effort) thinking = *effort != "none";
    FACET_TRY(variables, body.object("chat_template_kwargs"));
    if (!variables) return ok();
    FACET_TRY(enabled, JsonFields(*variables, "chat_template_kwargs").boolean("enable_thinking"));
    thinking = enabled.value_or(thinking);
    return ok();
}

Status parseStreaming(const JsonFields &body, ChatCall &call) {
    FACET_TRY(stream, body.boolean("stream"));
    call.stream = stream.value_or(false);
    FACET_TRY(options, body.object("stream_options"));
    if (!options) return ok();
    FACET_TRY(usage, JsonFields(*options, "stream_options").boolean("include_usage"));
    call.includeUsage = usage.value_or(false);
    return ok();
}

// x_facet.adapters: {"NAME": SCALE} for adapters of the load; those not named keep their scale.
Status parseAdapters(const JsonFields &extension, ChatCall &call) {
    constexpr std::size_t kMostAdapters = 16;
    constexpr double kMostScale = 1e4;
    FACET_TRY(adapters, extension.object("adapters"));
    if (!adapters) return ok();
    if (adapters->size() > kMostAdapters) return extension.wrong("adapters", "name at most 16 adapters.");
    const JsonFields scales(*adapters, extension.pathOf("adapters"));
    for (const auto &[name, value] : adapters->items()) {
        FACET_TRY(scale, scales.number(name.c_str(), -kMostScale, kMostScale));
        call.request.adapters.push_back({name, static_cast<float>(scale.value_or(0.0))});
    }
    return ok();
}

Status parseExtension(const JsonFields &body, ChatCall &call) {
    FACET_TRY(extension, body.object("x_facet"));
    if (!extension) return ok();
    const JsonFields fields(*extension, "x_facet");
    FACET_TRY(progress, fields.boolean("progress"));
    FACET_TRY(budget, fields.integer("token_budget", 0, 100'000));
    FACET_TRY(frames, fields.integer("frames", 0, 10'000));
    FACET_TRY(sound, fields.boolean("video_sound"));
    FACET_TRY(background, fields.boolean("background"));
    call.request.background = background.value_or(false);
    call.progress = progress.value_or(false);
    call.tokenBudget = static_cast<int>(budget.value_or(0));
    call.frames = static_cast<int>(frames.value_or(0));
    call.videoSound = sound.value_or(true);
    return parseAdapters(fields, call);
}

} // namespace

Result<ChatCall> parseChatRequest(const Json &body, const ChatParseOptions &options) {
    if (!body.is_object()) return fieldError("", "The request body must be a JSON object.");
    const JsonFields fields(body, "");
    ChatCall call;
    FACET_TRY(model, fields.string("model")); // one model is loaded: whatever the name, it answers
    FACET_CHECK(parseChoices(fields, call));
    FACET_CHECK(parseBias(fields, call.request));
    FACET_CHECK(parseLogprobs(fields, call.request));
    FACET_CHECK(parseStreaming(fields, call));
    FACET_CHECK(parseSampling(fields, call.request.sampling));
    FACET_CHECK(parseStop(fields, call.request.stop));
    FACET_CHECK(parseLength(fields, call.request.maxTokens));
    FACET_CHECK(parseThinking(fields, call.request.thinking));
    FACET_CHECK(parseTools(fields, call.request.tools));
    FACET_CHECK(parseToolChoice(fields, call.request));
    FACET_CHECK(parseConstraint(fields, options.text, call.request.constraint));
    FACET_CHECK(parseExtension(fields, call));
    FACET_CHECK(parseMessages(fields, options, call));
    return call;
}

std::vector<Request> choicesOf(const ChatCall &call) {
    std::vector<Request> requests(static_cast<std::size_t>(call.choices), call.request);
    for (std::size_t i = 1; i < requests.size(); ++i)
        if (requests[i].sampling.seed) *requests[i].sampling.seed += i;
    return requests;
}

Result<ChatCall> parseCompletionRequest(const Json &body, std::string_view text) {
    if (!body.is_object()) return fieldError("", "The request body must be a JSON object.");
    const JsonFields fields(body, "");
    ChatCall call;
    FACET_TRY(model, fields.string("model"));
    const Json *prompt = fields.find("prompt");
    if (prompt && prompt->is_array() && prompt->size() == 1) prompt = &(*prompt)[0];
    if (!prompt || !prompt->is_string()) return fields.wrong("prompt", "be a string, or a list of one.");
    call.request.rawPrompt = prompt->get<std::string>();
    FACET_TRY(echo, fields.boolean("echo"));
    if (echo.value_or(false)) return fields.wrong("echo", "be false: Facet gives the continuation alone.");
    FACET_TRY(logprobs, fields.integer("logprobs", 0, 20)); // here a number, as OpenAI has it
    if (logprobs) call.request.topLogprobs = static_cast<int>(*logprobs);
    FACET_CHECK(parseChoices(fields, call));
    FACET_CHECK(parseBias(fields, call.request));
    FACET_CHECK(parseConstraint(fields, text, call.request.constraint));
    FACET_CHECK(parseStreaming(fields, call));
    FACET_CHECK(parseSampling(fields, call.request.sampling));
    FACET_CHECK(parseStop(fields, call.request.stop));
    FACET_CHECK(parseLength(fields, call.request.maxTokens));
    if (!fields.find("max_tokens") && !fields.find("max_completion_tokens")) call.request.maxTokens = 16; // OpenAI's
    return call;
}

} // namespace facet::host
