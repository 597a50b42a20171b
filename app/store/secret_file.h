// Keys of remote servers. They lie in keys.json in the configuration folder, readable by the user alone (0600) but not
// encrypted: whoever can read the user's files can read them. The settings page says so beside the field.
// Reading is a few bytes at the start of the program; writing happens on a thread of its own.
#pragma once

#include "facet/result.h"

#include <QHash>
#include <QString>

namespace facet::store {

class SecretFile {
public:
    explicit SecretFile(QString path);

    QString key(const QString &address) const { return m_keys.value(address); }
    void remember(const QString &address, const QString &key) { m_keys.insert(address, key); }

    Status read();
    // Blocking: may be called on a copy from another thread.
    Status write() const;

private:
    QString m_path;
    QHash<QString, QString> m_keys;
};

} // namespace facet::store
