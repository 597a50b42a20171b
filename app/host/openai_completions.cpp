// POST /v1/completions: a prompt that is continued as it is, for base models and for who writes the template alone.
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

// OpenAI's older shape, one list for each column.
Json columns(const std::vector<TokenLogprob> &tokens) {
    if (tokens.empty()) return nullptr;
    Json json = {{"tokens", Json::array()}, {"token_logprobs", Json::array()}, {"top_logprobs", Json::array()}};
    for (const TokenLogprob &token : tokens) {
        json["tokens"].push_back(token.bytes);
        json["token_logprobs"].push_back(token.logprob);
        Json top = Json::object();
        for (const TokenLogprob &each : token.top) top[each.bytes] = each.logprob;
        json["top_logprobs"].push_back(std::move(top));
    }
    return json;
}

class CompletionReply {
public:
    explicit CompletionReply(std::string model)
        : m_base({{"id", "cmpl-" + randomHex(12)},
                  {"object", "text_completion"},
                  {"created", std::chrono::duration_cast<std::chrono::seconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count()},
                  {"model", std::move(model)}}) {}

    std::string piece(const Event &event, std::size_t choice) const {
        return with(Json::array({entry(choice, event.text, event.logprobs, nullptr)}));
    }
    std::string finish(const Answer &answer, std::size_t choice) const {
        return with(Json::array({entry(choice, "", {}, finishReasonName(answer.finish))}), remarksJson(answer));
    }
    std::string usage(const std::vector<Answer> &answers) const {
        Json body = m_base;
        body["choices"] = Json::array();
        addUsage(body, answers);
        return jsonLine(body);
    }
    std::string whole(const std::vector<Answer> &answers) const {
        Json body = m_base;
        body["choices"] = Json::array();
        for (std::size_t i = 0; i < answers.size(); ++i) {
            body["choices"].push_back(
                entry(i, answers[i].content, answers[i].logprobs, finishReasonName(answers[i].finish)));
            if (answers[i].contextFull) body["x_facet"] = remarksJson(answers[i]);
        }
        addUsage(body, answers);
        return jsonLine(body);
    }

private:
    static Json entry(std::size_t choice, const std::string &text, const std::vector<TokenLogprob> &logprobs,
                      Json reason) {
        return {{"index", choice}, {"text", text}, {"logprobs", columns(logprobs)}, {"finish_reason", std::move(reason)}};
    }
    static void addUsage(Json &body, const std::vector<Answer> &answers) {
        const Usage usage = totalUsage(answers);
        body["usage"] = usageJson(usage);
        body["timings"] = timingsJson(usage);
    }
    std::string with(Json choices, Json remarks = nullptr) const {
        Json body = m_base;
        body["choices"] = std::move(choices);
        if (!remarks.is_null()) body["x_facet"] = std::move(remarks);
        return jsonLine(body);
    }

    Json m_base;
};

struct Accepted {
    ChatCall call;
    ModelSlot::Ticket ticket;
    CompletionReply reply;
};

Error stopped() {
    return {ErrorCode::Cancelled, "The request was stopped: the model was unloaded or the host is closing."};
}

void stream(SseWriter &writer, std::shared_ptr<Accepted> accepted, const CancelToken &gone,
            std::chrono::milliseconds pingAfter) {
    const CompletionReply reply = accepted->reply;
    const bool includeUsage = accepted->call.includeUsage;
    const RunHooks hooks{
        .idle = [&] { return writer.pingAfter(pingAfter); },
        .choice =
            [&](const Event &event, std::size_t choice) {
                if (event.kind == Event::Kind::Text) writer.event(reply.piece(event, choice));
                return writer.pingAfter(pingAfter);
            },
    };
    Result<std::vector<Answer>> answers =
        runRequests(accepted->ticket.engine(), choicesOf(accepted->call), hooks, gone);
    accepted.reset(); // the model may go before a slow reader has everything
    if (answers && answers->front().finish == FinishReason::Cancelled) answers = stopped();
    if (!answers) {
        writer.event(apiError(answers.error()).json());
    } else {
        for (std::size_t i = 0; i < answers->size(); ++i) writer.event(reply.finish((*answers)[i], i));
        if (includeUsage) writer.event(reply.usage(*answers));
    }
    writer.done();
}

HttpReply complete(HttpCall &http, Services &services) {
    const Result<Json> body = parseJson(http.body);
    if (!body) return errorReply(apiError(body.error()));
    Result<ChatCall> call = parseCompletionRequest(*body, http.body);
    if (!call) return errorReply(apiError(call.error(), true));
    auto entry = services.slot.enter(http.gone);
    if (const ApiError *refused = std::get_if<ApiError>(&entry)) return errorReply(*refused);
    auto &ticket = std::get<ModelSlot::Ticket>(entry);
    if (const Status fits = ticket.engine().check(call->request); !fits) return errorReply(apiError(fits.error()));
    CompletionReply reply(ticket.engine().info().name);
    auto accepted =
        std::make_shared<Accepted>(Accepted{std::move(call).value(), std::move(ticket), std::move(reply)});
    if (accepted->call.stream) {
        auto held = std::make_shared<std::shared_ptr<Accepted>>(std::move(accepted));
        HttpReply answer{.contentType = "text/event-stream"};
        answer.stream = [held, gone = http.gone, pingAfter = services.pingAfter](SseWriter &writer) {
            stream(writer, std::move(*held), gone, pingAfter);
        };
        return answer;
    }
    const Result<std::vector<Answer>> answers =
        runRequests(accepted->ticket.engine(), choicesOf(accepted->call), {}, http.gone);
    if (!answers) return errorReply(apiError(answers.error()));
    if (answers->front().finish == FinishReason::Cancelled) return errorReply(apiError(stopped()));
    return jsonReply(200, accepted->reply.whole(*answers));
}

} // namespace

void addCompletionRoutes(std::vector<Route> &routes, Services &services) {
    for (const char *path : {"/v1/completions", "/completions"}) {
        routes.push_back({.method = "POST",
                          .path = path,
                          .handler = [&services](HttpCall &call) { return complete(call, services); },
                          .bodyLimit = kBodyLimit});
    }
}

} // namespace facet::host
