#include "chat/pending_attachments.h"

#include "chat/media_kind.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QImageReader>

#include <utility>

namespace facet::chat {
namespace {

Error notAMedium(const QString &name) {
    return Error{ErrorCode::MediaUnsupported,
                 QCoreApplication::translate(
                     "ChatController",
                     "This is not a picture, a recording or a film that Facet knows (PNG, JPEG, WebP, BMP, TIFF, GIF; "
                     "WAV, MP3, FLAC, Ogg, M4A; MP4, WebM, MKV).")
                     .toStdString(),
                 {},
                 name.toStdString()};
}

// Size of the upright picture from its header. Unknown to Qt: stays 0, the host tells later.
void readPictureSize(const QString &path, Attachment &attachment) {
    QImageReader reader(path);
    reader.setDecideFormatFromContent(true);
    QSize size = reader.size();
    if (reader.transformation() & QImageIOHandler::TransformationRotate90) {
        size.transpose();
    }
    attachment.width = qMax(size.width(), 0);
    attachment.height = qMax(size.height(), 0);
}

constexpr qint64 kHeadBytes = 4096;

Attachment describe(const store::StoredFile &stored, const MediaKind &kind, const QString &name, const QString &path) {
    Attachment attachment;
    attachment.hash = stored.hash;
    attachment.suffix = stored.suffix;
    attachment.name = name;
    attachment.kind = kind.kind;
    attachment.bytes = stored.bytes;
    if (kind.kind == AttachmentKind::Picture) {
        readPictureSize(path, attachment);
    }
    return attachment;
}

} // namespace

PendingAttachments::PendingAttachments(const store::MediaStore *media, QObject *parent)
    : QObject(parent), m_media(media) {
    m_pool.setMaxThreadCount(1);
}

PendingAttachments::~PendingAttachments() { m_pool.waitForDone(); }

int PendingAttachments::begin(std::function<Result<Attachment>()> copy) {
    const int ticket = ++m_lastTicket;
    m_entries.append({ticket, true, {}});
    m_pool.start([this, ticket, copy = std::move(copy)] {
        const Result<Attachment> result = copy();
        QMetaObject::invokeMethod(
            this,
            [this, ticket, result] {
                Entry *found = entry(ticket);
                if (!found) {
                    return; // taken away meanwhile
                }
                if (!result) {
                    fail(ticket, QString::fromStdString(result.error().message));
                    return;
                }
                const int budget = found->attachment.tokenBudget; // set while it was being copied
                found->attachment = *result;
                found->attachment.tokenBudget = budget;
                found->copying = false;
                emit ready(ticket, found->attachment);
            },
            Qt::QueuedConnection);
    });
    return ticket;
}

int PendingAttachments::addFile(const QString &path) {
    return begin([media = m_media, path]() -> Result<Attachment> {
        const QFileInfo info(path);
        // MediaStore refuses what is not a plain file; opening a pipe to look at it would block.
        QByteArray head;
        if (QFile file(path); info.isFile() && file.open(QIODevice::ReadOnly)) {
            head = file.read(kHeadBytes);
        }
        const auto kind = mediaKind(head, info.suffix());
        if (info.isFile() && !head.isEmpty() && !kind) {
            return notAMedium(info.fileName());
        }
        FACET_TRY(stored, media->addFile(path));
        if (!kind) {
            return notAMedium(info.fileName());
        }
        return describe(stored, *kind, info.fileName(), media->path(stored.hash, stored.suffix));
    });
}

int PendingAttachments::addBytes(const QByteArray &bytes, const QString &name) {
    return begin([media = m_media, bytes, name]() -> Result<Attachment> {
        const auto kind =
            mediaKind(QByteArrayView(bytes).first(qMin(bytes.size(), kHeadBytes)), QFileInfo(name).suffix());
        if (!kind) {
            return notAMedium(name);
        }
        FACET_TRY(stored, media->addBytes(bytes, kind->suffix));
        return describe(stored, *kind, name, media->path(stored.hash, stored.suffix));
    });
}

PendingAttachments::Entry *PendingAttachments::entry(int ticket) {
    for (Entry &candidate : m_entries) {
        if (candidate.ticket == ticket) {
            return &candidate;
        }
    }
    return nullptr;
}

void PendingAttachments::remove(int ticket) {
    m_entries.removeIf([ticket](const Entry &candidate) { return candidate.ticket == ticket; });
}

void PendingAttachments::fail(int ticket, const QString &sentence) {
    if (entry(ticket)) {
        remove(ticket);
        emit failed(ticket, sentence);
    }
}

void PendingAttachments::setBudget(int ticket, int tokenBudget) {
    if (Entry *found = entry(ticket)) {
        found->attachment.tokenBudget = tokenBudget;
        found->attachment.tokens = -1;
    }
}

void PendingAttachments::setCost(int ticket, const client::MediaCost &cost) {
    Entry *found = entry(ticket);
    if (!found || found->copying) {
        return;
    }
    Attachment &attachment = found->attachment;
    attachment.tokens = cost.tokens;
    if (cost.width > 0 && cost.height > 0) {
        attachment.width = cost.width;
        attachment.height = cost.height;
    }
    if (cost.seconds > 0) {
        attachment.seconds = cost.seconds;
    }
    emit ready(ticket, attachment);
}

bool PendingAttachments::isCopying() const {
    for (const Entry &candidate : m_entries) {
        if (candidate.copying) {
            return true;
        }
    }
    return false;
}

const Attachment *PendingAttachments::find(int ticket) const {
    for (const Entry &candidate : m_entries) {
        if (candidate.ticket == ticket && !candidate.copying) {
            return &candidate.attachment;
        }
    }
    return nullptr;
}

QVector<int> PendingAttachments::tickets() const {
    QVector<int> tickets;
    for (const Entry &candidate : m_entries) {
        tickets.append(candidate.ticket);
    }
    return tickets;
}

QVector<Attachment> PendingAttachments::take() {
    QVector<Attachment> attachments;
    for (const Entry &candidate : m_entries) {
        attachments.append(candidate.attachment);
    }
    m_entries.clear();
    return attachments;
}

} // namespace facet::chat
