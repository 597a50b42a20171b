// Random schemas: random answers under their masks parse and validate, and random valid values are accepted.
#include "grammar/matcher.h"
#include "grammar/schema_grammar.h"
#include "grammar/schema_validator.h"
#include "grammar_support.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace facet;
using namespace facet::grammar;
using namespace facet::grammar::test;

namespace {

// A schema and values of it, grown together.
class Grower {
public:
    explicit Grower(unsigned seed) : m_random(seed) {}

    int upTo(int most) { return std::uniform_int_distribution<int>(0, most)(m_random); }

    Json schema(int depth) {
        switch (upTo(depth > 0 ? 9 : 6)) {
        case 0: return {{"type", "boolean"}};
        case 1: return {{"type", "null"}};
        case 2: {
            const int low = upTo(200) - 100;
            Json s = {{"type", "integer"}, {"minimum", low}, {"maximum", low + upTo(300)}};
            return s;
        }
        case 3: {
            const int low = upTo(40) - 20;
            return {{"type", "number"}, {"exclusiveMinimum", low + 0.25}, {"maximum", low + 1 + upTo(30)}};
        }
        case 4: return {{"type", "string"}, {"minLength", upTo(3)}, {"maxLength", 3 + upTo(20)}};
        case 5: return {{"type", "string"}, {"pattern", upTo(1) ? "^[a-cä]{2,5}\\d?$" : "^(yes|no)( \\w+)*$"}, {"maxLength", 12}};
        case 6: return {{"enum", {"ab", 12, nullptr, "é\n\"", -0.5, Json::array({1, "x"})}}};
        case 7: {
            Json s = {{"type", "array"}, {"items", schema(depth - 1)}, {"minItems", upTo(2)}, {"maxItems", 2 + upTo(4)}};
            return s;
        }
        case 8: return {{"anyOf", Json::array({schema(depth - 1), schema(depth - 1)})}};
        default: break;
        }
        Json properties = Json::object(), required = Json::array();
        for (int i = upTo(4); i >= 0; --i) {
            const std::string name = std::string(1, static_cast<char>('a' + i)) + (i % 2 ? "_\"n" : "");
            properties[name] = schema(depth - 1);
            if (upTo(1)) required.push_back(name);
        }
        Json s = {{"type", "object"}, {"properties", properties}, {"required", required}};
        if (upTo(1)) s["additionalProperties"] = upTo(1) ? Json(false) : Json{{"type", "integer"}};
        return s;
    }

    Json value(const Json &s) {
        if (s.contains("anyOf")) return value(s["anyOf"][static_cast<std::size_t>(upTo(1))]);
        if (s.contains("enum")) return s["enum"][static_cast<std::size_t>(upTo(static_cast<int>(s["enum"].size()) - 1))];
        const std::string type = s["type"];
        if (type == "boolean") return upTo(1) == 1;
        if (type == "null") return nullptr;
        if (type == "integer") {
            const int low = s["minimum"], high = s["maximum"];
            return low + upTo(high - low);
        }
        if (type == "number") return s["exclusiveMinimum"].get<double>() + 0.25 + 0.5 * upTo(1);
        if (type == "string" && s.contains("pattern")) return s["pattern"] == "^(yes|no)( \\w+)*$" ? "yes ab_1" : "abä";
        if (type == "string") {
            std::string text;
            const int least = s["minLength"], most = s["maxLength"];
            for (int n = least + upTo(most - least); n > 0; --n) {
                const char *letters[] = {"x", "\"", "\\", "\n", "ö", "😀"};
                text += letters[upTo(5)];
            }
            return text;
        }
        Json out = type == "array" ? Json::array() : Json::object();
        if (type == "array") {
            const int least = s["minItems"], most = s["maxItems"];
            for (int n = least + upTo(most - least); n > 0; --n) out.push_back(value(s["items"]));
            return out;
        }
        for (const auto &[name, inner] : s["properties"].items()) {
            bool needed = upTo(1) == 1;
            for (const Json &r : s["required"]) needed = needed || r == name;
            if (needed) out[name] = value(inner);
        }
        return out;
    }

    std::mt19937 &random() { return m_random; }

private:
    std::mt19937 m_random;
};

}  // namespace

TEST_CASE("random values of random schemas are accepted, and so is what the validator says") {
    for (unsigned seed = 1; seed <= 150; ++seed) {
        Grower grower(seed);
        const Json schema = grower.schema(3);
        const auto grammar = grammarFromSchema(schema.dump());
        INFO(schema.dump());
        REQUIRE(grammar);
        for (int i = 0; i < 6; ++i) {
            const Json value = grower.value(schema);
            const std::string text = value.dump(i % 2 ? 2 : -1);
            const auto problem = violationOf(schema.dump(), text);
            REQUIRE(problem);
            CHECK_MESSAGE(!problem->has_value(), text);
            CHECK_MESSAGE(matches(*grammar, text), text);
        }
    }
}

TEST_CASE("whatever is sampled under the mask parses and validates") {
    int ended = 0, all = 0;
    for (unsigned seed = 500; seed < 600; ++seed) {
        Grower grower(seed);
        const Json schema = grower.schema(2);
        const auto grammar = grammarFromSchema(schema.dump());
        INFO(schema.dump());
        REQUIRE(grammar);
        TokenConstraint constraint(options(*grammar));
        const Sample sample = randomAnswer(constraint, grower.random(), 40, 2000);
        ++all;
        if (!sample.ended) continue;
        ++ended;
        const auto problem = violationOf(schema.dump(), sample.text);
        INFO(sample.text);
        REQUIRE(problem);
        CHECK_MESSAGE(!problem->has_value(), problem->value_or(""));
    }
    CHECK(ended == all);
}

TEST_CASE("any JSON object, sampled") {
    std::mt19937 random(9);
    const auto grammar = grammarOfJsonObject();
    REQUIRE(grammar);
    for (int i = 0; i < 20; ++i) {
        TokenConstraint constraint(options(*grammar));
        const Sample sample = randomAnswer(constraint, random, 60, 3000);
        INFO(sample.text);
        REQUIRE(sample.ended);
        const auto problem = violationOf(R"({"type":"object"})", sample.text);
        REQUIRE(problem);
        CHECK_FALSE(problem->has_value());
    }
}
