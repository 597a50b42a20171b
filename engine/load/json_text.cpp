#include "load/json_text.h"

#include "facet/json_shape.h"

#include <unordered_set>

namespace facet {
namespace {

// Before the parser allocates anything.
Status checkShape(std::string_view text, const JsonLimits &limits, const std::string &file) {
    const JsonShape shape = jsonShape(text, {.depth = limits.depth, .values = limits.values});
    if (shape.excess == JsonShape::Excess::Depth) {
        return Error{ErrorCode::LimitExceeded, "The JSON text is nested too deeply.",
                     "more than " + std::to_string(limits.depth) + " levels", file, shape.at};
    }
    if (shape.excess != JsonShape::Excess::None) {
        return Error{ErrorCode::LimitExceeded, "The JSON text has too many entries.",
                     "more than " + std::to_string(limits.values), file, shape.at};
    }
    return ok();
}

} // namespace

Result<nlohmann::json> parseJsonObject(std::string_view text, const JsonLimits &limits, const std::string &file) {
    using Json = nlohmann::json;
    FACET_CHECK(checkShape(text, limits, file));
    std::unordered_set<std::string> names;
    std::string duplicate;
    const auto watchKeys = [&](int depth, Json::parse_event_t event, Json &parsed) {
        if (event == Json::parse_event_t::key && depth == 1 && duplicate.empty()) {
            const auto &name = parsed.get_ref<const std::string &>();
            if (!names.insert(name).second) duplicate = name;
        }
        return true;
    };
    Json value;
    try {
        value = Json::parse(text.begin(), text.end(), watchKeys);
    } catch (const Json::parse_error &problem) {
        return Error{ErrorCode::ModelFileCorrupt, "The JSON text is damaged.", problem.what(), file, problem.byte};
    } catch (const Json::exception &problem) {
        return Error{ErrorCode::ModelFileCorrupt, "The JSON text is damaged.", problem.what(), file};
    }
    if (!duplicate.empty()) {
        return Error{ErrorCode::ModelFileCorrupt, "The JSON text has an entry twice.", "key \"" + duplicate + "\"",
                     file};
    }
    if (!value.is_object()) return Error{ErrorCode::ModelFileCorrupt, "The JSON text is no object.", {}, file};
    return value;
}

} // namespace facet
