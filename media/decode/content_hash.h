// SHA-256 of contents, in hex: the name under which encoded pictures and sounds are cached.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace facet::media {

std::string sha256Hex(std::span<const std::uint8_t> bytes);
std::string sha256Hex(std::string_view text);

} // namespace facet::media
