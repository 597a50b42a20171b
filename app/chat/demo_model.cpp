#include "chat/demo_model.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

namespace facet::chat {

QString demoModelFolder() {
    const QString program = QCoreApplication::applicationDirPath();
    QStringList candidates;
    if (const QString resources = qEnvironmentVariable("FACET_RESOURCES"); !resources.isEmpty()) {
        candidates += resources + QStringLiteral("/demo-model");
    }
    candidates += program + QStringLiteral("/../share/facet/demo-model");
#ifdef FACET_SOURCE_RESOURCES
    candidates += QStringLiteral(FACET_SOURCE_RESOURCES "/demo-model");
#endif
    for (const QString &folder : candidates) {
        if (QFileInfo(folder + QStringLiteral("/config.json")).isFile()) {
            return QDir(folder).canonicalPath();
        }
    }
    return {};
}

} // namespace facet::chat
