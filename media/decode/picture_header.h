// What a still picture says about itself before anything is decoded: format, size, orientation, and whether the file is
// complete. Own parsers, so that image bombs and cut files are refused without touching a decoder.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <span>
#include <string>

namespace facet::media {

enum class PictureFormat : std::uint8_t { Unknown, Png, Jpeg, WebP, Bmp, Tiff, Gif, Heif };
const char *pictureFormatName(PictureFormat format) noexcept; // "png", ...

// By the first 16 bytes.
PictureFormat pictureFormatOf(std::span<const std::uint8_t> head) noexcept;

struct PictureHeader {
    PictureFormat format = PictureFormat::Unknown;
    std::int64_t width = 0, height = 0; // as stored
    int orientation = 1;
    bool animatedWebP = false;
};

// `bytes`: the whole file; `name` for messages. Errors: MediaUnreadable (corrupt or cut short), MediaUnsupported.
Result<PictureHeader> readPictureHeader(std::span<const std::uint8_t> bytes, const std::string &name);

} // namespace facet::media
