#include "detect_formats.h"
#include "overlay.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace facet;
using namespace facet::cli;

namespace {

std::vector<DetectedPicture> examples() {
    const std::string answer =
        R"([{"box_2d": [100, 200, 300, 600], "label": "cat, \"big\""}, {"point": [500, 250], "label": "dog"},
                                   {"box_2d": [0, 0, 1000, 1000], "label": "dog"}])";
    return {{"a,b.png", 400, 200, parseDetections(answer, 400, 200)}, {"empty.png", 10, 10, {}}};
}

std::array<int, 3> pixel(const media::Picture &p, int x, int y) {
    const std::size_t at = static_cast<std::size_t>(y * p.width + x) * 3;
    return {p.rgb[at], p.rgb[at + 1], p.rgb[at + 2]};
}

} // namespace

TEST_CASE("JSON keeps the grid and gives pixels") {
    const auto json = nlohmann::json::parse(toDetectionJson(examples()));
    REQUIRE(json.size() == 2);
    CHECK(json[0]["objects"][0]["box_2d"] == nlohmann::json::parse("[100.0, 200.0, 300.0, 600.0]"));
    CHECK(json[0]["objects"][0]["box"] == nlohmann::json::parse("[80.0, 20.0, 240.0, 60.0]"));
    CHECK(json[0]["objects"][1]["point"] == nlohmann::json::parse("[500.0, 250.0]"));
    CHECK(json[0]["objects"][1]["pixel"] == nlohmann::json::parse("[100.0, 100.0]"));
    CHECK(json[1]["objects"].empty());
}

TEST_CASE("COCO has whole references") {
    const auto json = nlohmann::json::parse(toCoco(examples()));
    CHECK(json["images"].size() == 2);
    REQUIRE(json["categories"].size() == 2);
    REQUIRE(json["annotations"].size() == 3);
    CHECK(json["annotations"][0]["bbox"] == nlohmann::json::parse("[80.0, 20.0, 160.0, 40.0]"));
    CHECK(json["annotations"][0]["area"] == 6400.0);
    CHECK(json["annotations"][1]["num_keypoints"] == 1);
    CHECK(json["annotations"][2]["category_id"] == 2);
    CHECK(json["annotations"][2]["image_id"] == 1);
}

TEST_CASE("CSV quotes what it must") {
    const std::string csv = toCsv(examples());
    CHECK(csv.rfind("file,kind,label,x1,y1,x2,y2\n\"a,b.png\",box,\"cat, \"\"big\"\"\",80.00,20.00,240.00,60.00\n",
                    0) == 0);
    CHECK(csv.find("point,dog,100.00,100.00,100.00,100.00") != std::string::npos);
}

TEST_CASE("YOLO: boxes by centre and size, numbers by first appearance") {
    const auto pictures = examples();
    const std::vector<std::string> classes = classesOf(pictures);
    CHECK(classes == std::vector<std::string>{"cat, \"big\"", "dog"});
    CHECK(toYolo(pictures[0], classes) ==
          "0 0.400000 0.200000 0.400000 0.200000\n1 0.500000 0.500000 1.000000 1.000000\n");
    CHECK(toYolo(pictures[1], classes).empty());
}

TEST_CASE("the overlay frames the box and labels it") {
    media::Picture picture{.width = 100, .height = 80};
    picture.rgb.assign(100 * 80 * 3, 128);
    const std::string answer = R"([{"box_2d": [500, 200, 900, 800], "label": "x"}])";
    const media::Picture before = picture;
    drawDetections(picture, parseDetections(answer, 100, 80));
    const std::array<int, 3> ground{128, 128, 128};
    CHECK(pixel(picture, 20, 60) != ground); // left edge
    CHECK(pixel(picture, 79, 60) != ground); // right edge
    CHECK(pixel(picture, 50, 40) != ground); // top edge
    CHECK(pixel(picture, 50, 71) != ground); // bottom edge
    CHECK(pixel(picture, 50, 60) == ground); // inside
    CHECK(pixel(picture, 5, 5) == ground);   // outside
    CHECK(pixel(picture, 21, 30) != ground); // the label stands above the box
    CHECK(before.rgb.size() == picture.rgb.size());
}

TEST_CASE("boxes at and over the edges, long and foreign labels") {
    media::Picture picture{.width = 8, .height = 8};
    picture.rgb.assign(8 * 8 * 3, 0);
    std::vector<Detection> detections;
    for (const double v : {-1e9, 0.0, 1000.0, 1e18}) {
        Detection box{.label = "Übermäßig langes Etikett, das nirgends hinpasst und abgeschnitten wird",
                      .pixels = {v, v, v, v}};
        detections.push_back(box);
        box.kind = Detection::Kind::Point;
        detections.push_back(box);
    }
    drawDetections(picture, detections);
    CHECK(picture.rgb.size() == 8 * 8 * 3);
}
