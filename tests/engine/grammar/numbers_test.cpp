#include "grammar/matcher.h"
#include "grammar/numbers.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <string>

using namespace facet;
using namespace facet::grammar;

namespace {

class Numbers {
public:
    explicit Numbers(const NumberLimits &limits) {
        GrammarBuilder b;
        const RuleId rule = b.declare("number");
        b.define(rule, numberExpr(b, limits));
        auto grammar = b.finish(rule);
        if (grammar) m_matcher.emplace(*grammar);
    }
    bool accepts(const std::string &text) {
        if (!m_matcher) return false;
        Matcher::State state = m_matcher->start();
        for (const char c : text) state = m_matcher->step(state, static_cast<unsigned char>(c));
        return m_matcher->mayEnd(state);
    }

private:
    std::optional<Matcher> m_matcher;
};

Decimal decimal(const std::string &text) {
    const auto d = Decimal::parse(text);
    REQUIRE(d);
    return *d;
}

}  // namespace

TEST_CASE("decimals are exact") {
    CHECK(decimal("-12.50").text() == "-12.5");
    CHECK(decimal("1e3").text() == "1000");
    CHECK(decimal("1.5e-3").text() == "0.0015");
    CHECK(decimal("-0.0").text() == "0");
    CHECK(compare(decimal("9"), decimal("10")) < 0);
    CHECK(compare(decimal("-9"), decimal("-10")) > 0);
    CHECK(compare(decimal("0.1"), decimal("0.09")) > 0);
    CHECK(compare(decimal("18446744073709551615"), decimal("18446744073709551616")) < 0);
    CHECK_FALSE(Decimal::parse("1e999999"));
    CHECK_FALSE(Decimal::parse("x"));
}

TEST_CASE("numbers without limits are JSON's, and end") {
    Numbers any({}), whole({.integer = true});
    for (const char *text : {"0", "-0", "7", "-120", "3.25", "1e5", "1.5E-07", "1e+289"}) CHECK_MESSAGE(any.accepts(text), text);
    for (const char *text : {"", "01", ".5", "5.", "1e", "+1", "1e999", "--1"}) CHECK_FALSE_MESSAGE(any.accepts(text), text);
    CHECK_FALSE(any.accepts(std::string(60, '9')));
    CHECK(whole.accepts("123456789"));
    CHECK_FALSE(whole.accepts("1.0"));
}

TEST_CASE("integers between bounds: every value near every border") {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        const auto pick = [&](int digits) {
            int limit = 1;
            for (int i = 0; i < digits; ++i) limit *= 10;
            return std::uniform_int_distribution<int>(-limit, limit)(random);
        };
        int low = pick(1 + round % 4), high = pick(1 + round % 3);
        if (low > high) std::swap(low, high);
        NumberLimits limits{.integer = true};
        const bool noLow = round % 5 == 0, noHigh = round % 7 == 0, lowOut = round % 2 == 0, highOut = round % 3 == 0;
        const int step = round % 4 == 0 ? 1 + round % 13 : 0;
        if (!noLow) limits.raiseLow(decimal(std::to_string(low)), lowOut);
        if (!noHigh) limits.lowerHigh(decimal(std::to_string(high)), highOut);
        if (step > 0) REQUIRE(limits.addMultiple(decimal(std::to_string(step))));
        if (noLow && noHigh && step == 0) continue;
        Numbers numbers(limits);
        int wrong = 0;
        for (int v = low - 130; v <= high + 130; ++v) {
            const bool good = (noLow || (lowOut ? v > low : v >= low)) && (noHigh || (highOut ? v < high : v <= high)) &&
                              (step == 0 || v % step == 0);
            if (numbers.accepts(std::to_string(v)) != good) ++wrong;
        }
        CHECK_MESSAGE(wrong == 0, "between " << low << " and " << high << ", step " << step);
        CHECK_FALSE(numbers.accepts("007"));
    }
}

TEST_CASE("fractions between bounds agree with comparing decimals") {
    std::mt19937 random(11);
    const auto text = [&](int range) {
        std::string t = std::to_string(std::uniform_int_distribution<int>(-range, range)(random));
        const int digits = std::uniform_int_distribution<int>(0, 3)(random);
        if (digits > 0) t += ".";
        for (int i = 0; i < digits; ++i) t += static_cast<char>('0' + std::uniform_int_distribution<int>(0, 9)(random));
        return t;
    };
    for (int round = 0; round < 200; ++round) {
        Decimal low = decimal(text(30)), high = decimal(text(120));
        if (compare(low, high) > 0) std::swap(low, high);
        NumberLimits limits;
        const bool lowOut = round % 2 == 0, highOut = round % 3 == 0;
        limits.raiseLow(low, lowOut);
        limits.lowerHigh(high, highOut);
        Numbers numbers(limits);
        for (int i = 0; i < 200; ++i) {
            const std::string t = i % 10 == 0 ? low.text() + (low.isInteger() ? ".000" : "0") : i % 10 == 1 ? high.text() : text(130);
            const Decimal v = decimal(t);
            if (v.isZero() && t[0] == '-') continue;  // zero is written without a sign
            const int atLow = compare(v, low), atHigh = compare(v, high);
            const bool good = (lowOut ? atLow > 0 : atLow >= 0) && (highOut ? atHigh < 0 : atHigh <= 0);
            CHECK_MESSAGE(numbers.accepts(t) == good, t << " in " << low.text() << ".." << high.text());
        }
    }
}

TEST_CASE("multiples of fractions") {
    NumberLimits cents;
    REQUIRE(cents.addMultiple(decimal("0.01")));
    cents.raiseLow(decimal("0"), false);
    Numbers numbers(cents);
    CHECK(numbers.accepts("12.34"));
    CHECK(numbers.accepts("12.3"));
    CHECK(numbers.accepts("12"));
    CHECK_FALSE(numbers.accepts("12.345"));
    NumberLimits odd;
    REQUIRE(odd.addMultiple(decimal("2.5")));
    Numbers halves(odd);
    CHECK(halves.accepts("7.5"));
    CHECK(halves.accepts("-10"));
    CHECK_FALSE(halves.accepts("7"));
    CHECK_FALSE(odd.addMultiple(decimal("1009")));
}
