#include "exif.h"

#include "byte_view.h"

#include <cstdlib>

namespace facet::media {

namespace {
constexpr std::uint32_t kTagOrientation = 0x0112;
constexpr std::uint32_t kTypeShort = 3;
constexpr std::size_t kEntryBytes = 12;
} // namespace

int exifOrientation(std::span<const std::uint8_t> tiffBlock) {
    if (tiffBlock.size() < 14) return 1;
    const bool big = tiffBlock[0] == 'M' && tiffBlock[1] == 'M';
    if (!big && !(tiffBlock[0] == 'I' && tiffBlock[1] == 'I')) return 1;
    const ByteView view(tiffBlock, big);
    if (view.u16(2) != 42) return 1;
    const std::size_t directory = view.u32(4);
    if (!view.has(directory, 2)) return 1;
    const std::size_t count = view.u16(directory);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * kEntryBytes;
        if (!view.has(entry, kEntryBytes)) return 1;
        if (view.u16(entry) != kTagOrientation) continue;
        if (view.u16(entry + 2) != kTypeShort || view.u32(entry + 4) != 1) return 1;
        const std::uint32_t value = view.u16(entry + 8);
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

Picture uprighted(Picture picture, int orientation) {
    if (orientation <= 1 || orientation > 8) return picture;
    const int width = picture.width, height = picture.height;
    Picture out;
    out.width = swapsSides(orientation) ? height : width;
    out.height = swapsSides(orientation) ? width : height;
    out.contentHash = std::move(picture.contentHash);
    out.rgb.resize(picture.rgb.size());
    for (int y = 0; y < out.height; ++y) {
        std::uint8_t *row = out.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) * 3;
        for (int x = 0; x < out.width; ++x) {
            int sx = x, sy = y; // where the upright pixel lies in the stored picture
            switch (orientation) {
            case 2: sx = width - 1 - x; break;
            case 3: sx = width - 1 - x, sy = height - 1 - y; break;
            case 4: sy = height - 1 - y; break;
            case 5: sx = y, sy = x; break;
            case 6: sx = y, sy = height - 1 - x; break;
            case 7: sx = width - 1 - y, sy = height - 1 - x; break;
            case 8: sx = width - 1 - y, sy = x; break;
            default: break;
            }
            const std::uint8_t *from =
                picture.rgb.data() +
                (static_cast<std::size_t>(sy) * static_cast<std::size_t>(width) + static_cast<std::size_t>(sx)) * 3;
            row[x * 3] = from[0];
            row[x * 3 + 1] = from[1];
            row[x * 3 + 2] = from[2];
        }
    }
    return out;
}

int orientationOfDisplayMatrix(std::span<const std::int32_t, 9> m) {
    // A stored point (p, q) is shown at (a p + c q, b p + d q).
    const auto sign = [](std::int32_t v) { return v > (1 << 15) ? 1 : v < -(1 << 15) ? -1 : 0; };
    const int a = sign(m[0]), b = sign(m[1]), c = sign(m[3]), d = sign(m[4]);
    if (b == 0 && c == 0) {
        if (a == 1 && d == 1) return 1;
        if (a == -1 && d == 1) return 2;
        if (a == -1 && d == -1) return 3;
        if (a == 1 && d == -1) return 4;
    } else if (a == 0 && d == 0) {
        if (b == 1 && c == 1) return 5;
        if (b == 1 && c == -1) return 6;
        if (b == -1 && c == -1) return 7;
        if (b == -1 && c == 1) return 8;
    }
    return 1;
}

} // namespace facet::media
