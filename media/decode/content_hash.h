// SHA-256 of contents, in hex: the name under which encoded pictures and sounds are cached.
#pragma once

#include "facet/media/decode.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace facet::media {

std::string sha256Hex(std::span<const std::uint8_t> bytes);
std::string sha256Hex(std::string_view text);
// Read in blocks. Errors: those of opening and reading the file, Cancelled.
Result<std::string> contentHashOf(const Source &source, const CancelToken &cancel);

}  // namespace facet::media
