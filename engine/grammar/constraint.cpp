#include "grammar/constraint.h"

#include "grammar/gbnf.h"
#include "grammar/schema_grammar.h"
#include "grammar/tool_grammar.h"

#include <algorithm>
#include <utility>

namespace facet::grammar {

namespace {

using Kind = OutputConstraint::Kind;

Result<ExprId> answerExpr(GrammarBuilder &b, const OutputConstraint &constraint, const TokenLookup &tokens) {
    switch (constraint.kind) {
    case Kind::Grammar: {
        FACET_TRY(root, parseGbnf(b, constraint.text, tokens));
        return b.rule(root);
    }
    case Kind::JsonSchema: {
        FACET_TRY(document, SchemaDocument::parse(constraint.text));
        ValueWriter writer(b, std::nullopt);
        FACET_TRY(rule, addSchema(b, writer, *document, {}));
        return b.rule(rule);
    }
    case Kind::JsonObject: {
        ValueWriter writer(b, std::nullopt);
        return writer.anyObject();
    }
    case Kind::None: break;
    }
    return b.never();
}

Result<std::shared_ptr<const Grammar>> finished(GrammarBuilder &b, ExprId expr, Kind kind) {
    const RuleId root = b.declare("answer");
    b.define(root, expr);
    if (!b.overfull() && !b.productive()[root])
        return Error{ErrorCode::InvalidArgument, kind == Kind::Grammar ? "No text at all matches the grammar."
                                                                       : "No value at all satisfies the schema."};
    return b.finish(root);
}

}  // namespace

std::shared_ptr<const TokenVocabulary> LazyVocabulary::get(const Tokenizer &tokenizer) {
    const std::lock_guard<std::mutex> lock(m_mutex);
    if (!m_vocabulary) m_vocabulary = TokenVocabulary::fromTokenizer(tokenizer);
    return m_vocabulary;
}

Result<std::optional<TokenConstraint>> makeConstraint(const Request &request, const ConstraintSource &source) {
    const Kind kind = request.constraint.kind;
    const auto idOf = [&](const char *marker) { return source.tokenizer.idOf(marker).value_or(-1); };
    const CallTokens call{idOf("<|tool_call>"), idOf("<tool_call|>"), idOf("<|\"|>")};
    const bool mayCall = !request.tools.empty() && request.toolChoice != ToolChoice::None && call.complete();
    const bool mustCall = mayCall && request.toolChoice == ToolChoice::Required;
    const bool strict = std::any_of(request.tools.begin(), request.tools.end(), [](const ToolDeclaration &t) { return t.strict; });
    if (kind == Kind::None && !mustCall && !(mayCall && strict)) return std::optional<TokenConstraint>();

    GrammarBuilder b;
    const TokenLookup tokens = [&source](std::string_view name) { return source.tokenizer.idOf(name); };
    FACET_TRY(answer, answerExpr(b, request.constraint, tokens));
    ConstraintOptions options;
    if (mayCall) {
        FACET_TRY(one, callExpr(b, request.tools, call));
        if (kind == Kind::None && !mustCall) {
            answer = one;
            options.trigger = call.opens;
        } else {
            const ExprId calls = b.repeat(one, 1);
            answer = mustCall ? calls : b.choice({answer, calls});
        }
    }
    FACET_TRY(grammar, finished(b, answer, kind));
    options.grammar = std::move(grammar);
    options.vocabulary = source.vocabulary.get(source.tokenizer);
    options.stopIds = source.stopIds;
    options.startsInThought = source.startsInThought;
    options.mayThink = request.thinking;
    options.thoughtOpens = idOf("<|channel>");
    options.thoughtCloses = idOf("<channel|>");
    return std::optional<TokenConstraint>(std::in_place, std::move(options));
}

}  // namespace facet::grammar
