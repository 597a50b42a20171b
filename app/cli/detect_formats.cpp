#include "detect_formats.h"

#include "chat_messages.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

double rounded(double v) { return std::round(v * 100) / 100; }

std::string quoted(const std::string &text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

template <typename... Values>
std::string format(const char *pattern, Values... values) {
    char buffer[160];
    std::snprintf(buffer, sizeof buffer, pattern, values...);
    return buffer;
}

int classIndex(const std::vector<std::string> &classes, const std::string &label) {
    return static_cast<int>(std::find(classes.begin(), classes.end(), label) - classes.begin());
}

} // namespace

std::vector<std::string> classesOf(const std::vector<DetectedPicture> &pictures) {
    std::vector<std::string> classes;
    for (const DetectedPicture &picture : pictures) {
        for (const Detection &d : picture.detections) {
            if (std::find(classes.begin(), classes.end(), d.label) == classes.end()) classes.push_back(d.label);
        }
    }
    return classes;
}

std::string toDetectionJson(const std::vector<DetectedPicture> &pictures) {
    Json list = Json::array();
    for (const DetectedPicture &picture : pictures) {
        Json objects = Json::array();
        for (const Detection &d : picture.detections) {
            Json object = {{"label", d.label}};
            if (d.kind == Detection::Kind::Box) {
                object["box_2d"] = {d.y1, d.x1, d.y2, d.x2};
                object["box"] = {rounded(d.pixels[0]), rounded(d.pixels[1]), rounded(d.pixels[2]),
                                 rounded(d.pixels[3])};
            } else {
                object["point"] = {d.y1, d.x1};
                object["pixel"] = {rounded(d.pixels[0]), rounded(d.pixels[1])};
            }
            objects.push_back(std::move(object));
        }
        list.push_back({{"file", picture.file},
                        {"width", picture.width},
                        {"height", picture.height},
                        {"objects", std::move(objects)}});
    }
    return jsonText(list) + "\n";
}

std::string toCoco(const std::vector<DetectedPicture> &pictures) {
    const std::vector<std::string> classes = classesOf(pictures);
    Json images = Json::array(), categories = Json::array(), annotations = Json::array();
    for (std::size_t i = 0; i < classes.size(); ++i) categories.push_back({{"id", i + 1}, {"name", classes[i]}});
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        images.push_back({{"id", i + 1},
                          {"file_name", pictures[i].file},
                          {"width", pictures[i].width},
                          {"height", pictures[i].height}});
        for (const Detection &d : pictures[i].detections) {
            const double w = d.pixels[2] - d.pixels[0], h = d.pixels[3] - d.pixels[1];
            Json annotation = {{"id", annotations.size() + 1},
                               {"image_id", i + 1},
                               {"category_id", classIndex(classes, d.label) + 1},
                               {"bbox", {rounded(d.pixels[0]), rounded(d.pixels[1]), rounded(w), rounded(h)}},
                               {"area", rounded(w * h)},
                               {"iscrowd", 0}};
            if (d.kind == Detection::Kind::Point) {
                annotation["keypoints"] = {rounded(d.pixels[0]), rounded(d.pixels[1]), 2};
                annotation["num_keypoints"] = 1;
            }
            annotations.push_back(std::move(annotation));
        }
    }
    return jsonText({{"images", std::move(images)},
                     {"categories", std::move(categories)},
                     {"annotations", std::move(annotations)}}) +
           "\n";
}

std::string toCsv(const std::vector<DetectedPicture> &pictures) {
    std::string out = "file,kind,label,x1,y1,x2,y2\n";
    for (const DetectedPicture &picture : pictures) {
        for (const Detection &d : picture.detections) {
            out += quoted(picture.file) + (d.kind == Detection::Kind::Box ? ",box," : ",point,") + quoted(d.label) +
                   format(",%.2f,%.2f,%.2f,%.2f\n", d.pixels[0], d.pixels[1], d.pixels[2], d.pixels[3]);
        }
    }
    return out;
}

std::string toYolo(const DetectedPicture &picture, const std::vector<std::string> &classes) {
    std::string out;
    for (const Detection &d : picture.detections) {
        if (d.kind != Detection::Kind::Box) continue;
        out += format("%d %.6f %.6f %.6f %.6f\n", classIndex(classes, d.label), (d.x1 + d.x2) / 2000,
                      (d.y1 + d.y2) / 2000, (d.x2 - d.x1) / 1000, (d.y2 - d.y1) / 1000);
    }
    return out;
}

} // namespace facet::cli
