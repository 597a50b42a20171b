// JSON out of files that nobody vouches for: depth and number of values are limited before anything is built.
#pragma once

#include "facet/result.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace facet {

struct JsonLimits {
    int depth = 32;                 // nested objects and arrays
    std::size_t values = 1'000'000; // elements of all arrays and objects together
};

// A JSON object. Errors: ModelFileCorrupt (syntax with its byte, a key twice in the outermost object, no object),
// LimitExceeded. `file` is for messages.
Result<nlohmann::json> parseJsonObject(std::string_view text, const JsonLimits &limits, const std::string &file);

} // namespace facet
