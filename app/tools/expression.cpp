#include "tools/expression.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <vector>

namespace facet::tools {
namespace {

constexpr std::size_t kMaxLength = 1000;
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxArguments = 32;

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

struct Function1 {
    std::string_view name;
    double (*apply)(double);
};

const std::array kFunctions = {
    Function1{"sqrt", [](double x) { return std::sqrt(x); }},
    Function1{"abs", [](double x) { return std::fabs(x); }},
    Function1{"round", [](double x) { return std::round(x); }},
    Function1{"floor", [](double x) { return std::floor(x); }},
    Function1{"ceil", [](double x) { return std::ceil(x); }},
    Function1{"sin", [](double x) { return std::sin(x); }},
    Function1{"cos", [](double x) { return std::cos(x); }},
    Function1{"tan", [](double x) { return std::tan(x); }},
    Function1{"asin", [](double x) { return std::asin(x); }},
    Function1{"acos", [](double x) { return std::acos(x); }},
    Function1{"atan", [](double x) { return std::atan(x); }},
    Function1{"exp", [](double x) { return std::exp(x); }},
    Function1{"ln", [](double x) { return std::log(x); }},
    Function1{"log", [](double x) { return std::log10(x); }},
    Function1{"log10", [](double x) { return std::log10(x); }},
    Function1{"log2", [](double x) { return std::log2(x); }},
};

// Grammar: sum = product {(+|-) product}; product = unary {(*|/|%) unary}; unary = {+|-} power;
// power = atom [^ unary]; atom = number | name [( sum {, sum} )] | ( sum )
class Parser {
public:
    explicit Parser(std::string_view text) : m_text(text) {}

    Result<double> parse() {
        FACET_TRY(value, sum(0));
        skipSpace();
        if (m_at != m_text.size()) {
            return fault("there is something after the expression that does not belong to it");
        }
        if (!std::isfinite(value)) {
            return fault("the result is not a finite number");
        }
        return value;
    }

private:
    Error fault(const std::string &what) const {
        return Error{ErrorCode::InvalidArgument, "The expression cannot be computed: " + what + " (at character " +
                                                     std::to_string(m_at + 1) + ")."};
    }

    void skipSpace() {
        while (m_at < m_text.size() && (m_text[m_at] == ' ' || m_text[m_at] == '\t' || m_text[m_at] == '\n')) {
            ++m_at;
        }
    }

    bool take(std::string_view symbol) {
        skipSpace();
        if (m_text.substr(m_at, symbol.size()) != symbol) {
            return false;
        }
        m_at += symbol.size();
        return true;
    }

    bool takeTimes() { return take("\xC3\x97") || take("\xC2\xB7") || take("*"); } // × ·
    bool takeOver() { return take("\xC3\xB7") || take("/"); }                      // ÷
    bool takeMinus() { return take("\xE2\x88\x92") || take("-"); }                 // −

    Result<double> sum(int depth) {
        if (depth > kMaxDepth) {
            return fault("it is nested too deeply");
        }
        FACET_TRY(value, product(depth));
        for (;;) {
            if (take("+")) {
                FACET_TRY(right, product(depth));
                value += right;
            } else if (takeMinus()) {
                FACET_TRY(right, product(depth));
                value -= right;
            } else {
                return value;
            }
        }
    }

    Result<double> product(int depth) {
        FACET_TRY(value, unary(depth));
        for (;;) {
            if (takeTimes()) {
                FACET_TRY(right, unary(depth));
                value *= right;
            } else if (takeOver() || take("%")) {
                const bool remainder = m_text[m_at - 1] == '%';
                FACET_TRY(right, unary(depth));
                if (right == 0) {
                    return fault("it divides by zero");
                }
                value = remainder ? std::fmod(value, right) : value / right;
            } else {
                return value;
            }
        }
    }

    Result<double> unary(int depth) {
        bool negative = false;
        for (;;) {
            if (takeMinus()) {
                negative = !negative;
            } else if (!take("+")) {
                break;
            }
        }
        FACET_TRY(value, power(depth));
        return negative ? -value : value;
    }

    Result<double> power(int depth) {
        FACET_TRY(base, atom(depth));
        if (!take("**") && !take("^")) {
            return base;
        }
        if (depth >= kMaxDepth) {
            return fault("it is nested too deeply");
        }
        FACET_TRY(exponent, unary(depth + 1));
        return std::pow(base, exponent);
    }

    Result<double> atom(int depth) {
        if (take("(")) {
            FACET_TRY(value, sum(depth + 1));
            if (!take(")")) {
                return fault("a closing parenthesis is missing");
            }
            return value;
        }
        skipSpace();
        if (m_at == m_text.size()) {
            return fault("a number is missing at the end");
        }
        if (isDigit(m_text[m_at]) || m_text[m_at] == '.') {
            return number();
        }
        if (isLetter(m_text[m_at])) {
            return named(depth);
        }
        return fault("a number was expected");
    }

    Result<double> number() {
        double value = 0;
        const char *begin = m_text.data() + m_at;
        const auto [end, error] = std::from_chars(begin, m_text.data() + m_text.size(), value);
        if (error != std::errc()) {
            return fault("a number cannot be read");
        }
        m_at += static_cast<std::size_t>(end - begin);
        return value;
    }

    Result<double> named(int depth) {
        const std::size_t begin = m_at;
        while (m_at < m_text.size() && (isLetter(m_text[m_at]) || isDigit(m_text[m_at]))) {
            ++m_at;
        }
        const std::string_view name = m_text.substr(begin, m_at - begin);
        if (!take("(")) {
            if (name == "pi") {
                return std::numbers::pi;
            }
            if (name == "e") {
                return std::numbers::e;
            }
            return fault("the name '" + std::string(name) + "' is not known");
        }
        std::vector<double> arguments;
        do {
            if (arguments.size() == kMaxArguments) {
                return fault("a function has too many arguments");
            }
            FACET_TRY(value, sum(depth + 1));
            arguments.push_back(value);
        } while (take(",") || take(";"));
        if (!take(")")) {
            return fault("a closing parenthesis is missing");
        }
        return apply(name, arguments);
    }

    Result<double> apply(std::string_view name, const std::vector<double> &arguments) const {
        if (name == "min") {
            return *std::min_element(arguments.begin(), arguments.end());
        }
        if (name == "max") {
            return *std::max_element(arguments.begin(), arguments.end());
        }
        if (name == "pow" && arguments.size() == 2) {
            return std::pow(arguments[0], arguments[1]);
        }
        for (const Function1 &function : kFunctions) {
            if (function.name == name && arguments.size() == 1) {
                return function.apply(arguments[0]);
            }
        }
        return fault("the function '" + std::string(name) + "' is not known with this number of arguments");
    }

    std::string_view m_text;
    std::size_t m_at = 0;
};

} // namespace

Result<double> evaluateExpression(std::string_view text) {
    if (text.size() > kMaxLength) {
        return Error{ErrorCode::LimitExceeded, "The expression is longer than 1000 characters."};
    }
    return Parser(text).parse();
}

std::string formatNumber(double value) {
    constexpr double kExactIntegers = 9007199254740992.0; // 2^53
    std::array<char, 64> buffer{};
    if (value == 0) {
        return "0"; // not "-0"
    }
    if (std::fabs(value) < kExactIntegers && value == std::floor(value)) {
        const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<long long>(value));
        return {buffer.data(), result.ptr};
    }
    // 12 digits: 0.1 + 0.2 is 0.3 for people.
    const auto result =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 12);
    return {buffer.data(), result.ptr};
}

} // namespace facet::tools
