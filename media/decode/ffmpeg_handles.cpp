#include "ffmpeg_handles.h"

#include <array>
#include <mutex>

namespace facet::media {

void silenceFfmpeg() {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_level(AV_LOG_QUIET); });
}

std::string ffmpegErrorText(int error) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    if (av_strerror(error, text.data(), text.size()) < 0) return "error " + std::to_string(error);
    return text.data();
}

Error decoderMemoryError(const std::string &name) {
    return {.code = ErrorCode::OutOfMemory, .message = "There is not enough memory to decode this file.", .file = name};
}

} // namespace facet::media
