// Hostile JSON to checked values: depth and count are limited before anything is built, and every field that has the
// wrong type gives an error naming its path.
//
//     FACET_TRY(body, parseJson(text));
//     const JsonFields fields(body, "");
//     FACET_TRY(temperature, fields.number("temperature", 0, 2));   // optional<double>; absent and null: nothing
#pragma once

#include "facet/result.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace facet::host {

using Json = nlohmann::json;

constexpr int kMaxJsonDepth = 100;
constexpr std::size_t kMaxJsonValues = 1'000'000;

// Errors: InvalidArgument (not JSON: which byte), LimitExceeded (too deep, too many values).
Result<Json> parseJson(std::string_view text);

// One line, invalid UTF-8 replaced: safe inside an event stream.
std::string jsonLine(const Json &value);

// The text of a member of the object that `text` is, as it was written (the order of keys included); empty if it has
// none. The text must be JSON that parseJson has taken.
std::string_view memberText(std::string_view text, std::string_view name);

// Optional fields of an object. `path` is the object's own path, for messages; empty at the top.
class JsonFields {
public:
    JsonFields(const Json &object, std::string path) : m_object(object), m_path(std::move(path)) {}

    // The value, or null when absent or JSON null.
    const Json *find(const char *name) const;
    std::string pathOf(std::string_view name) const;

    Result<std::optional<std::string>> string(const char *name) const;
    Result<std::optional<bool>> boolean(const char *name) const;
    Result<std::optional<double>> number(const char *name, double least, double most) const;
    Result<std::optional<std::int64_t>> integer(const char *name, std::int64_t least, std::int64_t most) const;
    // nullptr: absent.
    Result<const Json *> object(const char *name) const;
    Result<const Json *> array(const char *name, std::size_t most) const;

    Error wrong(std::string_view name, std::string_view must) const; // "'path.name' must ..."

private:
    const Json &m_object;
    std::string m_path;
};

} // namespace facet::host
