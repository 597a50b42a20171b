#include "load/json_text.h"

#include <unordered_set>

namespace facet {
namespace {

// Counts brackets and commas outside strings: cheap, and before the parser allocates anything.
Status checkShape(std::string_view text, const JsonLimits &limits, const std::string &file) {
    int depth = 0;
    std::size_t values = 0;
    bool inString = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inString) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                inString = false;
            continue;
        }
        if (c == '"')
            inString = true;
        else if (c == ',' || c == ':')
            ++values;
        else if (c == '{' || c == '[')
            ++depth, ++values;
        else if (c == '}' || c == ']')
            --depth;
        if (depth > limits.depth) {
            return Error{ErrorCode::LimitExceeded, "The JSON text is nested too deeply.",
                         "more than " + std::to_string(limits.depth) + " levels", file, i};
        }
        if (values > 2 * limits.values) {
            return Error{ErrorCode::LimitExceeded, "The JSON text has too many entries.",
                         "more than " + std::to_string(limits.values), file, i};
        }
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
