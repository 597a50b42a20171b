// The files of attachments, each under the SHA-256 of its content: the same picture is kept once, and a name says what
// must be inside. Files are never changed. All calls block and may be made from any thread except the GUI thread
// (path() is free).
//
//     MediaStore media(paths.mediaFolder());
//     FACET_TRY(stored, media.addFile("/home/me/cat.png"));
//     show(media.path(stored.hash, stored.suffix));
#pragma once

#include "facet/result.h"
#include "store/durable_file.h"

#include <QByteArray>
#include <QSet>
#include <QString>

namespace facet::store {

inline constexpr qint64 kMaxMediaBytes = qint64(4) << 30;

struct StoredFile {
    QString hash;   // hex SHA-256
    QString suffix; // lower case, "bin" if the name had none
    qint64 bytes = 0;
    bool isNew = false; // false: the same content was here already
};

class MediaStore {
public:
    explicit MediaStore(QString folder, WriteFunction write = {});

    Result<StoredFile> addFile(const QString &path, qint64 maxBytes = kMaxMediaBytes) const;
    Result<StoredFile> addBytes(const QByteArray &bytes, const QString &suffix) const;

    QString path(const QString &hash, const QString &suffix) const;
    // The file is there and as long as it was when it was stored.
    Status check(const QString &hash, const QString &suffix, qint64 bytes) const;

    // Removes what a write left behind when the program was killed.
    void removeLeftovers(qint64 minAgeSeconds) const;
    // Removes files whose hash is not in `keep` and that have not been touched for `minAgeSeconds`. Returns how many.
    int removeUnreferenced(const QSet<QString> &keep, qint64 minAgeSeconds) const;

private:
    Result<StoredFile> publish(DurableFile &file, const QByteArray &digest, const QString &suffix, qint64 bytes) const;

    QString m_folder;
    WriteFunction m_write;
};

} // namespace facet::store
