// Grammars as users write them: the GBNF notation of llama.cpp.
//
//     root   ::= "yes" | "no" [.!]? | list      # a comment
//     list   ::= ("- " [^\n]+ "\n"){1,5}
//
// Literals and classes may use \n \t \r \\ \" \[ \] \- \xHH \uHHHH \UHHHHHHHH. <[12]> and <|name|> stand for a token.
#pragma once

#include "grammar/grammar.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace facet::grammar {

// Id of a token by its text, for <name>.
using TokenLookup = std::function<std::optional<std::int32_t>(std::string_view)>;

// Errors: InvalidArgument with line and column, LimitExceeded. The first rule to match is "root".
Result<RuleId> parseGbnf(GrammarBuilder &builder, std::string_view text, const TokenLookup &tokens = {});
Result<std::shared_ptr<const Grammar>> grammarFromGbnf(std::string_view text, const TokenLookup &tokens = {});

}  // namespace facet::grammar
