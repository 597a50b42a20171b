#include "text/jinja/lexer.h"
#include "text/jinja/syntax.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

namespace facet::jinja {

namespace {

constexpr std::size_t kMaxSource = std::size_t{4} << 20U;
constexpr int kMaxNesting = 80;  // of statements and brackets, and of one expression's tree

using Kind = ExpressionKind;

// After an error the parser stands at the end of the tokens, so that every loop ends by itself.
class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : m_tokens(std::move(tokens)) { m_program.loop = symbolOf("loop"); }

    Result<Program> run() {
        std::string end;
        m_program.block = block({}, end);
        if (m_error) return *std::move(m_error);
        return std::move(m_program);
    }

private:
    // --- tokens
    const Token &token() const { return m_tokens[m_at]; }
    void next() {
        if (m_at + 1 < m_tokens.size()) ++m_at;
    }
    bool isOperator(std::string_view text) const { return token().type == Token::Type::Operator && token().text == text; }
    bool isName(std::string_view text) const { return token().type == Token::Type::Name && token().text == text; }
    bool take(std::string_view operatorText) {
        if (!isOperator(operatorText)) return false;
        next();
        return true;
    }
    bool takeName(std::string_view text) {
        if (!isName(text)) return false;
        next();
        return true;
    }
    void expect(std::string_view operatorText) {
        if (!take(operatorText)) fail("expected \"" + std::string(operatorText) + "\" and found " + here());
    }
    void expect(Token::Type type, const char *what) {
        if (token().type == type)
            next();
        else
            fail(std::string("expected ") + what + " and found " + here());
    }
    std::string name(const char *what) {
        if (token().type != Token::Type::Name) {
            fail(std::string("expected ") + what + " and found " + here());
            return {};
        }
        std::string text = token().text;
        next();
        return text;
    }
    std::string here() const {
        switch (token().type) {
        case Token::Type::End: return "the end";
        case Token::Type::BlockEnd: return "the end of the tag";
        case Token::Type::OutputEnd: return "\"}}\"";
        default: return "\"" + token().text.substr(0, 40) + "\"";
        }
    }
    void fail(const std::string &what, ErrorCode code = ErrorCode::ModelUnsupported) {
        if (!m_error) m_error = templateError(code, token().line, what);
        m_at = m_tokens.size() - 1;
    }
    Symbol symbolOf(const std::string &text) {
        const auto [place, fresh] = m_symbols.emplace(text, static_cast<Symbol>(m_program.symbols.size()));
        if (fresh) m_program.symbols.push_back(text);
        return place->second;
    }

    // Counts how deep the parser itself is.
    class Nested {
    public:
        explicit Nested(Parser &parser) : m_parser(parser) {
            if (++parser.m_depth > kMaxNesting) parser.fail("it is nested more than 80 deep", ErrorCode::LimitExceeded);
        }
        ~Nested() { --m_parser.m_depth; }
        Nested(const Nested &) = delete;
        Nested &operator=(const Nested &) = delete;

    private:
        Parser &m_parser;
    };

    // --- statements
    std::unique_ptr<Statement> make(StatementKind kind) const {
        auto out = std::make_unique<Statement>();
        out->kind = kind;
        out->line = token().line;
        return out;
    }

    // Statements up to a tag named in `ends` (stored in `end`, its name consumed) or, without ends, to the end.
    Block block(std::initializer_list<std::string_view> ends, std::string &end) {
        const Nested nested(*this);
        Block out;
        while (!m_error && token().type != Token::Type::End) {
            if (token().type == Token::Type::Data) {
                out.push_back(make(StatementKind::Data));
                out.back()->text = token().text;
                next();
            } else if (token().type == Token::Type::OutputBegin) {
                next();
                out.push_back(make(StatementKind::Output));
                out.back()->expressions.push_back(tuple());
                expect(Token::Type::OutputEnd, "\"}}\"");
            } else {
                expect(Token::Type::BlockBegin, "a tag");
                const std::string tag = name("the name of a tag");
                if (std::find(ends.begin(), ends.end(), tag) != ends.end()) {
                    end = tag;
                    return out;
                }
                if (auto made = statement(tag)) out.push_back(std::move(made));
            }
        }
        if (ends.size() > 0) fail("expected {% " + std::string(*(ends.end() - 1)) + " %} and found the end");
        return out;
    }
    void endTag() { expect(Token::Type::BlockEnd, "the end of the tag"); }
    Block body(std::string_view endName) {
        endTag();
        std::string end;
        Block out = block({endName}, end);
        endTag();
        return out;
    }

    std::unique_ptr<Statement> statement(const std::string &tag) {
        if (tag == "if") return ifStatement();
        if (tag == "for") return forStatement();
        if (tag == "set") return setStatement();
        if (tag == "macro") return macroStatement();
        if (tag == "break" || tag == "continue") {
            auto out = make(tag == "break" ? StatementKind::Break : StatementKind::Continue);
            endTag();
            return out;
        }
        if (tag == "generation") {  // marks what a model is trained on; its contents count as they are
            auto out = make(StatementKind::If);
            out->expressions.push_back(literal(Value(true)));
            out->blocks.push_back(body("endgeneration"));
            return out;
        }
        fail("the tag {% " + tag.substr(0, 40) + " %} is not supported");
        return nullptr;
    }

    std::unique_ptr<Statement> ifStatement() {
        auto out = make(StatementKind::If);
        std::string end = "elif";
        while (!m_error && end == "elif") {
            out->expressions.push_back(tuple());
            endTag();
            out->blocks.push_back(block({"elif", "else", "endif"}, end));
        }
        if (end == "else") {
            endTag();
            out->blocks.push_back(block({"endif"}, end));
        }
        endTag();
        return out;
    }

    std::unique_ptr<Statement> forStatement() {
        auto out = make(StatementKind::For);
        out->symbols = targets();
        if (!takeName("in")) fail("expected \"in\" and found " + here());
        out->expressions.push_back(disjunction());
        out->expressions.push_back(takeName("if") ? disjunction() : nullptr);
        if (isName("recursive")) fail("recursive loops are not supported");
        endTag();
        std::string end;
        out->blocks.push_back(block({"else", "endfor"}, end));
        if (end == "else") {
            endTag();
            out->blocks.push_back(block({"endfor"}, end));
        }
        endTag();
        return out;
    }

    std::vector<Symbol> targets() {
        std::vector<Symbol> out;
        const bool bracket = take("(");
        do {
            out.push_back(symbolOf(name("the name of a variable")));
        } while (!m_error && take(","));
        if (bracket) expect(")");
        return out;
    }

    std::unique_ptr<Statement> setStatement() {
        auto out = make(StatementKind::Set);
        out->symbols = targets();
        if (take(".")) {
            out->kind = StatementKind::SetAttribute;
            out->text = name("the name of an attribute");
        }
        if (token().type == Token::Type::BlockEnd && out->kind == StatementKind::Set && out->symbols.size() == 1) {
            out->kind = StatementKind::SetBlock;
            out->blocks.push_back(body("endset"));
            return out;
        }
        expect("=");
        out->expressions.push_back(tuple());
        endTag();
        return out;
    }

    std::unique_ptr<Statement> macroStatement() {
        auto out = make(StatementKind::Macro);
        out->text = name("the name of a macro");
        out->symbols.push_back(symbolOf(out->text));
        expect("(");
        while (!m_error && !isOperator(")")) {
            out->names.push_back(name("the name of a parameter"));
            out->symbols.push_back(symbolOf(out->names.back()));
            out->expressions.push_back(take("=") ? expression() : nullptr);
            if (!take(",")) break;
        }
        expect(")");
        out->blocks.push_back(body("endmacro"));
        return out;
    }

    // --- expressions, loosest binding first
    ExpressionPointer make(Kind kind, std::vector<ExpressionPointer> parts = {}) {
        auto out = std::make_unique<Expression>();
        out->kind = kind;
        out->line = token().line;
        for (const ExpressionPointer &part : parts)
            if (part) out->depth = std::max(out->depth, part->depth + 1);
        if (out->depth > kMaxNesting) fail("an expression is nested more than 80 deep", ErrorCode::LimitExceeded);
        out->parts = std::move(parts);
        return out;
    }
    ExpressionPointer make(Kind kind, ExpressionPointer a, ExpressionPointer b = nullptr) {
        std::vector<ExpressionPointer> parts;
        parts.push_back(std::move(a));
        if (b) parts.push_back(std::move(b));
        return make(kind, std::move(parts));
    }
    ExpressionPointer literal(Value value) {
        ExpressionPointer out = make(Kind::Literal);
        out->value = std::move(value);
        return out;
    }

    // a, b: a list, as Python's tuples behave here.
    ExpressionPointer tuple() {
        ExpressionPointer first = expression();
        if (!isOperator(",")) return first;
        std::vector<ExpressionPointer> parts;
        parts.push_back(std::move(first));
        while (!m_error && take(",")) {
            if (token().type == Token::Type::BlockEnd || token().type == Token::Type::OutputEnd || isOperator(")")) break;
            parts.push_back(expression());
        }
        return make(Kind::List, std::move(parts));
    }

    ExpressionPointer expression() {
        const Nested nested(*this);
        ExpressionPointer out = disjunction();
        while (!m_error && takeName("if")) {
            ExpressionPointer condition = disjunction();
            std::vector<ExpressionPointer> parts;
            parts.push_back(std::move(condition));
            parts.push_back(std::move(out));
            parts.push_back(takeName("else") ? expression() : nullptr);
            out = make(Kind::Conditional, std::move(parts));
        }
        return out;
    }

    ExpressionPointer disjunction() {
        const Nested nested(*this);
        ExpressionPointer out = conjunction();
        while (!m_error && takeName("or")) out = make(Kind::Or, std::move(out), conjunction());
        return out;
    }
    ExpressionPointer conjunction() {
        ExpressionPointer out = negation();
        while (!m_error && takeName("and")) out = make(Kind::And, std::move(out), negation());
        return out;
    }
    ExpressionPointer negation() {
        int count = 0;
        while (!m_error && takeName("not")) ++count;
        ExpressionPointer out = comparison();
        for (int i = 0; i < count && !m_error; ++i) out = make(Kind::Not, std::move(out));
        return out;
    }

    std::string comparator() {
        static constexpr std::array<std::string_view, 6> kOperators{"==", "!=", "<=", ">=", "<", ">"};
        for (const std::string_view text : kOperators)
            if (take(text)) return std::string(text);
        if (takeName("in")) return "in";
        if (isName("not") && m_at + 1 < m_tokens.size() && m_tokens[m_at + 1].type == Token::Type::Name &&
            m_tokens[m_at + 1].text == "in") {
            next();
            next();
            return "not in";
        }
        return {};
    }
    ExpressionPointer comparison() {
        ExpressionPointer first = binary(0);
        std::vector<ExpressionPointer> parts;
        std::vector<std::string> operators;
        for (std::string text = comparator(); !text.empty() && !m_error; text = comparator()) {
            operators.push_back(std::move(text));
            parts.push_back(binary(0));
        }
        if (operators.empty()) return first;
        parts.insert(parts.begin(), std::move(first));
        ExpressionPointer out = make(Kind::Compare, std::move(parts));
        out->operators = std::move(operators);
        return out;
    }

    // + - bind looser than ~, that looser than * / // %, that looser than **.
    ExpressionPointer binary(std::size_t level) {
        static const std::vector<std::string_view> kLevels[] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}};
        if (level == std::size(kLevels)) return unary(true);
        ExpressionPointer out = binary(level + 1);
        while (!m_error && token().type == Token::Type::Operator &&
               std::find(kLevels[level].begin(), kLevels[level].end(), token().text) != kLevels[level].end()) {
            std::string text = token().text;
            next();
            out = make(Kind::Binary, std::move(out), binary(level + 1));
            out->text = std::move(text);
        }
        return out;
    }

    ExpressionPointer unary(bool withFilters) {
        const Nested nested(*this);
        ExpressionPointer out;
        if (take("-"))
            out = make(Kind::Negate, unary(false));
        else if (take("+"))
            out = unary(false);
        else
            out = primary();
        out = postfix(std::move(out));
        while (!m_error && withFilters) {
            if (take("|"))
                out = filter(std::move(out));
            else if (takeName("is"))
                out = test(std::move(out));
            else if (isOperator("(") && (out->kind == Kind::Filter || out->kind == Kind::Test))
                fail("the result of a filter cannot be called");
            else
                break;
        }
        return out;
    }

    ExpressionPointer primary() {
        const Token current = token();
        switch (current.type) {
        case Token::Type::Name: {
            next();
            if (current.text == "true" || current.text == "True") return literal(Value(true));
            if (current.text == "false" || current.text == "False") return literal(Value(false));
            if (current.text == "none" || current.text == "None") return literal(None{});
            ExpressionPointer out = make(Kind::Name);
            out->symbol = symbolOf(current.text);
            return out;
        }
        case Token::Type::Text: {
            std::string text;
            while (token().type == Token::Type::Text) {  // texts in a row are one
                text += token().text;
                next();
            }
            return literal(Value(std::move(text)));
        }
        case Token::Type::Integer: next(); return literal(Value(current.integer));
        case Token::Type::Float: next(); return literal(Value(current.number));
        default: break;
        }
        if (take("(")) {
            if (take(")")) return make(Kind::List);
            ExpressionPointer out = tuple();
            expect(")");
            return out;
        }
        if (take("[")) return make(Kind::List, elements("]", false));
        if (take("{")) return make(Kind::Dict, elements("}", true));
        fail("expected a value and found " + here());
        return make(Kind::Literal);
    }

    std::vector<ExpressionPointer> elements(std::string_view end, bool pairs) {
        std::vector<ExpressionPointer> out;
        while (!m_error && !isOperator(end)) {
            out.push_back(expression());
            if (pairs) {
                expect(":");
                out.push_back(expression());
            }
            if (!take(",")) break;
        }
        expect(end);
        return out;
    }

    ExpressionPointer postfix(ExpressionPointer out) {
        while (!m_error) {
            if (take(".")) {
                if (token().type == Token::Type::Integer) {
                    out = make(Kind::Item, std::move(out), literal(Value(token().integer)));
                    next();
                    continue;
                }
                out = make(Kind::Attribute, std::move(out));
                out->text = name("the name of an attribute");
            } else if (take("[")) {
                out = subscript(std::move(out));
            } else if (isOperator("(")) {
                out = make(Kind::Call, std::move(out));
                arguments(*out);
            } else {
                break;
            }
        }
        return out;
    }

    ExpressionPointer subscript(ExpressionPointer value) {
        std::vector<ExpressionPointer> parts;
        parts.push_back(std::move(value));
        bool slice = false;
        for (int place = 0; place < 3 && !m_error; ++place) {
            parts.push_back(isOperator(":") || isOperator("]") ? nullptr : expression());
            if (!take(":")) break;
            slice = true;
        }
        expect("]");
        if (!slice && !m_error && !parts.back()) fail("an index is missing");
        if (slice) parts.resize(4);
        return make(slice ? Kind::Slice : Kind::Item, std::move(parts));
    }

    // ( a, b, key=c ): appended to the parts, keywords to the operators.
    void arguments(Expression &target) {
        expect("(");
        while (!m_error && !isOperator(")")) {
            if (isOperator("*") || isOperator("**")) return fail("arguments with * are not supported");
            const bool keyword = token().type == Token::Type::Name && m_at + 1 < m_tokens.size() &&
                                 m_tokens[m_at + 1].type == Token::Type::Operator && m_tokens[m_at + 1].text == "=";
            if (keyword) {
                target.operators.push_back(token().text);
                next();
                next();
            } else if (!target.operators.empty()) {
                return fail("a positional argument follows one with a keyword");
            }
            target.parts.push_back(expression());
            if (target.parts.back()) target.depth = std::max(target.depth, target.parts.back()->depth + 1);
            if (!take(",")) break;
        }
        expect(")");
    }

    ExpressionPointer filter(ExpressionPointer value) {
        ExpressionPointer out = make(Kind::Filter, std::move(value));
        out->text = name("the name of a filter");
        out->filter = findFilter(out->text);
        if (!out->filter && !m_error) fail("the filter \"" + out->text.substr(0, 40) + "\" is not supported");
        if (isOperator("(")) arguments(*out);
        return out;
    }

    ExpressionPointer test(ExpressionPointer value) {
        const bool negated = takeName("not");
        ExpressionPointer out = make(Kind::Test, std::move(value));
        out->text = name("the name of a test");
        out->test = findTest(out->text);
        if (!out->test && !m_error) fail("the test \"" + out->text.substr(0, 40) + "\" is not supported");
        if (isOperator("(")) {
            arguments(*out);
        } else if (startsTestArgument()) {
            out->parts.push_back(postfix(primary()));
            if (out->parts.back()) out->depth = std::max(out->depth, out->parts.back()->depth + 1);
        }
        return negated ? make(Kind::Not, std::move(out)) : std::move(out);
    }
    bool startsTestArgument() const {
        static constexpr std::array<std::string_view, 7> kWords{"and", "or", "else", "if", "is", "in", "not"};
        switch (token().type) {
        case Token::Type::Name: return std::find(kWords.begin(), kWords.end(), token().text) == kWords.end();
        case Token::Type::Text:
        case Token::Type::Integer:
        case Token::Type::Float: return true;
        default: return isOperator("[") || isOperator("{");
        }
    }

    std::vector<Token> m_tokens;
    std::size_t m_at = 0;
    int m_depth = 0;
    Program m_program;
    std::unordered_map<std::string, Symbol> m_symbols;
    std::optional<Error> m_error;
};

}  // namespace

Result<Program> parse(std::string_view source) {
    if (source.size() > kMaxSource)
        return Error{ErrorCode::LimitExceeded, "The model's chat template is larger than 4 MiB: it cannot be meant as one."};
    FACET_TRY(tokens, tokenise(source));
    return Parser(std::move(tokens)).run();
}

}  // namespace facet::jinja
