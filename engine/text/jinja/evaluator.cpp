#include "text/jinja/evaluator.h"

#include "text/jinja/library.h"
#include "text/unicode.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace facet::jinja {

namespace {

constexpr int kMaxCalls = 600;  // nested evaluations: at most a megabyte of the thread's stack
constexpr std::int64_t kMaxRange = 1'000'000;

using Kind = ExpressionKind;
enum class Flow : std::uint8_t { Normal, Break, Continue };

// Variables of one scope. A `for` opens one for every item; `if` opens none.
struct Frame {
    std::vector<std::pair<Symbol, Value>> variables;
    const Frame *parent = nullptr;

    const Value *find(Symbol symbol) const {
        for (const Frame *frame = this; frame; frame = frame->parent)
            for (const auto &[name, value] : frame->variables)
                if (name == symbol) return &value;
        return nullptr;
    }
    void set(Symbol symbol, Value value) {
        for (auto &[name, old] : variables) {
            if (name != symbol) continue;
            old = std::move(value);
            return;
        }
        variables.emplace_back(symbol, std::move(value));
    }
};

class Evaluator {
public:
    explicit Evaluator(const Program &program) : m_program(program) {}

    Result<std::string> run(const nlohmann::ordered_json &variables) {
        bind("range", Builtin::Range);
        bind("namespace", Builtin::Namespace);
        bind("dict", Builtin::Dict);
        bind("raise_exception", Builtin::RaiseException);
        bool ok = true;
        if (variables.is_object())
            for (const auto &[name, value] : variables.items()) bind(name, fromJson(value, Runtime::kMaxDepth, ok));
        if (!ok)
            return Error{ErrorCode::LimitExceeded, "The conversation contains JSON that is nested more than 100 deep: flatten it."};
        std::string out;
        m_out = &out;
        m_frame = &m_globals;
        execute(m_program.block);
        if (m_runtime.failed()) return *m_runtime.error();
        return out;
    }

private:
    void bind(const std::string &name, Value value) {
        const auto &symbols = m_program.symbols;
        const auto found = std::find(symbols.begin(), symbols.end(), name);
        if (found != symbols.end()) m_globals.set(static_cast<Symbol>(found - symbols.begin()), std::move(value));
    }
    const std::string &nameOf(Symbol symbol) const { return m_program.symbols[static_cast<std::size_t>(symbol)]; }

    // False when the template nests calls too deeply or has used up its steps.
    bool enter(int line) {
        m_runtime.setLine(line);
        if (m_depth >= kMaxCalls) {
            m_runtime.fail(ErrorCode::LimitExceeded, "its macros call each other too deeply");
            return false;
        }
        return m_runtime.spend(1);
    }

    // --- statements
    Flow execute(const Block &block) {
        for (const auto &statement : block) {
            const Flow flow = execute(*statement);
            if (flow != Flow::Normal || m_runtime.failed()) return flow;
        }
        return Flow::Normal;
    }
    Flow execute(const Statement &statement) {
        if (!enter(statement.line)) return Flow::Normal;
        ++m_depth;
        const Flow flow = dispatch(statement);
        --m_depth;
        return flow;
    }
    Flow dispatch(const Statement &statement) {
        switch (statement.kind) {
        case StatementKind::Data: write(statement.text); break;
        case StatementKind::Output: output(evaluate(*statement.expressions[0])); break;
        case StatementKind::If: return ifStatement(statement);
        case StatementKind::For: return forStatement(statement);
        case StatementKind::Set: set(statement); break;
        case StatementKind::SetAttribute: setAttribute(statement); break;
        case StatementKind::SetBlock: m_frame->set(statement.symbols[0], capture(statement.blocks[0])); break;
        case StatementKind::Macro: m_frame->set(statement.symbols[0], Value(&statement)); break;
        case StatementKind::Break: return Flow::Break;
        case StatementKind::Continue: return Flow::Continue;
        }
        return Flow::Normal;
    }

    void write(std::string_view text) {
        if (m_out->size() + text.size() > Runtime::kMaxText)
            m_runtime.fail(ErrorCode::LimitExceeded, "it writes more than 64 MiB");
        else
            m_out->append(text);
    }
    void output(const Value &value) {
        if (value.text())
            write(*value.text());
        else
            write(toText(value));
    }

    Value capture(const Block &block) {
        std::string out;
        std::string *outer = std::exchange(m_out, &out);
        execute(block);
        m_out = outer;
        return m_runtime.text(std::move(out));
    }

    Flow ifStatement(const Statement &statement) {
        for (std::size_t i = 0; i < statement.expressions.size(); ++i) {
            if (evaluate(*statement.expressions[i]).truthy()) return execute(statement.blocks[i]);
            if (m_runtime.failed()) return Flow::Normal;
        }
        return statement.blocks.size() > statement.expressions.size() ? execute(statement.blocks.back()) : Flow::Normal;
    }

    void assign(Frame &frame, const std::vector<Symbol> &targets, const Value &value) {
        if (targets.size() == 1) return frame.set(targets[0], value);
        const std::shared_ptr<const List> parts = iterate(m_runtime, value);
        if (m_runtime.failed()) return;
        if (parts->items.size() != targets.size()) {
            m_runtime.mismatch("it unpacks " + std::to_string(parts->items.size()) + " values into " +
                               std::to_string(targets.size()) + " names");
            return;
        }
        for (std::size_t i = 0; i < targets.size(); ++i) frame.set(targets[i], parts->items[i]);
    }

    // The items that pass `for .. if`.
    std::shared_ptr<const List> filtered(const Statement &statement, std::shared_ptr<const List> items) {
        if (!statement.expressions[1]) return items;
        Values kept;
        for (const Value &item : items->items) {
            Frame frame;
            frame.parent = m_frame;
            assign(frame, statement.symbols, item);
            Frame *outer = std::exchange(m_frame, &frame);
            if (evaluate(*statement.expressions[1]).truthy()) kept.push_back(item);
            m_frame = outer;
            if (m_runtime.failed()) break;
        }
        auto out = std::make_shared<List>();
        out->items = std::move(kept);
        out->depth = items->depth;
        return out;
    }

    Flow forStatement(const Statement &statement) {
        auto items = iterate(m_runtime, evaluate(*statement.expressions[0]));
        if (m_runtime.failed()) return Flow::Normal;
        items = filtered(statement, std::move(items));
        if (items->items.empty()) return statement.blocks.size() > 1 ? execute(statement.blocks[1]) : Flow::Normal;
        auto loop = std::make_shared<Loop>();
        loop->items = items;
        Frame *outer = m_frame;
        Frame frame;
        frame.parent = outer;
        for (std::size_t i = 0; i < items->items.size(); ++i) {
            if (!m_runtime.spend(4)) break;  // a scope costs more than a node
            loop->index0 = i;
            frame.variables.clear();
            frame.variables.emplace_back(m_program.loop, Value(loop));
            assign(frame, statement.symbols, items->items[i]);
            m_frame = &frame;
            const Flow flow = execute(statement.blocks[0]);
            m_frame = outer;
            if (flow == Flow::Break) break;
        }
        return Flow::Normal;
    }

    void set(const Statement &statement) {
        const Value value = evaluate(*statement.expressions[0]);
        assign(*m_frame, statement.symbols, value);
    }

    void setAttribute(const Statement &statement) {
        Value value = evaluate(*statement.expressions[0]);
        const Value *target = m_frame->find(statement.symbols[0]);
        Namespace *names = target ? target->names() : nullptr;
        if (!names)
            m_runtime.mismatch("\"" + nameOf(statement.symbols[0]) + "\" is no namespace: nothing can be set in it");
        else if (value.names())  // would allow rings that nobody frees
            m_runtime.fail(ErrorCode::ModelUnsupported, "a namespace inside a namespace is not supported");
        else
            names->values.set(statement.text, std::move(value));
    }

    // --- expressions
    Value evaluate(const Expression &expression) {
        if (!enter(expression.line)) return {};
        ++m_depth;
        Value out = dispatch(expression);
        --m_depth;
        return m_runtime.failed() ? Value() : out;
    }
    Value part(const Expression &expression, std::size_t index) { return evaluate(*expression.parts[index]); }

    Value dispatch(const Expression &e) {
        switch (e.kind) {
        case Kind::Literal: return e.value;
        case Kind::Name: {
            const Value *value = m_frame->find(e.symbol);
            return value ? *value : Value();
        }
        case Kind::List: return list(e);
        case Kind::Dict: return dict(e);
        case Kind::Negate: return negate(part(e, 0));
        case Kind::Not: return !part(e, 0).truthy();
        case Kind::And: {
            Value left = part(e, 0);
            return left.truthy() ? part(e, 1) : left;
        }
        case Kind::Or: {
            Value left = part(e, 0);
            return left.truthy() ? left : part(e, 1);
        }
        case Kind::Conditional: return part(e, 0).truthy() ? part(e, 1) : e.parts[2] ? part(e, 2) : Value();
        case Kind::Attribute: return memberOf(part(e, 0), e.text);
        case Kind::Item: return item(e);
        default: return dispatchMore(e);
        }
    }
    // Apart from dispatch() so that the frame of the recursive function stays small.
    Value dispatchMore(const Expression &e) {
        switch (e.kind) {
        case Kind::Binary: return binary(e);
        case Kind::Compare: return comparison(e);
        case Kind::Slice: return slice(e);
        case Kind::Call: return call(e);
        case Kind::Filter: {
            const Value value = part(e, 0);
            const Arguments given = arguments(e);
            m_runtime.setLine(e.line);
            return m_runtime.failed() ? Value() : e.filter(m_runtime, value, given);
        }
        case Kind::Test: {
            const Value value = part(e, 0);
            const Arguments given = arguments(e);
            m_runtime.setLine(e.line);
            return !m_runtime.failed() && e.test(m_runtime, value, given);
        }
        default: return {};
        }
    }

    Value list(const Expression &e) {
        Values items;
        for (const ExpressionPointer &item : e.parts) items.push_back(evaluate(*item));
        return m_runtime.list(std::move(items));
    }
    Value dict(const Expression &e) {
        auto out = std::make_shared<Dict>();
        for (std::size_t i = 0; i + 1 < e.parts.size(); i += 2) {
            const Value key = part(e, i);
            if (!key.text()) return m_runtime.mismatch("a key of a mapping is no text");
            out->set(*key.text(), part(e, i + 1));
        }
        return m_runtime.dict(std::move(out));
    }
    Value item(const Expression &e) {
        const Value value = part(e, 0), key = part(e, 1);
        if (value.text()) m_runtime.spend(value.text()->size() / 32);
        return itemOf(value, key);
    }

    Value negate(const Value &value) {
        if (value.isFloat()) return -value.number();
        if (value.isNumber() && value.integer() != INT64_MIN) return -value.integer();
        return m_runtime.mismatch(std::string("the sign of ") + value.typeName() + " cannot be changed");
    }

    Value binary(const Expression &e) {
        const Value a = part(e, 0), b = part(e, 1);
        if (m_runtime.failed()) return {};
        m_runtime.setLine(e.line);
        if (e.text == "~") return m_runtime.text(toText(a) + toText(b));
        if (a.isNumber() && b.isNumber()) return arithmetic(e.text, a, b);
        if (e.text == "+") {
            if ((a.text() || a.isUndefined()) && (b.text() || b.isUndefined()) && (a.text() || b.text()))
                return m_runtime.text(toText(a) + toText(b));
            if (a.list() && b.list()) {
                Values items = a.list()->items;
                items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
                return m_runtime.list(std::move(items));
            }
        }
        if (e.text == "*" && a.text() && b.isInteger()) return repeated(*a.text(), b.integer());
        return m_runtime.mismatch(std::string("the operator ") + e.text + " does not take " + a.typeName() + " and " + b.typeName());
    }
    Value repeated(const std::string &text, std::int64_t count) {
        if (count > 0 && text.size() > Runtime::kMaxText / static_cast<std::uint64_t>(count))
            return m_runtime.fail(ErrorCode::LimitExceeded, "a text becomes longer than 64 MiB");
        std::string out;
        for (std::int64_t i = 0; i < count && !text.empty(); ++i) out += text;
        return m_runtime.text(std::move(out));
    }

    Value arithmetic(const std::string &op, const Value &a, const Value &b) {
        const bool divides = op == "/" || op == "//" || op == "%";
        if (divides && b.number() == 0) return m_runtime.mismatch("it divides by zero");
        if (op == "/") return a.number() / b.number();
        if (op == "**") return power(a, b);
        if (a.isFloat() || b.isFloat()) {
            const double x = a.number(), y = b.number();
            if (op == "//") return std::floor(x / y);
            if (op == "%") return x - std::floor(x / y) * y;
            return op == "+" ? x + y : op == "-" ? x - y : x * y;
        }
        const std::int64_t x = a.integer(), y = b.integer();
        std::int64_t out = 0;
        bool over = false;
        if (divides) {
            over = x == INT64_MIN && y == -1;
            if (!over) {
                const std::int64_t rest = ((x % y) + y) % y;  // with the sign of y, as in Python
                out = op == "%" ? rest : (x - rest) / y;
            }
        } else {
            over = op == "+" ? __builtin_add_overflow(x, y, &out)
                 : op == "-" ? __builtin_sub_overflow(x, y, &out)
                             : __builtin_mul_overflow(x, y, &out);
        }
        return over ? m_runtime.mismatch("a number becomes too large") : Value(out);
    }
    Value power(const Value &a, const Value &b) {
        const double result = std::pow(a.number(), b.number());
        if (a.isFloat() || b.isFloat() || b.integer() < 0) return result;
        if (std::abs(result) >= 9007199254740992.0) return m_runtime.mismatch("a number becomes too large");
        return static_cast<std::int64_t>(result);
    }

    Value comparison(const Expression &e) {
        Value left = part(e, 0);
        for (std::size_t i = 0; i < e.operators.size(); ++i) {
            Value right = part(e, i + 1);
            if (m_runtime.failed()) return {};
            m_runtime.setLine(e.line);
            if (!holds(e.operators[i], left, right)) return false;
            left = std::move(right);
        }
        return true;
    }
    bool holds(const std::string &op, const Value &a, const Value &b) {
        if (op == "==") return equals(a, b);
        if (op == "!=") return !equals(a, b);
        if (op == "in") return contains(m_runtime, b, a);
        if (op == "not in") return !contains(m_runtime, b, a);
        bool ok = false;
        const int order = compare(a, b, ok);
        if (!ok) m_runtime.mismatch(std::string(a.typeName()) + " and " + b.typeName() + " have no order");
        return ok && (op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0);
    }

    Value slice(const Expression &e) {
        const Value value = part(e, 0);
        std::int64_t bounds[3] = {0, 0, 1};
        bool given[3] = {};
        for (std::size_t i = 0; i < 3; ++i) {
            if (!e.parts[i + 1]) continue;
            const Value bound = part(e, i + 1);
            if (m_runtime.failed()) return {};
            if (bound.isNone()) continue;
            if (!bound.isInteger()) return m_runtime.mismatch("a bound of a slice is no whole number");
            bounds[i] = bound.integer();
            given[i] = true;
        }
        if (bounds[2] == 0) return m_runtime.mismatch("a slice has the step 0");
        if (value.isUndefined()) return value;
        if (!value.text() && !value.list()) return m_runtime.mismatch(std::string(value.typeName()) + " cannot be sliced");
        const std::shared_ptr<const List> items = iterate(m_runtime, value);
        if (m_runtime.failed()) return {};
        const auto size = static_cast<std::int64_t>(items->items.size());
        const bool forward = bounds[2] > 0;
        const auto bound = [&](std::size_t i, std::int64_t otherwise) {
            if (!given[i]) return otherwise;
            const std::int64_t at = bounds[i] < 0 ? std::max(bounds[i], -size) + size : bounds[i];
            if (bounds[i] < -size) return forward ? std::int64_t{0} : std::int64_t{-1};
            return std::min(at, forward ? size : size - 1);
        };
        const std::int64_t begin = bound(0, forward ? 0 : size - 1), end = bound(1, forward ? size : -1);
        const std::int64_t step = std::clamp<std::int64_t>(bounds[2], -size - 1, size + 1);
        Values kept;
        for (std::int64_t at = begin; forward ? at < end : at > end; at += step) kept.push_back(items->items[static_cast<std::size_t>(at)]);
        if (value.list()) return m_runtime.list(std::move(kept));
        std::string text;
        for (const Value &character : kept) text += *character.text();
        return m_runtime.text(std::move(text));
    }

    Arguments arguments(const Expression &e) {
        Arguments out;
        const std::size_t positional = e.parts.size() - e.operators.size();
        for (std::size_t i = 1; i < e.parts.size(); ++i) {
            Value value = part(e, i);
            if (i < positional)
                out.positional.push_back(std::move(value));
            else
                out.named.emplace_back(e.operators[i - positional], std::move(value));
        }
        return out;
    }

    Value call(const Expression &e) {
        const Expression &callee = *e.parts[0];
        if (callee.kind == Kind::Attribute) {
            const Value object = part(callee, 0);
            const Arguments given = arguments(e);
            m_runtime.setLine(e.line);
            return m_runtime.failed() ? Value() : callMethod(m_runtime, object, callee.text, given);
        }
        const Value function = evaluate(callee);
        const Arguments given = arguments(e);
        if (m_runtime.failed()) return {};
        m_runtime.setLine(e.line);
        if (const auto *macro = std::get_if<const Statement *>(&function.data())) return callMacro(**macro, given);
        if (const auto *builtin = std::get_if<Builtin>(&function.data())) return callBuiltin(*builtin, given);
        return m_runtime.fail(ErrorCode::ModelUnsupported,
                              callee.kind == Kind::Name ? "the function \"" + nameOf(callee.symbol) + "\" is not supported"
                                                        : std::string(function.typeName()) + " cannot be called");
    }

    Value callMacro(const Statement &macro, const Arguments &given) {
        if (given.positional.size() > macro.names.size())
            return m_runtime.mismatch("the macro \"" + macro.text + "\" gets too many arguments");
        for (const auto &[name, value] : given.named)
            if (std::find(macro.names.begin(), macro.names.end(), name) == macro.names.end())
                return m_runtime.mismatch("the macro \"" + macro.text + "\" has no parameter \"" + name + "\"");
        Frame frame;
        frame.parent = &m_globals;
        Frame *outer = std::exchange(m_frame, &frame);
        for (std::size_t i = 0; i < macro.names.size(); ++i) {
            const Value *value = given.get(i, macro.names[i]);
            if (value)
                frame.set(macro.symbols[i + 1], *value);
            else
                frame.set(macro.symbols[i + 1], macro.expressions[i] ? evaluate(*macro.expressions[i]) : Value());
        }
        Value out = capture(macro.blocks[0]);
        m_frame = outer;
        return out;
    }

    Value callBuiltin(Builtin builtin, const Arguments &given) {
        switch (builtin) {
        case Builtin::Range: return range(given);
        case Builtin::Namespace:
        case Builtin::Dict: {
            Dict values;
            if (!given.positional.empty() && given.positional[0].dict()) values = *given.positional[0].dict();
            for (const auto &[name, value] : given.named) {
                if (value.names()) return m_runtime.fail(ErrorCode::ModelUnsupported, "a namespace inside another is not supported");
                values.set(name, value);
            }
            if (builtin == Builtin::Dict) return m_runtime.dict(std::make_shared<Dict>(std::move(values)));
            auto names = std::make_shared<Namespace>();
            names->values = std::move(values);
            return Value(std::move(names));
        }
        case Builtin::RaiseException: break;
        }
        return m_runtime.fail(ErrorCode::InvalidArgument,
                              given.positional.empty() ? std::string("it refuses the conversation") : toText(given.positional[0]));
    }

    Value range(const Arguments &given) {
        std::int64_t bounds[3] = {0, 0, 1};
        const std::size_t count = given.positional.size();
        if (count < 1 || count > 3) return m_runtime.mismatch("range() takes one to three numbers");
        for (std::size_t i = 0; i < count; ++i) {
            if (!given.positional[i].isInteger()) return m_runtime.mismatch("range() takes whole numbers");
            bounds[count == 1 ? 1 : i] = given.positional[i].integer();
        }
        if (bounds[2] == 0) return m_runtime.mismatch("range() has the step 0");
        Values items;
        const auto over = [&](std::int64_t at) { return bounds[2] > 0 ? at >= bounds[1] : at <= bounds[1]; };
        for (std::int64_t at = bounds[0]; !over(at);) {
            items.push_back(Value(at));
            if (static_cast<std::int64_t>(items.size()) > kMaxRange)
                return m_runtime.fail(ErrorCode::LimitExceeded, "range() gives more than 1000000 numbers");
            if (__builtin_add_overflow(at, bounds[2], &at)) break;
        }
        return m_runtime.list(std::move(items));
    }

    const Program &m_program;
    Runtime m_runtime;
    Frame m_globals;
    Frame *m_frame = nullptr;
    std::string *m_out = nullptr;
    int m_depth = 0;
};

}  // namespace

Result<std::string> evaluate(const Program &program, const nlohmann::ordered_json &variables) {
    return Evaluator(program).run(variables);
}

}  // namespace facet::jinja
