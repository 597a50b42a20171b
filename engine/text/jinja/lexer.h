// Template source -> tokens. White space as the reference environment has it: trim_blocks and lstrip_blocks on, the last
// newline of the source dropped, `-` and `+` at the tags honoured.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet::jinja {

struct Token {
    enum class Type : std::uint8_t { Data, BlockBegin, BlockEnd, OutputBegin, OutputEnd, Name, Text, Integer, Float, Operator, End };
    Type type = Type::End;
    std::string text;  // Data, Name, Operator; Text with its escapes resolved
    std::int64_t integer = 0;
    double number = 0;
    int line = 1;
};

// Errors: ModelUnsupported with the line, LimitExceeded.
Result<std::vector<Token>> tokenise(std::string_view source);

// "line 12: what": how every message about a template reads.
Error templateError(ErrorCode code, int line, const std::string &what);

}  // namespace facet::jinja
