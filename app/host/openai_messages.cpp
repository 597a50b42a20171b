#include "host/openai_messages.h"

#include "host/errors.h"
#include "host/media_url.h"

#include <optional>
#include <string_view>
#include <utility>

namespace facet::host {

namespace {

constexpr std::int64_t kMaxBudget = 100'000; // the model's own list decides later
constexpr std::int64_t kMaxFrames = 10'000;

struct PartContext {
    const ChatParseOptions &options;
    ChatCall &call;
    Message &message;
    std::size_t messageIndex;
};

std::optional<Role> roleOf(std::string_view name) {
    if (name == "system" || name == "developer") return Role::System;
    if (name == "user") return Role::User;
    if (name == "assistant") return Role::Assistant;
    if (name == "tool") return Role::Tool;
    return std::nullopt;
}

// Errors of the medium itself get the field they came with.
Error atField(Error error, const std::string &field) {
    return fieldError(field, "'" + field + "': " + error.describe(), error.code);
}

Status addMedium(PartContext &context, MediumRef medium, Result<media::Source> source) {
    if (!source) return atField(std::move(source).error(), medium.field);
    if (context.call.media.size() == kMaxMedia) {
        return fieldError("messages",
                          "A request may hold at most " + std::to_string(kMaxMedia) + " pictures, sounds and films.",
                          ErrorCode::LimitExceeded);
    }
    medium.source = std::move(source).value();
    medium.message = context.messageIndex;
    medium.part = context.message.parts.size();
    context.message.parts.emplace_back();
    context.call.media.push_back(std::move(medium));
    return ok();
}

Status readSizes(const JsonFields &fields, MediumRef &medium) {
    FACET_TRY(budget, fields.integer("token_budget", 1, kMaxBudget));
    FACET_TRY(frames, fields.integer("frames", 1, kMaxFrames));
    FACET_TRY(detail, fields.string("detail"));
    medium.tokenBudget = static_cast<int>(budget.value_or(0));
    medium.frames = static_cast<int>(frames.value_or(0));
    if (detail == "low") medium.detail = Detail::Low;
    if (detail == "high") medium.detail = Detail::High;
    return ok();
}

// {"url"} or {"data"}; image_url and video_url may also be the bare string that some clients send.
Status addMediumPart(PartContext &context, const JsonFields &part, const char *name, MediumKind kind) {
    MediumRef medium;
    medium.kind = kind;
    medium.field = part.pathOf(name);
    const Json *value = part.find(name);
    if (value && value->is_string()) {
        return addMedium(context, std::move(medium),
                         mediaFromUrl(value->get_ref<const std::string &>(), context.options.allowFiles));
    }
    if (!value || !value->is_object()) return part.wrong(name, "be an object with the medium.");
    const JsonFields fields(*value, medium.field);
    FACET_CHECK(readSizes(fields, medium));
    const Json *data = fields.find("data");
    const Json *url = fields.find("url");
    if (data) {
        if (!data->is_string()) return fields.wrong("data", "be a string in base64.");
        return addMedium(context, std::move(medium), mediaFromData(data->get_ref<const std::string &>()));
    }
    if (!url || !url->is_string()) return fields.wrong("url", "be a string.");
    return addMedium(context, std::move(medium),
                     mediaFromUrl(url->get_ref<const std::string &>(), context.options.allowFiles));
}

// OpenAI's {"type":"file","file":{"filename","file_data"}}: what it is shows in its bytes.
Status addFilePart(PartContext &context, const JsonFields &part) {
    FACET_TRY(file, part.object("file"));
    if (!file) return part.wrong("file", "be an object with file_data.");
    MediumRef medium;
    medium.kind = MediumKind::Sniffed;
    const JsonFields fields(*file, part.pathOf("file"));
    medium.field = fields.pathOf("file_data");
    const Json *data = fields.find("file_data");
    if (!data || !data->is_string()) return fields.wrong("file_data", "be a data: URL.");
    return addMedium(context, std::move(medium), mediaFromData(data->get_ref<const std::string &>()));
}

Status addText(PartContext &context, const JsonFields &part, const char *name) {
    FACET_TRY(text, part.string(name));
    if (!text) return part.wrong(name, "be a string.");
    context.message.parts.push_back({.text = std::move(*text)});
    return ok();
}

Status parsePart(PartContext &context, const Json &value, const std::string &path) {
    if (!value.is_object()) return fieldError(path, "'" + path + "' must be an object with a type.");
    const JsonFields part(value, path);
    FACET_TRY(type, part.string("type"));
    if (!type) return part.wrong("type", "be a string.");
    if (*type == "text" || *type == "input_text" || *type == "output_text") return addText(context, part, "text");
    if (*type == "refusal") return addText(context, part, "refusal");
    if (*type == "image_url") return addMediumPart(context, part, "image_url", MediumKind::Image);
    if (*type == "input_audio") return addMediumPart(context, part, "input_audio", MediumKind::Audio);
    if (*type == "input_video") return addMediumPart(context, part, "input_video", MediumKind::Video);
    if (*type == "video_url") return addMediumPart(context, part, "video_url", MediumKind::Video);
    if (*type == "file") return addFilePart(context, part);
    return part.wrong("type", "be text, image_url, input_audio, input_video, video_url or file.");
}

Status parseContent(PartContext &context, const JsonFields &fields) {
    const Json *content = fields.find("content");
    if (!content) return ok();
    if (content->is_string()) {
        context.message.parts.push_back({.text = content->get<std::string>()});
        return ok();
    }
    if (!content->is_array()) return fields.wrong("content", "be a string or a list of parts.");
    FACET_TRY(parts, fields.array("content", kMaxPartsPerMessage));
    for (std::size_t i = 0; i < parts->size(); ++i) {
        FACET_CHECK(parsePart(context, (*parts)[i], fields.pathOf("content") + "[" + std::to_string(i) + "]"));
    }
    return ok();
}

Result<std::string> parseArguments(const JsonFields &function) {
    const Json *arguments = function.find("arguments");
    if (!arguments) return std::string("{}");
    if (arguments->is_object()) return jsonLine(*arguments);
    if (!arguments->is_string()) return function.wrong("arguments", "be a string that holds a JSON object.");
    const auto &text = arguments->get_ref<const std::string &>();
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::string("{}");
    const Result<Json> parsed = parseJson(text);
    if (!parsed || !parsed->is_object()) return function.wrong("arguments", "be a string that holds a JSON object.");
    return text;
}

Status parseToolCalls(const JsonFields &fields, Message &message) {
    FACET_TRY(calls, fields.array("tool_calls", kMaxPartsPerMessage));
    if (!calls) return ok();
    for (std::size_t i = 0; i < calls->size(); ++i) {
        const std::string path = fields.pathOf("tool_calls") + "[" + std::to_string(i) + "]";
        if (!(*calls)[i].is_object()) return fieldError(path, "'" + path + "' must be an object.");
        const JsonFields entry((*calls)[i], path);
        FACET_TRY(id, entry.string("id"));
        FACET_TRY(function, entry.object("function"));
        if (!function) return entry.wrong("function", "be an object.");
        const JsonFields functionFields(*function, entry.pathOf("function"));
        FACET_TRY(name, functionFields.string("name"));
        if (!name || name->empty()) return functionFields.wrong("name", "be the name of a function.");
        FACET_TRY(arguments, parseArguments(functionFields));
        message.toolCalls.push_back({id.value_or(""), std::move(*name), std::move(arguments)});
    }
    return ok();
}

Status parseMessage(const Json &value, std::size_t index, const ChatParseOptions &options, ChatCall &call) {
    const std::string path = "messages[" + std::to_string(index) + "]";
    if (!value.is_object()) return fieldError(path, "'" + path + "' must be an object with role and content.");
    const JsonFields fields(value, path);
    FACET_TRY(roleName, fields.string("role"));
    const std::optional<Role> role = roleOf(roleName.value_or(""));
    if (!role) return fields.wrong("role", "be system, developer, user, assistant or tool.");
    Message message;
    message.role = *role;
    PartContext context{options, call, message, index};
    FACET_CHECK(parseContent(context, fields));
    if (*role == Role::Assistant) {
        FACET_TRY(reasoning, fields.string("reasoning_content"));
        message.reasoning = reasoning.value_or("");
        FACET_CHECK(parseToolCalls(fields, message));
    }
    if (*role == Role::Tool) {
        FACET_TRY(id, fields.string("tool_call_id"));
        FACET_TRY(name, fields.string("name"));
        message.toolCallId = id.value_or("");
        message.toolName = name.value_or("");
        if (message.toolCallId.empty() && message.toolName.empty()) {
            return fields.wrong("tool_call_id", "name the call that this message answers.");
        }
    }
    call.request.messages.push_back(std::move(message));
    return ok();
}

} // namespace

Status parseMessages(const JsonFields &body, const ChatParseOptions &options, ChatCall &call) {
    FACET_TRY(messages, body.array("messages", kMaxMessages));
    if (!messages || messages->empty()) return body.wrong("messages", "be a list with at least one message.");
    for (std::size_t i = 0; i < messages->size(); ++i) FACET_CHECK(parseMessage((*messages)[i], i, options, call));
    return ok();
}

} // namespace facet::host
