// Reads the fields of a configuration with limits. The first problem is kept, later reads give harmless values, so that
// code reads straight down and asks once at the end.
//
//     ConfigProblems problems("config.json");
//     ConfigReader text(json, "text_config", problems);
//     config.hiddenSize = text.integer("hidden_size", 1, 65536);
//     if (problems.first()) return *problems.first();
#pragma once

#include "facet/result.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace facet {

class ConfigProblems {
public:
    explicit ConfigProblems(std::string file) : m_file(std::move(file)) {}
    // The file contradicts itself or leaves the limits; `offset`: the byte in it, if known.
    void corrupt(std::string detail, std::optional<std::uint64_t> offset = {});
    void unsupported(std::string detail, std::optional<std::uint64_t> offset = {}); // meant, but not run by this engine
    const std::optional<Error> &first() const noexcept { return m_first; }

private:
    std::string m_file;
    std::optional<Error> m_first;
};

class ConfigReader {
public:
    // A value that is no object reads as an empty one (and is a problem unless it is null).
    ConfigReader(const nlohmann::json &object, std::string where, ConfigProblems &problems);

    bool has(const char *key) const; // there and not null
    const nlohmann::json *find(const char *key) const;
    ConfigReader child(const char *key) const;
    std::string place(const std::string &key) const; // "text_config.hidden_size"

    // Without a fallback the field must be there. null counts as absent.
    int integer(const char *key, int low, int high, std::optional<int> fallback = {}) const;
    double number(const char *key, double low, double high, std::optional<double> fallback = {}) const;
    bool boolean(const char *key, bool fallback) const;
    std::string text(const char *key, const std::string &fallback) const;

    ConfigProblems &problems() const noexcept { return *m_problems; }

private:
    const nlohmann::json *m_object;
    std::string m_where;
    ConfigProblems *m_problems;
};

// The integer in `value` if it is one (also 3.0) within the limits; else a problem at `place` and `low`.
int configInteger(const nlohmann::json &value, int low, int high, const std::string &place, ConfigProblems &problems);

} // namespace facet
