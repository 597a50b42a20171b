// GET /health and /v1/models.
#include "host/json_reader.h"
#include "host/services.h"

namespace facet::host {

namespace {

HttpReply health(Services &services) {
    switch (services.slot.state()) {
    case ModelSlot::State::Loading: return jsonReply(503, R"({"status":"loading"})");
    case ModelSlot::State::Empty: return jsonReply(200, R"({"status":"no_model"})");
    case ModelSlot::State::Ready: break;
    }
    return jsonReply(200, R"({"status":"ok"})");
}

HttpReply models(Services &services) {
    Json data = Json::array();
    if (const std::optional<ModelInfo> info = services.slot.info()) {
        data.push_back({{"id", info->name},
                        {"object", "model"},
                        {"created", services.started},
                        {"owned_by", "facet"},
                        {"context_length", info->contextLength},
                        {"max_model_len", info->contextLength},
                        {"meta",
                         {{"n_ctx", info->contextLength},
                          {"n_ctx_train", info->maxContext},
                          {"n_params", info->parameterCount},
                          {"size", info->fileBytes}}}});
    }
    return jsonReply(200, jsonLine({{"object", "list"}, {"data", std::move(data)}}));
}

} // namespace

void addModelRoutes(std::vector<Route> &routes, Services &services) {
    for (const char *path : {"/health", "/v1/health"}) {
        routes.push_back({.method = "GET",
                          .path = path,
                          .handler = [&services](HttpCall &) { return health(services); },
                          .needsKey = false});
    }
    for (const char *path : {"/v1/models", "/models"}) {
        routes.push_back(
            {.method = "GET", .path = path, .handler = [&services](HttpCall &) { return models(services); }});
    }
}

std::vector<Route> allRoutes(Services &services, bool privateLink) {
    std::vector<Route> routes;
    addModelRoutes(routes, services);
    addChatRoutes(routes, services, privateLink);
    addCompletionRoutes(routes, services);
    addAudioRoutes(routes, services);
    addFacetRoutes(routes, services, privateLink);
    return routes;
}

} // namespace facet::host
