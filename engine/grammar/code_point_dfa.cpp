#include "grammar/code_point_dfa.h"

#include <algorithm>
#include <map>
#include <utility>

namespace facet::grammar {

bool CodePointDfa::matches(std::string_view utf8) const {
    std::uint32_t state = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const std::uint32_t c = readCodePoint(utf8, at);
        const auto edge = std::find_if(edges[state].begin(), edges[state].end(),
                                       [c](const Edge &e) { return c >= e.low && c <= e.high; });
        if (edge == edges[state].end()) return false;
        state = edge->target;
    }
    return accepts[state];
}

CodePointDfa CodePointDfa::everything() { return {{{{0, kLastCodePoint, 0}}}, {true}}; }

CodePointDfa CodePointDfa::oneOf(const std::vector<std::string> &texts) {
    CodePointDfa dfa{{{}}, {false}};
    for (const std::string &text : texts) {
        std::uint32_t state = 0;
        for (std::size_t at = 0; at < text.size();) {
            const std::uint32_t c = readCodePoint(text, at);
            const auto place = std::find_if(dfa.edges[state].begin(), dfa.edges[state].end(),
                                            [c](const Edge &e) { return e.low >= c; });
            if (place != dfa.edges[state].end() && place->low == c) {
                state = place->target;
                continue;
            }
            const auto target = static_cast<std::uint32_t>(dfa.edges.size());
            dfa.edges[state].insert(place, {c, c, target});
            dfa.edges.emplace_back();
            dfa.accepts.push_back(false);
            state = target;
        }
        dfa.accepts[state] = true;
    }
    return dfa;
}

CodePointDfa CodePointDfa::lengths(std::uint64_t least, std::uint64_t most) {
    // Whoever calls has checked that the counts are reasonable.
    const bool endless = most >= kMaxDfaStates;
    const std::uint64_t last = endless ? least : most;
    CodePointDfa dfa;
    for (std::uint64_t n = 0; n <= last; ++n) {
        dfa.accepts.push_back(n >= least);
        dfa.edges.emplace_back();
        const auto here = static_cast<std::uint32_t>(n);
        if (n < last) dfa.edges.back().push_back({0, kLastCodePoint, here + 1});
        else if (endless) dfa.edges.back().push_back({0, kLastCodePoint, here});
    }
    return dfa;
}

Result<CodePointDfa> both(const CodePointDfa &a, const CodePointDfa &b) {
    CodePointDfa out;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> ids;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> states;
    const auto idOf = [&](std::uint32_t x, std::uint32_t y) {
        const auto [place, added] = ids.emplace(std::pair(x, y), static_cast<std::uint32_t>(states.size()));
        if (added) {
            states.emplace_back(x, y);
            out.accepts.push_back(a.accepts[x] && b.accepts[y]);
            out.edges.emplace_back();
        }
        return place->second;
    };
    idOf(0, 0);
    for (std::uint32_t s = 0; s < states.size(); ++s) {
        if (states.size() > kMaxDfaStates)
            return Error{ErrorCode::LimitExceeded, "The patterns and lengths together are too complicated."};
        const auto [x, y] = states[s];
        auto i = a.edges[x].begin();
        auto j = b.edges[y].begin();
        while (i != a.edges[x].end() && j != b.edges[y].end()) {
            const std::uint32_t low = std::max(i->low, j->low), high = std::min(i->high, j->high);
            if (low <= high) {
                const std::uint32_t target = idOf(i->target, j->target);
                out.edges[s].push_back({low, high, target});
            }
            if (i->high < j->high) ++i;
            else ++j;
        }
    }
    return out;
}

CodePointDfa complementOf(const CodePointDfa &dfa) {
    CodePointDfa out = dfa;
    const auto sink = static_cast<std::uint32_t>(dfa.edges.size());
    for (auto &edges : out.edges) {
        std::vector<CodePointDfa::Edge> full;
        std::uint32_t next = 0;
        for (const CodePointDfa::Edge &e : edges) {
            if (e.low > next) full.push_back({next, e.low - 1, sink});
            full.push_back(e);
            next = e.high + 1;
        }
        if (next <= kLastCodePoint) full.push_back({next, kLastCodePoint, sink});
        edges = std::move(full);
    }
    out.edges.push_back({{0, kLastCodePoint, sink}});
    out.accepts.push_back(false);
    out.accepts.flip();
    return out;
}

ExprId spell(GrammarBuilder &builder, const CodePointDfa &dfa, Spelling spelling, const std::string &nameForMessages) {
    std::vector<RuleId> rules;
    for (std::size_t s = 0; s < dfa.edges.size(); ++s) rules.push_back(builder.declare(nameForMessages));
    std::map<std::vector<std::uint32_t>, RuleId> sets;  // the same ranges are spelled once
    for (std::size_t s = 0; s < dfa.edges.size(); ++s) {
        std::map<std::uint32_t, CodePointSet> byTarget;
        for (const CodePointDfa::Edge &e : dfa.edges[s]) byTarget[e.target].push_back({e.low, e.high});
        std::vector<ExprId> branches;
        if (dfa.accepts[s]) branches.push_back(builder.nothing());
        for (auto &[target, ranges] : byTarget) {
            const CodePointSet set = normalised(std::move(ranges));
            std::vector<std::uint32_t> key;
            for (const CodePointRange &r : set) key.insert(key.end(), {r.low, r.high});
            const auto [place, added] = sets.emplace(std::move(key), 0);
            if (added) {
                place->second = builder.declare(nameForMessages);
                builder.define(place->second, spell(builder, set, spelling));
            }
            branches.push_back(builder.sequence({builder.rule(place->second), builder.rule(rules[target])}));
        }
        builder.define(rules[s], builder.choice(std::move(branches)));
    }
    return builder.rule(rules[0]);
}

}  // namespace facet::grammar
