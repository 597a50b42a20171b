// Runs a parsed template. Nothing outside the given variables can be reached; what it may cost is limited (Runtime).
#pragma once

#include "facet/result.h"
#include "text/jinja/syntax.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace facet::jinja {

// Errors: InvalidArgument (raise_exception, values of the wrong kind), ModelUnsupported, LimitExceeded.
Result<std::string> evaluate(const Program &program, const nlohmann::ordered_json &variables);

}  // namespace facet::jinja
