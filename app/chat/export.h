// A conversation as a file to keep or to hand on: Markdown for people, JSON for programs. Attachments lie in a folder
// beside it (`<name>_files`) under their own names, and are linked.
#pragma once

#include "chat/types.h"
#include "facet/result.h"

#include <QHash>

namespace facet::chat {

struct Export {
    QString file; // .json: JSON; else Markdown
    QString title;
    QVector<Message> messages;
    QHash<QString, QString> paths; // of attachments, by hash
};

// Blocking. The file is complete or what was there stays; attachments that are gone are left out and said in the text.
Status writeExport(const Export &work);

// `names`: of the copied attachments by hash, relative to the file; a missing one could not be copied.
QByteArray exportMarkdown(const Export &work, const QHash<QString, QString> &names);
QByteArray exportJson(const Export &work, const QHash<QString, QString> &names);

} // namespace facet::chat
