#include "store/settings.h"

#include <QSettings>

#include <functional>
#include <utility>

namespace facet::store {

Settings::Settings(const QString &file, QObject *parent) : QObject(parent), m_file(file) {
    m_writer.setMaxThreadCount(1);
    const QSettings stored(m_file, QSettings::IniFormat);
    for (const QString &key : stored.allKeys()) {
        m_values.insert(key, stored.value(key));
    }
}

Settings::~Settings() { m_writer.waitForDone(); }

QVariant Settings::value(const char *key, const QVariant &fallback) const {
    return m_values.value(QLatin1String(key), fallback);
}

void Settings::setValue(const char *key, const QVariant &value) {
    const QString name = QLatin1String(key);
    if (m_values.value(name) == value) {
        return;
    }
    m_values.insert(name, value);
    later([this, name, value] {
        QSettings file(m_file, QSettings::IniFormat);
        file.setValue(name, value);
        file.sync();
        if (file.status() != QSettings::NoError) {
            emit writeFailed(tr("The settings could not be saved; they are used until Facet is closed."));
        }
    });
}

void Settings::later(std::function<void()> job) { m_writer.start(std::move(job)); }

} // namespace facet::store
