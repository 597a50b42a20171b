#include "tools/builtin_tools.h"

#include "tools/expression.h"

#include <QDateTime>
#include <QDesktopServices>
#include <QJsonArray>
#include <QLocale>
#include <QTimeZone>
#include <QUrl>

#include <utility>

namespace facet::tools {

QJsonObject stringSchema(std::initializer_list<std::pair<QString, QString>> properties) {
    QJsonObject described;
    QJsonArray required;
    for (const auto &[name, description] : properties) {
        described.insert(name, QJsonObject{{QStringLiteral("type"), QStringLiteral("string")},
                                           {QStringLiteral("description"), description}});
        required.append(name);
    }
    return {{QStringLiteral("type"), QStringLiteral("object")},
            {QStringLiteral("properties"), described},
            {QStringLiteral("required"), required}};
}

QString CalculatorTool::description() const {
    return forModel("Computes an arithmetic expression exactly, for example \"2 * (3 + 4) ^ 2\" or \"sqrt(2)\".");
}

QJsonObject CalculatorTool::parameters() const {
    return stringSchema({{QStringLiteral("expression"), QStringLiteral("The expression to compute")}});
}

void CalculatorTool::run(const Call &call, Done done) {
    const Result<double> value =
        evaluateExpression(call.arguments.value(QStringLiteral("expression")).toString().toStdString());
    if (!value) {
        done({false, QString::fromStdString(value.error().message)});
        return;
    }
    done({true, QString::fromStdString(formatNumber(*value))});
}

QString CurrentTimeTool::description() const {
    return forModel("Tells the date, the weekday, the time and the time zone of this computer.");
}

QJsonObject CurrentTimeTool::parameters() const { return stringSchema({}); }

void CurrentTimeTool::run(const Call & /*call*/, Done done) {
    const QDateTime now = QDateTime::currentDateTime();
    // In English whatever the desktop speaks: it is read by the model.
    done({true, QLocale::c().toString(now, QStringLiteral("dddd, yyyy-MM-dd HH:mm:ss")) + QLatin1Char(' ') +
                    QString::fromUtf8(now.timeZone().id())});
}

OpenWebLinkTool::OpenWebLinkTool(Opener opener) : m_opener(std::move(opener)) {
    if (!m_opener) {
        m_opener = [](const QString &address) { return QDesktopServices::openUrl(QUrl(address, QUrl::StrictMode)); };
    }
}

QString OpenWebLinkTool::description() const {
    return forModel("Opens a web page (http or https) in the user's browser. The page's content is not returned.");
}

QJsonObject OpenWebLinkTool::parameters() const {
    return stringSchema({{QStringLiteral("url"), QStringLiteral("Complete address, beginning with https://")}});
}

void OpenWebLinkTool::run(const Call &call, Done done) {
    constexpr qsizetype kMaxAddress = 2048;
    const QString address = call.arguments.value(QStringLiteral("url")).toString();
    const QUrl url(address, QUrl::StrictMode);
    const bool web = url.scheme() == QLatin1String("http") || url.scheme() == QLatin1String("https");
    // Names and passwords in an address are a way to disguise where it leads.
    if (address.size() > kMaxAddress || !url.isValid() || !web || url.host().isEmpty() || !url.userInfo().isEmpty()) {
        done({false, forModel("Only complete http and https addresses can be opened.")});
        return;
    }
    const bool opened = m_opener(url.toString(QUrl::FullyEncoded));
    done(opened ? Outcome{true, forModel("The page was opened in the user's browser.")}
                : Outcome{false, forModel("No browser could be started.")});
}

} // namespace facet::tools
