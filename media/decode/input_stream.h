// A Source as FFmpeg's input: one regular file or a block of memory behind our own reader, never a name that FFmpeg
// could take for a URL. Reading stops when the user cancels or when a file keeps the demuxer busy without giving
// anything.
#pragma once

#include "facet/media/decode.h"
#include "ffmpeg_handles.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace facet::media {

// Name for messages.
std::string nameOf(const Source &source);
// Size of what lies behind a source. Errors: FileNotFound, FileUnreadable (also for anything but a regular file).
Result<std::uint64_t> sizeOf(const Source &source);
// At most `count` bytes from the start.
Result<std::vector<std::uint8_t>> readHead(const Source &source, std::size_t count);

class InputStream {
public:
    static Result<std::unique_ptr<InputStream>> open(const Source &source, double stallSeconds,
                                                     const CancelToken &cancel);
    ~InputStream();
    InputStream(const InputStream &) = delete;
    InputStream &operator=(const InputStream &) = delete;

    AVIOContext *io() const noexcept { return m_io.get(); }
    std::uint64_t size() const noexcept { return m_size; }
    // Something came out: the clock for a stalled file starts again.
    void progressed() noexcept { m_lastProgress = std::chrono::steady_clock::now(); }
    bool cancelled() const noexcept { return m_cancel.cancelled(); }
    bool stalled() const noexcept;
    bool mustStop() const noexcept { return cancelled() || stalled(); }

private:
    InputStream(const Source &source, double stallSeconds, const CancelToken &cancel);
    static int readPacket(void *self, std::uint8_t *buffer, int size);
    static std::int64_t seek(void *self, std::int64_t offset, int whence);

    const Source &m_source;
    CancelToken m_cancel;
    double m_stallSeconds;
    std::chrono::steady_clock::time_point m_lastProgress;
    IoPtr m_io;
    int m_fd = -1; // -1: memory
    std::uint64_t m_size = 0;
    std::uint64_t m_position = 0;
};

} // namespace facet::media
