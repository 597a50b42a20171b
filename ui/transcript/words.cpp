#include "ui/transcript/words.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace facet::ui {

namespace {

QString valueText(const QJsonValue &value) {
    switch (value.type()) {
    case QJsonValue::String: return value.toString();
    case QJsonValue::Bool: return value.toBool() ? QStringLiteral("true") : QStringLiteral("false");
    case QJsonValue::Double: return QString::number(value.toDouble(), 'g', 15);
    case QJsonValue::Array: return QString::fromUtf8(QJsonDocument(value.toArray()).toJson(QJsonDocument::Compact));
    case QJsonValue::Object: return QString::fromUtf8(QJsonDocument(value.toObject()).toJson(QJsonDocument::Compact));
    default: return QStringLiteral("null");
    }
}

int percent(const chat::TurnProgress &progress) {
    return int(std::floor(100 * std::clamp(phaseShare(progress), 0.0, 1.0)));
}

} // namespace

QString toolStateText(chat::ToolState state) {
    switch (state) {
    case chat::ToolState::Asking: return Transcript::tr("Asks for permission");
    case chat::ToolState::Denied: return Transcript::tr("Denied");
    case chat::ToolState::Running: return Transcript::tr("Running");
    case chat::ToolState::Done: return Transcript::tr("Done");
    case chat::ToolState::Failed: return Transcript::tr("Failed");
    }
    return {};
}

QString attachmentDetails(const chat::Attachment &attachment) {
    QStringList parts;
    if (attachment.kind == chat::AttachmentKind::Picture && attachment.width > 0) {
        parts << QStringLiteral("%1 × %2").arg(attachment.width).arg(attachment.height);
    } else if (attachment.seconds > 0) {
        const int seconds = int(std::lround(std::min(attachment.seconds, 360000.0)));
        parts << QStringLiteral("%1:%2").arg(seconds / 60).arg(seconds % 60, 2, 10, QLatin1Char('0'));
    }
    if (attachment.bytes > 0) {
        parts << QLocale().formattedDataSize(attachment.bytes, 1, QLocale::DataSizeSIFormat);
    }
    if (attachment.tokens >= 0) {
        parts << tokenCountText(attachment.tokens);
    }
    return parts.join(QStringLiteral(" · "));
}

QString prettyArguments(const QString &json) {
    const QJsonDocument document = QJsonDocument::fromJson(json.toUtf8());
    if (!document.isObject()) {
        return json.trimmed();
    }
    QStringList lines;
    const QJsonObject object = document.object();
    for (auto it = object.begin(); it != object.end(); ++it) {
        lines << it.key() + QStringLiteral(": ") + valueText(it.value());
    }
    return lines.isEmpty() ? Transcript::tr("No arguments") : lines.join(QLatin1Char('\n'));
}

QString detailsLine(const chat::Message &message) {
    if (message.role != chat::Role::Assistant || message.completionTokens <= 0) {
        return {};
    }
    QStringList parts{tokenCountText(message.completionTokens)};
    if (message.tokensPerSecond > 0) {
        parts << Transcript::tr("%1 tok/s").arg(message.tokensPerSecond, 0, 'f', 1);
    }
    if (message.firstTokenMs > 0) {
        const bool quick = message.firstTokenMs < 100;
        parts << (quick ? Transcript::tr("first after %1 ms").arg(qRound(message.firstTokenMs))
                        : Transcript::tr("first after %1 s").arg(message.firstTokenMs / 1000, 0, 'f', 1));
    }
    if (message.cachedTokens > 0) {
        parts << Transcript::tr("%1 of %2 cached").arg(message.cachedTokens).arg(message.promptTokens);
    }
    return parts.join(QStringLiteral("  ·  "));
}

double phaseShare(const chat::TurnProgress &progress) {
    using chat::TurnPhase;
    const bool known = progress.phase == TurnPhase::Loading || progress.phase == TurnPhase::ReadingPrompt ||
                       progress.phase == TurnPhase::ReadingPicture || progress.phase == TurnPhase::ReadingSound;
    return known && progress.total > 0 ? std::min(1.0, double(progress.done) / double(progress.total)) : -1;
}

QString phaseText(const chat::TurnProgress &progress) {
    using chat::TurnPhase;
    const bool counted = progress.total > 0;
    const auto number = qulonglong(std::min(progress.done + 1, std::max<quint64>(progress.total, 1)));
    switch (progress.phase) {
    case TurnPhase::Idle: return {};
    case TurnPhase::Starting: return Transcript::tr("Starting the engine");
    case TurnPhase::Loading:
        return counted ? Transcript::tr("Loading model %1 %").arg(percent(progress)) : Transcript::tr("Loading model");
    case TurnPhase::Waiting:
        return counted ? Transcript::tr("Waiting, %1 before this one").arg(qulonglong(progress.total))
                       : Transcript::tr("Waiting");
    case TurnPhase::ReadingPicture:
        return counted ? Transcript::tr("Reading picture %1 of %2").arg(number).arg(qulonglong(progress.total))
                       : Transcript::tr("Reading picture");
    case TurnPhase::ReadingSound:
        return counted && progress.total > 1
                   ? Transcript::tr("Listening to recording %1 of %2").arg(number).arg(qulonglong(progress.total))
                   : Transcript::tr("Listening to the recording");
    case TurnPhase::ReadingPrompt:
        return counted ? Transcript::tr("Reading prompt %1 %").arg(percent(progress))
                       : Transcript::tr("Reading prompt");
    case TurnPhase::Thinking:
        return progress.secondsInPhase >= 1
                   ? Transcript::tr("Thinking %1 s").arg(int(std::min(progress.secondsInPhase, 1e6)))
                   : Transcript::tr("Thinking");
    case TurnPhase::Writing: return Transcript::tr("Writing");
    case TurnPhase::AskingTool: return Transcript::tr("Waiting for your permission");
    case TurnPhase::RunningTool: return Transcript::tr("Running a tool");
    }
    return {};
}

} // namespace facet::ui
