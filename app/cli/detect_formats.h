// Boxes and points of several pictures as JSON, COCO, YOLO or CSV.
#pragma once

#include "facet/answer.h"

#include <string>
#include <utility>
#include <vector>

namespace facet::cli {

struct DetectedPicture {
    std::string file;
    int width = 0, height = 0; // upright
    std::vector<Detection> detections;
};

// [{"file", "width", "height", "objects": [{"label", "box_2d": [y1, x1, y2, x2] of 1000, "box": [x1, y1, x2, y2]
// pixels} or {"label", "point": [y, x] of 1000, "pixel": [x, y]}]}]
std::string toDetectionJson(const std::vector<DetectedPicture> &pictures);
// images, categories and annotations; points are annotations with one keypoint.
std::string toCoco(const std::vector<DetectedPicture> &pictures);
// file,kind,label,x1,y1,x2,y2 in pixels
std::string toCsv(const std::vector<DetectedPicture> &pictures);
// "class x y w h" of one picture, all relative to its sides; points are left out.
std::string toYolo(const DetectedPicture &picture, const std::vector<std::string> &classes);
// Labels in order of first appearance: the number of a class is its place.
std::vector<std::string> classesOf(const std::vector<DetectedPicture> &pictures);

} // namespace facet::cli
