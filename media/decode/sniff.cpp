// What a medium is and how large, without decoding it.
#include "byte_view.h"
#include "container.h"
#include "exif.h"
#include "facet/media/decode.h"
#include "picture_header.h"

namespace facet::media {

namespace {

constexpr std::size_t kHeadBytes = 64;

enum class Family : std::uint8_t { None, Picture, Sound, Either }; // Either: the streams decide

Family familyOf(std::span<const std::uint8_t> head) {
    const ByteView view(head);
    const PictureFormat picture = pictureFormatOf(head);
    if (picture == PictureFormat::Heif) return Family::None;
    if (picture != PictureFormat::Unknown) return Family::Picture;
    if ((view.startsWith(0, "RIFF") || view.startsWith(0, "RIFX")) && view.startsWith(8, "WAVE")) return Family::Sound;
    if (view.startsWith(0, "fLaC") || view.startsWith(0, "OggS") || view.startsWith(0, "ID3")) return Family::Sound;
    if (view.startsWith(4, "ftyp")) {
        return view.startsWith(8, "M4A ") || view.startsWith(8, "M4B ") ? Family::Sound : Family::Either;
    }
    if (view.startsWith(0, "\x1A\x45\xDF\xA3") || view.startsWith(4, "moov") || view.startsWith(4, "mdat"))
        return Family::Either;
    // MPEG audio and ADTS: eleven or twelve bits of sync and no forbidden value after them
    if (view.u8(0) == 0xFF && (view.u8(1) & 0xE0) == 0xE0) {
        const bool adts = (view.u8(1) & 0xF6) == 0xF0;
        const bool mpeg = (view.u8(1) & 0x06) != 0 && (view.u8(1) & 0x18) != 0x08 && (view.u8(2) & 0xF0) != 0xF0 &&
                          (view.u8(2) & 0x0C) != 0x0C;
        if (adts || mpeg) return Family::Sound;
    }
    return Family::None;
}

Result<MediaDetails> probePicture(const Source &source, const DecodeLimits &limits, std::uint64_t size) {
    if (size > limits.maxPictureBytes) {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message = "The picture file is larger than the limit of " +
                                std::to_string(limits.maxPictureBytes >> 20) + " MiB.",
                     .file = nameOf(source)};
    }
    FACET_TRY(bytes, readHead(source, static_cast<std::size_t>(size)));
    FACET_TRY(header, readPictureHeader(bytes, nameOf(source)));
    MediaDetails details;
    details.kind = MediaKind::Picture;
    details.format = pictureFormatName(header.format);
    details.bytes = size;
    if (header.width >= (1 << 20) || header.height >= (1 << 20) || header.width * header.height > limits.maxPixels) {
        return Error{.code = ErrorCode::LimitExceeded,
                     .message = "The picture says it has " + std::to_string(header.width) + " x " +
                                std::to_string(header.height) + " pixels; at most " +
                                std::to_string(limits.maxPixels / 1'000'000) +
                                " million are read. Make it smaller first.",
                     .file = nameOf(source)};
    }
    details.width = static_cast<int>(swapsSides(header.orientation) ? header.height : header.width);
    details.height = static_cast<int>(swapsSides(header.orientation) ? header.width : header.height);
    details.frames = 1;
    return details;
}

void describeFilm(const Container &container, int stream, MediaDetails &details) {
    const AVStream &s = *container.stream(stream);
    details.kind = MediaKind::Film;
    const bool turned = swapsSides(container.orientation(stream));
    details.width = turned ? s.codecpar->height : s.codecpar->width;
    details.height = turned ? s.codecpar->width : s.codecpar->height;
    const AVRational rate = s.avg_frame_rate.num > 0 ? s.avg_frame_rate : s.r_frame_rate;
    details.framesPerSecond = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0.0;
    details.frames =
        s.nb_frames > 0 ? s.nb_frames : static_cast<std::int64_t>(details.seconds * details.framesPerSecond + 0.5);
}

} // namespace

Result<MediaDetails> probeMedia(const Source &source, const DecodeLimits &limits) {
    FACET_TRY(size, sizeOf(source));
    FACET_TRY(head, readHead(source, kHeadBytes));
    const Family family = familyOf(head);
    if (family == Family::Picture) return probePicture(source, limits, size);
    if (family == Family::None) {
        if (size == 0)
            return Error{.code = ErrorCode::MediaUnreadable, .message = "The file is empty.", .file = nameOf(source)};
        const bool heif = pictureFormatOf(head) == PictureFormat::Heif;
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message = heif ? "HEIC and AVIF pictures are not supported; export it as JPEG or PNG."
                                     : "This is no picture, sound or film of a kind that can be read.",
                     .file = nameOf(source)};
    }
    FACET_TRY(container, Container::open(source, limits, {}));
    MediaDetails details;
    details.format = container->format()->iformat->name;
    details.bytes = size;
    details.seconds = container->seconds();
    if (const int sound = container->soundStream(); sound >= 0) {
        details.kind = MediaKind::Sound;
        details.hasSound = true;
        details.sampleRate = container->stream(sound)->codecpar->sample_rate;
        details.channels = container->stream(sound)->codecpar->ch_layout.nb_channels;
    }
    if (const int film = container->filmStream(); film >= 0 && family == Family::Either)
        describeFilm(*container, film, details);
    if (details.kind == MediaKind::Unknown) {
        return Error{.code = ErrorCode::MediaUnsupported,
                     .message = "The file has neither sound nor film.",
                     .file = nameOf(source)};
    }
    return details;
}

MediaKind sniff(const Source &source) {
    const Result<std::vector<std::uint8_t>> head = readHead(source, kHeadBytes);
    if (!head) return MediaKind::Unknown;
    switch (familyOf(*head)) {
    case Family::Picture: return MediaKind::Picture;
    case Family::Sound: return MediaKind::Sound;
    case Family::Either: {
        const Result<std::unique_ptr<Container>> container = Container::open(source, {}, {});
        if (!container) return MediaKind::Film; // what kind of error it is will be said when it is opened
        return (*container)->filmStream() >= 0 ? MediaKind::Film : MediaKind::Sound;
    }
    case Family::None: break;
    }
    return MediaKind::Unknown;
}

} // namespace facet::media
