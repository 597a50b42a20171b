#include "load/mapped_file.h"

#include "load/mapping_guard.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace facet {
namespace {

// Page caches keep files in pieces of up to this size, and one fault maps a whole piece.
constexpr std::uintptr_t kLargePage = std::uintptr_t{2} << 20U;

Error openError(const std::string &path, int code) {
    if (code == ENOENT || code == ENOTDIR) {
        return {
            ErrorCode::FileNotFound, "The file does not exist; check the path or download the model again.", {}, path};
    }
    return {ErrorCode::FileUnreadable, "The file cannot be read; check its permissions and the disk.",
            std::strerror(code), path};
}

} // namespace

struct MappedFile::State {
    int fd = -1;
    void *memory = nullptr;
    std::size_t size = 0;
    struct timespec changed = {};
    std::optional<GuardedMapping> guard;

    State() = default;
    ~State() {
        guard.reset();
        if (memory) ::munmap(memory, size);
        if (fd >= 0) ::close(fd);
    }
    State(const State &) = delete;
    State &operator=(const State &) = delete;
};

Result<MappedFile> MappedFile::open(const std::string &path) {
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    auto state = std::make_shared<State>();
    state->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (state->fd < 0) return openError(path, errno);
    struct stat status {};
    if (::fstat(state->fd, &status) != 0) return openError(path, errno);
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorCode::FileUnreadable, "This is not a regular file; choose the model file itself.", {}, path};
    }
    MappedFile file;
    file.m_path = path;
    if (status.st_size <= 0) return file;
    const auto size = static_cast<std::size_t>(status.st_size);
    void *memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, state->fd, 0);
    if (memory == MAP_FAILED) return openError(path, errno);
    state->memory = memory;
    state->size = size;
    state->guard.emplace(memory, size);
    state->changed = status.st_mtim;
    file.m_bytes = {static_cast<const std::byte *>(memory), size};
    file.m_owner = state;
    file.m_state = std::move(state);
    return file;
}

MappedFile MappedFile::ofMemory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                std::string path) {
    MappedFile file;
    file.m_bytes = bytes;
    file.m_owner = std::move(owner);
    file.m_path = std::move(path);
    return file;
}

bool MappedFile::readAt(std::uint64_t offset, std::span<std::byte> out) const noexcept {
    if (offset > m_bytes.size() || out.size() > m_bytes.size() - offset) return false;
    if (!m_state) {
        std::copy_n(m_bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
        return true;
    }
    while (!out.empty()) {
        const ::ssize_t got = ::pread(m_state->fd, out.data(), out.size(), static_cast<::off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return true;
}

void MappedFile::forget(std::span<const std::byte> part) const noexcept {
    if (!m_state || part.empty() || part.data() < m_bytes.data() ||
        part.data() + part.size() > m_bytes.data() + m_bytes.size())
        return;
    // Outwards, neighbours come back when they are touched. A private read-only mapping loses nothing.
    const auto base = reinterpret_cast<std::uintptr_t>(m_state->memory);
    const auto from = std::max(base, reinterpret_cast<std::uintptr_t>(part.data()) / kLargePage * kLargePage);
    const auto last = reinterpret_cast<std::uintptr_t>(part.data()) + part.size();
    const auto to = std::min(base + m_state->size, (last + kLargePage - 1) / kLargePage * kLargePage);
    ::madvise(reinterpret_cast<void *>(from), to - from, MADV_DONTNEED);
}

Status MappedFile::stillIntact() const {
    if (!m_state) return ok();
    const bool lost = m_state->guard->lost();
    struct stat status {};
    const bool readable = ::fstat(m_state->fd, &status) == 0;
    const bool sameSize = readable && static_cast<std::size_t>(status.st_size) == m_state->size;
    if (!lost && sameSize && status.st_mtim.tv_sec == m_state->changed.tv_sec &&
        status.st_mtim.tv_nsec == m_state->changed.tv_nsec) {
        return ok();
    }
    return Error{ErrorCode::ModelFileCorrupt,
                 "The model's file was changed while the model was in use; load the model again.",
                 lost && sameSize ? "a part of it could not be read any more"
                 : sameSize       ? "it was written to"
                                  : "it had " + std::to_string(m_state->size) + " bytes, now " +
                                (readable ? std::to_string(status.st_size) : std::string("none can be read")),
                 m_path};
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
