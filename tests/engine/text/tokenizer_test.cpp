#include "text/tokenizer.h"
#include "text/unicode.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
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

TEST_CASE("ids must run without gaps, and what an added token says must agree with the vocabulary") {
    CHECK_FALSE(changed("\"id\":3", "\"id\":4"));
    CHECK_FALSE(changed("\"<a>\"", "\"x\""));                      // another id than in the vocabulary
    CHECK_FALSE(changed("\"special\":true", "\"lstrip\":true"));   // nothing this engine does
    CHECK_FALSE(changed("\"model\":", "\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":"));
    CHECK_FALSE(changed("\"model\":", "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"}},\"model\":"));
    CHECK(changed("\"model\":", "\"normalizer\":{\"type\":\"Replace\"},\"decoder\":{\"type\":\"Fuse\"},\"model\":"));
    CHECK(parse(R"({"model":{"merges":[["x","y"]],"vocab":{"xy":2,"x":0,"y":1}}})")->encode("xy") == std::vector<std::int32_t>{2});
}

TEST_CASE("the longest added token at the leftmost place wins") {
    const auto t = parse(R"({"added_tokens":[{"id":2,"content":"<a"},{"id":3,"content":"<a><b>"},{"id":4,"content":"a>","special":true}],
        "model":{"vocab":{"<":0,">":1},"unk_token":"<"}})");
    REQUIRE(t);
    CHECK(t->encode("<a><b>") == std::vector<std::int32_t>{3});
    CHECK(t->encode("<a><") == std::vector<std::int32_t>{2, 1, 0});
    CHECK(t->encode("a><a>") == std::vector<std::int32_t>{4, 2, 1});
    const ByteSpan tail[] = {{5, 6}};
    CHECK(t->encode("<a><b>", true, tail).front() == 2);   // the longer one would reach into the span
    CHECK_FALSE(t->isSpecial(2));
    CHECK(t->isAdded(2));
}

TEST_CASE("characters without pieces become the unknown one where bytes are missing, else their bytes") {
    const auto t = parse(R"({"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"vocab":{"<unk>":0,"a":1,"<0xC3>":2,"<0xA4>":3}}})");
    REQUIRE(t);
    CHECK(t->encode("a\xC3\xA4") == std::vector<std::int32_t>{1, 2, 3});
    CHECK(t->encode("\xC3\xB6\xC3\xB6" "a") == std::vector<std::int32_t>{0, 1});
    CHECK(parse(R"({"model":{"vocab":{"a":0}}})")->encode("bab") == std::vector<std::int32_t>{0});
}

TEST_CASE("random Unicode, also broken, comes back byte by byte") {
    std::mt19937 random(9);
    for (int round = 0; round < 300; ++round) {
        std::string valid, broken;
        for (int i = 0; i < 40; ++i) {
            auto code = static_cast<char32_t>(random() % (random() % 2 ? 0x80 : random() % 2 ? 0x3000 : 0x110000));
            if (code == 0x2581 || (code >= 0xD800 && code <= 0xDFFF)) code = 'x';
            utf8::append(valid, code);
            broken += static_cast<char>(random() % 256);
        }
        CHECK(tiny().decode(tiny().encode(valid, false)) == valid);
        std::string bytes;
        for (const std::int32_t id : tiny().encode(broken, false)) bytes += tiny().pieceBytes(id);
        CHECK(bytes == broken);
        StreamDecoder stream(tiny());
        std::string streamed;
        for (const std::int32_t id : tiny().encode(broken, false)) streamed += stream.push(id);
        CHECK(utf8::isValid(streamed + stream.finish()));
    }
}

TEST_CASE("a tokenizer as large as the released ones loads") {
    // 60000 pieces and as many merges: enough to notice quadratic loading.
    std::string vocabulary, merges;
    const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
    int id = 0;
    const auto add = [&](const std::string &piece) { vocabulary += (id ? ",\"" : "\"") + piece + "\":" + std::to_string(id); ++id; };
    for (const char a : letters) add(std::string(1, a));
    for (const char a : letters)
        for (const char b : letters) add({a, b});
    for (const char a : letters)
        for (const char b : letters) {
            merges += (merges.empty() ? "[\"" : ",[\"") + std::string(1, a) + "\",\"" + std::string(1, b) + "\"]";
            for (const char c : letters) {
                add({a, b, c});
                merges += ",[\"" + std::string{a, b} + "\",\"" + std::string(1, c) + "\"]";
            }
        }
    const auto t = parse("{\"model\":{\"type\":\"BPE\",\"vocab\":{" + vocabulary + "},\"merges\":[" + merges + "]}}");
    REQUIRE(t);
    CHECK(t->size() == id);
    CHECK(t->encode("abcabc").size() == 2);
}

namespace {

// "llama" vocabularies: scores instead of merges.
PieceList scoredPieces() {
    PieceList list;
    list.pieces = {"<unk>", "<end>", "<0x41>", "a", "b", "c", "ab", "bc", "abc", "\xE2\x96\x81", "\xE2\x96\x81" "a", "\n", "\n\n", "<tag>"};
    list.kinds = {2, 3, 6, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4, 4};
    list.scores = {0, 0, 0, -9, -9, -9, -2, -1, -3, -9, -4, -1000, -1000, -1000};
    list.unknown = 0;
    return list;
}

}  // namespace

TEST_CASE("scored pieces merge by the best score, leftmost first") {
    const auto made = Tokenizer::fromPieces(scoredPieces(), "m.gguf");
    REQUIRE(made);
    using Ids = std::vector<std::int32_t>;
    CHECK(made->encode("ab") == Ids{6});
    CHECK(made->encode("abc") == Ids{8});         // bc scores best, then a + bc is no piece but abc is
    CHECK(made->encode("abb") == Ids{6, 4});
    CHECK(made->encode(" a ab") == Ids{10, 9, 6});
    CHECK(made->encode("A") == Ids{2});           // by its byte
    CHECK(made->encode("z") == Ids{0});
    CHECK(made->encode("a<end>b<tag>") == Ids{3, 1, 4, 13});
    CHECK(made->encode("a\n\nb") == Ids{3, 12, 4});
    CHECK(made->decode(Ids{8, 1, 13, 12}, true) == "abc<tag>\n\n"); // only control pieces hide
    // What a user wrote: no marker counts, runs of white space are pieces all the same.
    CHECK(made->encode("\n\n<end>", false).front() == 12);
    CHECK(made->encode("\n\n<end>", false).back() != 1);
    const ByteSpan plain[] = {{0, 7}};
    CHECK(made->encode("<end>\n\n<end>", true, plain).back() == 1);
}

TEST_CASE("lists that contradict themselves are refused") {
    const auto says = [](const PieceList &list, const std::string &text) {
        const auto made = Tokenizer::fromPieces(list, "m.gguf");
        REQUIRE_FALSE(made);
        INFO(made.error().describe());
        CHECK(made.error().describe().find(text) != std::string::npos);
    };
    says({}, "empty");
    PieceList list = scoredPieces();
    list.kinds.pop_back();
    says(list, "same length");
    list = scoredPieces();
    list.pieces[4] = "a";
    says(list, "piece 4");
    list = scoredPieces();
    list.pieces[2] = "<0xZZ>";
    says(list, "piece 2");
    list = scoredPieces();
    list.scores.clear();
    list.merges = {"ab"};
    says(list, "merge 0");
    list.merges = {"a b", "a x", "b c"}; // a shortened vocabulary leaves merges that can never apply
    const auto made = Tokenizer::fromPieces(list, "m.gguf");
    REQUIRE(made);
    CHECK(made->encode("abc") == std::vector<std::int32_t>{6, 5});
}
