#include "chat/demo_model.h"

#include <QCoreApplication>
#include <QFileInfo>

namespace facet::chat {

QString resourceFile(const QString &name) {
    const QString program = QCoreApplication::applicationDirPath();
    QStringList folders;
    if (const QString resources = qEnvironmentVariable("FACET_RESOURCES"); !resources.isEmpty()) {
        folders += resources;
    }
    folders += program + QStringLiteral("/../share/facet");
#ifdef FACET_SOURCE_RESOURCES
    folders += QStringLiteral(FACET_SOURCE_RESOURCES);
#endif
    for (const QString &folder : folders) {
        const QFileInfo file(folder + QLatin1Char('/') + name);
        if (file.isFile()) {
            return file.canonicalFilePath();
        }
    }
    return {};
}

QString demoModelFolder() {
    const QString config = resourceFile(QStringLiteral("demo-model/config.json"));
    return config.isEmpty() ? QString() : QFileInfo(config).path();
}

} // namespace facet::chat
