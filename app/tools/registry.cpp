#include "tools/registry.h"

#include "tools/builtin_tools.h"
#include "tools/demo_tools.h"
#include "tools/read_file_tool.h"

#include <QJsonDocument>
#include <QStringList>

#include <utility>

namespace facet::tools {
namespace {

constexpr qsizetype kMaxArgumentChars = 64 * 1024;

QJsonObject declaration(const Tool &tool) {
    return {{QStringLiteral("type"), QStringLiteral("function")},
            {QStringLiteral("function"), QJsonObject{{QStringLiteral("name"), tool.name()},
                                                     {QStringLiteral("description"), tool.description()},
                                                     {QStringLiteral("parameters"), tool.parameters()}}}};
}

} // namespace

Registry Registry::builtIn() {
    Registry registry;
    registry.add(std::make_unique<CalculatorTool>());
    registry.add(std::make_unique<CurrentTimeTool>());
    registry.add(std::make_unique<OpenWebLinkTool>());
    registry.add(std::make_unique<ReadFileTool>());
    return registry;
}

Registry Registry::demo() {
    Registry registry;
    registry.add(std::make_unique<DemoWeatherTool>());
    registry.add(std::make_unique<DemoTimerTool>());
    registry.add(std::make_unique<DemoCalculateTool>());
    return registry;
}

void Registry::add(std::unique_ptr<Tool> tool) { m_tools.push_back(std::move(tool)); }

QJsonArray Registry::declarations() const {
    QJsonArray all;
    for (const auto &tool : m_tools) {
        all.append(declaration(*tool));
    }
    return all;
}

QJsonArray Registry::declarations(const QStringList &names) const {
    QJsonArray some;
    for (const auto &tool : m_tools) {
        if (names.contains(tool->name())) {
            some.append(declaration(*tool));
        }
    }
    return some;
}

const Tool *Registry::find(const QString &name) const {
    for (const auto &tool : m_tools) {
        if (tool->name() == name) {
            return tool.get();
        }
    }
    return nullptr;
}

void Registry::run(const QString &name, const QString &argumentsJson, const QString &file,
                   const Tool::Done &done) const {
    for (const auto &tool : m_tools) {
        if (tool->name() != name) {
            continue;
        }
        const QByteArray bytes = argumentsJson.trimmed().isEmpty() ? QByteArrayLiteral("{}") : argumentsJson.toUtf8();
        const QJsonDocument document =
            argumentsJson.size() > kMaxArgumentChars ? QJsonDocument() : QJsonDocument::fromJson(bytes);
        if (!document.isObject()) {
            done({false, forModel("The arguments of this call are not one JSON object.")});
            return;
        }
        tool->run({document.object(), file}, done);
        return;
    }
    done({false, forModel("This tool does not exist here.")});
}

} // namespace facet::tools
