#include "grammar/numbers.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace facet::grammar {

namespace {

constexpr std::size_t kUsualDigits = 18;   // before the point, and behind it
constexpr std::size_t kMostDigits = 400;

void tidy(Decimal &d) {
    d.whole.erase(0, std::min(d.whole.find_first_not_of('0'), d.whole.size()));
    if (d.whole.empty()) d.whole = "0";
    d.fraction.erase(d.fraction.find_last_not_of('0') + 1);
    if (d.isZero()) d.negative = false;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view json) {
    Decimal d;
    if (json.starts_with('-')) {
        d.negative = true;
        json.remove_prefix(1);
    }
    const std::size_t e = json.find_first_of("eE");
    int exponent = 0;
    if (e != std::string_view::npos) {
        std::string_view digits = json.substr(e + 1);
        if (digits.starts_with('+')) digits.remove_prefix(1);
        const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
        if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
        json = json.substr(0, e);
    }
    const std::size_t point = json.find('.');
    std::string digits(json.substr(0, point));
    auto pointAt = static_cast<long>(digits.size());
    if (point != std::string_view::npos) digits += json.substr(point + 1);
    if (digits.empty() || digits.size() > kMostDigits || std::abs(exponent) > static_cast<int>(kMostDigits) ||
        digits.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    pointAt += exponent;
    if (pointAt < 0) {
        digits.insert(0, static_cast<std::size_t>(-pointAt), '0');
        pointAt = 0;
    }
    if (static_cast<std::size_t>(pointAt) > digits.size()) digits.append(static_cast<std::size_t>(pointAt) - digits.size(), '0');
    d.whole = digits.substr(0, static_cast<std::size_t>(pointAt));
    d.fraction = digits.substr(static_cast<std::size_t>(pointAt));
    tidy(d);
    return d;
}

std::string Decimal::text() const {
    return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

int compare(const Decimal &a, const Decimal &b) {
    if (a.negative != b.negative) return a.negative ? -1 : 1;
    const int sign = a.negative ? -1 : 1;
    if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -sign : sign;
    int order = a.whole.compare(b.whole);
    if (order == 0) order = a.fraction.compare(b.fraction);  // no trailing zeros: as texts
    return order == 0 ? 0 : order < 0 ? -sign : sign;
}

void NumberLimits::raiseLow(const Decimal &bound, bool excluded) {
    const int order = low ? compare(bound, *low) : 1;
    if (order < 0) return;
    lowExcluded = order > 0 ? excluded : lowExcluded || excluded;
    low = bound;
}

void NumberLimits::lowerHigh(const Decimal &bound, bool excluded) {
    const int order = high ? compare(bound, *high) : -1;
    if (order > 0) return;
    highExcluded = order < 0 ? excluded : highExcluded || excluded;
    high = bound;
}

bool NumberLimits::addMultiple(const Decimal &value) {
    const auto digits = static_cast<unsigned>(value.fraction.size());
    const std::string scaled = value.whole + value.fraction;
    std::uint64_t next = 0;
    const auto [end, problem] = std::from_chars(scaled.data(), scaled.data() + scaled.size(), next);
    constexpr std::uint64_t kMostScaled = 1'000'000'000;
    if (problem != std::errc() || end != scaled.data() + scaled.size() || next == 0 || next > kMostScaled || digits > 9)
        return false;
    if (step == 0) {
        step = next;
        stepDigits = digits;
    } else {
        for (; stepDigits < digits; ++stepDigits) step *= 10;
        for (unsigned d = digits; d < stepDigits; ++d) next *= 10;
        step = std::lcm(step, next);
    }
    while (stepDigits > 0 && step % 10 == 0) {
        step /= 10;
        --stepDigits;
    }
    return step <= kMaxStep;
}

namespace {

// Texts of the decimals >= 0 within bounds. A state knows how many digits are still to come before the point (or how
// many have come behind it), whether all digits so far equal those of a bound, and the remainder of the digits.
class Magnitudes {
public:
    Magnitudes(GrammarBuilder &builder, const NumberLimits &limits) : m_b(builder), m_limits(limits) {
        if (!m_limits.low) m_limits.low = Decimal{};
        m_digits = std::max(kUsualDigits, m_limits.low->whole.size() + 1);
        if (m_limits.high) m_digits = std::min(m_digits, m_limits.high->whole.size());
        const std::size_t bounds = std::max(m_limits.low->fraction.size(), m_limits.high ? m_limits.high->fraction.size() : 0);
        m_fraction = std::max(kUsualDigits, bounds + 1);
        if (m_limits.step != 0) m_fraction = m_limits.stepDigits;
        if (m_limits.integer) m_fraction = 0;
    }

    ExprId run() {
        std::vector<ExprId> lengths;
        for (std::size_t n = 1; n <= m_digits; ++n) {
            const bool atLow = n == m_limits.low->whole.size();
            const bool atHigh = m_limits.high && n == m_limits.high->whole.size();
            if (n < m_limits.low->whole.size()) continue;
            lengths.push_back(wholeDigits({n, atLow, atHigh, 0}, true));
        }
        return m_b.choice(std::move(lengths));
    }

private:
    struct State {
        std::size_t count = 0;  // digits still to come before the point; digits that have come behind it
        bool atLow = false, atHigh = false;
        std::uint64_t rest = 0;
        auto key() const { return std::tuple(count, atLow, atHigh, rest); }
    };
    using Key = std::tuple<std::size_t, bool, bool, std::uint64_t>;

    static int digitOf(const std::string &digits, std::size_t at) { return at < digits.size() ? digits[at] - '0' : 0; }

    // The state behind one more digit; nothing if it would leave the bounds.
    std::optional<State> follow(const State &s, int digit, int low, int high) const {
        State next = s;
        if (s.atLow && digit < low) return std::nullopt;
        if (s.atHigh && digit > high) return std::nullopt;
        next.atLow = s.atLow && digit == low;
        next.atHigh = s.atHigh && digit == high;
        if (m_limits.step != 0) next.rest = (s.rest * 10 + static_cast<std::uint64_t>(digit)) % m_limits.step;
        return next;
    }

    template <typename Next> ExprId branchOnDigits(const State &s, int first, int low, int high, Next next) {
        std::map<Key, std::pair<State, ByteSet>> targets;
        for (int digit = first; digit <= 9; ++digit) {
            const auto target = follow(s, digit, low, high);
            if (!target) continue;
            auto &entry = targets[target->key()];
            entry.first = *target;
            entry.second.set(static_cast<std::size_t>('0' + digit));
        }
        std::vector<ExprId> branches;
        for (const auto &[key, entry] : targets) branches.push_back(m_b.sequence({m_b.bytes(entry.second), next(entry.first)}));
        return m_b.choice(std::move(branches));
    }

    ExprId wholeDigits(const State &s, bool first) {
        if (s.count == 0) return behindWhole(s);
        const bool free = !s.atLow && !s.atHigh && m_limits.step == 0;
        if (free && !first) {
            const auto count = static_cast<std::uint32_t>(s.count);
            return m_b.sequence({m_b.repeat(m_b.bytes(byteRange('0', '9')), count, count), behindWhole({0, false, false, 0})});
        }
        const auto build = [&] {
            // Equal to a bound so far means as long as that bound: its digit at this place.
            const int low = s.atLow ? digitOf(m_limits.low->whole, m_limits.low->whole.size() - s.count) : 0;
            const int high = s.atHigh ? digitOf(m_limits.high->whole, m_limits.high->whole.size() - s.count) : 9;
            return branchOnDigits(s, first && s.count > 1 ? 1 : 0, low, high, [this](State next) {
                --next.count;
                return wholeDigits(next, false);
            });
        };
        return first ? build() : shared(m_whole, s, build);
    }

    ExprId behindWhole(const State &s) {
        State start = s;
        start.count = 0;
        return shared(m_behind, start, [&] {
            std::vector<ExprId> branches;
            if (mayEnd(start)) branches.push_back(m_b.nothing());
            if (m_fraction > 0) branches.push_back(m_b.sequence({m_b.literal("."), fractionDigits(start)}));
            return m_b.choice(std::move(branches));
        });
    }

    // At least one more digit behind the point.
    ExprId fractionDigits(const State &s) {
        if (s.count >= m_fraction) return m_b.never();
        if (!s.atLow && !s.atHigh && m_limits.step == 0)
            return m_b.repeat(m_b.bytes(byteRange('0', '9')), 1, static_cast<std::uint32_t>(m_fraction - s.count));
        return shared(m_behindPoint, s, [&] {
            const int low = digitOf(m_limits.low->fraction, s.count);
            const int high = m_limits.high ? digitOf(m_limits.high->fraction, s.count) : 9;
            return branchOnDigits(s, 0, low, high, [this](State next) {
                ++next.count;
                std::vector<ExprId> branches{fractionDigits(next)};
                if (mayEnd(next)) branches.push_back(m_b.nothing());
                return m_b.choice(std::move(branches));
            });
        });
    }

    // Is the number complete after `count` digits behind the point?
    bool mayEnd(const State &s) const {
        if (s.atLow && (s.count < m_limits.low->fraction.size() || m_limits.lowExcluded)) return false;
        if (s.atHigh && s.count >= m_limits.high->fraction.size() && m_limits.highExcluded) return false;
        std::uint64_t rest = s.rest;
        for (std::size_t d = s.count; m_limits.step != 0 && d < m_limits.stepDigits; ++d) rest = rest * 10 % m_limits.step;
        return rest == 0;
    }

    template <typename Build> ExprId shared(std::map<Key, RuleId> &known, const State &s, Build build) {
        const auto [place, added] = known.emplace(s.key(), 0);
        if (added) {
            const RuleId rule = m_b.declare("number");
            place->second = rule;
            m_b.define(rule, build());
            return m_b.rule(rule);
        }
        return m_b.rule(place->second);
    }

    GrammarBuilder &m_b;
    NumberLimits m_limits;
    std::size_t m_digits = 0, m_fraction = 0;
    std::map<Key, RuleId> m_whole, m_behind, m_behindPoint;
};

ExprId freeNumber(GrammarBuilder &b, bool integer) {
    const ExprId digit = b.bytes(byteRange('0', '9'));
    const auto upTo = [&](std::size_t least, std::size_t most) {
        return b.repeat(digit, static_cast<std::uint32_t>(least), static_cast<std::uint32_t>(most));
    };
    const ExprId whole = b.choice({b.literal("0"), b.sequence({b.bytes(byteRange('1', '9')), upTo(0, kUsualDigits - 1)})});
    const ExprId sign = b.optional(b.literal("-"));
    if (integer) return b.sequence({sign, whole});
    ByteSet e, plusMinus;
    e.set('e').set('E');
    plusMinus.set('+').set('-');
    // Exponents below 290: no reader takes the number for infinite.
    const ExprId exponent = b.choice({upTo(1, 2), b.sequence({b.literal("1"), digit, digit}),
                                      b.sequence({b.literal("2"), b.bytes(byteRange('0', '8')), digit})});
    return b.sequence({sign, whole, b.optional(b.sequence({b.literal("."), upTo(1, kUsualDigits)})),
                       b.optional(b.sequence({b.bytes(e), b.optional(b.bytes(plusMinus)), exponent}))});
}

}  // namespace

ExprId numberExpr(GrammarBuilder &builder, const NumberLimits &limits) {
    if (!limits.restricted()) return freeNumber(builder, limits.integer);
    if (limits.low && limits.high && compare(*limits.low, *limits.high) > 0) return builder.never();
    NumberLimits scaled = limits;
    if (limits.integer && limits.step != 0 && !scaled.addMultiple(Decimal{false, "1"})) return builder.never();
    std::vector<ExprId> signs;
    if (!limits.high || !limits.high->negative) {
        NumberLimits above = scaled;
        if (above.low && above.low->negative) {
            above.low.reset();
            above.lowExcluded = false;
        }
        signs.push_back(Magnitudes(builder, above).run());
    }
    if (!limits.low || limits.low->negative) {
        // -x lies within the limits: x lies within the mirrored ones. Zero is written without a sign.
        NumberLimits below = scaled;
        below.low = Decimal{};
        below.lowExcluded = true;
        below.high.reset();
        below.highExcluded = false;
        if (limits.low) {
            below.high = limits.low->magnitude();
            below.highExcluded = limits.lowExcluded;
        }
        if (limits.high && limits.high->negative) {
            below.low = limits.high->magnitude();
            below.lowExcluded = limits.highExcluded;
        }
        signs.push_back(builder.sequence({builder.literal("-"), Magnitudes(builder, below).run()}));
    }
    return builder.choice(std::move(signs));
}

}  // namespace facet::grammar
