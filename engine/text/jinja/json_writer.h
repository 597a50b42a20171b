// JSON as Python's json.dumps(ensure_ascii=False) spells it: ", " and ": " between parts, floats as repr().
#pragma once

#include "text/jinja/value.h"

#include <string>

namespace facet::jinja {

// indent: blanks a level, each part on a line of its own; negative: all on one line.
std::string writeJson(const Value &value, int indent);

}  // namespace facet::jinja
