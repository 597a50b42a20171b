// The `pattern` of JSON Schema: the part of ECMAScript's regular expressions that is regular. Groups, alternatives,
// classes, quantifiers, ^ and $, \d \w \s and their opposites, \xHH \uHHHH \u{H}. Look-around, back references, word
// borders and \p classes are refused by name.
#pragma once

#include "grammar/code_point_dfa.h"

#include <string_view>

namespace facet::grammar {

// The texts in which the pattern is found (as a search: unanchored unless it says so). Errors: InvalidArgument naming
// the construct and its place, LimitExceeded.
Result<CodePointDfa> dfaFromPattern(std::string_view pattern);

}  // namespace facet::grammar
