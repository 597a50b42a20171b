#include "load/config_reader.h"

#include <cmath>

namespace facet {
namespace {

const nlohmann::json &emptyObject() {
    static const nlohmann::json empty = nlohmann::json::object();
    return empty;
}

std::string shown(double value) { return nlohmann::json(value).dump(); }

// Offending values may be long: enough to recognise them.
std::string excerpt(const nlohmann::json &value) {
    const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

} // namespace

void ConfigProblems::corrupt(std::string detail, std::optional<std::uint64_t> offset) {
    if (m_first) return;
    m_first = Error{ErrorCode::ModelFileCorrupt, "The model's configuration is damaged or contradicts itself.",
                    std::move(detail), m_file, offset};
}

void ConfigProblems::unsupported(std::string detail, std::optional<std::uint64_t> offset) {
    if (m_first) return;
    m_first = Error{ErrorCode::ModelUnsupported, "This version of Facet cannot run this kind of model.",
                    std::move(detail), m_file, offset};
}

ConfigReader::ConfigReader(const nlohmann::json &object, std::string where, ConfigProblems &problems)
    : m_object(object.is_object() ? &object : &emptyObject()), m_where(std::move(where)), m_problems(&problems) {
    if (!object.is_object() && !object.is_null()) problems.corrupt(m_where + " is no object");
}

const nlohmann::json *ConfigReader::find(const char *key) const {
    const auto found = m_object->find(key);
    return found == m_object->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(const char *key) const { return find(key) != nullptr; }

std::string ConfigReader::place(const std::string &key) const { return m_where.empty() ? key : m_where + "." + key; }

ConfigReader ConfigReader::child(const char *key) const {
    const auto *value = find(key);
    return {value ? *value : emptyObject(), place(key), *m_problems};
}

int configInteger(const nlohmann::json &value, int low, int high, const std::string &place, ConfigProblems &problems) {
    double number = NAN;
    if (value.is_number_unsigned())
        number = static_cast<double>(value.get<std::uint64_t>());
    else if (value.is_number_integer())
        number = static_cast<double>(value.get<std::int64_t>());
    else if (value.is_number_float())
        number = value.get<double>();
    if (!(number >= low && number <= high) || number != std::floor(number)) {
        problems.corrupt(place + " is " + excerpt(value) + ", expected a whole number from " + std::to_string(low) +
                         " to " + std::to_string(high));
        return low;
    }
    return static_cast<int>(number);
}

int ConfigReader::integer(const char *key, int low, int high, std::optional<int> fallback) const {
    const auto *value = find(key);
    if (value) return configInteger(*value, low, high, place(key), *m_problems);
    if (!fallback) m_problems->corrupt(place(key) + " is missing");
    return fallback.value_or(low);
}

double ConfigReader::number(const char *key, double low, double high, std::optional<double> fallback) const {
    const auto *value = find(key);
    if (!value) {
        if (!fallback) m_problems->corrupt(place(key) + " is missing");
        return fallback.value_or(low);
    }
    const double result = value->is_number() ? value->get<double>() : NAN;
    if (!(result >= low && result <= high)) {
        m_problems->corrupt(place(key) + " is " + excerpt(*value) + ", expected a number from " + shown(low) + " to " +
                            shown(high));
        return low;
    }
    return result;
}

bool ConfigReader::boolean(const char *key, bool fallback) const {
    const auto *value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) m_problems->corrupt(place(key) + " is " + excerpt(*value) + ", expected true or false");
    return value->is_boolean() && value->get<bool>();
}

std::string ConfigReader::text(const char *key, const std::string &fallback) const {
    const auto *value = find(key);
    if (!value) return fallback;
    if (!value->is_string()) {
        m_problems->corrupt(place(key) + " is " + excerpt(*value) + ", expected text");
        return fallback;
    }
    return value->get<std::string>();
}

} // namespace facet
