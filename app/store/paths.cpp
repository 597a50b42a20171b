#include "store/paths.h"

#include "store/words.h"

#include <QDir>
#include <QFile>

namespace facet::store {
namespace {

// XDG base directory specification: relative values are invalid and must be ignored.
QString baseFolder(const char *facetVariable, const char *xdgVariable, const char *fallbackInHome) {
    const QString own = qEnvironmentVariable(facetVariable);
    if (!own.isEmpty()) {
        return QDir(own).absolutePath();
    }
    const QString xdg = qEnvironmentVariable(xdgVariable);
    const QString base = QDir::isAbsolutePath(xdg) ? xdg : QDir::homePath() + QLatin1String(fallbackInHome);
    return QDir::cleanPath(base + QStringLiteral("/facet"));
}

} // namespace

Paths Paths::standard() {
    return {baseFolder("FACET_DATA_DIR", "XDG_DATA_HOME", "/.local/share"),
            baseFolder("FACET_CONFIG_DIR", "XDG_CONFIG_HOME", "/.config"),
            baseFolder("FACET_STATE_DIR", "XDG_STATE_HOME", "/.local/state")};
}

Paths Paths::under(const QString &folder) {
    const QString root = QDir(folder).absolutePath();
    return {root + QStringLiteral("/data"), root + QStringLiteral("/config"), root + QStringLiteral("/state")};
}

Status Paths::create() const {
    const QFile::Permissions mine = QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner;
    for (const QString &folder : {data, config, state, mediaFolder(), recordingsFolder()}) {
        if (QDir(folder).exists()) {
            continue;
        }
        if (!QDir().mkpath(folder) || !QFile::setPermissions(folder, mine)) {
            return Error{ErrorCode::FileWriteFailed,
                         said(Words::tr("Facet could not make a folder for its files; check who may write to "
                                        "the folder above it.")),
                         {},
                         folder.toStdString()};
        }
    }
    return ok();
}

} // namespace facet::store
