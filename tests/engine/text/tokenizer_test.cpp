#include "text/tokenizer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

using namespace facet;
using nlohmann::json;

namespace {

std::string fixtures() { return std::getenv("FACET_FIXTURES"); }

const Tokenizer &tiny() {
    static const Tokenizer tokenizer = [] {
        auto loaded = Tokenizer::fromFile(fixtures() + "/checkpoints/tiny-e2b/tokenizer.json");
        INFO((loaded ? std::string() : loaded.error().describe()));
        REQUIRE(loaded);
        return std::move(*loaded);
    }();
    return tokenizer;
}

const char *kSmall = R"({"added_tokens":[{"id":3,"content":"<a>","special":true}],"model":{"type":"BPE","unk_token":"u",
    "vocab":{"x":0,"y":1,"xy":2},"merges":[["x","y"]]}})";

Result<Tokenizer> parse(const std::string &text) { return Tokenizer::fromJson(text, "t.json"); }
Result<Tokenizer> changed(const std::string &from, const std::string &to) {
    std::string text = kSmall;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return parse(text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("every golden line is encoded and decoded as by the reference") {
    std::ifstream file(fixtures() + "/golden/tokenizer.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        const json c = json::parse(line);
        const auto ids = c["ids"].get<std::vector<std::int32_t>>();
        CAPTURE(line.substr(0, 200));
        if (!c["text"].is_null())
            CHECK(tiny().encode(c["text"].get<std::string>(), c.value("match_control", true)) == ids);
        CHECK(tiny().decode(ids) == c["decoded"].get<std::string>());
        CHECK(tiny().decode(ids, true) == c["decoded_skip_special"].get<std::string>());
    }
    CHECK(lines > 200);
}

TEST_CASE("any text comes back, and comes back the same token by token") {
    std::mt19937 random(3);
    const std::string pieces[] = {"a", " ", "the", "\n", "\t", "ß", "漢", "😀", "<", "|", "<|turn>", "\xE2\x96\x81x", "0", "\r\n", "é"};
    for (int round = 0; round < 200; ++round) {
        std::string text;
        for (int i = 0; i < 30; ++i) text += pieces[random() % std::size(pieces)];
        const std::size_t mark = text.find("\xE2\x96\x81");
        if (mark != std::string::npos) text.erase(mark, 3);  // U+2581 itself reads back as a space
        while (text.find("\xE2\x96\x81") != std::string::npos) text.erase(text.find("\xE2\x96\x81"), 3);
        const auto ids = tiny().encode(text);
        CHECK(tiny().decode(ids) == text);
        StreamDecoder stream(tiny());
        std::string streamed;
        for (const auto id : ids) streamed += stream.push(id);
        CHECK(streamed + stream.finish() == text);
    }
}

TEST_CASE("nothing matches inside or across untrusted spans") {
    const auto turn = tiny().idOf("<|turn>");
    REQUIRE(turn);
    const std::string text = "<|turn>user\n<|turn>x<|turn>";
    const auto count = [&](const std::vector<ByteSpan> &plain) {
        const auto ids = tiny().encode(text, true, plain);
        CHECK(tiny().decode(ids) == text);
        return std::count(ids.begin(), ids.end(), *turn);
    };
    CHECK(count({}) == 3);
    CHECK(count({{12, 20}}) == 2);
    CHECK(count({{14, 15}}) == 2);   // the span begins inside the marker
    CHECK(count({{0, text.size()}}) == 0);
    CHECK(count({{0, 2}, {12, 13}, {22, 23}}) == 0);
}

TEST_CASE("an incomplete character is held back and a wrong one shown as replacement") {
    const auto first = tiny().idOf("<0xF0>"), second = tiny().idOf("<0x9F>");
    REQUIRE(first);
    REQUIRE(second);
    StreamDecoder stream(tiny());
    CHECK(stream.push(*first).empty());
    CHECK(stream.push(*second).empty());
    CHECK(stream.push(*tiny().idOf("a")) == "\xEF\xBF\xBD\xEF\xBF\xBD" "a");
    CHECK(stream.push(*first).empty());
    CHECK(stream.finish() == "\xEF\xBF\xBD");
}

TEST_CASE("long inputs take no quadratic time") {
    std::string text;
    for (int i = 0; i < 200000; ++i) text += static_cast<char>('a' + i % 26);
    CHECK(tiny().decode(tiny().encode(text)) == text);
    CHECK(tiny().decode(tiny().encode(std::string(300000, '\n'))).size() == 300000);
}

TEST_CASE("hostile files are refused with their place") {
    REQUIRE(parse(kSmall));
    for (const auto &[from, to] : std::initializer_list<std::pair<const char *, const char *>>{
             {"\"xy\":2", "\"xy\":1"}, {"\"xy\":2", "\"xy\":-4"}, {"\"xy\":2", "\"xy\":99999999999"}, {"\"xy\":2", "\"xy\":2.5"},
             {"\"xy\":2", "\"x\":2"}, {"[\"x\",\"y\"]", "[\"x\",\"z\"]"}, {"[\"x\",\"y\"]", "[\"x\"]"}, {"[\"x\",\"y\"]", "\"xy\""},
             {"[\"x\",\"y\"]", "[\"x\",\"y\",\"x\"]"}, {"BPE", "Unigram"}, {"\"id\":3", "\"id\":-3"}, {"\"<a>\"", "\"\""}, {"}}", "}"},
             {"\"vocab\":{\"x\":0,\"y\":1,\"xy\":2}", "\"vocab\":{}"}}) {
        const auto bad = changed(from, to);
        CAPTURE(to);
        REQUIRE_FALSE(bad);
        CHECK(bad.error().file == "t.json");
        CHECK_FALSE(bad.error().message.empty());
    }
    CHECK_FALSE(parse(std::string(100000, '[')));
    CHECK_FALSE(parse(""));
    CHECK_FALSE(Tokenizer::fromFile("/nonexistent/tokenizer.json"));
}

TEST_CASE("merges are read in both forms") {
    for (const char *form : {"[\"x\",\"y\"]", "\"x y\""}) {
        const auto t = changed("[\"x\",\"y\"]", form);
        REQUIRE(t);
        CHECK(t->encode("xyx<a>") == std::vector<std::int32_t>{2, 0, 3});
        CHECK(t->isSpecial(3));
        CHECK_FALSE(t->isSpecial(2));
        CHECK(t->size() == 4);
    }
}
