// The syntax tree of a template, and the parser that builds it. Names are numbers here: the evaluator looks variables up
// for every step, and comparing numbers is what that costs.
#pragma once

#include "facet/result.h"
#include "text/jinja/library.h"
#include "text/jinja/value.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace facet::jinja {

using Symbol = int;

enum class ExpressionKind : std::uint8_t {
    Literal,     // value
    Name,        // symbol
    List,        // parts
    Dict,        // parts: key, value, key, value, ..
    Negate,      // parts[0]
    Not,         // parts[0]
    And,         // parts[0], parts[1]
    Or,          // parts[0], parts[1]
    Binary,      // text: + - * / // % ** ~; parts[0], parts[1]
    Compare,     // parts[0] operators[0] parts[1] operators[1] parts[2] ..
    Conditional, // parts: condition, then, otherwise (may be null)
    Attribute,   // parts[0] . text
    Item,        // parts[0] [ parts[1] ]
    Slice,       // parts[0] [ parts[1] : parts[2] : parts[3] ] (1..3 may be null)
    Call,        // parts[0] ( parts[1] .. , names: the last of them have keywords )
    Filter,      // parts[0] | text ( parts[1] .. )
    Test,        // parts[0] is text ( parts[1] .. )
};

struct Expression {
    ExpressionKind kind = ExpressionKind::Literal;
    int line = 1;
    int depth = 1;  // of the tree below, limited
    Symbol symbol = 0;
    std::string text;
    Value value;
    std::vector<std::unique_ptr<Expression>> parts;
    std::vector<std::string> operators;  // Compare; Call, Filter, Test: keywords of the last parts
    FilterFunction filter = nullptr;
    TestFunction test = nullptr;
};
using ExpressionPointer = std::unique_ptr<Expression>;

enum class StatementKind : std::uint8_t { Data, Output, If, For, Set, SetAttribute, SetBlock, Macro, Break, Continue };

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

struct Statement {
    StatementKind kind = StatementKind::Data;
    int line = 1;
    std::string text;                            // Data; SetAttribute: the attribute; Macro: its name
    std::vector<Symbol> symbols;                 // For, Set: targets; SetAttribute: the namespace; Macro: itself, then parameters
    std::vector<ExpressionPointer> expressions;  // Output, Set: one; If: conditions; For: what, filter (may be null);
                                                 // Macro: defaults of its parameters (may be null)
    std::vector<std::string> names;              // Macro: its parameters
    std::vector<Block> blocks;                   // If: one a condition, and one more for else; For: body, else; others: body
};

struct Program {
    Block block;
    std::vector<std::string> symbols;  // names by symbol
    Symbol loop = 0;                   // the symbol of "loop"
};

// Errors: ModelUnsupported naming the construct and the line; LimitExceeded.
Result<Program> parse(std::string_view source);

}  // namespace facet::jinja
