#include "store/file_lock.h"

#include <QFile>

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace facet::store {

FileLock::~FileLock() {
    if (m_descriptor >= 0) {
        ::close(m_descriptor); // lets go of the lock; the empty file stays, removing it would race with others
    }
}

FileLock::State FileLock::tryLock() {
    if (m_descriptor >= 0) {
        return State::Held;
    }
    const int descriptor = ::open(QFile::encodeName(m_file).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return State::Failed;
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const bool taken = errno == EWOULDBLOCK;
        ::close(descriptor);
        return taken ? State::Taken : State::Failed;
    }
    m_descriptor = descriptor;
    return State::Held;
}

} // namespace facet::store
