#include "grammar/matcher.h"
#include "grammar/schema_grammar.h"
#include "grammar/schema_validator.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::grammar;

namespace {

bool accepts(std::string_view schema, std::string_view text, const SchemaOptions &options = {}) {
    const auto grammar = grammarFromSchema(schema, options);
    INFO((grammar ? std::string() : grammar.error().describe()));
    REQUIRE(grammar);
    return matches(*grammar, text);
}
std::string refusal(std::string_view schema) {
    const auto grammar = grammarFromSchema(schema);
    if (grammar) return "";
    CHECK(grammar.error().code != ErrorCode::Internal);
    return grammar.error().message;
}
bool names(std::string_view schema, std::string_view path) { return refusal(schema).find(path) != std::string::npos; }

}  // namespace

TEST_CASE("properties come in the schema's order, optional ones may be left out") {
    const char *schema = R"({"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"string"},"c":{"type":"boolean"}},"required":["a"]})";
    CHECK(accepts(schema, R"({"b":1,"a":"x","c":true})"));
    CHECK(accepts(schema, R"({"a":"x"})"));
    CHECK(accepts(schema, R"({ "a": "x", "c": false })"));
    CHECK(accepts(schema, "{\n  \"b\": 1,\n  \"a\": \"x\"\n}"));
    CHECK_FALSE(accepts(schema, R"({"a":"x","b":1})"));
    CHECK_FALSE(accepts(schema, R"({"b":1})"));
    CHECK_FALSE(accepts(schema, R"({"a":"x","d":1})"));
    CHECK_FALSE(accepts(schema, R"({"a":"x",})"));
    CHECK(accepts(schema, R"({"a":"x","d":1})", {.closeObjects = false}));
    // A declared name is the same name in every spelling.
    CHECK_FALSE(accepts(schema, R"({"a":"x","\u0061":1})", {.closeObjects = false}));
    CHECK_FALSE(accepts(schema, R"({"a":"x","a":1})", {.closeObjects = false}));
}

TEST_CASE("white space is JSON's, and bounded") {
    CHECK(accepts(R"({"type":"array","items":{"type":"null"}})", "[\n\t\tnull,\n\t\tnull\n]"));
    CHECK_FALSE(accepts(R"({"type":"array","items":{"type":"null"}})", "[" + std::string(100, ' ') + "null]"));
    CHECK_FALSE(accepts(R"({"type":"array"})", "[\n\n\n]"));
}

TEST_CASE("strings: lengths count characters, escapes as one; patterns meet lengths") {
    const char *three = R"({"type":"string","minLength":3,"maxLength":3})";
    CHECK(accepts(three, R"("abc")"));
    CHECK(accepts(three, "\"ä€😀\""));
    CHECK(accepts(three, R"("\n\u00e4\ud83d\ude00")"));
    CHECK_FALSE(accepts(three, R"("ab")"));
    CHECK_FALSE(accepts(three, R"("abcd")"));
    CHECK_FALSE(accepts(R"({"type":"string"})", R"("\ud83d")"));  // half a character
    CHECK_FALSE(accepts(R"({"type":"string"})", "\"a\nb\""));
    CHECK_FALSE(accepts(R"({"type":"string"})", "\"\xFF\""));
    const char *both = R"({"type":"string","pattern":"^[a-z\"]+$","maxLength":4,"minLength":2})";
    CHECK(accepts(both, R"("a\"z")"));
    CHECK_FALSE(accepts(both, R"("a")"));
    CHECK_FALSE(accepts(both, R"("abcde")"));
    CHECK_FALSE(accepts(both, R"("aB")"));
    CHECK(accepts(R"({"type":"string","pattern":"a\nb"})", R"("xa\nby")"));
}

TEST_CASE("references, recursion and definitions") {
    const char *tree = R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},
        "next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/node"}]}},"required":["v","next"],"additionalProperties":false}}})";
    CHECK(accepts(tree, R"({"v":1,"next":{"v":2,"next":{"v":3,"next":null}}})"));
    CHECK_FALSE(accepts(tree, R"({"v":1,"next":{"v":2}})"));
    CHECK(names(R"({"$ref":"#"})", "refers to itself"));
    CHECK(names(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "refers to itself"));
    CHECK(names(R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}})", "refers to itself"));
    CHECK(names(R"({"properties":{"a":{"$ref":"#/$defs/missing"}}})", "#/properties/a/$ref"));
    CHECK(names(R"({"properties":{"a":{"$ref":"https://example.com/x.json"}}})", "#/properties/a/$ref"));
}

TEST_CASE("allOf, anyOf and oneOf are merged, branched and told apart") {
    const char *merged = R"({"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":5},"b":{"const":"x"}},"required":["b"]}],"type":"object"})";
    CHECK(accepts(merged, R"({"a":7,"b":"x"})"));
    CHECK_FALSE(accepts(merged, R"({"a":4,"b":"x"})"));
    CHECK_FALSE(accepts(merged, R"({"a":7})"));
    const char *union_ = R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"dot"},"r":{"type":"number"}},"required":["kind","r"]},
        {"type":"object","properties":{"kind":{"const":"box"},"w":{"type":"integer"}},"required":["kind"]},{"type":"null"}]})";
    CHECK(accepts(union_, R"({"kind":"dot","r":1.5})"));
    CHECK(accepts(union_, R"({"kind":"box"})"));
    CHECK(accepts(union_, "null"));
    CHECK_FALSE(accepts(union_, R"({"kind":"box","r":1.5})"));
    CHECK(names(R"({"oneOf":[{"type":"integer"},{"type":"number","minimum":2}]})", "#/oneOf"));
    CHECK(accepts(R"({"oneOf":[{"type":"integer","maximum":1},{"type":"integer","minimum":2}]})", "2"));
    // Enumerated values are judged one by one, whatever else stands there.
    CHECK_FALSE(accepts(R"({"enum":[1,2,3],"not":{"const":2}})", "2"));
    CHECK(accepts(R"({"enum":[1,2,3],"not":{"const":2}})", "3"));
}

TEST_CASE("arrays: prefixes, counts, and counts too large to be written out") {
    const char *point = R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":1})";
    CHECK(accepts(point, R"([1])"));
    CHECK(accepts(point, R"([1, "a"])"));
    CHECK_FALSE(accepts(point, R"([1, "a", 2])"));
    CHECK_FALSE(accepts(point, R"([])"));
    std::string list = "[1";
    for (int i = 1; i < 700; ++i) list += ",1";
    CHECK(accepts(R"({"type":"array","items":{"const":1},"minItems":700,"maxItems":1000000})", list + "]"));
    CHECK_FALSE(accepts(R"({"type":"array","items":{"const":1},"minItems":701,"maxItems":1000000})", list + "]"));
    CHECK_FALSE(accepts(R"({"type":"array","items":{"const":1},"maxItems":699})", list + "]"));
}

TEST_CASE("what is not supported is named by its path") {
    CHECK(names(R"({"properties":{"a":{"not":{"type":"string"}}}})", "#/properties/a/not"));
    CHECK(names(R"({"items":{"if":{"type":"string"},"then":{"minLength":2}}})", "#/items/if"));
    CHECK(names(R"({"anyOf":[{"contains":{"type":"string"}}]})", "#/anyOf/0/contains"));
    CHECK(names(R"({"uniqueItems":true})", "#/uniqueItems"));
    CHECK(names(R"s({"properties":{"a/b":{"pattern":"(?=x)"}}})s", "#/properties/a~1b/pattern"));
    CHECK(names(R"({"properties":{"a":{"type":"strnig"}}})", "#/properties/a/type"));
    CHECK(names(R"({"minLength":-1})", "#/minLength"));
    CHECK(names(R"({"required":"a"})", "#/required"));
    CHECK(names(R"({"properties":{"a":7}})", "#/properties/a"));
    CHECK(names(R"({"multipleOf":1234567})", "#/multipleOf"));
    CHECK(names(R"({"minProperties":3})", "#/minProperties"));
    CHECK(names(R"({"items":[{"type":"string"}]})", "#/items"));
    CHECK(refusal("[1]") != "");
    CHECK(refusal("{\"type\":") != "");
    CHECK(refusal(std::string(500, '[')) != "");
    CHECK(refusal(R"({"type":"string","enum":[1]})").find("No text") != std::string::npos);
    // An annotation restricts nothing.
    CHECK(accepts(R"({"type":"string","format":"date","title":"t","x-order":1})", R"("no date")"));
}

TEST_CASE("hostile schemas end in an error") {
    std::string wide = "{\"anyOf\":[";
    for (int i = 0; i < 300; ++i) wide += (i > 0 ? ",{\"required\":[\"" : "{\"required\":[\"") + std::to_string(i) + "\"]}";
    wide += "]";
    // The product of branchings grows beyond every limit.
    std::string product = "{\"allOf\":[";
    for (int i = 0; i < 30; ++i) product += (i > 0 ? "," : "") + wide + "}";
    CHECK(refusal(product + "]}") != "");
    CHECK(refusal(R"s({"type":"string","pattern":"(a|b)*a(a|b){40}"})s") != "");
    CHECK(refusal(R"({"type":"string","pattern":"^a*$","maxLength":99999999})").find("maxLength") != std::string::npos);
}

TEST_CASE("the validator names the place in the value and in the schema") {
    const auto bad = violationOf(R"({"properties":{"a":{"items":{"type":"integer"}}}})", R"({"a":[1,"x"]})");
    REQUIRE(bad);
    REQUIRE(*bad);
    CHECK((**bad).find("/a/1") != std::string::npos);
    CHECK((**bad).find("#/properties/a/items/type") != std::string::npos);
    CHECK_FALSE(violationOf(R"({"unevaluatedProperties":false})", "{}"));
    CHECK_FALSE(violationOf(R"({"$ref":"#"})", "1"));
    CHECK_FALSE(violationOf("{}", "{"));
    const auto good = violationOf(R"({"multipleOf":0.01})", "19.99");
    REQUIRE(good);
    CHECK_FALSE(*good);
}
