// The text of one tool call -> name and JSON arguments (grammar in text.md section 6).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace facet {

// Stands for the token <|"|> inside the text of a call; never part of UTF-8, so that the same characters in ordinary
// pieces stay text.
inline constexpr char kQuoteToken = '\xFF';

struct ParsedCall {
    std::string name;
    std::string argumentsJson;
};
// Nothing if the text is not exactly "call:NAME{...}" with values of the grammar, nested at most 64 deep.
std::optional<ParsedCall> parseCall(std::string_view text);

}  // namespace facet
