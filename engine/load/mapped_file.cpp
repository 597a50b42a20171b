#include "load/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace facet {
namespace {

struct FileHandle {
    int fd = -1;
    explicit FileHandle(int descriptor) noexcept : fd(descriptor) {}
    ~FileHandle() {
        if (fd >= 0) ::close(fd);
    }
    FileHandle(const FileHandle &) = delete;
    FileHandle &operator=(const FileHandle &) = delete;
};

Error openError(const std::string &path, int code) {
    if (code == ENOENT || code == ENOTDIR) {
        return {
            ErrorCode::FileNotFound, "The file does not exist; check the path or download the model again.", {}, path};
    }
    return {ErrorCode::FileUnreadable, "The file cannot be read; check its permissions and the disk.",
            std::strerror(code), path};
}

} // namespace

Result<MappedFile> MappedFile::open(const std::string &path) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    const FileHandle handle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (handle.fd < 0) return openError(path, errno);
    struct stat status {};
    if (::fstat(handle.fd, &status) != 0) return openError(path, errno);
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorCode::FileUnreadable, "This is not a regular file; choose the model file itself.", {}, path};
    }
    MappedFile file;
    file.m_path = path;
    if (status.st_size <= 0) return file;
    const auto size = static_cast<std::size_t>(status.st_size);
    void *memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, handle.fd, 0);
    if (memory == MAP_FAILED) return openError(path, errno);
    file.m_owner =
        std::shared_ptr<const void>(memory, [size](const void *p) { ::munmap(const_cast<void *>(p), size); });
    file.m_bytes = {static_cast<const std::byte *>(memory), size};
    return file;
}

Result<std::string> readTextFile(const std::string &path, std::size_t maxBytes) {
    FACET_TRY(file, MappedFile::open(path));
    if (file.bytes().size() > maxBytes) {
        return Error{ErrorCode::LimitExceeded, "The file is larger than such a file can sensibly be.",
                     std::to_string(file.bytes().size()) + " bytes, limit " + std::to_string(maxBytes), path};
    }
    return std::string(reinterpret_cast<const char *>(file.bytes().data()), file.bytes().size());
}

} // namespace facet
