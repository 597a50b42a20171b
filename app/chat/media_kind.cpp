#include "chat/media_kind.h"

#include <QByteArray>

namespace facet::chat {
namespace {

bool has(QByteArrayView head, qsizetype at, const char *magic, qsizetype size) {
    return head.size() >= at + size && QByteArrayView(head.data() + at, size) == QByteArrayView(magic, size);
}

template <qsizetype N>
bool has(QByteArrayView head, qsizetype at, const char (&magic)[N]) {
    return has(head, at, magic, N - 1);
}

std::optional<MediaKind> picture(QByteArrayView head) {
    const auto of = [](const char *suffix) { return MediaKind{AttachmentKind::Picture, QString::fromLatin1(suffix)}; };
    if (has(head, 0, "\x89PNG\r\n")) {
        return of("png");
    }
    if (has(head, 0, "\xFF\xD8\xFF")) {
        return of("jpg");
    }
    if (has(head, 0, "GIF8")) {
        return of("gif");
    }
    if (has(head, 0, "RIFF") && has(head, 8, "WEBP")) {
        return of("webp");
    }
    if (has(head, 0, "BM") && head.size() > 26) {
        return of("bmp");
    }
    if (has(head, 0, "II*\0") || has(head, 0, "MM\0*")) {
        return of("tiff");
    }
    return std::nullopt;
}

// ADTS and MPEG audio begin with a frame sync of 11 bits.
bool isMpegAudio(QByteArrayView head) {
    return head.size() > 3 && static_cast<uchar>(head[0]) == 0xFF && (static_cast<uchar>(head[1]) & 0xE0) == 0xE0 &&
           (static_cast<uchar>(head[1]) & 0x06) != 0;
}

} // namespace

std::optional<MediaKind> mediaKind(QByteArrayView head, const QString &suffix) {
    const QString lower = suffix.toLower();
    const auto sound = [](const char *name) { return MediaKind{AttachmentKind::Sound, QString::fromLatin1(name)}; };
    const auto film = [](const QString &name) { return MediaKind{AttachmentKind::Film, name}; };
    if (const auto found = picture(head)) {
        return found;
    }
    if (has(head, 0, "RIFF") && has(head, 8, "WAVE")) {
        return sound("wav");
    }
    if (has(head, 0, "fLaC")) {
        return sound("flac");
    }
    if (has(head, 0, "OggS")) {
        return lower == QLatin1String("ogv") ? film(lower) : sound(lower == QLatin1String("opus") ? "opus" : "ogg");
    }
    if (has(head, 0, "ID3") || isMpegAudio(head)) {
        return sound(lower == QLatin1String("aac") ? "aac" : "mp3");
    }
    if (has(head, 4, "ftyp")) {
        const bool audio = has(head, 8, "M4A") || has(head, 8, "M4B") || lower == QLatin1String("m4a");
        return audio ? sound("m4a") : film(lower == QLatin1String("mov") ? lower : QStringLiteral("mp4"));
    }
    if (has(head, 0, "\x1A\x45\xDF\xA3")) {
        return lower == QLatin1String("mka") || lower == QLatin1String("weba")
                   ? MediaKind{AttachmentKind::Sound, lower}
                   : film(lower == QLatin1String("mkv") ? lower : QStringLiteral("webm"));
    }
    return std::nullopt;
}

} // namespace facet::chat
