// A regular file seen as memory, read-only: pages are read when they are touched and given back under pressure.
//
//     FACET_TRY(file, MappedFile::open(path));
//     use(file.bytes());                           // valid as long as the file or file.owner() lives
#pragma once

#include "facet/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace facet {

class MappedFile {
public:
    // Errors: FileNotFound, FileUnreadable (no permission, a folder, a pipe, a device).
    static Result<MappedFile> open(const std::string &path);
    // Bytes that already lie in memory, kept alive by `owner`, under a name for messages.
    static MappedFile ofMemory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string path);

    std::span<const std::byte> bytes() const noexcept { return m_bytes; }
    const std::shared_ptr<const void> &owner() const noexcept { return m_owner; }
    const std::string &path() const noexcept { return m_path; }

    // Copies bytes out without making pages of the mapping resident. False: they lie outside, or the file was cut short.
    bool readAt(std::uint64_t offset, std::span<std::byte> out) const noexcept;
    // Gives pages back that were needed once; whoever touches them reads them again.
    void forget(std::span<const std::byte> part) const noexcept;

    // Whether the file still is what was opened: the rest of a file that somebody cut short ends its reader, or reads as
    // zeros (facet/file_guard.h). One system call; another file put in its place by renaming does no harm.
    // Errors: ModelFileCorrupt.
    Status stillIntact() const;

private:
    struct State; // the open file and what it was
    std::span<const std::byte> m_bytes;
    std::shared_ptr<const void> m_owner;
    std::shared_ptr<const State> m_state; // null: not a file
    std::string m_path;
};

// A small text file as a whole. Errors: as above, LimitExceeded above maxBytes.
Result<std::string> readTextFile(const std::string &path, std::size_t maxBytes);

} // namespace facet
