#include "store/media_store.h"

#include "store/words.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

namespace facet::store {
namespace {

constexpr qint64 kBlockBytes = 1 << 20;

QString cleanSuffix(const QString &suffix) {
    QString clean;
    for (const QChar c : suffix.toLower()) {
        const bool allowed =
            (c >= QLatin1Char('a') && c <= QLatin1Char('z')) || (c >= QLatin1Char('0') && c <= QLatin1Char('9'));
        if (!allowed || clean.size() == 8) {
            return QStringLiteral("bin");
        }
        clean += c;
    }
    return clean.isEmpty() ? QStringLiteral("bin") : clean;
}

Error readError(ErrorCode code, std::string message, const QString &path) {
    return Error{code, std::move(message), {}, path.toStdString()};
}

} // namespace

MediaStore::MediaStore(QString folder, WriteFunction write) : m_folder(std::move(folder)), m_write(std::move(write)) {}

QString MediaStore::path(const QString &hash, const QString &suffix) const {
    return m_folder + QLatin1Char('/') + hash.left(2) + QLatin1Char('/') + hash + QLatin1Char('.') + suffix;
}

Result<StoredFile> MediaStore::addFile(const QString &path, qint64 maxBytes) const {
    const QFileInfo info(path);
    if (!info.exists()) {
        return readError(ErrorCode::FileNotFound, said(Words::tr("This file is not there any more.")), path);
    }
    // A pipe or a device would block for ever or never end.
    if (!info.isFile()) {
        return readError(ErrorCode::InvalidArgument, said(Words::tr("This is not a file; choose a picture, a "
                                                                    "recording or a film.")),
                         path);
    }
    if (info.size() > maxBytes) {
        return readError(ErrorCode::LimitExceeded, said(Words::tr("This file is too large to be attached.")), path);
    }
    QFile source(path);
    if (!source.open(QIODevice::ReadOnly)) {
        return readError(ErrorCode::FileUnreadable, said(Words::tr("This file cannot be read; check whether "
                                                                   "you may open it.")), path);
    }
    if (!QDir().mkpath(m_folder)) {
        return fileError(EACCES, m_folder, "make the folder for attachments");
    }
    FACET_TRY(file, DurableFile::create(m_folder, m_write));
    QCryptographicHash hash(QCryptographicHash::Sha256);
    QByteArray block(kBlockBytes, Qt::Uninitialized);
    qint64 total = 0;
    for (;;) {
        const qint64 count = source.read(block.data(), block.size());
        if (count < 0) {
            return readError(ErrorCode::FileUnreadable, said(Words::tr("This file could not be read to its "
                                                                       "end.")), path);
        }
        if (count == 0) {
            break;
        }
        total += count;
        if (total > maxBytes) { // it grew while it was read
            return readError(ErrorCode::LimitExceeded, said(Words::tr("This file is too large to be attached.")), path);
        }
        const QByteArrayView part(block.constData(), count);
        hash.addData(part);
        FACET_CHECK(file.append(part));
    }
    if (total == 0) {
        return readError(ErrorCode::MediaUnreadable, said(Words::tr("This file is empty.")), path);
    }
    return publish(file, hash.result(), info.suffix(), total);
}

Result<StoredFile> MediaStore::addBytes(const QByteArray &bytes, const QString &suffix) const {
    if (bytes.isEmpty()) {
        return Error{ErrorCode::MediaUnreadable, said(Words::tr("There is nothing in what was pasted."))};
    }
    if (!QDir().mkpath(m_folder)) {
        return fileError(EACCES, m_folder, "make the folder for attachments");
    }
    FACET_TRY(file, DurableFile::create(m_folder, m_write));
    FACET_CHECK(file.append(bytes));
    return publish(file, QCryptographicHash::hash(bytes, QCryptographicHash::Sha256), suffix, bytes.size());
}

Result<StoredFile> MediaStore::publish(DurableFile &file, const QByteArray &digest, const QString &suffix,
                                       qint64 bytes) const {
    StoredFile stored{QString::fromLatin1(digest.toHex()), cleanSuffix(suffix), bytes, false};
    const QString target = path(stored.hash, stored.suffix);
    const QString shard = QFileInfo(target).path();
    if (!QDir(shard).exists()) {
        if (!QDir().mkpath(shard)) {
            return fileError(EACCES, shard, "make the folder for attachments");
        }
        FACET_CHECK(syncFolder(m_folder));
    }
    FACET_TRY(isNew, file.publish(target));
    stored.isNew = isNew;
    if (!isNew) {
        // The name exists, but a damaged disk may have cut the content short: then ours is the right one.
        if (QFileInfo(target).size() != bytes) {
            FACET_CHECK(file.replace(target));
        } else {
            // In use again: removeUnreferenced() goes by the time. Failing to say so does no harm within a day.
            (void)::utimensat(AT_FDCWD, QFile::encodeName(target).constData(), nullptr, 0);
        }
    }
    return stored;
}

Status MediaStore::check(const QString &hash, const QString &suffix, qint64 bytes) const {
    const QString file = path(hash, suffix);
    const QFileInfo info(file);
    if (!info.isFile()) {
        return readError(ErrorCode::FileNotFound,
                         said(Words::tr("An attachment of this conversation is missing from the media folder.")), file);
    }
    if (info.size() != bytes) {
        Error error = readError(ErrorCode::FileUnreadable, said(Words::tr("An attachment of this conversation "
                                                                          "is damaged.")), file);
        error.detail = "it has " + std::to_string(info.size()) + " bytes, " + std::to_string(bytes) + " were stored";
        return error;
    }
    return ok();
}

void MediaStore::removeLeftovers(qint64 minAgeSeconds) const {
    const QDateTime now = QDateTime::currentDateTimeUtc();
    for (const QFileInfo &info : QDir(m_folder).entryInfoList({QStringLiteral("*.part")}, QDir::Files)) {
        if (info.lastModified().toUTC().secsTo(now) >= minAgeSeconds) {
            QFile::remove(info.filePath());
        }
    }
}

int MediaStore::removeUnreferenced(const QSet<QString> &keep, qint64 minAgeSeconds) const {
    int removed = 0;
    const QDateTime now = QDateTime::currentDateTimeUtc();
    QDirIterator files(m_folder, QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) {
        const QFileInfo info(files.next());
        if (!keep.contains(info.completeBaseName()) && info.lastModified().toUTC().secsTo(now) >= minAgeSeconds) {
            removed += QFile::remove(info.filePath()) ? 1 : 0;
        }
    }
    return removed;
}

} // namespace facet::store
