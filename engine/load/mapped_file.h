// A regular file seen as memory, read-only: pages are read when they are touched and given back under pressure.
//
//     FACET_TRY(file, MappedFile::open(path));
//     use(file.bytes());                           // valid as long as the file or file.owner() lives
#pragma once

#include "facet/result.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace facet {

class MappedFile {
public:
    // Errors: FileNotFound, FileUnreadable (no permission, a folder, a pipe, a device).
    static Result<MappedFile> open(const std::string &path);

    std::span<const std::byte> bytes() const noexcept { return m_bytes; }
    const std::shared_ptr<const void> &owner() const noexcept { return m_owner; }
    const std::string &path() const noexcept { return m_path; }

private:
    std::span<const std::byte> m_bytes;
    std::shared_ptr<const void> m_owner;
    std::string m_path;
};

// A small text file as a whole. Errors: as above, LimitExceeded above maxBytes.
Result<std::string> readTextFile(const std::string &path, std::size_t maxBytes);

} // namespace facet
