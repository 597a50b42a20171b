// One process at a time. The kernel holds the lock and lets go of it when the process ends, however it ends: a program
// killed while it takes the lock cannot lock its history up for good, as a lock file with a process id in it could.
#pragma once

#include <QString>

namespace facet::store {

class FileLock {
public:
    enum class State { Held, Taken, Failed };

    explicit FileLock(QString file) : m_file(std::move(file)) {}
    ~FileLock();
    FileLock(const FileLock &) = delete;
    FileLock &operator=(const FileLock &) = delete;

    // Does not wait. Failed: the file cannot be made or the file system knows no locks.
    State tryLock();

private:
    QString m_file;
    int m_descriptor = -1;
};

} // namespace facet::store
