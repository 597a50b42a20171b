#include "grammar/tool_grammar.h"

#include "grammar/schema_grammar.h"

#include <utility>

namespace facet::grammar {

namespace {

Result<ExprId> arguments(GrammarBuilder &b, ValueWriter &writer, const ToolDeclaration &tool) {
    FACET_TRY(schema, parseJsonText(tool.parametersJson.empty() ? "{}" : tool.parametersJson, "The schema"));
    if (!schema.is_object()) return wrongKeyword("#", "be an object");
    if (schema.empty()) return b.literal("{}");
    if (!schema.contains("type")) schema["type"] = "object";
    if (schema["type"] != "object") return wrongKeyword("#/type", "be \"object\": arguments have names");
    FACET_TRY(document, SchemaDocument::fromJson(std::move(schema)));
    FACET_TRY(rule, addSchema(b, writer, *document, {.closeObjects = true, .sortedKeys = true}));
    if (!b.productive()[rule]) return Error{ErrorCode::InvalidArgument, "No value satisfies the schema."};
    return b.rule(rule);
}

}  // namespace

Result<ExprId> callExpr(GrammarBuilder &builder, const std::vector<ToolDeclaration> &tools, const CallTokens &tokens) {
    ValueWriter writer(builder, tokens.quote);
    std::vector<ExprId> calls;
    for (const ToolDeclaration &tool : tools) {
        auto given = arguments(builder, writer, tool);
        if (!given && tool.strict) {
            Error error = given.error();
            error.message = "The parameters of the tool " + tool.name + " cannot be enforced. " + error.message;
            return error;
        }
        const ExprId values = given ? *given : writer.anyObject();
        calls.push_back(builder.sequence({builder.literal(tool.name), values}));
    }
    return builder.sequence({builder.token(tokens.opens), builder.literal("call:"), builder.choice(std::move(calls)),
                             builder.token(tokens.closes)});
}

}  // namespace facet::grammar
