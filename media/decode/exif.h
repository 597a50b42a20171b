// The orientation of a picture from its EXIF block (a small TIFF structure), and turning pixels by it.
#pragma once

#include "facet/media/prepare.h"

#include <cstdint>
#include <span>

namespace facet::media {

// 1..8; 1 (upright) where the block says nothing or nonsense: a damaged note must not cost the picture.
int exifOrientation(std::span<const std::uint8_t> tiffBlock);

// Undoes an orientation: the result is upright.
Picture uprighted(Picture picture, int orientation);
constexpr bool swapsSides(int orientation) noexcept { return orientation >= 5 && orientation <= 8; }

// The EXIF value of a film's display matrix (nine 16.16 fixed point values); 1 for angles other than quarter turns.
int orientationOfDisplayMatrix(std::span<const std::int32_t, 9> matrix);

} // namespace facet::media
