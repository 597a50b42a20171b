// How deep and how large a JSON text is, counted outside its strings before a parser builds anything: for text that
// nobody vouches for. Text that is no JSON has a shape as well; whether it is JSON, the parser says.
//
//     const JsonShape shape = jsonShape(text, {.depth = 100, .values = 1'000'000});
//     if (shape.excess != JsonShape::Excess::None) return tooLarge(shape.at);
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

namespace facet {

struct JsonShapeLimits {
    int depth = std::numeric_limits<int>::max();                        // nested objects and arrays
    std::size_t values = std::numeric_limits<std::size_t>::max();       // of all objects and arrays, themselves included
    std::size_t members = std::numeric_limits<std::size_t>::max();      // of all objects
};

struct JsonShape {
    enum class Excess : unsigned char { None, Depth, Values, Members };
    Excess excess = Excess::None; // the first limit that was passed
    std::size_t at = 0;           // the byte where it was
};
JsonShape jsonShape(std::string_view text, const JsonShapeLimits &limits);

// Where the value that begins at `at` ends: at the comma or bracket behind it, or at the end of the text.
std::size_t jsonValueEnd(std::string_view text, std::size_t at);

} // namespace facet
