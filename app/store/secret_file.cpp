#include "store/secret_file.h"

#include "store/words.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>

#include <utility>

namespace facet::store {
namespace {
constexpr qint64 kMaxBytes = 1 << 20;
}

SecretFile::SecretFile(QString path) : m_path(std::move(path)) {}

Status SecretFile::read() {
    QFile file(m_path);
    if (!file.exists()) {
        return ok();
    }
    if (!file.open(QIODevice::ReadOnly) || file.size() > kMaxBytes) {
        return Error{ErrorCode::FileUnreadable,
                     said(Words::tr("The file with the keys of servers cannot be read; enter them again.")),
                     {},
                     m_path.toStdString()};
    }
    const QJsonObject object = QJsonDocument::fromJson(file.readAll()).object();
    for (auto entry = object.begin(); entry != object.end(); ++entry) {
        m_keys.insert(entry.key(), entry.value().toString());
    }
    return ok();
}

Status SecretFile::write() const {
    QJsonObject object;
    for (auto entry = m_keys.begin(); entry != m_keys.end(); ++entry) {
        if (!entry.value().isEmpty()) {
            object.insert(entry.key(), entry.value());
        }
    }
    QSaveFile file(m_path);
    const QByteArray bytes = QJsonDocument(object).toJson();
    // The permissions come before the content, so that there is no moment at which others can read it.
    if (!file.open(QIODevice::WriteOnly) || !file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) ||
        file.write(bytes) != bytes.size() || !file.commit()) {
        return Error{ErrorCode::FileWriteFailed, said(Words::tr("The key could not be saved; it is used until "
                                                                "Facet is closed.")),
                     file.errorString().toStdString(), m_path.toStdString()};
    }
    return ok();
}

} // namespace facet::store
