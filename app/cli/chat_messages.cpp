#include "chat_messages.h"

#include "flags.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxMessages = 10'000;
constexpr std::size_t kMaxTools = 1'000;
constexpr int kMaxJsonDepth = 200;

Error wrong(const std::string &name, const std::string &where, const std::string &what) {
    return {.code = ErrorCode::InvalidArgument, .message = where + ": " + what, .file = name};
}

std::optional<std::string> textOf(const Json &object, const char *key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

// The file a part names: {"file"}, {"path"}, or OpenAI's {"image_url": {"url": "file:..."}}.
Result<std::string> fileOf(const Json &part, const std::string &folder, const std::string &name,
                           const std::string &where) {
    std::optional<std::string> file = textOf(part, "file");
    if (!file) file = textOf(part, "path");
    for (const char *key : {"image_url", "video_url", "input_audio", "input_video"}) {
        if (file || !part.contains(key)) continue;
        const Json &inner = part.at(key);
        if (inner.is_string())
            file = inner.get<std::string>();
        else if (inner.is_object())
            file = textOf(inner, inner.contains("url") ? "url" : "file");
    }
    if (!file || file->empty()) return wrong(name, where, "a medium needs a \"file\".");
    for (const char *scheme : {"file://", "file:"}) {
        if (file->rfind(scheme, 0) == 0) {
            file->erase(0, std::string(scheme).size());
            break;
        }
    }
    if (file->rfind("http:", 0) == 0 || file->rfind("https:", 0) == 0 || file->rfind("data:", 0) == 0) {
        return wrong(name, where, "only local files can be named here, not addresses.");
    }
    return (std::filesystem::path(folder) / *file).string();
}

Result<Part> partFromJson(const Json &json, const std::string &folder, const std::string &name,
                          const std::string &where, const MediaContext &context) {
    if (json.is_string()) return Part{.text = json.get<std::string>()};
    const std::optional<std::string> type = json.is_object() ? textOf(json, "type") : std::nullopt;
    if (!type) return wrong(name, where, "a part needs a \"type\".");
    if (*type == "text") {
        const std::optional<std::string> text = textOf(json, "text");
        if (!text) return wrong(name, where, "a text part needs \"text\".");
        return Part{.text = *text};
    }
    MediaContext own = context;
    if (const auto budget = json.find("token_budget"); budget != json.end() && budget->is_number_integer()) {
        FACET_TRY(known,
                  pictureBudget(static_cast<int>(std::clamp<std::int64_t>(budget->get<std::int64_t>(), 1, 1 << 20)), 0,
                                context.model));
        own.tokenBudget = known;
    }
    if (const auto frames = json.find("frames"); frames != json.end() && frames->is_number_integer()) {
        own.frames = static_cast<int>(std::clamp<std::int64_t>(frames->get<std::int64_t>(), 0, 1 << 20));
    }
    const auto is = [&type](std::initializer_list<const char *> names) {
        return std::any_of(names.begin(), names.end(), [&type](const char *n) { return *type == n; });
    };
    const bool image = is({"image", "image_url", "input_image"}), audio = is({"audio", "input_audio", "audio_url"});
    if (!image && !audio && !is({"video", "video_url", "input_video"})) {
        return wrong(name, where, "the part type \"" + *type + "\" is not known (text, image, audio or video).");
    }
    FACET_TRY(file, fileOf(json, folder, name, where));
    return image ? imagePart(file, own) : audio ? audioPart(file, own) : videoPart(file, own);
}

Result<ToolCall> callFromJson(const Json &json, const std::string &name, const std::string &where) {
    if (!json.is_object()) return wrong(name, where, "a tool call must be an object.");
    const Json &function = json.contains("function") && json.at("function").is_object() ? json.at("function") : json;
    ToolCall call;
    call.id = textOf(json, "id").value_or("");
    call.name = textOf(function, "name").value_or("");
    if (call.name.empty()) return wrong(name, where, "a tool call needs a \"name\".");
    const auto arguments = function.find("arguments");
    if (arguments == function.end() || arguments->is_null())
        call.argumentsJson = "{}";
    else
        call.argumentsJson = arguments->is_string() ? arguments->get<std::string>() : jsonText(*arguments);
    return call;
}

Result<Role> roleFromJson(const Json &json, const std::string &name, const std::string &where) {
    const std::string role = textOf(json, "role").value_or("");
    if (role == "system" || role == "developer") return Role::System;
    if (role == "user") return Role::User;
    if (role == "assistant" || role == "model") return Role::Assistant;
    if (role == "tool") return Role::Tool;
    return wrong(name, where, "\"role\" must be system, user, assistant or tool.");
}

Status addParts(const Json &content, const std::string &folder, const std::string &name, const std::string &where,
                const MediaContext &context, Message &message) {
    if (content.is_null()) return ok();
    if (content.is_string()) {
        message.parts.push_back({.text = content.get<std::string>()});
        return ok();
    }
    if (!content.is_array()) return wrong(name, where, "\"content\" must be a text or a list of parts.");
    for (std::size_t i = 0; i < content.size(); ++i) {
        FACET_TRY(part, partFromJson(content[i], folder, name, where + ", part " + std::to_string(i + 1), context));
        message.parts.push_back(std::move(part));
    }
    return ok();
}

// Results that a message carries itself ("tool_responses", the template's own form) become messages of their own.
Status addResponses(const Json &json, const std::string &name, const std::string &where,
                    const std::vector<ToolCall> &calls, std::vector<Message> &out) {
    const auto responses = json.find("tool_responses");
    if (responses == json.end()) return ok();
    if (!responses->is_array()) return wrong(name, where, "\"tool_responses\" must be a list.");
    for (std::size_t i = 0; i < responses->size(); ++i) {
        const Json &response = (*responses)[i];
        if (!response.is_object() || !response.contains("response"))
            return wrong(name, where, "a tool response needs \"response\".");
        Message message;
        message.role = Role::Tool;
        message.toolName = textOf(response, "name").value_or("");
        if (i < calls.size()) message.toolCallId = calls[i].id;
        const Json &value = response.at("response");
        if (value.is_object()) message.resultJson = jsonText(value);
        else message.parts.push_back({.text = value.is_string() ? value.get<std::string>() : jsonText(value)});
        out.push_back(std::move(message));
    }
    return ok();
}

bool tooDeep(const Json &json, int depth) {
    if (depth > kMaxJsonDepth) return true;
    if (!json.is_structured()) return false;
    return std::any_of(json.begin(), json.end(), [depth](const Json &child) { return tooDeep(child, depth + 1); });
}

// Brackets open at the same time; the parser below recurses as deep.
bool nestsTooDeep(const std::string &text) {
    int depth = 0;
    bool inText = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (inText) {
            if (text[i] == '\\')
                ++i;
            else if (text[i] == '"')
                inText = false;
        } else if (text[i] == '"') {
            inText = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > kMaxJsonDepth) return true;
        } else if (text[i] == ']' || text[i] == '}') {
            --depth;
        }
    }
    return false;
}

Error noSense(const MediaContext &context, const char *sense, const std::string &file) {
    return {.code = ErrorCode::MediaUnsupported,
            .message = "The model " + context.model.name + " cannot " + sense + ".",
            .file = file};
}

} // namespace

Result<Part> imagePart(const std::string &file, const MediaContext &context) {
    if (!context.model.hasVision) return noSense(context, "see", file);
    const int budget = context.tokenBudget > 0 ? context.tokenBudget : context.model.vision.defaultBudget;
    FACET_TRY(image, media::loadImage(media::Source::file(file), budget, context.model.vision, {}, context.cancel));
    return Part{.kind = PartKind::Image, .image = std::make_shared<const ImageInput>(std::move(image))};
}

Result<Part> audioPart(const std::string &file, const MediaContext &context) {
    if (!context.model.hasAudio) return noSense(context, "hear", file);
    FACET_TRY(audio, media::loadAudio(media::Source::file(file), context.model.audio, {}, context.cancel));
    return Part{.kind = PartKind::Audio, .audio = std::make_shared<const AudioInput>(std::move(audio))};
}

Result<Part> videoPart(const std::string &file, const MediaContext &context) {
    if (!context.model.hasVision) return noSense(context, "see", file);
    media::VideoOptions options;
    options.frames = context.frames;
    if (context.tokenBudget > 0) options.tokenBudget = context.tokenBudget;
    options.withSound = context.filmSound;
    FACET_TRY(video, media::loadVideo(media::Source::file(file), options, context.model.vision,
                                      context.model.hasAudio ? &context.model.audio : nullptr, {}, context.cancel));
    return Part{.kind = PartKind::Video, .video = std::make_shared<const VideoInput>(std::move(video))};
}

Result<std::vector<Message>> messagesFromJson(const Json &json, const std::string &folder, const std::string &name,
                                              const MediaContext &context) {
    const Json *list = &json;
    if (json.is_object() && json.contains("messages")) list = &json.at("messages");
    if (!list->is_array()) return wrong(name, "The conversation", "must be a JSON list of messages.");
    if (list->size() > kMaxMessages)
        return wrong(name, "The conversation", "has more than " + std::to_string(kMaxMessages) + " messages.");
    std::vector<Message> messages;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string where = "Message " + std::to_string(i + 1);
        const Json &entry = (*list)[i];
        if (!entry.is_object()) return wrong(name, where, "must be an object.");
        Message message;
        FACET_TRY(role, roleFromJson(entry, name, where));
        message.role = role;
        message.reasoning = textOf(entry, "reasoning_content").value_or(textOf(entry, "reasoning").value_or(""));
        message.toolCallId = textOf(entry, "tool_call_id").value_or("");
        message.toolName = textOf(entry, "name").value_or("");
        if (entry.contains("content"))
            FACET_CHECK(addParts(entry.at("content"), folder, name, where, context, message));
        if (const auto calls = entry.find("tool_calls"); calls != entry.end() && calls->is_array()) {
            for (const Json &each : *calls) {
                FACET_TRY(call, callFromJson(each, name, where));
                message.toolCalls.push_back(std::move(call));
            }
        }
        const std::vector<ToolCall> calls = message.toolCalls;
        messages.push_back(std::move(message));
        FACET_CHECK(addResponses(entry, name, where, calls, messages));
    }
    return messages;
}

Result<std::vector<ToolDeclaration>> toolsFromJson(const Json &json, const std::string &name) {
    if (json.is_null()) return std::vector<ToolDeclaration>{};
    if (!json.is_array()) return wrong(name, "The tools", "must be a JSON list.");
    if (json.size() > kMaxTools) return wrong(name, "The tools", "are more than " + std::to_string(kMaxTools) + ".");
    std::vector<ToolDeclaration> tools;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const std::string where = "Tool " + std::to_string(i + 1);
        if (!json[i].is_object()) return wrong(name, where, "must be an object.");
        const Json &function = json[i].contains("function") ? json[i].at("function") : json[i];
        const std::optional<std::string> toolName = function.is_object() ? textOf(function, "name") : std::nullopt;
        if (!toolName || toolName->empty()) return wrong(name, where, "needs a \"name\".");
        ToolDeclaration tool;
        tool.name = *toolName;
        tool.description = textOf(function, "description").value_or("");
        if (const auto parameters = function.find("parameters");
            parameters != function.end() && !parameters->is_null()) {
            if (!parameters->is_object()) return wrong(name, where, "\"parameters\" must be a JSON schema object.");
            tool.parametersJson = jsonText(*parameters);
        }
        tools.push_back(std::move(tool));
    }
    return tools;
}

Result<Json> readJsonFile(const std::string &path) {
    FACET_TRY(text, readTextFile(path));
    if (nestsTooDeep(text)) return wrong(path, "The file", "nests too deep.");
    try {
        Json json = Json::parse(text);
        if (tooDeep(json, 0)) return wrong(path, "The file", "nests too deep.");
        return json;
    } catch (const Json::parse_error &e) {
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "The file is not valid JSON.",
                     .file = path,
                     .offset = e.byte};
    }
}

std::string usageLine(const Usage &usage) {
    const double seconds = (usage.encodeMs + usage.prefillMs + usage.decodeMs) / 1000;
    char text[256];
    int length = std::snprintf(text, sizeof text, "%d tokens in %.1f s", usage.completionTokens, seconds);
    std::string line(text, static_cast<std::size_t>(std::max(length, 0)));
    const auto add = [&](const char *format, auto... values) {
        length = std::snprintf(text, sizeof text, format, values...);
        line.append(text, static_cast<std::size_t>(std::max(length, 0)));
    };
    if (usage.decodeMs > 0) add(" (%.1f a second)", usage.completionTokens * 1000 / usage.decodeMs);
    add("; prompt %d", usage.promptTokens);
    if (usage.cachedTokens > 0) add(", %d of them known", usage.cachedTokens);
    if (usage.draftedTokens <= 0) return line;
    // A pass without guesses gives one token: so many more come with each.
    const int passes = std::max(1, usage.completionTokens - usage.acceptedTokens);
    add("; guesses %d, %d stood (%.0f %%), %.1f tokens a pass", usage.draftedTokens, usage.acceptedTokens,
        100.0 * usage.acceptedTokens / usage.draftedTokens, static_cast<double>(usage.completionTokens) / passes);
    return line;
}

std::string jsonText(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json answerToJson(const Answer &answer) {
    Json calls = Json::array();
    for (const ToolCall &call : answer.toolCalls) {
        Json arguments = Json::parse(call.argumentsJson, nullptr, false);
        if (arguments.is_discarded()) arguments = call.argumentsJson;
        calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments", std::move(arguments)}});
    }
    const Usage &u = answer.usage;
    Json json = {{"thinking", answer.thinking},
                 {"content", answer.content},
                 {"tool_calls", std::move(calls)},
                 {"finish_reason", finishReasonName(answer.finish)},
                 {"usage",
                  {{"prompt_tokens", u.promptTokens},
                   {"completion_tokens", u.completionTokens},
                   {"total_tokens", u.promptTokens + u.completionTokens},
                   {"cached_tokens", u.cachedTokens},
                   {"reasoning_tokens", u.reasoningTokens},
                   {"encode_ms", u.encodeMs},
                   {"prefill_ms", u.prefillMs},
                   {"decode_ms", u.decodeMs},
                   {"drafted_tokens", u.draftedTokens},
                   {"accepted_tokens", u.acceptedTokens}}}};
    if (!answer.malformed.empty()) json["malformed"] = answer.malformed;
    return json;
}

} // namespace facet::cli
