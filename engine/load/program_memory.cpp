// What the program itself has in memory: its code and that of its libraries.
#include "load/memory_plan.h"

#include <charconv>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace facet {
namespace {

// Where the system does not tell, and what the rest of the program (heap, stacks, code not run yet) takes beside it.
constexpr std::uint64_t kUsualLibraries = std::uint64_t{25} << 20U;
constexpr std::uint64_t kOwnHeap = std::uint64_t{5} << 20U;
constexpr std::size_t kMaxMappings = 65536;

struct Mapping {
    std::string path; // empty: no line of this kind
    bool executable = false;
};

// "7f12-7f34 r-xp 00000000 fe:00 1234   /usr/lib/x.so"
Mapping mappingOf(std::string_view line) {
    const auto space = line.find(' ');
    const auto slash = line.find('/');
    if (space == std::string_view::npos || line.find('-') > space || slash == std::string_view::npos) return {};
    return {std::string(line.substr(slash)), line.substr(space + 1, 4).find('x') != std::string_view::npos};
}

std::uint64_t kilobytesOf(std::string_view line) {
    const auto first = line.find_first_of("0123456789");
    std::uint64_t value = 0;
    if (first != std::string_view::npos) std::from_chars(line.data() + first, line.data() + line.size(), value);
    return value;
}

} // namespace

std::uint64_t programBytesUnder(const std::string &root) {
    struct Held {
        std::uint64_t kilobytes = 0;
        bool executable = false;
    };
    std::map<std::string, Held> files;
    std::ifstream list(root + "/proc/self/smaps");
    Held *current = nullptr;
    std::size_t mappings = 0;
    for (std::string line; mappings < kMaxMappings && std::getline(list, line);) {
        const bool header = !line.empty() && (line[0] < 'A' || line[0] > 'Z');
        if (header) {
            ++mappings;
            Mapping mapping = mappingOf(line);
            current = mapping.path.empty() ? nullptr : &files[mapping.path];
            if (current) current->executable = current->executable || mapping.executable;
        } else if (current && line.starts_with("Rss:")) {
            current->kilobytes += kilobytesOf(line);
        }
    }
    std::uint64_t bytes = 0;
    for (const auto &[path, held] : files) bytes += held.executable ? held.kilobytes * 1024 : 0;
    return (bytes > 0 ? bytes : kUsualLibraries) + kOwnHeap;
}

} // namespace facet
