// Where Facet keeps its files: the XDG folders of the user, or everything below one folder (--data-dir, tests).
// The environment variables FACET_DATA_DIR, FACET_CONFIG_DIR and FACET_STATE_DIR win over XDG.
//
//     const Paths paths = Paths::standard();
//     if (auto made = paths.create(); !made) show(made.error());
#pragma once

#include "facet/result.h"

#include <QString>

namespace facet::store {

struct Paths {
    QString data;   // history and media: must not be lost
    QString config; // settings and keys
    QString state;  // recordings that are being made: may be lost

    static Paths standard();
    static Paths under(const QString &folder);

    // Makes the folders, readable by the user alone.
    Status create() const;

    QString historyFile() const { return data + QStringLiteral("/history.sqlite"); }
    QString mediaFolder() const { return data + QStringLiteral("/media"); }
    QString settingsFile() const { return config + QStringLiteral("/facet.ini"); }
    QString secretsFile() const { return config + QStringLiteral("/keys.json"); }
    QString recordingsFolder() const { return state + QStringLiteral("/recordings"); }
};

} // namespace facet::store
