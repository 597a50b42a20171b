#include "facet/json_shape.h"

#include <doctest/doctest.h>

#include <string>

using namespace facet;
using Excess = JsonShape::Excess;

TEST_CASE("depth, values and members are counted outside strings, and the first excess has its byte") {
    const std::string text = R"({"a":[1,{"b":2,"c}]":"[[{{,,::\"}"}],"d":{}})";
    CHECK(jsonShape(text, {}).excess == Excess::None);
    CHECK(jsonShape(text, {}).at == text.size());
    CHECK(jsonShape(text, {.depth = 3}).excess == Excess::None);
    const JsonShape deep = jsonShape(text, {.depth = 2});
    CHECK(deep.excess == Excess::Depth);
    CHECK(deep.at == text.find("{\"b\""));
    CHECK(jsonShape(text, {.members = 4}).excess == Excess::None);
    const JsonShape many = jsonShape(text, {.members = 3});
    CHECK(many.excess == Excess::Members);
    CHECK(many.at == text.rfind(':'));
    // The object, its two members, the two elements, the inner object's two members, and one for the empty object.
    CHECK(jsonShape(text, {.values = 8}).excess == Excess::None);
    CHECK(jsonShape(text, {.values = 7}).excess == Excess::Values);
    CHECK(jsonShape(std::string(1'000'000, '['), {.depth = 100}).at == 100);
}

TEST_CASE("text that is no JSON has a shape, too") {
    for (const char *text : {"", "\"", "\"\\", "]]}}", "{\"a", "nonsense", "\\\""})
        CHECK(jsonShape(text, {.depth = 2, .values = 2, .members = 0}).excess == Excess::None);
    CHECK(jsonShape("]]]][[", {.depth = 1}).excess == Excess::None); // closing first does not overflow anything
}

TEST_CASE("where a value ends") {
    const std::string text = R"({"a": {"x":[1,2],"y":"},"} , "b":7})";
    const std::size_t first = text.find("{\"x\"");
    CHECK(jsonValueEnd(text, first) == text.find(", \"b\""));
    CHECK(jsonValueEnd(text, text.find('7')) == text.size() - 1);
    CHECK(jsonValueEnd("\"open", 0) == 5);
    CHECK(jsonValueEnd("1", 9) == 1);
}
