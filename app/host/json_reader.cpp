#include "host/json_reader.h"

#include "host/errors.h"

#include "facet/json_shape.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace facet::host {

namespace {

// What the parser would build, before it builds it.
Status checkSize(std::string_view text) {
    const JsonShape shape = jsonShape(text, {.depth = kMaxJsonDepth, .values = kMaxJsonValues});
    if (shape.excess == JsonShape::Excess::Depth) {
        return Error{ErrorCode::LimitExceeded,
                     "The request's JSON is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels."};
    }
    if (shape.excess != JsonShape::Excess::None) {
        return Error{ErrorCode::LimitExceeded,
                     "The request's JSON has more than " + std::to_string(kMaxJsonValues) + " values."};
    }
    return ok();
}

std::string brief(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

} // namespace

Result<Json> parseJson(std::string_view text) {
    FACET_CHECK(checkSize(text));
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const Json::parse_error &error) {
        return Error{ErrorCode::InvalidArgument,
                     "The request body is not valid JSON (near byte " + std::to_string(error.byte) + ")."};
    } catch (const Json::exception &) {
        return Error{ErrorCode::InvalidArgument, "The request body is not valid JSON (a number is out of range)."};
    }
}

namespace {

std::size_t behindSpace(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

} // namespace

std::string_view memberText(std::string_view text, std::string_view name) {
    std::string_view found;
    std::size_t at = behindSpace(text, 0);
    if (at >= text.size() || text[at] != '{') return found;
    for (at = behindSpace(text, at + 1); at < text.size() && text[at] == '"'; at = behindSpace(text, at + 1)) {
        std::size_t end = at + 1;
        while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
        if (end >= text.size()) break;
        const Json key = Json::parse(text.substr(at, end + 1 - at), nullptr, false);
        const std::size_t begin = behindSpace(text, behindSpace(text, end + 1) + 1); // the colon between
        at = jsonValueEnd(text, begin);
        if (key.is_string() && key.get_ref<const std::string &>() == name) found = text.substr(begin, at - begin);
        if (at >= text.size() || text[at] != ',') break;
    }
    return found;
}

std::string jsonLine(const Json &value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

const Json *JsonFields::find(const char *name) const {
    const auto found = m_object.find(name);
    return found == m_object.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonFields::pathOf(std::string_view name) const {
    return m_path.empty() ? std::string(name) : m_path + "." + std::string(name);
}

Error JsonFields::wrong(std::string_view name, std::string_view must) const {
    std::string path = pathOf(name);
    std::string message = "'" + path + "' must " + std::string(must);
    return fieldError(std::move(path), std::move(message));
}

Result<std::optional<std::string>> JsonFields::string(const char *name) const {
    const Json *value = find(name);
    if (!value) return std::optional<std::string>();
    if (!value->is_string()) return wrong(name, "be a string.");
    return std::optional(value->get<std::string>());
}

Result<std::optional<bool>> JsonFields::boolean(const char *name) const {
    const Json *value = find(name);
    if (!value) return std::optional<bool>();
    if (!value->is_boolean()) return wrong(name, "be true or false.");
    return std::optional(value->get<bool>());
}

Result<std::optional<double>> JsonFields::number(const char *name, double least, double most) const {
    const Json *value = find(name);
    if (!value) return std::optional<double>();
    const double number = value->is_number() ? value->get<double>() : NAN;
    if (!(number >= least && number <= most)) {
        return wrong(name, "be a number from " + brief(least) + " to " + brief(most) + ".");
    }
    return std::optional(number);
}

Result<std::optional<std::int64_t>> JsonFields::integer(const char *name, std::int64_t least, std::int64_t most) const {
    const Json *value = find(name);
    if (!value) return std::optional<std::int64_t>();
    // Some clients write whole numbers as 5.0; beyond 2^53 a double is no longer exact.
    double whole = 0;
    const bool wholeFloat =
        value->is_number_float() && std::modf(value->get<double>(), &whole) == 0 && std::abs(whole) < 9e15;
    const bool tooLarge =
        value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    if ((value->is_number_integer() && !tooLarge) || wholeFloat) {
        const std::int64_t number = wholeFloat ? static_cast<std::int64_t>(whole) : value->get<std::int64_t>();
        if (number >= least && number <= most) return std::optional(number);
    }
    return wrong(name, "be a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
}

Result<const Json *> JsonFields::object(const char *name) const {
    const Json *value = find(name);
    if (value && !value->is_object()) return wrong(name, "be an object.");
    return value;
}

Result<const Json *> JsonFields::array(const char *name, std::size_t most) const {
    const Json *value = find(name);
    if (value && !value->is_array()) return wrong(name, "be a list.");
    if (value && value->size() > most) {
        Error error = wrong(name, "have at most " + std::to_string(most) + " entries.");
        error.code = ErrorCode::LimitExceeded;
        return error;
    }
    return value;
}

} // namespace facet::host
