#include "host/openai_chat_reply.h"

#include <utility>

namespace facet::host {

namespace {

Json toolCallJson(const ToolCall &call) {
    return {
        {"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.argumentsJson}}}};
}

Json messageJson(const Answer &answer) {
    Json message = {{"role", "assistant"}, {"refusal", nullptr}};
    message["content"] = answer.content.empty() && !answer.toolCalls.empty() ? Json(nullptr) : Json(answer.content);
    if (!answer.thinking.empty()) message["reasoning_content"] = answer.thinking;
    for (const ToolCall &call : answer.toolCalls) message["tool_calls"].push_back(toolCallJson(call));
    return message;
}

double perSecond(int count, double ms) { return ms > 0 ? count * 1000.0 / ms : 0; }

} // namespace

Json usageJson(const Usage &usage) {
    return {{"prompt_tokens", usage.promptTokens},
            {"completion_tokens", usage.completionTokens},
            {"total_tokens", usage.promptTokens + usage.completionTokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cachedTokens}}},
            {"completion_tokens_details",
             {{"reasoning_tokens", usage.reasoningTokens},
              {"accepted_prediction_tokens", usage.acceptedTokens},
              {"rejected_prediction_tokens", usage.draftedTokens - usage.acceptedTokens}}}};
}

Json timingsJson(const Usage &usage) {
    const int computed = usage.promptTokens - usage.cachedTokens;
    return {{"prompt_n", computed},
            {"cache_n", usage.cachedTokens},
            {"prompt_ms", usage.prefillMs},
            {"prompt_per_second", perSecond(computed, usage.prefillMs)},
            {"predicted_n", usage.completionTokens},
            {"predicted_ms", usage.decodeMs},
            {"predicted_per_second", perSecond(usage.completionTokens, usage.decodeMs)},
            {"encode_ms", usage.encodeMs}};
}

ChatReply::ChatReply(std::string id, std::int64_t created, std::string model, bool usageInChunks)
    : m_id(std::move(id)), m_created(created), m_model(std::move(model)), m_usageInChunks(usageInChunks) {}

std::string ChatReply::whole(const Answer &answer) const {
    Json body = {{"id", m_id},
                 {"object", "chat.completion"},
                 {"created", m_created},
                 {"model", m_model},
                 {"choices", Json::array({{{"index", 0},
                                           {"message", messageJson(answer)},
                                           {"logprobs", nullptr},
                                           {"finish_reason", finishReasonName(answer.finish)}}})},
                 {"usage", usageJson(answer.usage)},
                 {"timings", timingsJson(answer.usage)}};
    if (!answer.malformed.empty()) body["x_facet"] = {{"malformed", answer.malformed}};
    return jsonLine(body);
}

Json ChatReply::chunk(Json choices) const {
    Json body = {{"id", m_id},
                 {"object", "chat.completion.chunk"},
                 {"created", m_created},
                 {"model", m_model},
                 {"choices", std::move(choices)}};
    if (m_usageInChunks) body["usage"] = nullptr;
    return body;
}

std::string ChatReply::delta(Json delta) const {
    return jsonLine(chunk(
        Json::array({{{"index", 0}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", nullptr}}})));
}

std::string ChatReply::role() const { return delta({{"role", "assistant"}, {"content", ""}}); }

std::string ChatReply::text(const std::string &piece) const { return delta({{"content", piece}}); }

std::string ChatReply::thought(const std::string &piece) const { return delta({{"reasoning_content", piece}}); }

std::string ChatReply::toolCall(int index, const ToolCall &call) const {
    Json entry = toolCallJson(call);
    entry["index"] = index;
    return delta({{"tool_calls", Json::array({std::move(entry)})}});
}

std::string ChatReply::progress(const Event &event) const {
    Json body = chunk(Json::array());
    body["x_facet"] = {{"phase", phaseName(event.phase)}, {"done", event.done}, {"total", event.total}};
    return jsonLine(body);
}

std::string ChatReply::malformed(const std::string &raw) const {
    Json body = chunk(Json::array());
    body["x_facet"] = {{"malformed", raw}};
    return jsonLine(body);
}

std::string ChatReply::finish(const Answer &answer) const {
    Json body = chunk(Json::array({{{"index", 0},
                                    {"delta", Json::object()},
                                    {"logprobs", nullptr},
                                    {"finish_reason", finishReasonName(answer.finish)}}}));
    if (!m_usageInChunks) body["timings"] = timingsJson(answer.usage);
    return jsonLine(body);
}

std::string ChatReply::usage(const Answer &answer) const {
    Json body = chunk(Json::array());
    body["usage"] = usageJson(answer.usage);
    body["timings"] = timingsJson(answer.usage);
    return jsonLine(body);
}

} // namespace facet::host
