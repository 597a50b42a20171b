#include "safetensors_file.h"

#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

namespace facet::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxHeader = std::uint64_t{64} << 20;
constexpr std::size_t kLengthBytes = 8;

std::size_t widthOf(const std::string &type) {
    for (const auto &[name, width] : {std::pair<const char *, std::size_t>{"F64", 8},
                                      {"F32", 4},
                                      {"F16", 2},
                                      {"BF16", 2},
                                      {"I64", 8},
                                      {"I32", 4},
                                      {"U32", 4},
                                      {"I16", 2},
                                      {"I8", 1},
                                      {"U8", 1},
                                      {"BOOL", 1}}) {
        if (type == name) return width;
    }
    return 0;
}

double halfToDouble(std::uint16_t h) {
    const int exponent = h >> 10 & 31, mantissa = h & 1023;
    const double sign = (h & 0x8000) != 0 ? -1 : 1;
    if (exponent == 31)
        return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
    return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

template <typename T>
T readAs(const char *from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

double valueOf(const std::string &type, const char *from) {
    if (type == "F64") return readAs<double>(from);
    if (type == "F32") return readAs<float>(from);
    if (type == "F16") return halfToDouble(readAs<std::uint16_t>(from));
    if (type == "BF16") return std::bit_cast<float>(static_cast<std::uint32_t>(readAs<std::uint16_t>(from)) << 16);
    if (type == "I64") return static_cast<double>(readAs<std::int64_t>(from));
    if (type == "I32") return readAs<std::int32_t>(from);
    if (type == "U32") return readAs<std::uint32_t>(from);
    if (type == "I16") return readAs<std::int16_t>(from);
    if (type == "I8") return readAs<std::int8_t>(from);
    return readAs<std::uint8_t>(from);
}

} // namespace

std::size_t OutTensor::size() const {
    return std::visit([](const auto &values) { return values.size(); }, data);
}

std::string encodeSafetensors(const OutTensors &tensors) {
    Json head = Json::object();
    std::string body;
    const auto add = [&](const std::string &name, const std::vector<std::int64_t> &shape, const char *type,
                         const void *data, std::size_t bytes) {
        head[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {body.size(), body.size() + bytes}}};
        body.append(static_cast<const char *>(data), bytes);
    };
    for (const auto &[name, tensor] : tensors) {
        if (const auto *floats = std::get_if<std::vector<float>>(&tensor.data))
            add(name, tensor.shape, "F32", floats->data(), floats->size() * 4);
        if (const auto *ints = std::get_if<std::vector<std::int32_t>>(&tensor.data))
            add(name, tensor.shape, "I32", ints->data(), ints->size() * 4);
        if (const auto *bytes = std::get_if<std::vector<std::uint8_t>>(&tensor.data))
            add(name, tensor.shape, "U8", bytes->data(), bytes->size());
    }
    std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::string out(kLengthBytes, '\0');
    for (std::size_t i = 0; i < kLengthBytes; ++i) out[i] = static_cast<char>(text.size() >> (8 * i) & 0xFF);
    return out + text + body;
}

Result<SafetensorsFile> SafetensorsFile::read(const std::string &path) {
    const auto corrupt = [&path](std::string detail) {
        return Error{.code = ErrorCode::ModelFileCorrupt,
                     .message = "The safetensors file is damaged.",
                     .detail = std::move(detail),
                     .file = path};
    };
    SafetensorsFile file;
    file.m_path = path;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return Error{.code = ErrorCode::FileNotFound, .message = "There is no such file.", .file = path};
    file.m_bytes.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    if (file.m_bytes.size() < kLengthBytes) return corrupt("shorter than a header");
    const std::uint64_t headBytes = readAs<std::uint64_t>(file.m_bytes.data());
    if (headBytes > kMaxHeader || headBytes > file.m_bytes.size() - kLengthBytes)
        return corrupt("header longer than the file");
    const Json head =
        Json::parse(file.m_bytes.data() + kLengthBytes, file.m_bytes.data() + kLengthBytes + headBytes, nullptr, false);
    if (!head.is_object()) return corrupt("header is no JSON object");
    const std::size_t dataBytes = file.m_bytes.size() - kLengthBytes - static_cast<std::size_t>(headBytes);
    for (const auto &[name, json] : head.items()) {
        if (name == "__metadata__") continue;
        Entry entry;
        const bool whole = json.is_object() && json.contains("dtype") && json["dtype"].is_string() &&
                           json.contains("shape") && json["shape"].is_array() && json.contains("data_offsets") &&
                           json["data_offsets"].is_array() && json["data_offsets"].size() == 2;
        if (!whole) return corrupt("tensor " + name);
        entry.type = json["dtype"].get<std::string>();
        std::uint64_t count = 1;
        for (const Json &side : json["shape"]) {
            if (!side.is_number_unsigned() || side.get<std::uint64_t>() > dataBytes + 1)
                return corrupt("tensor " + name + ": shape");
            entry.shape.push_back(side.get<std::int64_t>());
            count *= side.get<std::uint64_t>();
            if (count > dataBytes) return corrupt("tensor " + name + ": shape");
        }
        const std::size_t width = widthOf(entry.type);
        const Json &offsets = json["data_offsets"];
        if (width == 0 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
            return corrupt("tensor " + name);
        const std::uint64_t begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
        if (begin > end || end > dataBytes || end - begin != count * width)
            return corrupt("tensor " + name + ": place");
        entry.begin = kLengthBytes + static_cast<std::size_t>(headBytes + begin);
        entry.count = static_cast<std::size_t>(count);
        file.m_entries[name] = std::move(entry);
    }
    return file;
}

template <typename T>
Result<std::vector<T>> SafetensorsFile::converted(const std::string &name) const {
    const auto found = m_entries.find(name);
    if (found == m_entries.end()) {
        return Error{.code = ErrorCode::InvalidArgument,
                     .message = "The golden file lacks an input of this case.",
                     .detail = name,
                     .file = m_path};
    }
    const Entry &entry = found->second;
    const std::size_t width = widthOf(entry.type);
    std::vector<T> values(entry.count);
    for (std::size_t i = 0; i < entry.count; ++i) {
        const double value = valueOf(entry.type, m_bytes.data() + entry.begin + i * width);
        if constexpr (std::is_same_v<T, std::int32_t>) {
            if (!(value >= -2147483648.0 && value <= 2147483647.0)) {
                return Error{.code = ErrorCode::InvalidArgument,
                             .message = "An input of this case is out of range.",
                             .detail = name,
                             .file = m_path};
            }
        }
        values[i] = static_cast<T>(value);
    }
    return values;
}

Result<std::vector<float>> SafetensorsFile::floats(const std::string &name) const { return converted<float>(name); }
Result<std::vector<std::int32_t>> SafetensorsFile::integers(const std::string &name) const {
    return converted<std::int32_t>(name);
}

} // namespace facet::cli
