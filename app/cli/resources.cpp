#include "resources.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace facet::cli {

namespace fs = std::filesystem;

std::optional<std::string> findResource(const std::string &name) {
    std::vector<fs::path> places;
    if (const char *given = std::getenv("FACET_RESOURCES"); given != nullptr && *given != '\0')
        places.emplace_back(given);
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
        places.push_back(program.parent_path() / ".." / "share" / "facet");
        // build/PRESET/bin/facet-cli: the source tree is a few folders up
        fs::path folder = program.parent_path();
        for (int up = 0; up < 4 && folder.has_parent_path(); ++up) {
            folder = folder.parent_path();
            if (fs::exists(folder / "CMakePresets.json", error)) places.push_back(folder / "resources");
        }
    }
    for (const fs::path &place : places) {
        const fs::path path = place / name;
        if (fs::exists(path, error)) return path.lexically_normal().string();
    }
    return std::nullopt;
}

std::string tuningFolder() {
    const auto absolute = [](const char *name) -> fs::path {
        const char *value = std::getenv(name);
        return value != nullptr && *value == '/' ? value : ""; // the rule of the XDG base directories
    };
    fs::path cache = absolute("XDG_CACHE_HOME");
    if (cache.empty() && !absolute("HOME").empty()) cache = absolute("HOME") / ".cache";
    return cache.empty() ? std::string() : (cache / "facet" / "tuning").string();
}

} // namespace facet::cli
