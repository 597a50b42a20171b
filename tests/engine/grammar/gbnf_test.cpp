#include "grammar/gbnf.h"
#include "grammar/matcher.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::grammar;

namespace {

std::shared_ptr<const Grammar> read(const char *text) {
    auto grammar = grammarFromGbnf(text);
    INFO((grammar ? std::string() : grammar.error().describe()));
    REQUIRE(grammar);
    return *grammar;
}

std::string refusal(std::string_view text) {
    const auto grammar = grammarFromGbnf(text);
    return grammar ? "" : grammar.error().message;
}

}  // namespace

TEST_CASE("literals, alternatives, classes, groups and repetitions") {
    const auto list = read("# a list\nroot ::= (\"- \" item \"\\n\"){1,3}\nitem ::= [a-c]+ | \"x\" [^\\n0-9]? # end\n");
    CHECK(matches(list, "- abc\n"));
    CHECK(matches(list, "- x!\n- x\n"));
    CHECK_FALSE(matches(list, ""));
    CHECK_FALSE(matches(list, "- abd\n"));
    CHECK_FALSE(matches(list, "- x7\n"));
    CHECK_FALSE(matches(list, "- a\n- a\n- a\n- a\n"));
    const auto lines = read("root ::= \"a\"\n  | \"b\" (\n \"c\" |\n \"d\" )*\n");
    CHECK(matches(lines, "a"));
    CHECK(matches(lines, "bcdc"));
    CHECK_FALSE(matches(lines, "ac"));
    const auto counted = read("root ::= [0-9]{5,300} .{2,} \"\\u00e4\\x41\\U0001F600\"");
    CHECK(matches(counted, std::string(120, '7') + "äö" + "äA😀"));
    CHECK_FALSE(matches(counted, "1234äöäA😀"));
}

TEST_CASE("characters are Unicode characters, not bytes") {
    const auto one = read("root ::= [^a]");
    CHECK(matches(one, "ä"));
    CHECK(matches(one, "€"));
    CHECK(matches(one, "😀"));
    CHECK_FALSE(matches(one, "a"));
    CHECK_FALSE(matches(one, "\xC3"));
    CHECK_FALSE(matches(one, "\xED\xA0\x80"));  // a surrogate
    CHECK_FALSE(matches(one, "\xC0\x80"));      // an overlong zero
    const auto range = read("root ::= [ß-ф]");
    CHECK(matches(range, "ß"));
    CHECK(matches(range, "Ω"));
    CHECK(matches(range, "ф"));
    CHECK_FALSE(matches(range, "х"));
    CHECK_FALSE(matches(range, "Þ"));
}

TEST_CASE("nesting grammars") {
    const auto pairs = read("root ::= \"(\" root \")\" root | \"\"");
    CHECK(matches(pairs, "(()())()"));
    CHECK_FALSE(matches(pairs, "(()"));
    CHECK_FALSE(matches(pairs, "())"));
    CHECK(matches(pairs, std::string(300, '(') + std::string(300, ')')));
    // Deeper than answers may nest: refused, not overflown.
    CHECK_FALSE(matches(pairs, std::string(5000, '(') + std::string(5000, ')')));
    // Lists at the end of rules cost no depth.
    std::string flat;
    for (int i = 0; i < 5000; ++i) flat += "()";
    CHECK(matches(pairs, flat));
}

TEST_CASE("what cannot be read is said with its line, what cannot be matched with its rule") {
    CHECK(refusal("root ::= \"a\" ) \n").find("line 1, column 14") != std::string::npos);
    CHECK(refusal("root ::= \"a\"\nother \"b\"").find("line 2") != std::string::npos);
    CHECK(refusal("root ::= missing").find("\"missing\"") != std::string::npos);
    CHECK(refusal("start ::= \"a\"").find("root") != std::string::npos);
    CHECK(refusal("root ::= root \"a\" | \"b\"").find("left recursion") != std::string::npos);
    CHECK(refusal("root ::= a\na ::= b? c\nc ::= a \"x\" | \"y\"\nb ::= \"z\"").find("left recursion") != std::string::npos);
    CHECK(refusal("root ::= \"a\" root").find("No text at all") != std::string::npos);
    CHECK(refusal("root ::= \"a\\q\"").find("\\q") != std::string::npos);
    CHECK(refusal("root ::= [z-a]") != "");
    CHECK(refusal("root ::= \"a\"{3,2}") != "");
    CHECK(refusal("root ::= \"a\"{99999999}") != "");
    CHECK(refusal("root ::= <|nothing|>").find("<|nothing|>") != std::string::npos);
    CHECK(refusal("root ::= " + std::string(5000, '(')) != "");
    CHECK(refusal(std::string(3U << 20U, 'a')) != "");
    // Empty rounds of a bounded repetition are bounded.
    CHECK(refusal("root ::= (\"a\"?){1000}") != "");
    CHECK(matches(read("root ::= (\"a\"*)* (\"b\"?){3}"), "aaabb"));
}

TEST_CASE("a token in a grammar is matched by its number") {
    const auto grammar = grammarFromGbnf("root ::= <|open|> \"x\" <[7]>", [](std::string_view name) {
        return name == "<|open|>" ? std::optional<std::int32_t>(3) : std::nullopt;
    });
    REQUIRE(grammar);
    Matcher m(*grammar);
    CHECK(m.nextTokens(m.start()) == std::vector<std::int32_t>{3});
    const auto opened = m.stepToken(m.start(), 3);
    CHECK(m.stepToken(m.start(), 7) == Matcher::kDead);
    const auto x = m.step(opened, 'x');
    CHECK_FALSE(m.mayEnd(x));
    CHECK(m.mustEnd(m.stepToken(x, 7)));
}
