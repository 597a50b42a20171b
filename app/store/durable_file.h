// A new file that appears completely or not at all: written under a temporary name, synced, then published under its
// own name; both folders are synced as well, so that it is there after a power cut. Blocking: not for the GUI thread.
//
//     FACET_TRY(file, DurableFile::create(folder));
//     FACET_CHECK(file.append(bytes));
//     FACET_CHECK(file.publish(path));
#pragma once

#include "facet/result.h"

#include <QByteArrayView>
#include <QString>

#include <functional>

namespace facet::store {

// Stands in for ::write in tests (a disk that fills up). Returns the bytes written or -1 with errno set.
using WriteFunction = std::function<qint64(int descriptor, const char *data, qint64 size)>;

// The Error of a failed file operation; `action` completes "Facet could not ...".
Error fileError(int errorNumber, const QString &path, const char *action);

class DurableFile {
public:
    // Makes `folder`/<random>.part.
    static Result<DurableFile> create(const QString &folder, WriteFunction write = {});

    DurableFile(DurableFile &&other) noexcept;
    DurableFile &operator=(DurableFile &&) = delete;
    DurableFile(const DurableFile &) = delete;
    DurableFile &operator=(const DurableFile &) = delete;
    ~DurableFile(); // not published: nothing is left of it

    Status append(QByteArrayView bytes);
    // Returns false if `path` exists already; that file is left as it is, this one is dropped.
    Result<bool> publish(const QString &path);
    // The same, but takes the place of a file that exists.
    Status replace(const QString &path);

private:
    DurableFile(QString temporary, int descriptor, WriteFunction write);
    Status sync();

    QString m_temporary;
    int m_descriptor = -1;
    WriteFunction m_write;
};

// Makes changes to the entries of a folder permanent.
Status syncFolder(const QString &folder);

} // namespace facet::store
