#include "facet/media/transcript.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace facet::media;

namespace {

constexpr std::int64_t kRate = 16000;

AudioChunk chunkOf(double begin, double end, std::vector<std::pair<double, double>> speech) {
    AudioChunk chunk;
    chunk.beginSample = static_cast<std::int64_t>(begin * kRate);
    chunk.endSample = static_cast<std::int64_t>(end * kRate);
    for (const auto &[from, to] : speech) {
        chunk.speech.emplace_back(static_cast<std::int64_t>(from * kRate), static_cast<std::int64_t>(to * kRate));
    }
    return chunk;
}

std::string withoutSpaces(std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
}

std::size_t characters(const std::string &text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void checkCues(const std::vector<Cue> &cues, const AudioChunk &chunk, const std::string &text) {
    std::string all;
    double last = static_cast<double>(chunk.beginSample) / kRate;
    const double end = static_cast<double>(chunk.endSample) / kRate;
    for (const Cue &cue : cues) {
        CAPTURE(cue.text);
        CHECK(cue.begin >= last - 1e-9);
        CHECK(cue.end <= end + 1e-9);
        CHECK(cue.end > cue.begin);
        CHECK(cue.end - cue.begin <= 7 + 1e-9);
        if (end - cues.front().begin >= static_cast<double>(cues.size())) CHECK(cue.end - cue.begin >= 1 - 1e-9);
        last = cue.end;
        all += cue.text;
        CHECK(std::count(cue.text.begin(), cue.text.end(), '\n') <= 1);
        for (std::size_t at = 0; at <= cue.text.size();) {
            const std::size_t stop = std::min(cue.text.find('\n', at), cue.text.size());
            const std::string line = cue.text.substr(at, stop - at);
            CHECK(characters(line) <= 42);
            CHECK_FALSE(line.empty());
            at = stop + 1;
        }
    }
    CHECK(withoutSpaces(all) == withoutSpaces(text));
}

}  // namespace

TEST_CASE("loops are noticed, speech is not") {
    CHECK(isRepeating("and then he said and then he said and then he said"));
    CHECK(isRepeating("One, two, three, four. Something. One two three FOUR! Else. one two three four"));
    CHECK(isRepeating("no no no no no no no no no no no no"));
    CHECK(isRepeating(std::string(100, 'a')));
    std::string laugh;
    for (int i = 0; i < 40; ++i) laugh += "ha";
    CHECK(isRepeating(laugh));
    CHECK(isRepeating("今日はとても良い天気です今日はとても良い天気です今日はとても良い天気です"));
    CHECK_FALSE(isRepeating(""));
    CHECK_FALSE(isRepeating("no no no no no"));
    CHECK_FALSE(isRepeating("I said yes and you said no. I said yes and you said maybe."));
    CHECK_FALSE(isRepeating("今日はとても良い天気です。明日は雨が降るかもしれません。"));
    CHECK_FALSE(isRepeating("\xFF\xC3\xE4 \x80 \xF0\x9F"));
}

TEST_CASE("overlapping texts are joined at what they share") {
    CHECK(mergeOverlap("We went to the market to buy", "to the market to buy apples and pears.") ==
          "We went to the market to buy apples and pears.");
    // A word cut in half at the end of the first clip is replaced.
    CHECK(mergeOverlap("the quick brown fo", "Quick, brown fox jumps") == "the quick brown fox jumps");
    // The beginning of the second clip is a piece of a word.
    CHECK(mergeOverlap("he will certainly arrive at noon", "tainly arrive at noon, she said") ==
          "he will certainly arrive at noon, she said");
    CHECK(mergeOverlap("It was late.", "It was late.") == "It was late.");
    CHECK(mergeOverlap("Nothing shared here.", "Completely different words.") == "Nothing shared here. Completely different words.");
    CHECK(mergeOverlap("I saw the", "the end of it") == "I saw the the end of it");
    CHECK(mergeOverlap("He lives in Barcelona", "Barcelona is large") == "He lives in Barcelona is large");
    CHECK(mergeOverlap("", "Hello") == "Hello");
    CHECK(mergeOverlap("Hello", "") == "Hello");
    CHECK(mergeOverlap("Don't stop NOW my friend", "don't stop now my friend, go") == "Don't stop NOW my friend, go");
    CHECK(mergeOverlap("Él llegó a la ESTACIÓN ÁRBOL", "estación árbol verde") == "Él llegó a la ESTACIÓN ÁRBOL verde");
    CHECK(mergeOverlap("今日は良い天気です", "良い天気ですね") == "今日は良い天気ですね");
    // Far apart is no overlap: only the seam counts.
    const std::string filler = " a1 b2 c3 d4 e5 f6 g7 h8 i9 j0 k1 l2 m3 n4 o5 p6";
    CHECK_FALSE(findOverlap("red green blue" + filler, "red green blue").found);
}

TEST_CASE("cues keep to the form of subtitles") {
    const AudioChunk chunk = chunkOf(100, 128, {{100.2, 108}, {109, 117.5}, {118.4, 127.8}});
    const std::string text =
        "Good evening and welcome. Tonight we talk about the weather, which has been unusually warm for the season, and about "
        "what that means for gardens, farms and forests. Yes. Indeed! Our guest is a gardener; she has kept records for forty years.";
    const std::vector<Cue> cues = cuesFor(chunk, text);
    checkCues(cues, chunk, text);
    REQUIRE(cues.size() >= 4);
    CHECK(cues.front().begin == doctest::Approx(100.2));
    CHECK(cues.back().end == doctest::Approx(127.8));
}

TEST_CASE("sentences begin where speech begins") {
    const AudioChunk chunk = chunkOf(0, 12, {{1, 4}, {8, 11}});
    const std::vector<Cue> cues = cuesFor(chunk, "The first sentence here. The other sentence here.");
    REQUIRE(cues.size() == 2);
    CHECK(cues[0].begin == doctest::Approx(1));
    CHECK(cues[0].end == doctest::Approx(4));
    CHECK(cues[1].begin == doctest::Approx(8));
    CHECK(cues[1].end == doctest::Approx(11));
}

TEST_CASE("cues of odd chunks and texts") {
    const AudioChunk chunk = chunkOf(5, 15, {{5.5, 14}});
    CHECK(cuesFor(chunk, "").empty());
    CHECK(cuesFor(chunk, " \n\t ").empty());
    CHECK(cuesFor(chunkOf(5, 5, {}), "text").empty());
    checkCues(cuesFor(chunkOf(5, 15, {}), "No regions known."), chunkOf(5, 15, {}), "No regions known.");
    checkCues(cuesFor(chunk, "Hi."), chunk, "Hi.");
    const std::string word(200, 'x');
    checkCues(cuesFor(chunk, word), chunk, word);
    const std::string japanese = "今日はとても良い天気です。明日は雨が降るかもしれませんから、傘を持って行ってください。それではまた来週お会いしましょう。";
    checkCues(cuesFor(chunk, japanese), chunk, japanese);
    // Far more text than time: as many cues as it takes, each shorter than a second.
    std::string flood;
    for (int i = 0; i < 300; ++i) flood += "word" + std::to_string(i) + " ";
    checkCues(cuesFor(chunk, flood), chunk, flood);
    std::mt19937 random(5);
    for (int round = 0; round < 50; ++round) {
        std::string text;
        for (int i = 0; i < 60; ++i) {
            text += std::string(1 + random() % 14, static_cast<char>('a' + random() % 26));
            text += random() % 7 == 0 ? ". " : " ";
        }
        AudioChunk wild = chunkOf(10, 40, {});
        for (double at = 10.1; at < 37;) {
            const double length = 0.2 + static_cast<double>(random() % 80) / 10;
            wild.speech.emplace_back(static_cast<std::int64_t>(at * kRate), static_cast<std::int64_t>(std::min(at + length, 39.9) * kRate));
            at += length + 0.3 + static_cast<double>(random() % 20) / 10;
        }
        checkCues(cuesFor(wild, text), wild, text);
    }
}

TEST_CASE("subtitle files") {
    const std::vector<Cue> cues = {{0, 1.5, "One <b>\ntwo & three"}, {3725.0004, 3726.25, "Four\n\n\nfive\r"}, {3726.5, 3728, "six"}};
    CHECK(toSrt(cues) == "1\n00:00:00,000 --> 00:00:01,500\nOne <b>\ntwo & three\n\n"
                         "2\n01:02:05,000 --> 01:02:06,250\nFour\nfive\n\n"
                         "3\n01:02:06,500 --> 01:02:08,000\nsix\n\n");
    CHECK(toVtt(cues) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &lt;b&gt;\ntwo &amp; three\n\n"
                         "01:02:05.000 --> 01:02:06.250\nFour\nfive\n\n"
                         "01:02:06.500 --> 01:02:08.000\nsix\n\n");
    CHECK(toTxt(cues) == "One <b> two & three\nFour five six\n");
    CHECK(toSrt({}).empty());
    CHECK(toVtt({}) == "WEBVTT\n\n");
    CHECK(toTxt({}).empty());
}
