// Bounds-checked view of bytes from a file, in either byte order. Reading outside gives zero: callers that must know
// ask has() first. All parsing of picture headers and EXIF goes through it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace facet::media {

class ByteView {
public:
    explicit ByteView(std::span<const std::uint8_t> bytes, bool bigEndian = true)
        : m_bytes(bytes), m_bigEndian(bigEndian) {}

    std::size_t size() const noexcept { return m_bytes.size(); }
    bool has(std::size_t offset, std::size_t count) const noexcept {
        return offset <= m_bytes.size() && count <= m_bytes.size() - offset;
    }
    std::uint8_t u8(std::size_t offset) const noexcept { return has(offset, 1) ? m_bytes[offset] : std::uint8_t{0}; }
    std::uint32_t u16(std::size_t offset) const noexcept {
        const std::uint32_t a = u8(offset), b = u8(offset + 1);
        return m_bigEndian ? (a << 8 | b) : (b << 8 | a);
    }
    std::uint32_t u32(std::size_t offset) const noexcept {
        const std::uint32_t a = u16(offset), b = u16(offset + 2);
        return m_bigEndian ? (a << 16 | b) : (b << 16 | a);
    }
    bool startsWith(std::size_t offset, std::string_view text) const noexcept {
        return has(offset, text.size()) &&
               std::equal(text.begin(), text.end(), m_bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                          [](char c, std::uint8_t b) { return static_cast<std::uint8_t>(c) == b; });
    }
    // Clipped to what exists.
    std::span<const std::uint8_t> sub(std::size_t offset, std::size_t count) const noexcept {
        if (offset >= m_bytes.size()) return {};
        return m_bytes.subspan(offset, std::min(count, m_bytes.size() - offset));
    }

private:
    std::span<const std::uint8_t> m_bytes;
    bool m_bigEndian;
};

} // namespace facet::media
