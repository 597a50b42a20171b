#include "run/stop_strings.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using facet::StopStrings;

namespace {

// What a reader sees of `text` cut into pieces of `step` bytes.
std::string feed(StopStrings &stops, const std::string &text, std::size_t step) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += step) out += stops.push(std::string_view(text).substr(i, step));
    return out + stops.finish();
}

}  // namespace

TEST_CASE("text without a stop string passes unchanged, whatever the pieces") {
    for (std::size_t step = 1; step < 9; ++step) {
        StopStrings stops({"STOP", "###"});
        CHECK(feed(stops, "STO ST S ## # done", step) == "STO ST S ## # done");
        CHECK_FALSE(stops.hit());
    }
}

TEST_CASE("the answer ends before the first stop string, whatever the pieces") {
    for (std::size_t step = 1; step < 9; ++step) {
        StopStrings stops({"\nUser:", "END"});
        CHECK(feed(stops, "one\ntwo\nUser: three END", step) == "one\ntwo");
        CHECK(stops.hit());
        CHECK(stops.push("more").empty());
        CHECK(stops.finish().empty());
    }
}

TEST_CASE("a tail that may become a stop string is held back, and shown if it does not") {
    StopStrings stops({"abab"});
    CHECK(stops.push("xab").substr(0, 1) == "x");
    CHECK(stops.push("a").empty());
    CHECK(stops.push("c") == "abac");
}

TEST_CASE("empty stop strings are ignored") {
    StopStrings stops({"", ""});
    CHECK(stops.push("text") == "text");
}

TEST_CASE("random cuts never change what is seen") {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (int i = 0; i < 40; ++i) text += static_cast<char>('a' + random() % 3);
        const std::string stop = text.substr(random() % 30, 1 + random() % 4);
        StopStrings whole({stop}), pieces({stop});
        const std::string expected = feed(whole, text, text.size());
        std::string seen;
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t n = 1 + random() % 5;
            seen += pieces.push(std::string_view(text).substr(i, n));
            i += n;
        }
        CHECK(seen + pieces.finish() == expected);
        CHECK(expected == text.substr(0, text.find(stop)));
    }
}
