#include "facet/answer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

using namespace facet;
using nlohmann::json;

TEST_CASE("every golden line gives its boxes and points") {
    std::ifstream file(std::string(std::getenv("FACET_FIXTURES")) + "/golden/media/detection_parse.jsonl");
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        const json c = json::parse(line);
        const auto found = parseDetections(c["text"].get<std::string>(), c["image_wh"][0], c["image_wh"][1]);
        CAPTURE(c["case"].get<std::string>());
        REQUIRE(found.size() == c["expect"].size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            const json &e = c["expect"][i];
            const Detection &d = found[i];
            CHECK(d.label == e["label"].get<std::string>());
            if (e["kind"] == "box") {
                REQUIRE(d.kind == Detection::Kind::Box);
                const double grid[] = {d.y1, d.x1, d.y2, d.x2};
                for (std::size_t k = 0; k < 4; ++k) {
                    CHECK(grid[k] == doctest::Approx(e["y1x1y2x2"][k].get<double>()));
                    CHECK(d.pixels[k] == doctest::Approx(e["px_xyxy"][k].get<double>()));
                }
            } else {
                REQUIRE(d.kind == Detection::Kind::Point);
                CHECK(d.y1 == doctest::Approx(e["yx"][0].get<double>()));
                CHECK(d.x1 == doctest::Approx(e["yx"][1].get<double>()));
                CHECK(d.pixels[0] == doctest::Approx(e["px_xy"][0].get<double>()));
                CHECK(d.pixels[1] == doctest::Approx(e["px_xy"][1].get<double>()));
            }
        }
    }
    CHECK(lines >= 28);
}

TEST_CASE("while an answer streams boxes only appear, and never change") {
    const std::string answer = "Here:\n```json\n[\n{\"box_2d\": [10, 20, 300, 400], \"label\": \"cup\"},"
                               " {\"label\": \"pen\", \"box_2d\": [500, 600, 700, 800]}, {\"point\": [5, 6], \"label\": \"p\"}]\n```";
    std::size_t before = 0;
    for (std::size_t n = 0; n <= answer.size(); ++n) {
        const auto found = parseDetections(std::string_view(answer).substr(0, n), 100, 100);
        CHECK(found.size() >= before);
        before = found.size();
        if (before > 0) CHECK(found[0].label == "cup");
        if (before > 1) CHECK(found[1].y2 == 700);
    }
    CHECK(before == 3);
}

TEST_CASE("hostile text is survived in linear time") {
    for (const char *unit : {"[", "{\"", "[{\"a\":1},", "[1,", "{\"box_2d\":[", "[{\"box_2d\":[1,2,3,4],\"label\":\"", "{\"a\":[", "\\u", "]"}) {
        std::string text;
        while (text.size() < 1000000) text += unit;
        parseDetections(text, 10, 10);
    }
    std::mt19937 random(5);
    const char alphabet[] = "[]{}\",:0123456789.-eE \\ubox_2dlabel";
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (int i = 0; i < 60; ++i) text += alphabet[random() % (sizeof alphabet - 1)];
        for (const Detection &d : parseDetections(text, 100, 50)) {
            CHECK(std::isfinite(d.pixels[0]));
            CHECK(d.x1 >= 0);
            CHECK(d.x2 <= 1000);
        }
    }
    CHECK(parseDetections("[{\"box_2d\":[1e999,NaN,1,2]}]", 10, 10).empty());
}
