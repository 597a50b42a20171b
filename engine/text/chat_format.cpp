#include "text/chat_format.h"

#include "text/unicode.h"
#include "text/untrusted_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace facet {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxJsonDepth = 64;

Error invalid(const std::string &message, const std::string &detail = {}) {
    return {ErrorCode::InvalidArgument, message, detail.substr(0, 300)};
}

// One JSON object of limited depth; an empty text is an empty object.
Result<Json> parseObject(const std::string &text, const std::string &what) {
    if (utf8::trim(text).empty()) return Json(Json::object());
    bool deep = false;
    const auto check = [&deep](int depth, Json::parse_event_t event, const Json & /*value*/) {
        if ((event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) && depth >= kMaxJsonDepth)
            deep = true;
        return !deep;
    };
    Json value = Json::parse(text, check, false);
    if (deep) return Error{ErrorCode::LimitExceeded, "The JSON of " + what + " is nested more than 64 deep: flatten it."};
    if (!value.is_object()) return invalid("The JSON of " + what + " must be one object.", text);
    return value;
}

bool isToolName(const std::string &name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    };
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

Result<Json> toolVariables(const std::vector<ToolDeclaration> &tools) {
    Json out = Json::array();
    for (const ToolDeclaration &tool : tools) {
        if (!isToolName(tool.name))
            return invalid("A tool's name must consist of 1 to 64 letters, digits, dots, dashes and underscores.", tool.name);
        FACET_TRY(parameters, parseObject(tool.parametersJson, "the parameters of the tool \"" + tool.name + "\""));
        Json function{{"name", tool.name}, {"description", enclosed(tool.description)}};
        if (!parameters.empty()) {
            // The released templates close the parameters' brace together with their type.
            if (!parameters.contains("type")) parameters["type"] = "object";
            function["parameters"] = enclosedJson(parameters, true);
        }
        out.push_back({{"type", "function"}, {"function", std::move(function)}});
    }
    return out;
}

// What other programs store as an answer may be the model's raw output: a thought in front does not belong into history.
std::string_view withoutLeadingThought(std::string_view text) {
    constexpr std::string_view kOpener = "<|channel>", kCloser = "<channel|>";
    for (text = utf8::trim(text); text.starts_with(kOpener); text = utf8::trim(text)) {
        const std::size_t end = text.find(kCloser);
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + kCloser.size());
    }
    return text;
}

const char *mediumType(PartKind kind) {
    return kind == PartKind::Image ? "image" : kind == PartKind::Audio ? "audio" : "video";
}

// A single text as a string, everything else as a list of typed parts.
Json contentOf(const Message &message) {
    const auto text = [&message](const Part &part) {
        return enclosed(message.role == Role::Assistant ? withoutLeadingThought(part.text) : utf8::trim(part.text));
    };
    if (message.parts.empty()) return "";
    if (message.parts.size() == 1 && message.parts[0].kind == PartKind::Text) return text(message.parts[0]);
    Json out = Json::array();
    for (const Part &part : message.parts) {
        if (part.kind == PartKind::Text)
            out.push_back({{"type", "text"}, {"text", text(part)}});
        else
            out.push_back({{"type", mediumType(part.kind)}});
    }
    return out;
}

// System and tool messages are strings; templates trim the first and keep the second as it is.
Result<std::string> textOnly(const Message &message, bool trimmed, const char *what) {
    std::string out;
    for (const Part &part : message.parts) {
        if (part.kind != PartKind::Text)
            return invalid(std::string("Pictures, sounds and films cannot stand in ") + what + ": put them into a message of the user.");
        out += enclosed(trimmed ? utf8::trim(part.text) : std::string_view(part.text));
    }
    return out;
}

Result<Json> callVariables(const std::vector<ToolCall> &calls) {
    Json out = Json::array();
    for (const ToolCall &call : calls) {
        FACET_TRY(arguments, parseObject(call.argumentsJson, "the arguments of a call of \"" + call.name + "\""));
        Json entry{{"type", "function"}, {"function", {{"name", guarded(call.name)}, {"arguments", enclosedJson(arguments, false)}}}};
        if (!call.id.empty()) entry["id"] = guarded(call.id);
        out.push_back(std::move(entry));
    }
    return out;
}

// The variables for one conversation.
class Conversation {
public:
    Conversation(const std::vector<Message> &messages, const ChatOptions &options) : m_messages(messages) {
        for (std::size_t i = 0; i < messages.size(); ++i)
            if (messages[i].role == Role::User) m_afterUser = i + 1;
        if (messages.empty() || !options.addGenerationPrompt) return;
        const Message &last = messages.back();
        m_toolLoop = last.role == Role::Tool || (last.role == Role::Assistant && !last.toolCalls.empty());
    }

    Result<Json> variables() {
        Json out = Json::array();
        for (std::size_t i = 0; i < m_messages.size(); ++i) {
            FACET_TRY(message, one(m_messages[i], i));
            if (const std::size_t end = resultsEnd(i); end > i) {
                FACET_TRY(responses, objectResults(i + 1, end));
                message["tool_responses"] = std::move(responses);
                i = end - 1;
            }
            out.push_back(std::move(message));
        }
        return out;
    }

private:
    Result<Json> one(const Message &message, std::size_t index) {
        Json out;
        switch (message.role) {
        case Role::System: {
            FACET_TRY(text, textOnly(message, true, "a system message"));
            return Json{{"role", "system"}, {"content", std::move(text)}};
        }
        case Role::Tool: return toolResult(message);
        case Role::User: return Json{{"role", "user"}, {"content", contentOf(message)}};
        case Role::Assistant: break;
        }
        out = Json{{"role", "assistant"}, {"content", contentOf(message)}};
        if (message.toolCalls.empty()) return out;
        // The templates write this text behind the results and close the turn, although the model has to go on in it.
        if (m_toolLoop && index >= m_afterUser) out["content"] = "";
        FACET_TRY(calls, callVariables(message.toolCalls));
        out["tool_calls"] = std::move(calls);
        for (const ToolCall &call : message.toolCalls) m_names[call.id] = call.name;
        if (const std::string reasoning = enclosed(utf8::trim(message.reasoning)); !reasoning.empty()) {
            out["reasoning"] = reasoning;
            out["reasoning_content"] = reasoning;
        }
        return out;
    }

    // Behind the tool messages that answer the calls of message `index`, if one of them holds an object (templates take
    // objects from the calling message only, and then read no tool messages); otherwise 0.
    std::size_t resultsEnd(std::size_t index) const {
        if (m_messages[index].role != Role::Assistant || m_messages[index].toolCalls.empty()) return 0;
        bool objects = false;
        std::size_t end = index + 1;
        for (; end < m_messages.size() && m_messages[end].role == Role::Tool; ++end)
            objects = objects || !m_messages[end].resultJson.empty();
        return objects ? end : 0;
    }

    Result<Json> objectResults(std::size_t begin, std::size_t end) {
        Json out = Json::array();
        for (std::size_t i = begin; i < end; ++i) {
            const Message &message = m_messages[i];
            if (message.resultJson.empty()) {
                FACET_TRY(text, textOnly(message, false, "the result of a tool"));
                out.push_back({{"name", guarded(nameOf(message))}, {"response", std::move(text)}});
                continue;
            }
            FACET_TRY(object, parseObject(message.resultJson, "the result of a tool"));
            out.push_back({{"name", guarded(nameOf(message))}, {"response", enclosedJson(object, false)}});
        }
        return out;
    }

    std::string nameOf(const Message &message) const {
        const auto known = m_names.find(message.toolCallId);
        if (!message.toolName.empty()) return message.toolName;
        return known != m_names.end() && !message.toolCallId.empty() ? known->second : "unknown";
    }

    Result<Json> toolResult(const Message &message) {
        FACET_TRY(text, textOnly(message, false, "the result of a tool"));
        return Json{{"role", "tool"}, {"name", guarded(nameOf(message))}, {"tool_call_id", guarded(message.toolCallId)}, {"content", std::move(text)}};
    }

    const std::vector<Message> &m_messages;
    std::size_t m_afterUser = 0;
    bool m_toolLoop = false;
    std::map<std::string, std::string> m_names;  // of the functions, by the id of the call
};

}  // namespace

Result<RenderedChat> renderChat(const ChatTemplate &chatTemplate, const std::vector<Message> &messages,
                                const std::vector<ToolDeclaration> &tools, const ChatOptions &options) {
    FACET_TRY(messageVariables, Conversation(messages, options).variables());
    FACET_TRY(declarations, toolVariables(tools));
    Json variables{{"messages", std::move(messageVariables)},
                   {"add_generation_prompt", options.addGenerationPrompt},
                   {"enable_thinking", options.thinking},
                   {"bos_token", "<bos>"}};
    if (!declarations.empty()) variables["tools"] = std::move(declarations);
    FACET_TRY(text, chatTemplate.render(variables));
    return released(text);
}

RenderedChat renderToolResults(const std::vector<Message> &toolMessages, bool afterOwnMarker) {
    std::string out;
    for (const Message &message : toolMessages) {
        if (!std::exchange(afterOwnMarker, false)) out += "<|tool_response>";
        out += "response:" + (message.toolName.empty() ? std::string("unknown") : enclosed(message.toolName)) + "{value:<|\"|>";
        for (const Part &part : message.parts)
            if (part.kind == PartKind::Text) out += enclosed(part.text);
        out += "<|\"|>}<tool_response|>";
    }
    return released(out);
}

}  // namespace facet
