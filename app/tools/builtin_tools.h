// Tools that every model gets: calculator, current_time, open_web_link. (read_file has a file of its own.)
#pragma once

#include "tools/tool.h"

namespace facet::tools {

// A schema with string properties, all required: {{"city", "Name of the city"}}.
QJsonObject stringSchema(std::initializer_list<std::pair<QString, QString>> properties);

class CalculatorTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("calculator"); }
    QString description() const override;
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;
};

class CurrentTimeTool final : public Tool {
public:
    QString name() const override { return QStringLiteral("current_time"); }
    QString description() const override;
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;
};

class OpenWebLinkTool final : public Tool {
public:
    using Opener = std::function<bool(const QString &address)>;

    explicit OpenWebLinkTool(Opener opener = {}); // empty: the desktop's browser
    QString name() const override { return QStringLiteral("open_web_link"); }
    QString description() const override;
    QJsonObject parameters() const override;
    void run(const Call &call, Done done) override;

private:
    Opener m_opener;
};

} // namespace facet::tools
