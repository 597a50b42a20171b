#include "host/json_reader.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using namespace facet::host;

TEST_CASE("JSON that is none is refused with the place") {
    for (const char *text : {"", "{", "{\"a\":}", "[1,2", "nul", "{\"a\":1}x", "\"\\uD800\"", "\"\xFF\"", "1e999999"}) {
        CAPTURE(text);
        const auto json = parseJson(text);
        REQUIRE_FALSE(json);
        CHECK(json.error().code == ErrorCode::InvalidArgument);
    }
}

TEST_CASE("depth is limited before parsing, brackets in strings do not count") {
    const std::string deep(kMaxJsonDepth + 1, '[');
    const auto refused = parseJson(deep);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::LimitExceeded);
    CHECK(parseJson(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')));
    CHECK(parseJson("\"" + std::string(1000, '[') + "\\\"[\""));
    CHECK_FALSE(parseJson(std::string(10'000'000, '[')));
}

TEST_CASE("the number of values is limited") {
    std::string many = "[0";
    for (std::size_t i = 0; i < kMaxJsonValues; ++i) many += ",0";
    const auto refused = parseJson(many + "]");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("fields have their type or an error that names them") {
    const auto json = parseJson(
        R"({"s":"x","i":5,"f":5.0,"d":0.5,"b":true,"z":null,"o":{"q":1},"a":[1,2],"big":18446744073709551615})");
    REQUIRE(json);
    const JsonFields fields(*json, "at");
    CHECK(**fields.string("s") == "x");
    CHECK(**fields.integer("i", 0, 10) == 5);
    CHECK(**fields.integer("f", 0, 10) == 5);
    CHECK(**fields.number("d", 0, 1) == 0.5);
    CHECK(**fields.boolean("b"));
    CHECK_FALSE(fields.string("z")->has_value());
    CHECK_FALSE(fields.integer("absent", 0, 1)->has_value());
    CHECK(*fields.object("o") != nullptr);
    CHECK((*fields.array("a", 2))->size() == 2);

    const auto wrong = fields.string("i");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().detail == "at.i");
    CHECK(wrong.error().message.find("at.i") != std::string::npos);
    CHECK_FALSE(fields.integer("d", 0, 10));
    CHECK_FALSE(fields.integer("i", 0, 4));
    CHECK_FALSE(fields.integer("big", 0, INT64_MAX));
    CHECK_FALSE(fields.number("d", 1, 2));
    CHECK_FALSE(fields.number("s", 0, 2));
    CHECK_FALSE(fields.boolean("i"));
    CHECK_FALSE(fields.object("a"));
    CHECK_FALSE(fields.array("o", 9));
    const auto longList = fields.array("a", 1);
    REQUIRE_FALSE(longList);
    CHECK(longList.error().code == ErrorCode::LimitExceeded);
}

TEST_CASE("one line, whatever the strings hold") {
    const std::string line = jsonLine({{"a", "line\nbreak \xF0\x9F"}});
    CHECK(line.find('\n') == std::string::npos);
    CHECK(parseJson(line));
}

TEST_CASE("the text of a member as it was written") {
    const std::string_view text = R"( {"a" : [1,{"b":"]"}], "b\u0063":"x\"}," , "c":{ "z":1,"a":2 } , "a":-1.5e3} )";
    CHECK(memberText(text, "c") == R"({ "z":1,"a":2 } )");
    CHECK(memberText(text, "bc") == R"("x\"}," )");
    CHECK(memberText(text, "a") == "-1.5e3"); // the last one counts, as for the parser
    CHECK(memberText(text, "b").empty());
    CHECK(memberText("[1]", "a").empty());
    CHECK(memberText("{}", "a").empty());
    CHECK(memberText("", "a").empty());
    for (std::size_t cut = 0; cut < text.size(); ++cut) memberText(text.substr(0, cut), "a");
}
