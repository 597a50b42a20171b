#include "load/gguf_reader.h"

#include <cmath>

namespace facet {

std::optional<std::uint64_t> GgufReader::offsetOf(const char *key) const {
    const GgufValue *value = find(key);
    return value ? std::optional(value->offset) : std::nullopt;
}

void GgufReader::corrupt(const char *key, const std::string &what) const {
    m_problems->corrupt(place(key) + ": " + what, offsetOf(key));
}

void GgufReader::unsupported(const char *key, const std::string &what) const {
    m_problems->unsupported(place(key) + ": " + what, offsetOf(key));
}

int GgufReader::checked(const char *key, const GgufValue &value, int low, int high) const {
    const auto number = value.integer();
    if (!number || *number < low || *number > high) {
        corrupt(key, (number ? std::to_string(*number) : "a value of type " + std::string(ggufTypeName(value.type))) +
                         " is no whole number from " + std::to_string(low) + " to " + std::to_string(high));
        return low;
    }
    return static_cast<int>(*number);
}

int GgufReader::integer(const char *key, int low, int high, std::optional<int> fallback) const {
    if (const GgufValue *value = find(key)) return checked(key, *value, low, high);
    if (!fallback) corrupt(key, "missing");
    return fallback.value_or(low);
}

double GgufReader::number(const char *key, double low, double high, std::optional<double> fallback) const {
    const GgufValue *value = find(key);
    if (!value) {
        if (!fallback) corrupt(key, "missing");
        return fallback.value_or(low);
    }
    const auto number = value->number();
    if (!number || !std::isfinite(*number) || *number < low || *number > high) {
        corrupt(key, "no number from " + std::to_string(low) + " to " + std::to_string(high));
        return low;
    }
    return *number;
}

bool GgufReader::boolean(const char *key, bool fallback) const {
    const GgufValue *value = find(key);
    if (!value) return fallback;
    if (!value->boolean()) corrupt(key, "no truth value");
    return value->boolean().value_or(fallback);
}

std::string GgufReader::text(const char *key, const std::string &fallback) const {
    const GgufValue *value = find(key);
    if (!value) return fallback;
    if (!value->text()) corrupt(key, "no text");
    return std::string(value->text().value_or(fallback));
}

std::vector<int> GgufReader::perLayer(const char *key, int layers, int low, int high,
                                      std::optional<int> fallback) const {
    const GgufValue *value = find(key);
    if (!value || value->type != GgufType::Array)
        return std::vector<int>(static_cast<std::size_t>(layers), integer(key, low, high, fallback));
    std::vector<int> out(static_cast<std::size_t>(layers), low);
    const bool numbers = value->element != GgufType::String && value->element != GgufType::Array;
    if (!numbers || value->count != out.size()) {
        corrupt(key, "no list of " + std::to_string(layers) + " whole numbers");
        return out;
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = checked(key, value->at(i), low, high);
    return out;
}

} // namespace facet
