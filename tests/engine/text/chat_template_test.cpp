#include "text/chat_format.h"

#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace facet;
using nlohmann::ordered_json;

namespace {

std::string readFile(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
std::string fixtures() { return std::getenv("FACET_FIXTURES"); }

// The result, or "code: message".
std::string render(const std::string &source, const ordered_json &variables = ordered_json::object()) {
    const auto out = probeChat(source, variables.dump());
    return out ? *out : std::string(errorCodeName(out.error().code)) + ": " + out.error().message;
}

}  // namespace

TEST_CASE("every golden chat is rendered byte by byte as by the reference") {
    std::ifstream file(fixtures() + "/golden/chat.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        const auto c = ordered_json::parse(line);
        CAPTURE(c["name"].get<std::string>());
        CAPTURE(c["template"].get<std::string>());
        const std::string source = readFile(fixtures() + "/golden/templates/chat_template." + c["template"].get<std::string>() + ".jinja");
        ordered_json variables;
        for (const char *name : {"messages", "tools", "add_generation_prompt", "enable_thinking"}) variables[name] = c[name];
        CHECK(render(source, variables) == c["rendered"].get<std::string>());
    }
    CHECK(lines > 100);
}

TEST_CASE("the template of the demonstration model runs") {
    const std::string source = readFile(std::string(std::getenv("FACET_RESOURCES")) + "/demo-model/chat_template.jinja");
    CHECK(render(source, {{"messages", {{{"role", "user"}, {"content", "Hi"}}}}, {"add_generation_prompt", true}}) ==
          "<bos><|turn>user\nHi<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
}

TEST_CASE("the language behaves as Jinja does") {
    const auto file = ordered_json::parse(readFile(fixtures() + "/../engine/text/jinja_cases.json"));
    for (const auto &c : file["cases"]) {
        const std::string source = c["template"];
        CAPTURE(source);
        CHECK(render(source, file["variables"]) == c["rendered"].get<std::string>());
    }
}

TEST_CASE("what is not supported is named with its line") {
    const auto message = [](const std::string &source) {
        const auto out = ChatTemplate::compile(source);
        if (out) return std::string("accepted");
        CHECK(out.error().code == ErrorCode::ModelUnsupported);
        return out.error().message;
    };
    CHECK(message("a\n{% include 'x' %}").find("line 2: the tag {% include %}") != std::string::npos);
    CHECK(message("\n\n{{ a | xmlattr }}").find("line 3: the filter \"xmlattr\"") != std::string::npos);
    CHECK(message("{{ a is filter }}").find("line 1: the test \"filter\"") != std::string::npos);
    for (const char *source : {"{% for x in y recursive %}{% endfor %}", "{{ f(*a) }}", "{% raw %}{% endraw %}", "{% extends 'a' %}", "{{", "{% if a %}",
                               "{% endif %}", "{{ a b }}", "{{ 'x }}", "{# a", "{{ a ? b }}", "{{ [1 }}", "{{ a. }}", "{{ a[ }}", "{{ a[] }}", "{% set = 1 %}",
                               "{% for in x %}{% endfor %}", "{{ 99999999999999999999 }}", "{% macro %}{% endmacro %}", "{{ }}", "{{ 1 + }}", "{% %}", "{{ ) }}"}) {
        CAPTURE(source);
        CHECK(message(source) != "accepted");
    }
    CHECK(render("x\n{{ strftime_now('%d') }}").find("model_unsupported: The model's chat template cannot be used: line 2: the function \"strftime_now\"") == 0);
}

TEST_CASE("a template can refuse a conversation, and wrong types are errors, not crashes") {
    CHECK(render("\n{{ raise_exception('roles must alternate') }}") ==
          "invalid_argument: The model's chat template cannot be used: line 2: roles must alternate.");
    for (const char *source : {"{{ 'a' + 1 }}", "{{ 1 < 'a' }}", "{{ [] + 1 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{% for x in 5 %}{% endfor %}", "{{ 5 | length }}",
                               "{{ 1 in 2 }}", "{% set a, b = [1] %}", "{% set x.y = 1 %}", "{{ [1,'a'] | sort }}", "{{ missing.strip() }}", "{{ -'a' }}",
                               "{{ 'a'.split('') }}", "{{ [1][::0] }}", "{{ range(1, 2, 0) }}", "{{ range('a') }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
                               "{{ 9223372036854775807 + 1 }}", "{{ [1]['a':] }}"}) {
        CAPTURE(source);
        CHECK(render(source).find("invalid_argument") == 0);
    }
}

TEST_CASE("a hostile template ends at a limit") {
    const std::string limit = "limit_exceeded";
    // Looking into a long list uses most of the steps up cheaply, loops use the rest.
    CHECK(render("{% set l = range(1000000) %}{% for i in range(48) %}{{ 0 in l }}{% endfor %}"
                 "{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}").find(limit) == 0);
    CHECK(render("{{ range(100000000) }}").find(limit) == 0);
    CHECK(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").find(limit) == 0);
    CHECK(render("{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }}").find(limit) == 0);
    CHECK(render("{{ 'x' * 1000000000000 }}").find(limit) == 0);
    CHECK(render("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}").find(limit) == 0);
    CHECK(render("{% set s = 'xxxxxxxxxxxxxxxx' * 65536 %}{% for i in range(100) %}{{ s }}{% endfor %}").find(limit) == 0);
    CHECK(render("{% set a = namespace() %}{% set a.a = a %}").find("model_unsupported") == 0);
    const auto many = [](const std::string &open, const std::string &middle, const std::string &close) {
        std::string out;
        for (int i = 0; i < 50000; ++i) out += open;
        out += middle;
        for (int i = 0; i < 50000; ++i) out += close;
        return out;
    };
    CHECK(render("{{ " + many("(", "1", ")") + " }}").find(limit) == 0);
    CHECK(render("{{ " + many("[", "", "]") + " }}").find(limit) == 0);
    CHECK(render("{{ " + many("-", "1", "") + " }}").find(limit) == 0);
    CHECK(render("{{ " + many("not ", "1", "") + " }}").find(limit) == 0);
    CHECK(render("{{ 1" + many(" + 1", "", "") + " }}").find(limit) == 0);
    CHECK(render("{{ a" + many(".b", "", "") + " }}").find(limit) == 0);
    CHECK(render("{{ a" + many("|trim", "", "") + " }}").find(limit) == 0);
    CHECK(render("{{ " + many("1 if 1 else ", "1", "") + " }}").find(limit) == 0);
    CHECK(render(many("{% if 1 %}", "x", "{% endif %}")).find(limit) == 0);
    CHECK(render(std::string(5U << 20U, 'x')).find(limit) == 0);
    ordered_json deep = 1;
    for (int i = 0; i < 1000; ++i) deep = ordered_json::array({std::move(deep)});
    CHECK(render("{{ x }}", {{"x", deep}}).find(limit) == 0);
}

TEST_CASE("long conversations stay within the limits") {
    ordered_json messages = ordered_json::array();
    for (int i = 0; i < 600; ++i) messages.push_back({{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(2000, 'x')}});
    const std::string out = render(readFile(fixtures() + "/golden/templates/chat_template.large.jinja"), {{"messages", messages}, {"add_generation_prompt", true}});
    CHECK(out.substr(0, 5) == "<bos>");
    CHECK(out.size() > 1200000);
}
