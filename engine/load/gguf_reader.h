// Reads metadata of a GGUF file with limits, as ConfigReader does for JSON: the first problem is kept, later reads give
// harmless values. Keys are named without the architecture ("block_count" for "gemma4.block_count").
#pragma once

#include "load/config_reader.h"
#include "load/gguf.h"

#include <optional>
#include <string>
#include <vector>

namespace facet {

class GgufReader {
public:
    GgufReader(const GgufFile &file, std::string prefix, ConfigProblems &problems)
        : m_file(&file), m_prefix(std::move(prefix)), m_problems(&problems) {}

    const GgufValue *find(const char *key) const { return m_file->find(m_prefix + key); }
    bool has(const char *key) const { return find(key) != nullptr; }
    std::string place(const char *key) const { return "key " + m_prefix + key; }

    // Without a fallback the key must be there.
    int integer(const char *key, int low, int high, std::optional<int> fallback = {}) const;
    double number(const char *key, double low, double high, std::optional<double> fallback = {}) const;
    bool boolean(const char *key, bool fallback) const;
    std::string text(const char *key, const std::string &fallback) const;
    // One number for all layers, or a list of one each.
    std::vector<int> perLayer(const char *key, int layers, int low, int high, std::optional<int> fallback = {}) const;

    void corrupt(const char *key, const std::string &what) const;
    void unsupported(const char *key, const std::string &what) const;
    ConfigProblems &problems() const noexcept { return *m_problems; }

private:
    std::optional<std::uint64_t> offsetOf(const char *key) const;
    int checked(const char *key, const GgufValue &value, int low, int high) const;

    const GgufFile *m_file;
    std::string m_prefix;
    ConfigProblems *m_problems;
};

} // namespace facet
