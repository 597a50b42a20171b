// What the machine has left: MemAvailable of /proc/meminfo, and what the control groups around this process still
// allow.
#include "load/memory_plan.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

namespace facet {
namespace {

std::optional<std::uint64_t> readNumber(const std::string &path) {
    std::ifstream file(path);
    std::string word;
    if (!(file >> word)) return std::nullopt; // "max" of cgroup v2 is no number: no limit
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
}

// The number behind `key` in lines of "key value ...".
std::optional<std::uint64_t> readField(const std::string &path, const std::string &key) {
    std::ifstream file(path);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t value = 0;
        if (words >> name >> value && name == key) return value;
    }
    return std::nullopt;
}

// Page cache of files counts as used there, but is given back on demand.
void lowerTo(std::optional<std::uint64_t> &available, const std::string &folder, const char *limitFile,
             const char *usedFile, const char *cacheField) {
    const auto limit = readNumber(folder + limitFile);
    if (!limit) return;
    const auto used = readNumber(folder + usedFile).value_or(0);
    const auto cache = std::min(readField(folder + "/memory.stat", cacheField).value_or(0), used);
    const std::uint64_t left = *limit > used - cache ? *limit - (used - cache) : 0;
    available = std::min(available.value_or(left), left);
}

// A group and every group above it can set a limit.
void lowerToGroups(std::optional<std::uint64_t> &available, const std::string &mount, std::string group, bool v2) {
    if (group.find("..") != std::string::npos) group.clear(); // a group outside this name space
    while (true) {
        const std::string folder = mount + (group == "/" ? "" : group);
        if (v2)
            lowerTo(available, folder, "/memory.max", "/memory.current", "inactive_file");
        else
            lowerTo(available, folder, "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file");
        const auto slash = group.find_last_of('/');
        if (group.empty() || slash == std::string::npos) return;
        group.erase(slash);
    }
}

} // namespace

std::uint64_t availableMemoryUnder(const std::string &root) {
    std::optional<std::uint64_t> available = readField(root + "/proc/meminfo", "MemAvailable:");
    if (available) *available *= 1024;
    std::ifstream groups(root + "/proc/self/cgroup");
    std::string line; // "0::/path" (v2) or "5:memory:/path" (v1)
    while (std::getline(groups, line)) {
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string group = line.substr(second + 1);
        if (controllers.empty())
            lowerToGroups(available, root + "/sys/fs/cgroup", group, true);
        else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
            lowerToGroups(available, root + "/sys/fs/cgroup/memory", group, false);
        }
    }
    return available.value_or(0);
}

std::uint64_t availableMemoryBytes() { return availableMemoryUnder(""); }

} // namespace facet
