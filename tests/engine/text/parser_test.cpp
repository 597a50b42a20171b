#include "facet/output_parser.h"

#include "facet/probe.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

using namespace facet;
using nlohmann::json;

namespace {

struct Shown {
    std::string thought, text;
    std::size_t calls = 0, malformed = 0;
    void add(const std::vector<OutputEvent> &events) {
        for (const OutputEvent &e : events) {
            if (e.kind == OutputEvent::Kind::Thought) thought += e.text;
            if (e.kind == OutputEvent::Kind::Text) text += e.text;
            calls += e.kind == OutputEvent::Kind::ToolCall;
            malformed += e.kind == OutputEvent::Kind::Malformed;
        }
    }
};

}  // namespace

TEST_CASE("every golden line is parsed as expected, in its chunks and byte by byte") {
    std::ifstream file(std::string(std::getenv("FACET_FIXTURES")) + "/golden/parse.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        const json c = json::parse(line);
        const json got = json::parse(probeParse(c["prefix"], c["chunks"].get<std::vector<std::string>>()));
        CAPTURE(c["name"].get<std::string>());
        CAPTURE(got.dump());
        for (const auto &[key, value] : c["expected"].items()) CHECK(got[key] == value);
    }
    CHECK(lines > 50);
}

TEST_CASE("what streams is what results, and never holds a marker") {
    const std::string parts[] = {"<|channel>", "thought", "\n", "<channel|>", "<|tool_call>", "call:f{a:1}", "<tool_call|>", "x", " ",
                                 "<|\"|>", "<", "|", "<|tool_", "<|image|>", "call:g{b:", "}", "\xC3\xA9", "t", "<eos"};
    std::mt19937 random(11);
    for (int round = 0; round < 3000; ++round) {
        std::string soup;
        for (int i = 0; i < 12; ++i) soup += parts[random() % std::size(parts)];
        OutputParser whole;
        whole.pushText(soup, true);
        whole.finish();
        OutputParser cut;
        Shown shown;
        for (std::size_t i = 0; i < soup.size();) {
            const std::size_t n = 1 + random() % 7;
            shown.add(cut.pushText(std::string_view(soup).substr(i, n), true));
            i += n;
        }
        shown.add(cut.finish());
        CAPTURE(soup);
        CHECK(cut.result().content == whole.result().content);
        CHECK(cut.result().thinking == whole.result().thinking);
        CHECK(cut.result().malformed == whole.result().malformed);
        CHECK(cut.result().toolCalls.size() == whole.result().toolCalls.size());
        CHECK(shown.text == cut.result().content);
        CHECK(shown.thought == cut.result().thinking);
        CHECK(shown.calls == cut.result().toolCalls.size());
        CHECK(shown.malformed == cut.result().malformed.size());
        for (const char *marker : {"<|tool_call>", "<tool_call|>", "<|channel>", "<channel|>", "<|image|>"}) {
            CHECK(shown.text.find(marker) == std::string::npos);
            CHECK(shown.thought.find(marker) == std::string::npos);
        }
    }
}

TEST_CASE("markers that came as ordinary pieces stay text and never become a call") {
    OutputParser parser;
    parser.pushText("Write <|tool_call>call:f{a:1}<tool_call|> like this<turn|>");
    parser.finish();
    CHECK(parser.result().content == "Write <|tool_call>call:f{a:1}<tool_call|> like this<turn|>");
    CHECK(parser.result().toolCalls.empty());

    // Inside a real call the quote characters of ordinary pieces do not end a string.
    OutputParser call;
    call.pushMarker("<|tool_call>");
    call.pushText("call:say{text:");
    call.pushMarker("<|\"|>");
    call.pushText("a<|\"|>b");
    call.pushMarker("<|\"|>");
    call.pushText("}");
    call.pushMarker("<tool_call|>");
    call.finish();
    REQUIRE(call.result().toolCalls.size() == 1);
    CHECK(json::parse(call.result().toolCalls[0].argumentsJson)["text"] == "a<|\"|>b");
}

TEST_CASE("integers of 64 bits survive, ids differ, deep nesting is malformed and harmless") {
    OutputParser parser;
    parser.pushText("<|tool_call>call:f{a:9223372036854775807,b:-9223372036854775808}<tool_call|><|tool_call>call:f{}<tool_call|>", true);
    parser.finish();
    REQUIRE(parser.result().toolCalls.size() == 2);
    CHECK(parser.result().toolCalls[0].argumentsJson == "{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
    CHECK(parser.result().toolCalls[0].id != parser.result().toolCalls[1].id);
    CHECK(parser.result().toolCalls[0].id.starts_with("call_"));

    OutputParser huge;  // no JSON reader takes such a number
    huge.pushText("<|tool_call>call:f{a:1e999}<tool_call|>", true);
    huge.finish();
    CHECK(huge.result().toolCalls.empty());

    OutputParser deep;
    deep.pushText("<|tool_call>call:f{a:" + std::string(100000, '[') + "<tool_call|>", true);
    deep.finish();
    CHECK(deep.result().toolCalls.empty());
    CHECK(deep.result().malformed.size() == 1);
}

TEST_CASE("a prompt that leaves a thought open is recognised, quotations of one are not") {
    CHECK(OutputParser::promptOpensThought("<|turn>model\n<|channel>thought\n"));
    CHECK_FALSE(OutputParser::promptOpensThought("<|turn>model\n<|channel>thought\n<channel|>"));
    CHECK_FALSE(OutputParser::promptOpensThought("<|turn>user\n<|channel>thought\n<turn|>\n<|turn>model\n"));
    CHECK_FALSE(OutputParser::promptOpensThought(
        "<|turn>model\n<|tool_call>call:f{}<tool_call|><|tool_response>response:f{value:<|\"|><|channel><|\"|>}<tool_response|>"));
    OutputParser parser(true);
    parser.pushText("hm<channel|>Yes", true);
    parser.finish();
    CHECK(parser.result().thinking == "hm");
    CHECK(parser.result().content == "Yes");
}
