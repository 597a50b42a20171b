// Stand-ins for the three tools that the demo model was trained with. They need no network and change nothing; what
// they answer says that it is an example.
#pragma once

#include "tools/tool.h"

namespace facet::tools {

// Which of the demo tools a question calls for. The demo model was trained with tools declared only where they are
// needed, and picture and speech questions answer better without them.
QStringList demoToolsFor(const QString &question, bool hasAttachments);

class DemoWeatherTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("get_weather"); }
    QString description() const override { return QStringLiteral("Get the weather of a city"); }
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;
};

class DemoTimerTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("set_timer"); }
    QString description() const override { return QStringLiteral("Set a timer"); }
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;
};

class DemoCalculateTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("calculate"); }
    QString description() const override { return QStringLiteral("Calculate"); }
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;
};

} // namespace facet::tools
