#include "chat/turn_errors.h"

#include "tools/tool.h"

#include <QCoreApplication>

namespace facet::chat {
namespace {

QString tr(const char *text) { return QCoreApplication::translate("TurnErrors", text); }

// A server's own words as a sentence, cut to a length that fits under a message.
QString quoted(const QString &message) {
    constexpr qsizetype kMaxQuote = 400;
    QString text = message.simplified();
    if (text.size() > kMaxQuote) {
        text = text.left(kMaxQuote) + QChar(u'…');
    }
    if (!text.isEmpty() && !text.endsWith(QLatin1Char('.')) && !text.endsWith(QChar(u'…'))) {
        text += QLatin1Char('.');
    }
    return text;
}

QString withQuote(const QString &sentence, const QString &message) {
    const QString words = quoted(message);
    return words.isEmpty() ? sentence : sentence + QLatin1Char(' ') + words;
}

} // namespace

QString failureSentence(const client::Failure &failure, bool remote) {
    using client::FailureKind;
    switch (failure.kind) {
    case FailureKind::Unreachable:
        return remote ? withQuote(tr("The server cannot be reached; check its address and whether it runs."),
                                  failure.message)
                      : withQuote(tr("The engine does not answer; restart it and ask again."), failure.message);
    case FailureKind::Disconnected:
        return tr("The connection broke off while the answer was being written; what has come so far is kept.");
    case FailureKind::Crashed:
        return withQuote(tr("The engine stopped unexpectedly; what it had written is kept. Restart it and ask again."),
                         failure.message);
    case FailureKind::TimedOut:
        return tr("Nothing came for a long time, so the answer was given up; what has come so far is kept.");
    case FailureKind::Unauthorised: return tr("The server does not accept the key; check it in the settings.");
    case FailureKind::NotFound:
        return withQuote(tr("The server does not know this address or model; check both in the settings."),
                         failure.message);
    case FailureKind::Busy: return tr("The engine is busy with other requests; try again in a moment.");
    case FailureKind::ContextExceeded:
        return tr("The conversation is too long for the model; start a new one or attach less.");
    case FailureKind::Rejected:
        return failure.message.isEmpty() ? tr("The engine could not use this request.") : quoted(failure.message);
    case FailureKind::ServerFailed: return withQuote(tr("The engine could not answer."), failure.message);
    case FailureKind::BadResponse:
        return withQuote(tr("The server answered something that is not the expected protocol; check its address."),
                         failure.message);
    case FailureKind::MediaUnusable:
    case FailureKind::NoModel:
        return failure.message.isEmpty() ? tr("No model could be loaded.") : quoted(failure.message);
    }
    return tr("The engine could not answer.");
}

QString stoppedNotice() { return tr("Stopped."); }
QString lengthNotice() { return tr("The answer reached its limit of tokens and ends here."); }
QString emptyAnswerNotice() { return tr("The model gave no answer."); }
QString malformedCallNotice() {
    return tr("The model tried to use a tool, but its call could not be understood, so nothing was run.");
}
QString tooManyToolRoundsNotice() {
    return tr("The model asked for tools too many times in a row, so the answer ends here.");
}

QString declinedResult() { return tools::forModel("The user declined."); }
QString toolStoppedResult() { return tools::forModel("The user stopped the tool."); }

} // namespace facet::chat
