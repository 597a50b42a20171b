// Words that the transcript, the composer and screen readers share.
#pragma once

#include "chat/types.h"

#include <QCoreApplication>

namespace facet::ui {

// Context of all texts of the transcript's items, which are no QObjects.
class Transcript {
    Q_DECLARE_TR_FUNCTIONS(Transcript)
};

inline QString objectCountText(qsizetype count) {
    return count == 1 ? Transcript::tr("1 object") : Transcript::tr("%1 objects").arg(count);
}

inline QString tokenCountText(qint64 count) {
    return count == 1 ? Transcript::tr("1 token") : Transcript::tr("%1 tokens").arg(count);
}

// Words for a tool's state, for an attachment ("640 × 480 · 1.2 MB · 280 tokens"), for arguments one a line, and for
// the line below an answer.
QString toolStateText(chat::ToolState state);
QString attachmentDetails(const chat::Attachment &attachment);
QString prettyArguments(const QString &json);
QString detailsLine(const chat::Message &message);
// What the engine is doing now: "Reading picture 1 of 2", "Thinking 12 s"; empty when it does nothing.
QString phaseText(const chat::TurnProgress &progress);
// 0..1, or below 0 where the phase has no known end.
double phaseShare(const chat::TurnProgress &progress);

} // namespace facet::ui
