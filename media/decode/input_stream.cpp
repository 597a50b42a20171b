#include "input_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace facet::media {

namespace {

constexpr int kBufferBytes = 64 * 1024;

Error systemError(const std::string &name, int number) {
    const bool missing = number == ENOENT || number == ENOTDIR;
    return {.code = missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
            .message = missing ? "There is no such file." : "The file cannot be read.",
            .detail = std::strerror(number),
            .file = name};
}

// Opens a regular file only: a pipe or a device could block for ever. Non-blocking so that even open() cannot.
Result<int> openRegular(const std::string &path, std::uint64_t &size) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return systemError(path, errno);
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        ::close(fd);
        return Error{.code = ErrorCode::FileUnreadable, .message = "This is not a regular file.", .file = path};
    }
    size = static_cast<std::uint64_t>(status.st_size);
    return fd;
}

} // namespace

std::string nameOf(const Source &source) {
    if (!source.name.empty()) return source.name;
    return source.path.empty() ? "bytes in memory" : source.path;
}

Result<std::uint64_t> sizeOf(const Source &source) {
    if (!source.bytes.empty()) return static_cast<std::uint64_t>(source.bytes.size());
    if (source.path.empty()) return std::uint64_t{0};
    std::uint64_t size = 0;
    FACET_TRY(fd, openRegular(source.path, size));
    ::close(fd);
    return size;
}

Result<std::vector<std::uint8_t>> readHead(const Source &source, std::size_t count) {
    if (!source.bytes.empty()) {
        const std::size_t n = std::min(count, source.bytes.size());
        return std::vector<std::uint8_t>(source.bytes.begin(), source.bytes.begin() + static_cast<std::ptrdiff_t>(n));
    }
    if (source.path.empty()) return std::vector<std::uint8_t>{};
    std::uint64_t size = 0;
    FACET_TRY(fd, openRegular(source.path, size));
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(count, size)));
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const ssize_t got = ::read(fd, bytes.data() + filled, bytes.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int number = errno;
            ::close(fd);
            return systemError(source.path, number);
        }
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    ::close(fd);
    bytes.resize(filled);
    return bytes;
}

InputStream::InputStream(const Source &source, double stallSeconds, const CancelToken &cancel)
    : m_source(source), m_cancel(cancel), m_stallSeconds(stallSeconds),
      m_lastProgress(std::chrono::steady_clock::now()) {}

Result<std::unique_ptr<InputStream>> InputStream::open(const Source &source, double stallSeconds,
                                                       const CancelToken &cancel) {
    silenceFfmpeg();
    std::unique_ptr<InputStream> stream(new InputStream(source, stallSeconds, cancel));
    if (!source.bytes.empty() || source.path.empty()) {
        stream->m_size = source.bytes.size();
    } else {
        FACET_TRY(fd, openRegular(source.path, stream->m_size));
        stream->m_fd = fd;
    }
    auto *buffer = static_cast<unsigned char *>(av_malloc(kBufferBytes));
    if (buffer == nullptr) return decoderMemoryError(nameOf(source));
    stream->m_io.reset(avio_alloc_context(buffer, kBufferBytes, 0, stream.get(), &InputStream::readPacket, nullptr,
                                          &InputStream::seek));
    if (!stream->m_io) {
        av_free(buffer);
        return decoderMemoryError(nameOf(source));
    }
    return stream;
}

InputStream::~InputStream() {
    m_io.reset();
    if (m_fd >= 0) ::close(m_fd);
}

bool InputStream::stalled() const noexcept {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - m_lastProgress).count() > m_stallSeconds;
}

int InputStream::readPacket(void *self, std::uint8_t *buffer, int size) {
    auto &stream = *static_cast<InputStream *>(self);
    if (stream.mustStop()) return AVERROR_EXIT;
    if (size <= 0 || stream.m_position >= stream.m_size) return AVERROR_EOF;
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(static_cast<std::uint64_t>(size), stream.m_size - stream.m_position));
    std::size_t got = wanted;
    if (stream.m_fd < 0) {
        std::memcpy(buffer, stream.m_source.bytes.data() + stream.m_position, wanted);
    } else {
        ssize_t count = 0;
        do {
            count = ::pread(stream.m_fd, buffer, wanted, static_cast<off_t>(stream.m_position));
        } while (count < 0 && errno == EINTR);
        if (count < 0) return AVERROR(EIO);
        if (count == 0) return AVERROR_EOF;
        got = static_cast<std::size_t>(count);
    }
    stream.m_position += got;
    return static_cast<int>(got);
}

std::int64_t InputStream::seek(void *self, std::int64_t offset, int whence) {
    auto &stream = *static_cast<InputStream *>(self);
    const auto size = static_cast<std::int64_t>(stream.m_size);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return size;
    std::int64_t base = 0;
    if (whence == SEEK_CUR)
        base = static_cast<std::int64_t>(stream.m_position);
    else if (whence == SEEK_END)
        base = size;
    else if (whence != SEEK_SET)
        return AVERROR(EINVAL);
    if ((offset > 0 && base > INT64_MAX - offset) || base + offset < 0) return AVERROR(EINVAL);
    stream.m_position = static_cast<std::uint64_t>(base + offset);
    return base + offset;
}

} // namespace facet::media
