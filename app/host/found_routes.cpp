// GET /x_facet/models/found: what other programs have downloaded. On the private link only: it tells where the
// user's files lie.
#include "host/facet_routes.h"
#include "host/json_reader.h"
#include "host/services.h"

#include <vector>

namespace facet::host {

namespace {

Json foundJson(const FoundModel &model) {
    const char *obstacle = foundObstacleName(model.obstacle);
    return {{"path", model.path},
            {"name", model.name},
            {"source", model.source},
            {"format", model.gguf ? "gguf" : "safetensors"},
            {"role", foundRoleName(model.role)},
            {"architecture", model.architecture},
            {"obstacle", *obstacle ? Json(obstacle) : Json()},
            {"bytes", model.bytes},
            {"mmproj", model.mmproj.empty() ? Json() : Json(model.mmproj)}};
}

} // namespace

void addFoundRoutes(std::vector<Route> &routes, Services &services) {
    routes.push_back({.method = "GET", .path = "/x_facet/models/found", .handler = [&services](HttpCall &) {
                          Json list = Json::array();
                          for (const FoundModel &model : services.findModels()) list.push_back(foundJson(model));
                          return jsonReply(200, jsonLine({{"models", std::move(list)}}));
                      }});
}

} // namespace facet::host
