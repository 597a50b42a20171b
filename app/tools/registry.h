// All tools by name, and their declarations in OpenAI's form.
//
//     Registry tools = Registry::builtIn();
//     request.tools = tools.declarations();
//     tools.run("calculator", R"({"expression":"2+3"})", {}, [](const Outcome &outcome) { ... });
#pragma once

#include "tools/tool.h"

#include <QJsonArray>

#include <memory>
#include <vector>

namespace facet::tools {

class Registry {
public:
    // calculator, current_time, open_web_link, read_file
    static Registry builtIn();
    // The three tools that the demo model was trained with, as harmless examples.
    static Registry demo();

    void add(std::unique_ptr<Tool> tool);
    QJsonArray declarations() const;
    // Only those named.
    QJsonArray declarations(const QStringList &names) const;
    const Tool *find(const QString &name) const;

    // An unknown tool, or arguments that are not one JSON object, give a failed outcome that tells the model so.
    void run(const QString &name, const QString &argumentsJson, const QString &file, const Tool::Done &done) const;

private:
    std::vector<std::unique_ptr<Tool>> m_tools;
};

} // namespace facet::tools
