// Where a medium of a request comes from: a data: URL, bare base64, or (only on the private link) a file: URL.
// Addresses in the network are refused: the host opens no connections.
#pragma once

#include "facet/media/decode.h"
#include "facet/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facet::host {

// RFC 4648 section 4, strict: right alphabet, right padding, nothing else. Error: InvalidArgument.
Result<std::vector<std::uint8_t>> decodeBase64(std::string_view text);

// `allowFiles`: file: URLs of existing regular files are taken. Errors: InvalidArgument, FileNotFound, FileUnreadable.
Result<media::Source> mediaFromUrl(std::string_view url, bool allowFiles);

// input_audio.data and the like: a data: URL or bare base64.
Result<media::Source> mediaFromData(std::string_view data);

} // namespace facet::host
