// A sound or film file opened through FFmpeg's demuxers: white lists of formats and codecs, limits on streams and
// pixels, no second file or address opened by what is inside.
#pragma once

#include "facet/media/decode.h"
#include "ffmpeg_handles.h"
#include "input_stream.h"

namespace facet::media {

class Container {
public:
    // Errors: those of InputStream, MediaUnreadable, MediaUnsupported, LimitExceeded, Cancelled.
    static Result<std::unique_ptr<Container>> open(const Source &source, const DecodeLimits &limits,
                                                   const CancelToken &cancel);

    AVFormatContext *format() const noexcept { return m_format.get(); }
    InputStream &input() noexcept { return *m_input; }
    const std::string &name() const noexcept { return m_name; }
    // Index of the stream to use, -1: none. Cover pictures are no film.
    int soundStream() const noexcept;
    int filmStream() const noexcept;
    AVStream *stream(int index) const noexcept { return m_format->streams[index]; }
    // EXIF value of the stream's display matrix, 1 if it has none.
    int orientation(int index) const noexcept;
    // Length by the container, seconds; 0: unknown.
    double seconds() const noexcept;

    // Asks the demuxer for this stream only.
    void keepOnly(int index) noexcept;
    Result<CodecPtr> openDecoder(int index, int threads) const;
    // False: end of file. Errors: Cancelled, MediaUnreadable (also when the file keeps the demuxer busy for nothing).
    // A broken tail after good data counts as the end.
    Result<bool> read(AVPacket &packet);
    Error failure(int ffmpegError, const char *doing) const;

private:
    Container() = default;

    std::string m_name;
    DecodeLimits m_limits;
    // The demuxer uses the stream when it closes: declared first, destroyed last.
    std::unique_ptr<InputStream> m_input;
    FormatPtr m_format;
    std::uint64_t m_packets = 0;
};

} // namespace facet::media
