#include "webp_animation.h"

#include "byte_view.h"

namespace facet::media {

namespace {

void append(std::vector<std::uint8_t> &out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }
void append(std::vector<std::uint8_t> &out, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
std::uint32_t u24(const ByteView &view, std::size_t at) {
    return view.u16(at) | static_cast<std::uint32_t>(view.u8(at + 2)) << 16;
}

} // namespace

Result<WebPFrame> firstWebPFrame(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes, false);
    const auto damaged = [&name](std::uint64_t at) {
        return Error{.code = ErrorCode::MediaUnreadable,
                     .message = "The animated WebP picture is damaged.",
                     .file = name,
                     .offset = at};
    };
    constexpr std::size_t kFrameHeader = 16;
    for (std::size_t at = 12; view.has(at, 8);) {
        const std::size_t length = view.u32(at + 4), body = at + 8;
        if (!view.has(body, length)) return damaged(at);
        if (!view.startsWith(at, "ANMF")) {
            at = body + length + (length & 1);
            continue;
        }
        if (length < kFrameHeader) return damaged(at);
        WebPFrame frame;
        frame.x = static_cast<int>(u24(view, body) * 2);
        frame.y = static_cast<int>(u24(view, body + 3) * 2);
        const std::uint32_t width = u24(view, body + 6), height = u24(view, body + 9); // minus one
        frame.width = static_cast<int>(width + 1);
        frame.height = static_cast<int>(height + 1);
        const std::span<const std::uint8_t> chunks = view.sub(body + kFrameHeader, length - kFrameHeader);
        const bool alpha = ByteView(chunks).startsWith(0, "ALPH") || ByteView(chunks).startsWith(0, "VP8L");
        constexpr std::uint32_t kExtendedChunk = 18;
        append(frame.still, "RIFF");
        append(frame.still, static_cast<std::uint32_t>(4 + kExtendedChunk + chunks.size()), 4);
        append(frame.still, "WEBPVP8X");
        append(frame.still, 10, 4);
        append(frame.still, alpha ? 0x10 : 0, 4);
        append(frame.still, width, 3);
        append(frame.still, height, 3);
        frame.still.insert(frame.still.end(), chunks.begin(), chunks.end());
        return frame;
    }
    return damaged(view.size());
}

} // namespace facet::media
