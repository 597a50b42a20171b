// The folder where soft tokens and conversations outlive the program. Limited in size: files that were not used for
// longest go first. Several engines may share it. All of it may be deleted at any time.
#pragma once

#include "facet/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace facet {

class CacheFolder {
public:
    // Made when there is none yet. Error: FileWriteFailed (it cannot be made, is no folder, or may not be written to).
    static Result<std::shared_ptr<const CacheFolder>> open(const std::string &path, std::uint64_t limitBytes);

    // Same key, same file. `ending` with its dot.
    std::string pathOf(std::string_view key, std::string_view ending) const;
    // Most recently used first.
    std::vector<std::string> files(std::string_view ending) const;
    // Deletes old files until that many bytes more fit; false: they never will.
    bool makeRoom(std::uint64_t bytes) const;
    static void touch(const std::string &path);
    static void remove(const std::string &path);

private:
    CacheFolder(std::string path, std::uint64_t limitBytes) : m_path(std::move(path)), m_limit(limitBytes) {}
    std::string m_path;
    std::uint64_t m_limit;
};

}  // namespace facet
