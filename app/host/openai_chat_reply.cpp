#include "host/openai_chat_reply.h"

#include <algorithm>
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

Usage totalUsage(const std::vector<Answer> &answers) {
    Usage total = answers.front().usage;
    for (std::size_t i = 1; i < answers.size(); ++i) {
        const Usage &usage = answers[i].usage;
        total.completionTokens += usage.completionTokens;
        total.reasoningTokens += usage.reasoningTokens;
        total.draftedTokens += usage.draftedTokens;
        total.acceptedTokens += usage.acceptedTokens;
        total.decodeMs = std::max(total.decodeMs, usage.decodeMs);
    }
    return total;
}

Json logprobsJson(const std::vector<TokenLogprob> &tokens) {
    if (tokens.empty()) return nullptr;
    const auto entry = [](const TokenLogprob &token) {
        Json bytes = Json::array();
        for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
        return Json{{"token", token.bytes}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}};
    };
    Json content = Json::array();
    for (const TokenLogprob &token : tokens) {
        content.push_back(entry(token));
        Json &top = content.back()["top_logprobs"] = Json::array();
        for (const TokenLogprob &each : token.top) top.push_back(entry(each));
    }
    return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json remarksJson(const Answer &answer) {
    Json remarks;
    if (!answer.malformed.empty()) remarks["malformed"] = answer.malformed;
    if (answer.contextFull) {
        remarks["notice"] = {{"code", "context_full"},
                             {"message", "The context is full, so the answer ends here. Nothing of the conversation was "
                                         "dropped: start a new one, or load the model with a longer context."}};
    }
    return remarks;
}

Json usageJson(const Usage &usage) {
    return {{"prompt_tokens", usage.promptTokens},
            {"completion_tokens", usage.completionTokens},
            {"total_tokens", usage.promptTokens + usage.completionTokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cachedTokens}}},
            {"completion_tokens_details", {{"reasoning_tokens", usage.reasoningTokens}}}};
}

Json timingsJson(const Usage &usage) {
    const int computed = usage.promptTokens - usage.cachedTokens;
    Json json = {{"prompt_n", computed},
            {"cache_n", usage.cachedTokens},
            {"prompt_ms", usage.prefillMs},
            {"prompt_per_second", perSecond(computed, usage.prefillMs)},
            {"predicted_n", usage.completionTokens},
            {"predicted_ms", usage.decodeMs},
            {"predicted_per_second", perSecond(usage.completionTokens, usage.decodeMs)},
            {"encode_ms", usage.encodeMs}};
    if (usage.draftedTokens > 0) {
        json["draft_n"] = usage.draftedTokens;
        json["draft_n_accepted"] = usage.acceptedTokens;
    }
    return json;
}

ChatReply::ChatReply(std::string id, std::int64_t created, std::string model, bool usageInChunks)
    : m_id(std::move(id)), m_created(created), m_model(std::move(model)), m_usageInChunks(usageInChunks) {}

std::string ChatReply::whole(const std::vector<Answer> &answers) const {
    Json choices = Json::array(), remarks;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        choices.push_back({{"index", i},
                           {"message", messageJson(answers[i])},
                           {"logprobs", logprobsJson(answers[i].logprobs)},
                           {"finish_reason", finishReasonName(answers[i].finish)}});
        Json more = remarksJson(answers[i]);
        if (!more.is_null()) remarks.update(more);
    }
    const Usage usage = totalUsage(answers);
    Json body = {{"id", m_id},
                 {"object", "chat.completion"},
                 {"created", m_created},
                 {"model", m_model},
                 {"choices", std::move(choices)},
                 {"usage", usageJson(usage)},
                 {"timings", timingsJson(usage)}};
    if (!remarks.is_null()) body["x_facet"] = std::move(remarks);
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

std::string ChatReply::delta(Json delta, int choice, Json logprobs) const {
    return jsonLine(chunk(Json::array({{{"index", choice},
                                        {"delta", std::move(delta)},
                                        {"logprobs", std::move(logprobs)},
                                        {"finish_reason", nullptr}}})));
}

std::string ChatReply::role(int choice) const { return delta({{"role", "assistant"}, {"content", ""}}, choice); }

std::string ChatReply::text(const std::string &piece, int choice, const std::vector<TokenLogprob> &logprobs) const {
    return delta({{"content", piece}}, choice, logprobsJson(logprobs));
}

std::string ChatReply::thought(const std::string &piece, int choice) const {
    return delta({{"reasoning_content", piece}}, choice);
}

std::string ChatReply::toolCall(int index, const ToolCall &call, int choice) const {
    Json entry = toolCallJson(call);
    entry["index"] = index;
    return delta({{"tool_calls", Json::array({std::move(entry)})}}, choice);
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

std::string ChatReply::finish(const Answer &answer, int choice) const {
    Json body = chunk(Json::array({{{"index", choice},
                                    {"delta", Json::object()},
                                    {"logprobs", nullptr},
                                    {"finish_reason", finishReasonName(answer.finish)}}}));
    if (!m_usageInChunks) body["timings"] = timingsJson(answer.usage);
    if (answer.contextFull) body["x_facet"] = {{"notice", remarksJson(answer)["notice"]}};
    return jsonLine(body);
}

std::string ChatReply::usage(const Usage &usage) const {
    Json body = chunk(Json::array());
    body["usage"] = usageJson(usage);
    body["timings"] = timingsJson(usage);
    return jsonLine(body);
}

} // namespace facet::host
