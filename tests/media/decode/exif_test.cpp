#include "exif.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <vector>

using namespace facet::media;

namespace {

// A TIFF block with one entry.
std::vector<std::uint8_t> block(bool big, std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                                std::uint32_t value, std::uint32_t at = 8) {
    std::vector<std::uint8_t> b;
    const auto put = [&](std::uint32_t v, int bytes) {
        for (int i = 0; i < bytes; ++i) b.push_back(static_cast<std::uint8_t>(v >> (8 * (big ? bytes - 1 - i : i))));
    };
    b = big ? std::vector<std::uint8_t>{'M', 'M'} : std::vector<std::uint8_t>{'I', 'I'};
    put(42, 2), put(at, 4);
    put(1, 2), put(tag, 2), put(type, 2), put(count, 4), put(value, 2), put(0, 2), put(0, 4);
    return b;
}

} // namespace

TEST_CASE("orientation is read in both byte orders") {
    for (std::uint32_t value = 1; value <= 8; ++value) {
        CHECK(exifOrientation(block(true, 0x112, 3, 1, value)) == static_cast<int>(value));
        CHECK(exifOrientation(block(false, 0x112, 3, 1, value)) == static_cast<int>(value));
    }
}

TEST_CASE("nonsense in EXIF means upright") {
    CHECK(exifOrientation({}) == 1);
    CHECK(exifOrientation(block(true, 0x112, 3, 1, 0)) == 1);
    CHECK(exifOrientation(block(true, 0x112, 3, 1, 9)) == 1);
    CHECK(exifOrientation(block(true, 0x112, 4, 1, 6)) == 1);
    CHECK(exifOrientation(block(true, 0x112, 3, 2, 6)) == 1);
    CHECK(exifOrientation(block(true, 0x113, 3, 1, 6)) == 1);
    CHECK(exifOrientation(block(true, 0x112, 3, 1, 6, 0xFFFFFFF0)) == 1);
    std::vector<std::uint8_t> cut = block(true, 0x112, 3, 1, 6);
    while (!cut.empty()) {
        cut.pop_back();
        const int orientation = exifOrientation(cut);
        CHECK((orientation == 1 || cut.size() >= 20));
    }
}

TEST_CASE("display matrices become orientations") {
    constexpr std::int32_t one = 1 << 16;
    const auto of = [](std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d) {
        return orientationOfDisplayMatrix(std::array<std::int32_t, 9>{a, b, 0, c, d, 0, 0, 0, 1 << 30});
    };
    CHECK(of(one, 0, 0, one) == 1);
    CHECK(of(-one, 0, 0, one) == 2);
    CHECK(of(-one, 0, 0, -one) == 3);
    CHECK(of(one, 0, 0, -one) == 4);
    CHECK(of(0, one, one, 0) == 5);
    CHECK(of(0, one, -one, 0) == 6);
    CHECK(of(0, -one, -one, 0) == 7);
    CHECK(of(0, -one, one, 0) == 8);
    CHECK(of(46341, 46341, -46341, 46341) == 1); // 45 degrees
}
