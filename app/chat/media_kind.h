// Which kind of medium a file is, by its first bytes: names lie. Whether it can really be decoded is the host's
// business.
#pragma once

#include "chat/types.h"

#include <QByteArrayView>

#include <optional>

namespace facet::chat {

struct MediaKind {
    AttachmentKind kind = AttachmentKind::Picture;
    QString suffix; // by content: "png" even if the file is called .jpg
};

// `head`: the first 4 KiB or less; `suffix` decides only where the content leaves it open.
std::optional<MediaKind> mediaKind(QByteArrayView head, const QString &suffix);

} // namespace facet::chat
