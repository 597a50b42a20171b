// Tool calls as the model writes them, <|tool_call>call:NAME{key:value,..}<tool_call|>, with arguments that satisfy the
// tool's schema. Markers and quotes are tokens, not bytes: their characters in a string never end it.
#pragma once

#include "facet/chat.h"
#include "grammar/grammar.h"

#include <cstdint>
#include <vector>

namespace facet::grammar {

struct CallTokens {
    std::int32_t opens = -1, closes = -1, quote = -1;
    bool complete() const { return opens >= 0 && closes >= 0 && quote >= 0; }
};

// One call of one of the tools. A strict tool whose schema cannot be kept is an error that names tool and path; the
// arguments of others become any arguments then.
Result<ExprId> callExpr(GrammarBuilder &builder, const std::vector<ToolDeclaration> &tools, const CallTokens &tokens);

}  // namespace facet::grammar
