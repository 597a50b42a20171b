#include "grammar/regex.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::grammar;

namespace {

bool found(std::string_view pattern, std::string_view text) {
    const auto dfa = dfaFromPattern(pattern);
    INFO((dfa ? std::string() : dfa.error().message));
    REQUIRE(dfa);
    return dfa->matches(text);
}
std::string refusal(std::string_view pattern) {
    const auto dfa = dfaFromPattern(pattern);
    return dfa ? "" : dfa.error().message;
}

}  // namespace

TEST_CASE("patterns are searched for unless they are anchored") {
    CHECK(found("b", "abc"));
    CHECK(found("^ab", "abc"));
    CHECK_FALSE(found("^b", "abc"));
    CHECK(found("c$", "abc"));
    CHECK_FALSE(found("^ab$", "abc"));
    CHECK(found("^(a|b$)", "b"));
    CHECK_FALSE(found("^(a|b$)", "bc"));
    CHECK(found("^a|c$", "xc"));
    CHECK(found("", "anything"));
    CHECK(found("^$", ""));
    CHECK_FALSE(found("^$", "x"));
    CHECK_FALSE(found("a^b", "ab"));
    CHECK(found("(^|,)x", "a,x"));
}

TEST_CASE("classes, quantifiers and escapes") {
    CHECK(found("^\\d{3}-\\d{4}$", "555-1234"));
    CHECK_FALSE(found("^\\d{3}-\\d{4}$", "555-12345"));
    CHECK(found("^[^\\d\\s]+$", "aé_"));
    CHECK_FALSE(found("^[^\\d\\s]+$", "a b"));
    CHECK(found("^\\S(|(.|\\n)*\\S)$", "a \n b"));
    CHECK(found("^(?:ab?){2,3}$", "aba"));
    CHECK(found("^a{2,}$", "aaaa"));
    CHECK_FALSE(found("^a{2,3}$", "aaaa"));
    CHECK(found("^.$", "😀"));
    CHECK_FALSE(found("^.$", "\n"));
    CHECK(found("^[\\u00e0-\\u00ff\\-\\]]+$", "é-]"));
    CHECK(found("^\\uD83D\\uDE00$", "😀"));
    CHECK(found("^\\x41\\u{1F600}\\cJ$", "A😀\n"));
    CHECK(found("^a{x$", "a{x"));
    CHECK(found("^[a-]+?$", "a-a"));
    CHECK(found("^(?<year>\\d\\d)$", "26"));
}

TEST_CASE("what is no regular language or not known is refused by name") {
    CHECK(refusal("(?=a)b").find("look-around") != std::string::npos);
    CHECK(refusal("(?<!a)b").find("look-around") != std::string::npos);
    CHECK(refusal("(a)\\1").find("back reference") != std::string::npos);
    CHECK(refusal("a\\b").find("\\b") != std::string::npos);
    CHECK(refusal("\\p{L}").find("\\p") != std::string::npos);
    CHECK(refusal("(a") != "");
    CHECK(refusal("a)") != "");
    CHECK(refusal("[a") != "");
    CHECK(refusal("*a") != "");
    CHECK(refusal("a{3,2}") != "");
    CHECK(refusal("a\\") != "");
    CHECK(refusal("a{100000}") != "");
    CHECK(refusal(std::string(2000, '(')) != "");
    CHECK(refusal("(((a{500}){500}){500}){500}") != "");
    CHECK(refusal("(a|b)*a(a|b){30}") != "");  // two to the thirtieth states
}

TEST_CASE("languages are intersected and complemented") {
    const auto ab = dfaFromPattern("^[ab]*$");
    const CodePointDfa three = CodePointDfa::lengths(3, 3);
    REQUIRE(ab);
    const auto common = both(*ab, three);
    REQUIRE(common);
    CHECK(common->matches("aba"));
    CHECK_FALSE(common->matches("ab"));
    CHECK_FALSE(common->matches("abc"));
    const auto none = complementOf(CodePointDfa::oneOf({"name", "naïve", ""}));
    CHECK(none.matches("nam"));
    CHECK(none.matches("names"));
    CHECK_FALSE(none.matches("name"));
    CHECK_FALSE(none.matches("naïve"));
    CHECK_FALSE(none.matches(""));
}
