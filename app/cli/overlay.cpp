#include "overlay.h"

#include "overlay_font.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace facet::cli {

namespace {

using Colour = std::array<std::uint8_t, 3>;

// Told apart on light and dark grounds and by colour-blind eyes.
constexpr std::array<Colour, 8> kColours{{{230, 57, 70},
                                          {0, 114, 178},
                                          {0, 158, 115},
                                          {213, 94, 0},
                                          {204, 121, 167},
                                          {86, 180, 233},
                                          {240, 180, 20},
                                          {90, 60, 160}}};

class Canvas {
public:
    explicit Canvas(media::Picture &picture) : m_picture(picture) {}

    // [x1, x2) x [y1, y2), clipped.
    void fill(int x1, int y1, int x2, int y2, const Colour &colour) {
        for (int y = std::max(y1, 0); y < std::min(y2, m_picture.height); ++y) {
            for (int x = std::max(x1, 0); x < std::min(x2, m_picture.width); ++x) {
                std::copy(colour.begin(), colour.end(),
                          m_picture.rgb.begin() + (static_cast<std::ptrdiff_t>(y) * m_picture.width + x) * 3);
            }
        }
    }
    void frame(int x1, int y1, int x2, int y2, int thickness, const Colour &colour) {
        fill(x1, y1, x2, y1 + thickness, colour);
        fill(x1, y2 - thickness, x2, y2, colour);
        fill(x1, y1, x1 + thickness, y2, colour);
        fill(x2 - thickness, y1, x2, y2, colour);
    }
    void text(int x, int y, const std::string &text, int scale, const Colour &colour) {
        for (const char c : text) {
            const bool known = c >= kFirstGlyph && static_cast<std::size_t>(c - kFirstGlyph) < kGlyphs.size();
            const auto &glyph = kGlyphs[static_cast<std::size_t>((known ? c : '?') - kFirstGlyph)];
            for (int column = 0; column < kGlyphWidth; ++column) {
                for (int row = 0; row < kGlyphHeight; ++row) {
                    if ((glyph[static_cast<std::size_t>(column)] >> row & 1) == 0) continue;
                    fill(x + column * scale, y + row * scale, x + (column + 1) * scale, y + (row + 1) * scale, colour);
                }
            }
            x += (kGlyphWidth + 1) * scale;
        }
    }

private:
    media::Picture &m_picture;
};

// One '?' for each character outside ASCII, not for each of its bytes; long labels are cut.
std::string printable(const std::string &label) {
    constexpr std::size_t kLongest = 40;
    std::string out;
    for (const char c : label) {
        if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
        if (out.size() == kLongest) return out + "...";
        out += c >= ' ' && c < 127 ? c : '?';
    }
    return out;
}

} // namespace

void drawDetections(media::Picture &picture, const std::vector<Detection> &detections) {
    Canvas canvas(picture);
    const int longer = std::max(picture.width, picture.height);
    const int thickness = std::max(2, longer / 250), scale = std::max(1, longer / 400), padding = 2 * scale;
    std::vector<std::string> classes;
    for (const Detection &d : detections) {
        auto found = std::find(classes.begin(), classes.end(), d.label);
        if (found == classes.end()) found = classes.insert(classes.end(), d.label);
        const Colour &colour = kColours[static_cast<std::size_t>(found - classes.begin()) % kColours.size()];
        const auto pixel = [](double v) { return static_cast<int>(std::lround(std::clamp(v, 0.0, 1e6))); };
        int x1 = pixel(d.pixels[0]), y1 = pixel(d.pixels[1]);
        if (d.kind == Detection::Kind::Box) {
            canvas.frame(x1, y1, pixel(d.pixels[2]), pixel(d.pixels[3]), thickness, colour);
        } else {
            const int radius = 3 * thickness;
            canvas.fill(x1 - radius - 1, y1 - radius - 1, x1 + radius + 1, y1 + radius + 1, {255, 255, 255});
            canvas.fill(x1 - radius, y1 - radius, x1 + radius, y1 + radius, colour);
            x1 += radius + 1;
        }
        const std::string label = printable(d.label);
        if (label.empty()) continue;
        const int width = static_cast<int>(label.size()) * (kGlyphWidth + 1) * scale + 2 * padding - scale;
        const int height = kGlyphHeight * scale + 2 * padding;
        const int left = std::clamp(x1, 0, std::max(0, picture.width - width));
        const int top = y1 >= height ? y1 - height : y1; // above the box where there is room
        canvas.fill(left, top, left + width, top + height, colour);
        canvas.text(left + padding, top + padding, label, scale, {255, 255, 255});
    }
}

} // namespace facet::cli
