#include "run/cache_folder.h"

#include "run/cache_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <unistd.h>

namespace facet {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kDefaultLimit = std::uint64_t{4} << 30U;
constexpr std::string_view kEndings[] = {".soft", ".talk", ".part"};

struct Found {
    fs::path path;
    fs::file_time_type used;
    std::uint64_t bytes = 0;
};

// Only files that this program wrote; oldest first.
std::vector<Found> list(const std::string &folder) {
    std::vector<Found> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string ending = it->path().extension().string();
        if (std::find(std::begin(kEndings), std::end(kEndings), ending) == std::end(kEndings)) continue;
        std::error_code ignored;
        if (!it->is_regular_file(ignored)) continue;
        const auto used = it->last_write_time(ignored);
        const auto bytes = it->file_size(ignored);
        if (!ignored) out.push_back({it->path(), used, bytes});
    }
    std::sort(out.begin(), out.end(), [](const Found &a, const Found &b) { return a.used < b.used; });
    return out;
}

}  // namespace

Result<std::shared_ptr<const CacheFolder>> CacheFolder::open(const std::string &path, std::uint64_t limitBytes) {
    const auto refused = [&path](const std::string &why) {
        return Error{ErrorCode::FileWriteFailed,
                     "The folder for caches cannot be used, so pictures and conversations are read again after a restart; "
                     "choose another folder or mend its permissions.",
                     why, path};
    };
    std::error_code error, ignored;
    if (fs::create_directories(path, error)) fs::permissions(path, fs::perms::owner_all, ignored);
    if (error) return refused(error.message());
    if (!fs::is_directory(path, error)) return refused("it is no folder");
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return refused(std::strerror(errno));
    return std::shared_ptr<const CacheFolder>(new CacheFolder(path, limitBytes > 0 ? limitBytes : kDefaultLimit));
}

std::string CacheFolder::pathOf(std::string_view key, std::string_view ending) const {
    Checksum sums[2];
    const auto bytes = std::as_bytes(std::span(key.data(), key.size()));
    sums[1].add(std::as_bytes(std::span("second", 6)));
    for (Checksum &sum : sums) sum.add(bytes);
    char name[40];
    std::snprintf(name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(sums[0].value()),
                  static_cast<unsigned long long>(sums[1].value()));
    return m_path + "/" + name + std::string(ending);
}

std::vector<std::string> CacheFolder::files(std::string_view ending) const {
    std::vector<std::string> out;
    for (const Found &file : list(m_path))
        if (file.path.extension() == ending) out.push_back(file.path.string());
    std::reverse(out.begin(), out.end());
    return out;
}

bool CacheFolder::makeRoom(std::uint64_t bytes) const {
    if (bytes > m_limit) return false;
    const std::vector<Found> all = list(m_path);
    std::uint64_t used = 0;
    for (const Found &file : all) used += file.bytes;
    for (const Found &file : all) {
        if (used <= m_limit - bytes) break;
        remove(file.path.string());
        used -= file.bytes;
    }
    return true;
}

void CacheFolder::touch(const std::string &path) {
    std::error_code ignored;
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

void CacheFolder::remove(const std::string &path) {
    std::error_code ignored;
    fs::remove(path, ignored);
}

}  // namespace facet
