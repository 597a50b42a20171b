// The small part of regular expressions that adapter files use to name modules, run in linear time whatever the pattern
// says: literals, . [..] ( | ) * + ? ^ $ and \d \w \s, \. and so on. No counted repetition, no look-around.
//
//     FACET_TRY(pattern, NamePattern::parse("layers\\.(1|3)\\..*proj"));
//     pattern.matchesEnd("model.layers.3.mlp.up_proj");
#pragma once

#include "facet/result.h"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

class NamePattern {
public:
    // Errors: ModelUnsupported (a construct that is not read here: named), LimitExceeded.
    static Result<NamePattern> parse(std::string_view pattern);

    // Whether it matches `name` from its start or from behind one of its dots up to its end: PEFT's (.*\.)?(pattern)$
    bool matchesEnd(std::string_view name) const;

    struct Step {
        enum class Kind : std::uint8_t { Set, Split, Jump, Begin, End, Match };
        Kind kind = Kind::Match;
        std::bitset<256> set; // Set: bytes that go on with the next step
        std::size_t to = 0;   // Jump; Split: the other way beside the next step
    };

private:
    void follow(std::size_t step, std::string_view name, std::size_t at, std::vector<std::size_t> &states,
                std::vector<bool> &seen) const;

    std::vector<Step> m_steps;
};

} // namespace facet
