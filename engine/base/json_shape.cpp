#include "facet/json_shape.h"

#include <algorithm>

namespace facet {

namespace {

// Calls mark(character, its place) for brackets, commas and colons outside strings until it says false; where it
// stopped, or the end.
template <typename Mark>
std::size_t scan(std::string_view text, std::size_t at, Mark mark) {
    for (bool inString = false; at < text.size(); ++at) {
        const char c = text[at];
        if (inString) {
            if (c == '\\') ++at;
            else if (c == '"') inString = false;
        } else if (c == '"') {
            inString = true;
        } else if ((c == '{' || c == '[' || c == '}' || c == ']' || c == ',' || c == ':') && !mark(c, at)) {
            return at;
        }
    }
    return text.size();
}

} // namespace

JsonShape jsonShape(std::string_view text, const JsonShapeLimits &limits) {
    JsonShape shape;
    int depth = 0;
    std::size_t values = 1, members = 0;
    shape.at = scan(text, 0, [&](char c, std::size_t) {
        using Excess = JsonShape::Excess;
        if (c == '{' || c == '[') {
            if (depth >= limits.depth) shape.excess = Excess::Depth;
            ++depth;
            ++values; // its first value; the others have a comma before them
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (c == ',') {
            ++values;
        } else {
            ++members;
        }
        if (shape.excess == Excess::None && values > limits.values) shape.excess = Excess::Values;
        if (shape.excess == Excess::None && members > limits.members) shape.excess = Excess::Members;
        return shape.excess == Excess::None;
    });
    return shape;
}

std::size_t jsonValueEnd(std::string_view text, std::size_t at) {
    int depth = 0;
    return scan(text, std::min(at, text.size()), [&depth](char c, std::size_t) {
        if (c == '{' || c == '[') ++depth;
        else if (c == '}' || c == ']') return --depth >= 0;
        else if (c == ',') return depth > 0;
        return true;
    });
}

} // namespace facet
