// What comes out of the model besides prose: tool calls, boxes and points. No model code behind it, so that the
// window can use it as well (target facet::answer).
//
//     for (const Detection &d : parseDetections(answerText, picture.width, picture.height)) draw(d.pixels);
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

struct ToolCall {
    std::string id;             // unique within the conversation, "call_..."
    std::string name;
    std::string argumentsJson;  // one JSON object
};

struct Detection {
    enum class Kind : std::uint8_t { Box, Point };
    Kind kind = Kind::Box;
    std::string label;
    // Grid 0..1000 over the whole upright picture. Box: y1 <= y2, x1 <= x2. Point: y1 == y2, x1 == x2.
    double y1 = 0, x1 = 0, y2 = 0, x2 = 0;
    // The same in pixels of the picture: x1, y1, x2, y2, unrounded.
    std::array<double, 4> pixels{};
};

// Reads boxes and points out of an answer, complete or still streaming (vision.md section 7): fences, prose around,
// truncated arrays, wrapped objects. Never throws; nothing plausible found: empty.
std::vector<Detection> parseDetections(std::string_view answer, int imageWidth, int imageHeight);

}  // namespace facet
