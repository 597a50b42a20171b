#include "picture_header.h"

#include "byte_view.h"
#include "exif.h"

#include <cstdlib>

namespace facet::media {

namespace {

// A progressive JPEG costs a pass over all its pixels for each scan; real ones have about ten.
constexpr int kMaxJpegScans = 100;

Error cutShort(const std::string &name, std::uint64_t at, std::string what) {
    return {.code = ErrorCode::MediaUnreadable,
            .message = "The picture is cut short or damaged; copy or export it again.",
            .detail = std::move(what),
            .file = name,
            .offset = at};
}

Error damaged(const std::string &name, std::uint64_t at, std::string what) {
    return {.code = ErrorCode::MediaUnreadable,
            .message = "The picture is damaged; copy or export it again.",
            .detail = std::move(what),
            .file = name,
            .offset = at};
}

Result<PictureHeader> readPng(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes);
    PictureHeader header{.format = PictureFormat::Png};
    if (!view.has(8, 25) || !view.startsWith(12, "IHDR")) return cutShort(name, 8, "no IHDR chunk");
    header.width = view.u32(16);
    header.height = view.u32(20);
    std::size_t at = 8;
    while (view.has(at, 12)) {
        const std::size_t length = view.u32(at);
        if (!view.has(at + 12, length)) return cutShort(name, at, "chunk longer than the file");
        if (view.startsWith(at + 4, "eXIf")) header.orientation = exifOrientation(view.sub(at + 8, length));
        if (view.startsWith(at + 4, "IEND")) return header;
        at += 12 + length;
    }
    return cutShort(name, at, "no IEND chunk");
}

bool isJpegFrame(std::uint8_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

Result<PictureHeader> readJpeg(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes);
    PictureHeader header{.format = PictureFormat::Jpeg};
    int scans = 0;
    std::size_t at = 2;
    while (view.has(at, 2)) {
        if (view.u8(at) != 0xFF) return damaged(name, at, "a marker was expected");
        const std::uint8_t marker = view.u8(at + 1);
        if (marker == 0xFF) { // fill byte
            ++at;
            continue;
        }
        if (marker == 0xD9) {
            if (header.width == 0 || scans == 0) return damaged(name, at, "no picture before the end marker");
            return header;
        }
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
            at += 2;
            continue;
        }
        const std::size_t length = view.u16(at + 2);
        if (length < 2 || !view.has(at + 2, length)) return cutShort(name, at, "segment longer than the file");
        if (isJpegFrame(marker) && header.width == 0) {
            header.height = view.u16(at + 5);
            header.width = view.u16(at + 7);
        } else if (marker == 0xE1 && length > 8 && view.startsWith(at + 4, std::string_view("Exif\0\0", 6))) {
            header.orientation = exifOrientation(view.sub(at + 10, length - 8));
        }
        at += 2 + length;
        if (marker != 0xDA) continue;
        if (++scans > kMaxJpegScans) return damaged(name, at, "more than " + std::to_string(kMaxJpegScans) + " scans");
        // Entropy-coded data: up to the next marker that is neither a stuffed byte nor a restart.
        while (view.has(at, 2)) {
            const std::uint8_t next = view.u8(at + 1);
            if (bytes[at] == 0xFF && next != 0 && next != 0xFF && !(next >= 0xD0 && next <= 0xD7)) break;
            ++at;
        }
    }
    return cutShort(name, at, "the end marker is missing");
}

Result<PictureHeader> readWebP(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes, false);
    PictureHeader header{.format = PictureFormat::WebP};
    bool pixels = false;
    std::size_t at = 12;
    const std::size_t end = std::min<std::size_t>(view.size(), std::size_t{8} + view.u32(4));
    if (std::size_t{8} + view.u32(4) > view.size()) return cutShort(name, 4, "RIFF size is larger than the file");
    while (at + 8 <= end) {
        const std::size_t length = view.u32(at + 4), body = at + 8;
        if (!view.has(body, length)) return cutShort(name, at, "chunk longer than the file");
        if (view.startsWith(at, "VP8X") && length >= 10) {
            header.animatedWebP = (view.u8(body) & 0x02) != 0;
            header.width =
                1 + static_cast<std::int64_t>(view.u16(body + 4) | static_cast<std::uint32_t>(view.u8(body + 6)) << 16);
            header.height =
                1 + static_cast<std::int64_t>(view.u16(body + 7) | static_cast<std::uint32_t>(view.u8(body + 9)) << 16);
        } else if (view.startsWith(at, "VP8 ") && length >= 10) {
            pixels = true;
            if (header.width == 0) {
                header.width = view.u16(body + 6) & 0x3FFF;
                header.height = view.u16(body + 8) & 0x3FFF;
            }
        } else if (view.startsWith(at, "VP8L") && length >= 5) {
            pixels = true;
            const std::uint32_t bits = view.u32(body + 1);
            if (header.width == 0) {
                header.width = 1 + static_cast<std::int64_t>(bits & 0x3FFF);
                header.height = 1 + static_cast<std::int64_t>((bits >> 14) & 0x3FFF);
            }
        } else if (view.startsWith(at, "ANMF")) {
            pixels = true;
        } else if (view.startsWith(at, "EXIF")) {
            std::span<const std::uint8_t> block = view.sub(body, length);
            if (ByteView(block).startsWith(0, std::string_view("Exif\0\0", 6)))
                block = block.subspan(6); // seen in the wild
            header.orientation = exifOrientation(block);
        }
        at = body + length + (length & 1);
    }
    if (!pixels) return damaged(name, at, "no picture chunk");
    return header;
}

Result<PictureHeader> readBmp(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes, false);
    PictureHeader header{.format = PictureFormat::Bmp};
    if (!view.has(0, 26)) return cutShort(name, view.size(), "no BMP header");
    const std::uint32_t headerBytes = view.u32(14);
    if (headerBytes != 12 && !view.has(14, 40)) return cutShort(name, view.size(), "no BMP header");
    const bool old = headerBytes == 12;
    header.width = old ? view.u16(18) : static_cast<std::int32_t>(view.u32(18));
    header.height = old ? view.u16(20) : std::llabs(static_cast<std::int32_t>(view.u32(22)));
    const std::uint32_t bits = old ? view.u16(24) : view.u16(28);
    const std::uint32_t compression = old ? 0 : view.u32(30);
    if ((compression == 0 || compression == 3) && header.width > 0 && header.width < (1 << 24) &&
        header.height < (1 << 24)) {
        const std::uint64_t row = ((static_cast<std::uint64_t>(header.width) * bits + 31) / 32) * 4;
        if (view.u32(10) + row * static_cast<std::uint64_t>(header.height) > view.size()) {
            return cutShort(name, view.size(), "fewer pixels than the header says");
        }
    }
    return header;
}

// One entry of a TIFF directory: value i as an unsigned number.
std::uint64_t tiffValue(const ByteView &view, std::size_t entry, std::uint32_t index) {
    const std::uint32_t type = view.u16(entry + 2), count = view.u32(entry + 4);
    const std::size_t width = type == 3 ? 2 : type == 4 ? 4 : 1;
    const std::size_t base = count * static_cast<std::uint64_t>(width) <= 4 ? entry + 8 : view.u32(entry + 8);
    const std::size_t at = base + index * width;
    return width == 2 ? view.u16(at) : width == 4 ? view.u32(at) : view.u8(at);
}

Result<PictureHeader> readTiff(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes, bytes[0] == 'M');
    PictureHeader header{.format = PictureFormat::Tiff};
    if (view.u16(2) == 43) {
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message = "BigTIFF pictures are not supported; export it as PNG.",
                     .file = name};
    }
    const std::size_t directory = view.u32(4);
    if (!view.has(directory, 2)) return cutShort(name, view.size(), "no TIFF directory");
    const std::size_t count = view.u16(directory);
    if (!view.has(directory + 2, count * 12)) return cutShort(name, directory, "directory longer than the file");
    std::size_t offsets = 0, lengths = 0; // entries of the strips or tiles
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * 12;
        switch (view.u16(entry)) {
        case 256: header.width = static_cast<std::int64_t>(tiffValue(view, entry, 0)); break;
        case 257: header.height = static_cast<std::int64_t>(tiffValue(view, entry, 0)); break;
        case 273:
        case 324: offsets = entry; break;
        case 279:
        case 325: lengths = entry; break;
        case 347: // JPEG tables shared by the strips: the decoder does not know them
            return Error{.code = ErrorCode::MediaUnsupported,
                         .message = "TIFF pictures with JPEG compression are not supported; export it as PNG.",
                         .file = name};
        default: break;
        }
    }
    header.orientation = exifOrientation(bytes);
    if (offsets != 0 && lengths != 0) {
        const std::uint32_t strips = std::min(view.u32(offsets + 4), view.u32(lengths + 4));
        if (strips > view.size()) return damaged(name, offsets, "more strips than bytes");
        for (std::uint32_t i = 0; i < strips; ++i) {
            if (!view.has(tiffValue(view, offsets, i), tiffValue(view, lengths, i))) {
                return cutShort(name, tiffValue(view, offsets, i), "strip outside the file");
            }
        }
    }
    return header;
}

// Position after a chain of GIF sub-blocks, or 0 when it runs out of the file.
std::size_t afterSubBlocks(const ByteView &view, std::size_t at) {
    while (view.has(at, 1)) {
        const std::size_t length = view.u8(at);
        ++at;
        if (length == 0) return at;
        at += length;
    }
    return 0;
}

Result<PictureHeader> readGif(std::span<const std::uint8_t> bytes, const std::string &name) {
    const ByteView view(bytes, false);
    PictureHeader header{.format = PictureFormat::Gif};
    if (!view.has(0, 13)) return cutShort(name, view.size(), "no screen descriptor");
    header.width = view.u16(6);
    header.height = view.u16(8);
    const auto tableBytes = [](std::uint8_t flags) {
        return (flags & 0x80) != 0 ? std::size_t{3} << ((flags & 7) + 1) : 0;
    };
    std::size_t at = 13 + tableBytes(view.u8(10));
    while (view.has(at, 2)) {
        if (view.u8(at) == 0x21) {
            at = afterSubBlocks(view, at + 2);
        } else if (view.u8(at) == 0x2C && view.has(at, 11)) {
            at = afterSubBlocks(view, at + 10 + tableBytes(view.u8(at + 9)) + 1);
            if (at != 0) return header; // the first frame is complete
        } else {
            return damaged(name, at, "no picture in the file");
        }
        if (at == 0) return cutShort(name, view.size(), "the first frame is not complete");
    }
    return cutShort(name, view.size(), "no frame");
}

} // namespace

const char *pictureFormatName(PictureFormat format) noexcept {
    switch (format) {
    case PictureFormat::Png: return "png";
    case PictureFormat::Jpeg: return "jpeg";
    case PictureFormat::WebP: return "webp";
    case PictureFormat::Bmp: return "bmp";
    case PictureFormat::Tiff: return "tiff";
    case PictureFormat::Gif: return "gif";
    case PictureFormat::Heif: return "heif";
    case PictureFormat::Unknown: break;
    }
    return "unknown";
}

PictureFormat pictureFormatOf(std::span<const std::uint8_t> head) noexcept {
    const ByteView view(head);
    if (view.startsWith(0, "\x89PNG\r\n\x1a\n")) return PictureFormat::Png;
    if (view.startsWith(0, "\xFF\xD8\xFF")) return PictureFormat::Jpeg;
    if (view.startsWith(0, "RIFF") && view.startsWith(8, "WEBP")) return PictureFormat::WebP;
    if (view.startsWith(0, "GIF87a") || view.startsWith(0, "GIF89a")) return PictureFormat::Gif;
    if (view.startsWith(0, std::string_view("II*\0", 4)) || view.startsWith(0, std::string_view("MM\0*", 4)) ||
        view.startsWith(0, std::string_view("II+\0", 4)) || view.startsWith(0, std::string_view("MM\0+", 4))) {
        return PictureFormat::Tiff;
    }
    // Two letters are too little to go by: the header's size must be one of the known ones.
    const std::uint32_t bmpHeader = ByteView(head, false).u32(14);
    if (view.startsWith(0, "BM") && (bmpHeader == 12 || (bmpHeader >= 40 && bmpHeader <= 124)))
        return PictureFormat::Bmp;
    if (view.startsWith(4, "ftyp")) {
        for (const std::string_view brand : {"heic", "heix", "heim", "heis", "mif1", "msf1", "avif", "avis"}) {
            if (view.startsWith(8, brand)) return PictureFormat::Heif;
        }
    }
    return PictureFormat::Unknown;
}

Result<PictureHeader> readPictureHeader(std::span<const std::uint8_t> bytes, const std::string &name) {
    Result<PictureHeader> header = [&]() -> Result<PictureHeader> {
        switch (pictureFormatOf(bytes)) {
        case PictureFormat::Png: return readPng(bytes, name);
        case PictureFormat::Jpeg: return readJpeg(bytes, name);
        case PictureFormat::WebP: return readWebP(bytes, name);
        case PictureFormat::Bmp: return readBmp(bytes, name);
        case PictureFormat::Tiff: return readTiff(bytes, name);
        case PictureFormat::Gif: return readGif(bytes, name);
        case PictureFormat::Heif:
            return Error{.code = ErrorCode::MediaUnsupported,
                         .message = "HEIC and AVIF pictures are not supported; export it as JPEG or PNG.",
                         .file = name};
        case PictureFormat::Unknown: break;
        }
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message = "This is not a picture that can be read (PNG, JPEG, WebP, BMP, TIFF or GIF).",
                     .file = name};
    }();
    if (header && (header->width <= 0 || header->height <= 0)) {
        return damaged(name, 0,
                       "width " + std::to_string(header->width) + ", height " + std::to_string(header->height));
    }
    return header;
}

} // namespace facet::media
