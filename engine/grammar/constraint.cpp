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

// Everything that a grammar is made from, each part with its length so that no two requests read alike.
std::string keyOf(const Request &request, bool mayCall, bool mustCall) {
    std::string key = std::to_string(static_cast<int>(request.constraint.kind)) + (mustCall ? "!" : mayCall ? "?" : "-");
    const auto add = [&key](const std::string &text) { key += std::to_string(text.size()) + ":" + text; };
    add(request.constraint.text);
    for (const ToolDeclaration &tool : request.tools) {
        if (!mayCall) break;
        key += tool.strict ? 's' : 'f';
        add(tool.name);
        add(tool.parametersJson);
    }
    return key;
}

}  // namespace

Result<std::shared_ptr<const Grammar>> GrammarCache::get(const std::string &key, const Compile &compile) {
    // Held while compiling: who asks for the same meanwhile waits for it instead of doing it again.
    const std::lock_guard<std::mutex> lock(m_mutex);
    const auto found = std::find_if(m_entries.begin(), m_entries.end(), [&key](const auto &e) { return e.first == key; });
    if (found != m_entries.end()) {
        m_entries.splice(m_entries.begin(), m_entries, found);
        return m_entries.front().second;
    }
    ++m_compiled;
    FACET_TRY(grammar, compile());
    m_entries.emplace_front(key, grammar);
    m_bytes += key.size();
    while (m_entries.size() > kMost || (m_bytes > kMostBytes && m_entries.size() > 1)) {
        m_bytes -= m_entries.back().first.size();
        m_entries.pop_back();
    }
    return grammar;
}

int GrammarCache::compiled() const {
    const std::lock_guard<std::mutex> lock(m_mutex);
    return m_compiled;
}

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

    const bool freeText = kind == Kind::None && !mustCall; // only what is in a call has a form
    const auto compile = [&]() -> Result<std::shared_ptr<const Grammar>> {
        GrammarBuilder b;
        const TokenLookup tokens = [&source](std::string_view name) { return source.tokenizer.idOf(name); };
        FACET_TRY(answer, answerExpr(b, request.constraint, tokens));
        if (mayCall) {
            FACET_TRY(one, callExpr(b, request.tools, call));
            const ExprId calls = freeText ? one : b.repeat(one, 1);
            answer = freeText || mustCall ? calls : b.choice({answer, calls});
        }
        return finished(b, answer, kind);
    };
    FACET_TRY(grammar, source.grammars.get(keyOf(request, mayCall, mustCall), compile));
    ConstraintOptions options;
    if (freeText) options.trigger = call.opens;
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
