// Arithmetic and reading of numbers that come from a file: nothing overflows, nothing is read past the end.
//
//     ByteReader reader(file.bytes());
//     const auto length = reader.u64();            // nullopt: the file ends here
//     const auto end = checkedAdd(*length, 8);     // nullopt: more than 64 bits
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace facet {

inline std::optional<std::uint64_t> checkedAdd(std::uint64_t a, std::uint64_t b) noexcept {
    if (a > UINT64_MAX - b) return std::nullopt;
    return a + b;
}

inline std::optional<std::uint64_t> checkedMul(std::uint64_t a, std::uint64_t b) noexcept {
    if (a != 0 && b > UINT64_MAX / a) return std::nullopt;
    return a * b;
}

// Little-endian numbers one after the other.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> bytes) noexcept : m_bytes(bytes) {}

    std::uint64_t offset() const noexcept { return m_offset; }
    std::uint64_t remaining() const noexcept { return m_bytes.size() - m_offset; }

    std::optional<std::span<const std::byte>> take(std::uint64_t count) noexcept {
        if (count > remaining()) return std::nullopt;
        const auto piece = m_bytes.subspan(m_offset, count);
        m_offset += count;
        return piece;
    }
    std::optional<std::uint32_t> u32() noexcept { return number<std::uint32_t>(); }
    std::optional<std::uint64_t> u64() noexcept { return number<std::uint64_t>(); }

private:
    template <typename T>
    std::optional<T> number() noexcept {
        const auto piece = take(sizeof(T));
        if (!piece) return std::nullopt;
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            value |= static_cast<T>(std::to_integer<std::uint8_t>((*piece)[i])) << (8 * i);
        }
        return value;
    }

    std::span<const std::byte> m_bytes;
    std::uint64_t m_offset = 0;
};

} // namespace facet
