// Reading of single metadata values out of the mapping.
#include "load/gguf.h"

#include <bit>
#include <cstring>

namespace facet {
namespace {

template <typename T>
T little(std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    return static_cast<T>(value);
}

} // namespace

const char *ggufTypeName(GgufType type) noexcept {
    switch (type) {
    case GgufType::U8: return "u8";
    case GgufType::I8: return "i8";
    case GgufType::U16: return "u16";
    case GgufType::I16: return "i16";
    case GgufType::U32: return "u32";
    case GgufType::I32: return "i32";
    case GgufType::F32: return "f32";
    case GgufType::Bool: return "bool";
    case GgufType::String: return "string";
    case GgufType::Array: return "array";
    case GgufType::U64: return "u64";
    case GgufType::I64: return "i64";
    case GgufType::F64: return "f64";
    }
    return "unknown";
}

std::optional<std::int64_t> GgufValue::integer() const {
    switch (type) {
    case GgufType::U8: return little<std::uint8_t>(bytes);
    case GgufType::I8: return little<std::int8_t>(bytes);
    case GgufType::U16: return little<std::uint16_t>(bytes);
    case GgufType::I16: return little<std::int16_t>(bytes);
    case GgufType::U32: return little<std::uint32_t>(bytes);
    case GgufType::I32: return little<std::int32_t>(bytes);
    case GgufType::I64: return little<std::int64_t>(bytes);
    case GgufType::U64: {
        const auto value = little<std::uint64_t>(bytes);
        if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
        return static_cast<std::int64_t>(value);
    }
    default: return std::nullopt;
    }
}

std::optional<double> GgufValue::number() const {
    if (type == GgufType::F32) return std::bit_cast<float>(little<std::uint32_t>(bytes));
    if (type == GgufType::F64) return std::bit_cast<double>(little<std::uint64_t>(bytes));
    const auto whole = integer();
    if (!whole) return std::nullopt;
    return static_cast<double>(*whole);
}

std::optional<bool> GgufValue::boolean() const {
    if (type != GgufType::Bool) return std::nullopt;
    return bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::text() const {
    if (type != GgufType::String) return std::nullopt;
    return std::string_view(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

GgufValue GgufValue::at(std::uint64_t i) const {
    const std::uint64_t width = bytes.size() / count;
    GgufValue value;
    value.type = element;
    value.bytes = bytes.subspan(i * width, width);
    value.offset = offset + i * width;
    return value;
}

std::vector<std::string_view> GgufValue::strings() const {
    std::vector<std::string_view> out;
    if (!isArrayOf(GgufType::String)) return out;
    out.reserve(count);
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < count; ++i) { // lengths were checked when the header was read
        const auto length = little<std::uint64_t>(bytes.subspan(at, 8));
        out.emplace_back(reinterpret_cast<const char *>(bytes.data()) + at + 8, length);
        at += 8 + length;
    }
    return out;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (const char c : text.substr(0, limit)) out += c >= 0x20 && c < 0x7F ? c : '?';
    if (text.size() > limit) out += "...";
    return out;
}

} // namespace facet
