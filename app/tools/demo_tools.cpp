#include "tools/demo_tools.h"

#include "tools/builtin_tools.h"
#include "tools/expression.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QStringList>

namespace facet::tools {
namespace {

QString compact(const QJsonObject &object) {
    return QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

} // namespace

QStringList demoToolsFor(const QString &question, bool hasAttachments) {
    static const QRegularExpression weather(QStringLiteral("\\b(weather|warm|cold)\\b"),
                                            QRegularExpression::CaseInsensitiveOption);
    static const QRegularExpression timer(QStringLiteral("\\b(timer|wake me)\\b"),
                                          QRegularExpression::CaseInsensitiveOption);
    static const QRegularExpression sum(QStringLiteral("\\d\\s*[-+*]\\s*\\d"));
    QStringList names;
    if (question.contains(weather)) {
        names += QStringLiteral("get_weather");
    }
    if (question.contains(timer)) {
        names += QStringLiteral("set_timer");
    }
    if (!hasAttachments && question.contains(sum)) {
        names += QStringLiteral("calculate");
    }
    return names;
}

QJsonObject DemoWeatherTool::parameters() const {
    return stringSchema({{QStringLiteral("city"), QStringLiteral("City name")}});
}

// The fields are those of the training data: a further one would not be understood, so the label is a notice.
void DemoWeatherTool::run(const Call &call, Done done) {
    if (call.arguments.value(QStringLiteral("city")).toString().trimmed().isEmpty()) {
        done({false, forModel("The call names no city.")});
        return;
    }
    done({true, compact({{QStringLiteral("condition"), QStringLiteral("sunny")}, {QStringLiteral("temperature"), 21}}),
          ToolWords::tr("Example data: the demonstration's weather tool always says sunny and 21 °C.")});
}

QJsonObject DemoTimerTool::parameters() const {
    return {{QStringLiteral("type"), QStringLiteral("object")},
            {QStringLiteral("properties"),
             QJsonObject{
                 {QStringLiteral("minutes"), QJsonObject{{QStringLiteral("type"), QStringLiteral("integer")},
                                                         {QStringLiteral("description"), QStringLiteral("Minutes")}}}}},
            {QStringLiteral("required"), QJsonArray{QStringLiteral("minutes")}}};
}

void DemoTimerTool::run(const Call &call, Done done) {
    constexpr double kLongestMinutes = 24 * 60;
    const double minutes = call.arguments.value(QStringLiteral("minutes")).toDouble(0);
    if (!(minutes > 0) || minutes > kLongestMinutes) {
        done({false, forModel("The timer takes 1 to 1440 minutes.")});
        return;
    }
    done({true, compact({{QStringLiteral("status"), QStringLiteral("ok")}}),
          ToolWords::tr("Example only: the demonstration's timer does not ring.")});
}

QJsonObject DemoCalculateTool::parameters() const {
    return stringSchema({{QStringLiteral("expression"), QStringLiteral("Expression")}});
}

void DemoCalculateTool::run(const Call &call, Done done) {
    const Result<double> value =
        evaluateExpression(call.arguments.value(QStringLiteral("expression")).toString().toStdString());
    if (!value) {
        done({false, QString::fromStdString(value.error().message)});
        return;
    }
    done({true, compact({{QStringLiteral("result"), *value}})});
}

} // namespace facet::tools
