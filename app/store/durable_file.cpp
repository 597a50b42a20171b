#include "store/durable_file.h"

#include "store/words.h"

#include <QFile>
#include <QFileInfo>
#include <QRandomGenerator>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace facet::store {

Error fileError(int errorNumber, const QString &path, const char *action) {
    const bool full = errorNumber == ENOSPC || errorNumber == EDQUOT || errorNumber == EFBIG;
    Error error;
    error.code = full                    ? ErrorCode::DiskFull
                 : errorNumber == ENOENT ? ErrorCode::FileNotFound
                                         : ErrorCode::FileWriteFailed;
    error.message =
        full ? said(Words::tr("The file could not be saved because the disk is full; make room and try again."))
             : said(Words::tr("The file could not be saved: %1.")
                        .arg(QString::fromLocal8Bit(std::strerror(errorNumber))));
    error.detail = std::string("could not ") + action;
    error.file = path.toStdString();
    return error;
}

DurableFile::DurableFile(QString temporary, int descriptor, WriteFunction write)
    : m_temporary(std::move(temporary)), m_descriptor(descriptor), m_write(std::move(write)) {}

DurableFile::DurableFile(DurableFile &&other) noexcept
    : m_temporary(std::exchange(other.m_temporary, {})), m_descriptor(std::exchange(other.m_descriptor, -1)),
      m_write(std::move(other.m_write)) {}

DurableFile::~DurableFile() {
    if (m_descriptor >= 0) {
        ::close(m_descriptor);
    }
    if (!m_temporary.isEmpty()) {
        ::unlink(QFile::encodeName(m_temporary).constData());
    }
}

Result<DurableFile> DurableFile::create(const QString &folder, WriteFunction write) {
    constexpr int kAttempts = 16;
    int lastError = EEXIST;
    for (int attempt = 0; attempt < kAttempts && lastError == EEXIST; ++attempt) {
        const QString path =
            folder + QStringLiteral("/%1.part").arg(QRandomGenerator::system()->generate64(), 16, 16, QLatin1Char('0'));
        const int descriptor =
            ::open(QFile::encodeName(path).constData(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (descriptor >= 0) {
            if (!write) {
                write = [](int fd, const char *data, qint64 size) -> qint64 {
                    return ::write(fd, data, static_cast<size_t>(size));
                };
            }
            return DurableFile(path, descriptor, std::move(write));
        }
        lastError = errno;
    }
    return fileError(lastError, folder, "make a file");
}

Status DurableFile::append(QByteArrayView bytes) {
    const char *next = bytes.data();
    qint64 left = bytes.size();
    while (left > 0) {
        const qint64 written = m_write(m_descriptor, next, left);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return fileError(written == 0 ? ENOSPC : errno, m_temporary, "save a file");
        }
        next += written;
        left -= written;
    }
    return ok();
}

Status DurableFile::sync() {
    if (::fsync(m_descriptor) != 0) {
        return fileError(errno, m_temporary, "save a file");
    }
    return ok();
}

Result<bool> DurableFile::publish(const QString &path) {
    FACET_CHECK(sync());
    // link() instead of rename(): it never replaces what is there.
    if (::link(QFile::encodeName(m_temporary).constData(), QFile::encodeName(path).constData()) != 0) {
        if (errno == EEXIST) {
            return false;
        }
        // File systems without hard links (FAT, some network mounts): rename() does, nobody else writes this name.
        if (errno != EPERM && errno != ENOTSUP && errno != EMLINK) {
            return fileError(errno, path, "save a file");
        }
        if (QFileInfo::exists(path)) {
            return false;
        }
        FACET_CHECK(replace(path));
        return true;
    }
    FACET_CHECK(syncFolder(QFileInfo(path).path()));
    return true;
}

Status DurableFile::replace(const QString &path) {
    FACET_CHECK(sync());
    if (::rename(QFile::encodeName(m_temporary).constData(), QFile::encodeName(path).constData()) != 0) {
        return fileError(errno, path, "save a file");
    }
    m_temporary.clear();
    return syncFolder(QFileInfo(path).path());
}

Status syncFolder(const QString &folder) {
    const int descriptor = ::open(QFile::encodeName(folder).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return fileError(errno, folder, "open a folder");
    }
    const int result = ::fsync(descriptor);
    const int error = errno;
    ::close(descriptor);
    // Some file systems cannot sync a folder and say EINVAL; there is nothing better to do on them.
    if (result != 0 && error != EINVAL) {
        return fileError(error, folder, "save a folder");
    }
    return ok();
}

} // namespace facet::store
