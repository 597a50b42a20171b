#include "grammar/gbnf.h"
#include "grammar/schema_grammar.h"
#include "grammar_support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace facet;
using namespace facet::grammar;
using namespace facet::grammar::test;

namespace {

std::shared_ptr<const Grammar> gbnf(const char *text) {
    auto grammar = grammarFromGbnf(text);
    REQUIRE(grammar);
    return *grammar;
}

// The mask by trying every token: what the walk over the tree must find as well.
TokenSet slowMask(TokenConstraint &constraint) {
    TokenSet mask((static_cast<std::size_t>(smallVocabulary()->size()) + 31) / 32, 0);
    for (std::int32_t id = 0; id < smallVocabulary()->size(); ++id)
        if (constraint.allows(id)) mask[static_cast<std::size_t>(id) / 32] |= 1U << (id % 32);
    return mask;
}

}  // namespace

TEST_CASE("the vocabulary's tree holds every piece") {
    const auto vocabulary = TokenVocabulary::fromPieces({"", "a", "abc", "ab", "b", "a", "\xC3\xA4"});
    CHECK(vocabulary->size() == 7);
    CHECK(vocabulary->longest() == 3);
    CHECK(vocabulary->bytesOf(2) == "abc");
    CHECK(vocabulary->bytesOf(0).empty());
    CHECK(vocabulary->bytesOf(-1).empty());
    CHECK(vocabulary->bytesOf(7).empty());
    CHECK(vocabulary->nodes().size() == 6);
    CHECK(vocabulary->nodes()[0].tokenCount == 2);  // "a" twice
    CHECK(vocabulary->nodes()[0].end == 3);
}

TEST_CASE("masks are what trying every token says, all along random answers") {
    const auto schema = grammarFromSchema(R"({"type":"object","properties":{"name":{"type":"string","maxLength":90},
        "n":{"type":"integer","minimum":-5,"maximum":120},"list":{"type":"array","items":{"enum":["ab","abc",12,null]},"maxItems":70},
        "free":{}},"required":["name"]})");
    REQUIRE(schema);
    std::mt19937 random(3);
    for (int round = 0; round < 6; ++round) {
        TokenConstraint constraint(options(*schema));
        for (int i = 0; i < 60 && !constraint.finished(); ++i) {
            const TokenSet fast = constraint.allowed();
            CHECK(fast == slowMask(constraint));
            std::vector<std::int32_t> allowed;
            for (std::int32_t id = 0; id < smallVocabulary()->size(); ++id)
                if (has(fast, id) && id != kStop) allowed.push_back(id);
            REQUIRE_FALSE(allowed.empty());
            REQUIRE(constraint.accept(allowed[random() % allowed.size()]));
        }
    }
}

TEST_CASE("stop tokens are allowed where the grammar may end and nowhere else") {
    TokenConstraint constraint(options(gbnf("root ::= \"ab\"+")));
    CHECK(constraint.active());
    CHECK_FALSE(has(constraint.allowed(), kStop));
    CHECK_FALSE(constraint.accept(kStop));
    REQUIRE(constraint.accept(kFirstByte + 'a'));
    CHECK_FALSE(constraint.mayEnd());
    REQUIRE(constraint.accept(kFirstByte + 'b'));
    CHECK(constraint.mayEnd());
    CHECK_FALSE(constraint.finished());
    CHECK(has(constraint.allowed(), kStop));
    CHECK(constraint.allows(kStop));
    REQUIRE(constraint.accept(kStop));
    CHECK(constraint.finished());
    CHECK_FALSE(constraint.allows(kFirstByte + 'a'));

    TokenConstraint once(options(gbnf("root ::= \"a\"")));
    REQUIRE(once.accept(kFirstByte + 'a'));
    CHECK(once.finished());
}

TEST_CASE("drafted tokens can be taken back") {
    const auto grammar = gbnf("root ::= [a-c]* \".\"");
    TokenConstraint constraint(options(grammar));
    const TokenSet before = constraint.allowed();
    for (const char c : {'a', 'b', 'c', '.'}) REQUIRE(constraint.accept(kFirstByte + c));
    CHECK(constraint.finished());
    constraint.rollback(1);
    CHECK_FALSE(constraint.finished());
    CHECK(constraint.allowed() == before);
    constraint.rollback(3);
    REQUIRE(constraint.accept(kFirstByte + '.'));
    CHECK(constraint.finished());
    const Status refused = constraint.accept(kFirstByte + 'a');
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::InvalidArgument);
    CHECK(constraint.finished());
}

TEST_CASE("a thought is free, but only its end leads to the answer") {
    ConstraintOptions o = options(gbnf("root ::= \"yes\""));
    o.mayThink = true;
    o.thoughtOpens = kThoughtOpens;
    o.thoughtCloses = kThoughtCloses;
    TokenConstraint constraint(o);
    CHECK(has(constraint.allowed(), kThoughtOpens));
    CHECK(has(constraint.allowed(), kFirstByte + 'y'));
    CHECK_FALSE(has(constraint.allowed(), kFirstByte + 'n'));
    REQUIRE(constraint.accept(kThoughtOpens));
    CHECK(has(constraint.allowed(), kFirstByte + 'n'));
    CHECK_FALSE(has(constraint.allowed(), kStop));
    CHECK_FALSE(constraint.allows(kStop));
    REQUIRE(constraint.accept(kFirstByte + 'n'));
    REQUIRE(constraint.accept(kThoughtCloses));
    CHECK_FALSE(has(constraint.allowed(), kThoughtOpens));
    CHECK_FALSE(has(constraint.allowed(), kFirstByte + 'n'));
    for (const char c : {'y', 'e', 's'}) REQUIRE(constraint.accept(kFirstByte + c));
    CHECK(constraint.finished());

    o.mayThink = false;
    o.startsInThought = true;
    TokenConstraint inside(o);
    CHECK(inside.allows(kFirstByte + 'n'));
    REQUIRE(inside.accept(kThoughtCloses));
    CHECK_FALSE(inside.allows(kFirstByte + 'n'));
}

TEST_CASE("with a trigger the answer is free up to it and behind the grammar") {
    ConstraintOptions o = options(*grammarFromGbnf("root ::= <[2]> [0-9]+ <[3]>"));
    o.trigger = kCallOpens;
    TokenConstraint constraint(o);
    CHECK_FALSE(constraint.active());
    REQUIRE(constraint.accept(kFirstByte + 'x'));
    REQUIRE(constraint.accept(kCallOpens));
    CHECK(constraint.active());
    CHECK_FALSE(constraint.allows(kFirstByte + 'x'));
    CHECK_FALSE(constraint.allows(kStop));
    REQUIRE(constraint.accept(kFirstByte + '7'));
    CHECK(has(constraint.allowed(), kCallCloses));
    REQUIRE(constraint.accept(kCallCloses));
    CHECK_FALSE(constraint.active());
    REQUIRE(constraint.accept(kFirstByte + 'x'));
    REQUIRE(constraint.accept(kStop));
    CHECK(constraint.finished());
}

TEST_CASE("long counted answers stay within memory and keep their state") {
    // Every count is a state of its own: the matcher forgets and goes on.
    const auto schema = grammarFromSchema(R"({"type":"string","minLength":200000})");
    REQUIRE(schema);
    TokenConstraint constraint(options(*schema));
    REQUIRE(constraint.accept(kFirstByte + '"'));
    for (int i = 0; i < 199'999; ++i) REQUIRE(constraint.accept(kFirstByte + 'a' + i % 3));
    CHECK_FALSE(constraint.allows(kFirstByte + '"'));
    REQUIRE(constraint.accept(kFirstByte + 'a'));
    REQUIRE(constraint.accept(kFirstByte + '"'));
    CHECK(constraint.finished());
}

TEST_CASE("logits of forbidden tokens become minus infinity") {
    std::vector<float> logits(70, 1.0F);
    TokenSet mask(3, 0);
    mask[0] = 0xFFFFFFFFU;
    mask[2] = 2;
    forbidOthers(mask, logits);
    CHECK(std::count(logits.begin(), logits.end(), 1.0F) == 33);
    CHECK(logits[65] == 1.0F);
    CHECK(std::isinf(logits[64]));
}
