// Numbers of JSON texts: exact decimals, and grammars of the numbers within bounds and of multiples.
#pragma once

#include "grammar/grammar.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace facet::grammar {

// An exact decimal: digits before the point without leading zeros ("0" for none), behind it without trailing zeros.
struct Decimal {
    bool negative = false;  // never for zero
    std::string whole = "0", fraction = {};

    // A JSON number, also with an exponent. Nothing if it has more than some hundred digits.
    static std::optional<Decimal> parse(std::string_view json);
    bool isZero() const { return whole == "0" && fraction.empty(); }
    bool isInteger() const { return fraction.empty(); }
    Decimal magnitude() const { return {false, whole, fraction}; }
    std::string text() const;
};
int compare(const Decimal &a, const Decimal &b);

struct NumberLimits {
    bool integer = false;
    std::optional<Decimal> low, high;
    bool lowExcluded = false, highExcluded = false;
    // Multiples of step / 10^stepDigits; 0: any number.
    std::uint64_t step = 0;
    unsigned stepDigits = 0;

    void raiseLow(const Decimal &bound, bool excluded);
    void lowerHigh(const Decimal &bound, bool excluded);
    // Also a multiple of `value` (> 0). False if the least common multiple is beyond kMaxStep.
    bool addMultiple(const Decimal &value);
    bool restricted() const { return low || high || step != 0; }
};
inline constexpr std::uint64_t kMaxStep = 2000;

// Numbers as JSON writes them. Digits are bounded (18 before the point unless the limits have more), so that no answer
// is a number without end; with limits there are no exponents.
ExprId numberExpr(GrammarBuilder &builder, const NumberLimits &limits);

}  // namespace facet::grammar
