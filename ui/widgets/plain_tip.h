// Tool tips of words that are not the program's own: names of files, titles of chats.
#pragma once

#include <QString>
#include <QTextDocument>

namespace facet::ui {

// `text` as it stands, also where Qt would take it for HTML: a name like "<img src=…>" must show itself, not a picture.
inline QString plainTip(const QString &text) {
    if (!Qt::mightBeRichText(text)) return text;
    return QStringLiteral("<p style='white-space:pre-wrap'>%1</p>").arg(text.toHtmlEscaped());
}

}  // namespace facet::ui
