// POST /v1/chat/completions.
#include "host/generation.h"
#include "host/openai_chat_reply.h"
#include "host/openai_chat_request.h"
#include "host/request_guard.h"
#include "host/services.h"
#include "host/sse_writer.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace facet::host {

namespace {

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// A request that was parsed, decoded and let in.
struct Accepted {
    ChatCall call;
    ModelSlot::Ticket ticket;
    ChatReply reply;
};

Error stopped() {
    return {ErrorCode::Cancelled, "The request was stopped: the model was unloaded or the host is closing."};
}

std::variant<Accepted, ApiError> accept(HttpCall &http, Services &services) {
    const Result<Json> body = parseJson(http.body);
    if (!body) return apiError(body.error());
    Result<ChatCall> call = parseChatRequest(*body, {.allowFiles = http.privateLink});
    if (!call) return apiError(call.error(), true);
    http.body = {};
    auto entry = services.slot.enter(http.gone);
    if (ApiError *refused = std::get_if<ApiError>(&entry)) return std::move(*refused);
    auto &ticket = std::get<ModelSlot::Ticket>(entry);
    const ModelInfo &model = ticket.engine().info();
    if (const Status loaded = loadMedia(*call, model, services.media, http.gone); !loaded)
        return apiError(loaded.error(), true);
    // A prompt that does not fit is refused with a status, even when the answer would be a stream.
    if (const Status fits = ticket.engine().check(call->request); !fits) return apiError(fits.error());
    ChatReply reply("chatcmpl-" + randomHex(12), now(), model.name, call->stream && call->includeUsage);
    return Accepted{std::move(call).value(), std::move(ticket), std::move(reply)};
}

bool writeEvent(SseWriter &writer, const Event &event, int choice, const ChatCall &call, const ChatReply &reply,
                int &toolCalls) {
    switch (event.kind) {
    case Event::Kind::Text: return writer.event(reply.text(event.text, choice, event.logprobs));
    case Event::Kind::Thought: return writer.event(reply.thought(event.text, choice));
    case Event::Kind::ToolCall: return writer.event(reply.toolCall(toolCalls++, event.call, choice));
    case Event::Kind::Progress: return !call.progress || writer.event(reply.progress(event));
    case Event::Kind::Malformed: return !call.progress || writer.event(reply.malformed(event.text));
    case Event::Kind::Done:
    case Event::Kind::Failed: break;
    }
    return true;
}

Result<std::vector<Answer>> streamAnswers(SseWriter &writer, Accepted &accepted, const CancelToken &gone,
                                          std::chrono::milliseconds pingAfter) {
    std::vector<int> toolCalls(static_cast<std::size_t>(accepted.call.choices));
    for (int choice = 0; choice < accepted.call.choices; ++choice) writer.event(accepted.reply.role(choice));
    const RunHooks hooks{
        .idle = [&] { return writer.pingAfter(pingAfter); },
        .choice =
            [&](const Event &event, std::size_t choice) {
                writeEvent(writer, event, static_cast<int>(choice), accepted.call, accepted.reply, toolCalls[choice]);
                return writer.pingAfter(pingAfter);
            },
    };
    return runRequests(accepted.ticket.engine(), choicesOf(accepted.call), hooks, gone);
}

// Not for a peer that hung up: nothing that is written reaches it.
void stream(SseWriter &writer, std::shared_ptr<Accepted> accepted, const CancelToken &gone,
            std::chrono::milliseconds pingAfter) {
    const ChatReply reply = accepted->reply;
    const bool includeUsage = accepted->call.includeUsage;
    Result<std::vector<Answer>> answers = streamAnswers(writer, *accepted, gone, pingAfter);
    accepted.reset(); // the model may go before a slow reader has everything
    if (answers && answers->front().finish == FinishReason::Cancelled) answers = stopped();
    if (!answers) {
        writer.event(apiError(answers.error()).json());
    } else {
        for (std::size_t i = 0; i < answers->size(); ++i)
            writer.event(reply.finish((*answers)[i], static_cast<int>(i)));
        if (includeUsage) writer.event(reply.usage(totalUsage(*answers)));
    }
    writer.done();
}

HttpReply whole(Accepted accepted, const CancelToken &gone) {
    const Result<std::vector<Answer>> answers =
        runRequests(accepted.ticket.engine(), choicesOf(accepted.call), {}, gone);
    if (!answers) return errorReply(apiError(answers.error()));
    if (answers->front().finish == FinishReason::Cancelled) return errorReply(apiError(stopped()));
    return jsonReply(200, accepted.reply.whole(*answers));
}

HttpReply complete(HttpCall &http, Services &services) {
    auto outcome = accept(http, services);
    if (const ApiError *refused = std::get_if<ApiError>(&outcome)) return errorReply(*refused);
    auto &accepted = std::get<Accepted>(outcome);
    if (!accepted.call.stream) return whole(std::move(accepted), http.gone);
    // shared_ptr because std::function must be copyable; moved out on the one call, so that the ticket is given back
    // early.
    auto held = std::make_shared<std::shared_ptr<Accepted>>(std::make_shared<Accepted>(std::move(accepted)));
    HttpReply reply{.contentType = "text/event-stream"};
    reply.stream = [held, gone = http.gone, pingAfter = services.pingAfter](SseWriter &writer) {
        stream(writer, std::move(*held), gone, pingAfter);
    };
    return reply;
}

} // namespace

void addChatRoutes(std::vector<Route> &routes, Services &services, bool privateLink) {
    for (const char *path : {"/v1/chat/completions", "/chat/completions"}) {
        routes.push_back({.method = "POST",
                          .path = path,
                          .handler = [&services](HttpCall &call) { return complete(call, services); },
                          .bodyLimit = privateLink ? kPrivateBodyLimit : kBodyLimit});
    }
}

} // namespace facet::host
